//! Properties of every input, however hostile: one function for each parser, which panics where one is violated.
//!
//! The fuzzers call them with bytes that grew from the test vectors, and `tests/properties.rs` with the vectors and chance changes of them. Two
//! properties recur: everything read is written again as the same bytes, so nothing has two forms; and ours accepts exactly the inputs that a second, slower
//! reading of the specification accepts, so nothing wrong is let through and nothing right refused.

#[path = "json.rs"] // beside this file, whoever compiles it
mod json;
#[path = "recursion.rs"]
mod recursion;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use unicode_normalization::is_nfc;

use crate::base::limits::{PAYLOAD_BYTES_MAX, PAYLOAD_FIELDS_MAX};
use crate::base::text::is_settled;
use crate::base::{Seed, Timestamp};
use crate::ledger::tile::{TILE_WIDTH, Tile, TileId};
use crate::registry::cel::{Kind, Outcome, Program, STEPS_MAX, Variable};
use crate::registry::rule::{Field, Rule};
use crate::transparency::path::TilePath;
use crate::trust::anchor::{IssuerAnchor, KeyRecord, TrustAnchor};
use crate::trust::entry::{split_entry, split_equivocation};
use crate::trust::jose::{self, Token};
use crate::trust::merkle::{
    CompactRange, Hash, Node, Span, inclusion_length, root_from_inclusion, verify_consistency, verify_inclusion,
};
use crate::trust::sd_jwt::Presented;
use crate::trust::status_list::{Status, StatusList, StatusToken};
use crate::trust::vkey::NoteKey;
use crate::trust::{Checkpoint, Ed25519Signer, Note, PublicKey, Signer, Statement, canonical, entry};

pub use json::json;
use recursion::{consistency, inclusion};

/// A parser's name, and the property of its inputs.
pub type Property = (&'static str, fn(&[u8]));

/// All of them; a fuzzer has the name of its property.
pub const ALL: [Property; 11] = [
    ("anchor", anchor),
    ("canonical", canonical),
    ("cel", cel),
    ("json", json),
    ("note", note),
    ("proof", proof),
    ("sd_jwt", sd_jwt),
    ("statement", statement),
    ("status_list", status_list),
    ("tile", tile),
    ("token", token),
];

/// A payload is accepted just when serde_json reads it, writes the same bytes again, and each rule of the narrowing holds.
pub fn canonical(data: &[u8]) {
    let accepted = canonical::scan(data);
    assert_eq!(accepted.is_ok(), is_canonical(data), "{accepted:?}");
    // a value alone is one that an object could hold, as its only field
    let wrapped = [b"{\"a\":", data, b"}"].concat();
    if wrapped.len() <= PAYLOAD_BYTES_MAX {
        let one_field = is_canonical(&wrapped) && canonical::scan(&wrapped).is_ok_and(|scanned| scanned.len() == 1);
        assert_eq!(canonical::scan_value(data).is_ok(), one_field);
    }
    assert_eq!(canonical::scan_value(data).is_ok(), canonical::parse_value(data).is_ok());
    let Ok(scanned) = accepted else {
        assert!(canonical::parse(data).is_err());
        return;
    };
    let object = canonical::parse(data).expect("what is scanned is read");
    assert_eq!(canonical::write(&object), data, "written again");
    let fields = scanned.fields().map(|field| {
        canonical::scan_value(field.value).expect("a field's value is canonical by itself");
        [b"\"", field.name.as_bytes(), b"\":", field.value].concat()
    });
    let joined = [b"{", fields.collect::<Vec<_>>().join(&b',').as_slice(), b"}"].concat();
    assert_eq!(joined, data, "the fields are the payload");
}

/// The rules of docs/format.md section 1, read slowly.
fn is_canonical(data: &[u8]) -> bool {
    let Ok(Value::Object(object)) = serde_json::from_slice(data) else { return false };
    let again = serde_json::to_vec(&object).expect("maps of text are written");
    data.len() <= PAYLOAD_BYTES_MAX
        && object.len() <= PAYLOAD_FIELDS_MAX
        && again == data
        && is_in_form(&Value::Object(object), 1)
}

fn is_in_form(value: &Value, depth: usize) -> bool {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    match value {
        Value::Null => false,
        Value::Bool(_) => true,
        Value::Number(number) => number.as_i64().is_some_and(|number| number.unsigned_abs() < 1 << 53),
        Value::String(text) => is_nfc(text) && text.chars().all(is_settled) && !text.contains(['\0', '\u{feff}']),
        Value::Array(items) => depth <= 8 && items.iter().all(|item| is_in_form(item, depth + 1)),
        Value::Object(object) => {
            depth <= 8 && object.iter().all(|(name, item)| is_name(name) && is_in_form(item, depth + 1))
        }
    }
}

/// A statement, an entry and a pair of statements are written again as they were read.
pub fn statement(data: &[u8]) {
    if let Ok(statement) = Statement::decode(data) {
        assert_eq!(statement.encode(), data, "written again");
        assert!(Statement::decode(&[data, b"\0"].concat()).is_err(), "nothing follows");
        assert!(Statement::decode(&data[..data.len() - 1]).is_err(), "nothing is missing");
    }
    if let Some((kind, body)) = split_entry(data) {
        assert_eq!(kind.entry(body), data);
    }
    if let Some((accepted, other)) = split_equivocation(data) {
        assert_eq!(entry::equivocation(accepted, other), data);
    }
}

/// A note is its text and its lines, in one spelling; so is a witness's or log's key.
pub fn note(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(key) = NoteKey::parse(text)
    {
        assert_eq!(key.to_string(), text, "a key is written again");
    }
    let Ok(note) = Note::parse(data) else {
        assert!(Checkpoint::of_note(data).is_err());
        return;
    };
    let mut again = format!("{}\n", note.text);
    for line in &note.signatures {
        let bytes = [&line.key_id.to_be_bytes(), line.signature.as_slice()].concat();
        again.push_str(&format!("— {} {}\n", line.name, STANDARD.encode(bytes)));
    }
    assert_eq!(again.as_bytes(), data, "written again");
    if let Ok(checkpoint) = Checkpoint::parse(note.text) {
        assert!(note.text.starts_with(&checkpoint.text()), "written again, but for extensions");
        assert_eq!(Checkpoint::parse(&checkpoint.text()), Ok(checkpoint));
    }
}

/// Sizes and paths lead to the roots that the recursion of docs/format.md section 4 gives, or are refused where it ends otherwise.
/// Input: two numbers of 8 bytes, and a byte for each hash of the path.
pub fn proof(data: &[u8]) {
    let Some((first, rest)) = data.split_first_chunk() else { return };
    let Some((second, path)) = rest.split_first_chunk() else { return };
    let (index, size) = (u64::from_be_bytes(*first), u64::from_be_bytes(*second));
    let path: Vec<Hash> = path.iter().take(140).map(|byte| Sha256::digest([*byte]).into()).collect();
    let leaf = [7; 32];

    let expect = (index < size).then(|| inclusion(leaf, index, size, &path)).flatten();
    assert_eq!(root_from_inclusion(&leaf, index, size, &path).ok(), expect);
    assert_eq!(inclusion_length(index, size).is_ok_and(|length| length == path.len()), expect.is_some());
    if let Some(root) = expect {
        assert_eq!(verify_inclusion(&leaf, index, size, &path, &root), Ok(()));
        for at in 0..path.len() {
            let mut changed = path.clone();
            changed[at][at % 32] ^= 1;
            assert!(verify_inclusion(&leaf, index, size, &changed, &root).is_err(), "hash {at} changed");
        }
    }

    let (old, new) = (index, size);
    let verified = |older: &Hash, newer: &Hash| verify_consistency((old, older), (new, newer), &path).is_ok();
    if old == 0 || old >= new {
        assert_eq!(verified(&leaf, &leaf), old <= new && path.is_empty());
        assert_eq!(verified(&leaf, &[8; 32]), old == 0 && path.is_empty());
        return;
    }
    let mut left = path.as_slice();
    let roots = consistency(old, new, Some(leaf), &mut left).filter(|_| left.is_empty());
    match roots {
        // where the older tree is one subtree of the newer its root is not computed, and is `leaf`
        Some((older, newer)) => {
            assert!(verified(&older, &newer));
            assert!(!verified(&[8; 32], &newer) && !verified(&older, &[8; 32]));
        }
        None => assert!(!verified(&leaf, &leaf) && !verified(&[8; 32], &leaf)),
    }
}

/// A tile's path has one spelling; a tile's bytes are whole hashes, and its nodes are those of a tree that grew.
/// Input: the path, a line feed, the tile's bytes.
pub fn tile(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    if let Ok(path) = std::str::from_utf8(&data[..end])
        && let Some(read) = TilePath::parse(path)
    {
        assert_eq!(read.write(), format!("tile/{path}"), "written again");
        let (TilePath::Tile { width, .. } | TilePath::Entries { width, .. }) = read;
        assert!((1..=TILE_WIDTH).contains(&width));
    }
    let row = data.get(end + 1..).unwrap_or_default();
    let id = TileId { level: 0, index: 0 };
    let tile = Tile::read(id, row);
    assert_eq!(tile.is_some(), row.len().is_multiple_of(32) && row.len() <= 32 * TILE_WIDTH);
    let Some(tile) = tile else { return };
    assert_eq!(tile.row_bytes(), row, "written again");
    let mut range = CompactRange::new();
    for hash in tile.row() {
        range.append_with(*hash, |node, hash| {
            assert_eq!(tile.get(node), (node.level < 8).then_some(hash), "the node of a growing tree");
        });
    }
    let width = tile.width() as u64;
    assert_eq!(tile.get(Node { level: 0, index: width }), None, "nothing stands behind the last");
    let roots: Option<Vec<Hash>> = Span { from: 0, to: width }.nodes().map(|node| tile.get(node)).collect();
    if let Some(roots) = roots.filter(|roots| !roots.is_empty()) {
        assert_eq!(Span::root(&roots), range.root(), "the tile's nodes give the tree's root");
    }
}

fn signer() -> Ed25519Signer {
    Ed25519Signer::from_seed("lienthong/H27/land", &Seed::root(1))
}

fn key(signer: &dyn Signer) -> PublicKey {
    PublicKey::new(signer.algorithm(), signer.public_key()).expect("a signer's key is good")
}

/// A header and claims in any JSON, rightly signed.
fn signed(header: &[u8], claims: &[u8]) -> String {
    let signed = format!("{}.{}", jose::encode_part(header), jose::encode_part(claims));
    let signature = signer().sign(signed.as_bytes()).expect("signs");
    format!("{signed}.{}", jose::encode_part(&signature))
}

/// A token has one spelling; nobody's but the key's verifies; and of what the key signed, only the right type and algorithm with
/// claims that every reader reads alike. Input: a token, or a header, a line feed, and claims.
pub fn token(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(token) = Token::parse(text) {
        let parts: Vec<&str> = text.split('.').collect();
        assert_eq!(parts.len(), 3);
        for part in [parts[0], parts[2]] {
            assert_eq!(jose::encode_part(&jose::decode_part(part).expect("read before")), part, "one spelling");
        }
        let other = Ed25519Signer::from_seed("a", &Seed::root(0x5eed));
        assert!(token.verify("jwt", &key(&other)).is_err(), "a key that signed nothing");
    }
    let (header, claims) = text.split_once('\n').unwrap_or((r#"{"alg":"EdDSA","typ":"jwt"}"#, text));
    let text = signed(header.as_bytes(), claims.as_bytes());
    let Ok(token) = Token::parse(&text) else { return };
    let Ok(read) = token.verify("jwt", &key(&signer())) else { return };
    let plain: Map<String, Value> = serde_json::from_str(header).expect("a header is JSON");
    assert!(matches!(plain["alg"].as_str(), Some("EdDSA" | "Ed25519")), "the algorithm is the key's");
    let typ = plain["typ"].as_str().expect("a type").to_ascii_lowercase();
    assert!(matches!(typ.as_str(), "jwt" | "application/jwt") && !plain.contains_key("crit"));
    let claims: Map<String, Value> = serde_json::from_str(claims).expect("claims are JSON");
    assert_eq!(read, claims, "claims as another reader reads them");
    let (_, payload) = text.split_once('.').expect("parts");
    let other = format!("{}.{payload}", jose::encode_part(format!(" {header}").as_bytes()));
    assert!(Token::parse(&other).is_ok_and(|token| token.verify("jwt", &key(&signer())).is_err()), "another header");
}

fn issuer_anchor() -> TrustAnchor {
    TrustAnchor {
        province: "H27".into(),
        version: 1,
        expires_at: Timestamp(i64::MAX / 4),
        logs: Vec::new(),
        issuers: vec![IssuerAnchor {
            continues: Vec::new(),
            name: "land".into(),
            origin: "lienthong/H27/land".into(),
            schemas: vec!["land.parcel.v1".into()],
            keys: vec![KeyRecord::active(&signer()).expect("a good key")],
        }],
        events_from: 0,
        root: Default::default(),
        signatures: Vec::new(),
    }
}

/// A list takes no more memory than its count says and is read whole or not at all; claims that the issuer signed are accepted
/// only of its own records. Input: a count of 4 bytes and a zlib stream; or claims in JSON, rightly signed.
pub fn status_list(data: &[u8]) {
    if let Some((count, stream)) = data.split_first_chunk() {
        let count = u32::from_be_bytes(*count) % (1 << 20);
        if let Some(list) = StatusList::from_bytes(stream.to_vec(), count) {
            check_list(&list);
        }
        if let Ok(list) = StatusList::inflate(stream, count) {
            assert_eq!(list.count(), count);
            check_list(&list);
        }
    }
    let kid = crate::base::id::to_hex(&key(&signer()).id());
    let header = format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"statuslist+jwt"}}"#);
    let anchor = issuer_anchor();
    let Ok(token) = StatusToken::verify(&signed(header.as_bytes(), data), &anchor) else { return };
    assert_eq!((token.claims.origin.as_str(), token.claims.issuer.as_str()), ("lienthong/H27/land", "land"));
    assert_eq!(token.claims.schema, "land.parcel.v1");
    check_list(&token.list);
    let again = token.sign(&signer()).expect("signs");
    assert_eq!(StatusToken::verify(&again, &anchor).as_ref(), Ok(&token), "signed again");
}

fn check_list(list: &StatusList) {
    let mut grown = StatusList::new();
    for index in 0..list.count() {
        grown.push(list.get(index).expect("a status")).expect("room");
    }
    assert_eq!(&grown, list, "status by status");
    assert_eq!(list.get(list.count()), None::<Status>);
    let stream = list.deflate().expect("deflates");
    assert_eq!(StatusList::inflate(&stream, list.count()).as_ref(), Ok(list), "deflated again");
    assert!(StatusList::inflate(&[stream.as_slice(), b"\0"].concat(), list.count()).is_err(), "nothing follows");
    assert!(StatusList::inflate(&stream, list.count() + 4).is_err(), "as many as it says");
}

/// Of an SD-JWT that verifies each disclosure has its place, and no digest is left; one more, one twice, or one changed does not verify.
/// Input: claims in JSON, then disclosures, each on a line; `#0` to `#9` stand for the digests of disclosures above. Or an SD-JWT.
pub fn sd_jwt(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(presented) = Presented::parse(text) {
        assert!(text.starts_with(&format!("{}~", presented.token())));
        if let Ok(all) = presented.select(|_, _| true) {
            assert!(text.starts_with(&all), "all that was presented");
            assert_eq!(presented.is_bound(), all != text);
        }
    }
    let mut disclosures: Vec<String> = Vec::new();
    let mut digests: Vec<String> = Vec::new();
    let fill = |text: &str, digests: &[String]| {
        digests.iter().enumerate().fold(text.to_owned(), |text, (at, digest)| text.replace(&format!("#{at}"), digest))
    };
    let mut lines = text.split('\n');
    let claims = lines.next().unwrap_or_default();
    for line in lines.take(10) {
        let disclosure = URL_SAFE_NO_PAD.encode(fill(line, &digests));
        digests.push(URL_SAFE_NO_PAD.encode(Sha256::digest(&disclosure)));
        disclosures.push(disclosure);
    }
    let token = signed(br#"{"alg":"EdDSA","typ":"dc+sd-jwt"}"#, fill(claims, &digests).as_bytes());
    let joined = |disclosures: &[String]| {
        let parts: String = disclosures.iter().map(|one| format!("{one}~")).collect();
        format!("{token}~{parts}")
    };
    let verify = |text: &str| Presented::parse(text)?.verify("dc+sd-jwt", &key(&signer()));
    let whole = joined(&disclosures);
    let Ok(verified) = verify(&whole) else { return };
    assert_eq!(verified.disclosed.len(), disclosures.len(), "each has its place");
    assert!(!has_digests(&Value::Object(verified.claims.clone())), "no digest is left");
    let presented = Presented::parse(&whole).expect("it verified");
    let none = presented.select(|_, _| false).expect("it verified");
    assert_eq!(verify(&none).map(|none| none.disclosed.len()), Ok(0), "hidden again");
    assert_eq!(verify(&presented.select(|_, _| true).expect("it verified")), Ok(verified), "shown again");
    let stranger = URL_SAFE_NO_PAD.encode(r#"["salt","stranger",1]"#);
    for more in disclosures.iter().cloned().chain([stranger]) {
        let mut more_of_them = disclosures.clone();
        more_of_them.push(more);
        assert!(verify(&joined(&more_of_them)).is_err(), "one too many");
    }
    for at in 0..disclosures.len() {
        let mut changed = disclosures.clone();
        changed[at] = URL_SAFE_NO_PAD.encode(r#"["another salt","x",1]"#);
        assert!(verify(&joined(&changed)).is_err() || changed == disclosures, "one changed");
    }
}

/// A rule that is accepted is bounded, has an outcome over any record, and means the same in brackets; negated twice, it has the same
/// outcome.
pub fn cel(data: &[u8]) {
    let Ok(source) = std::str::from_utf8(data) else { return };
    let mark = Rule::object([Field::required("mark", Rule::Integer(0, 10)), Field::optional("note", Rule::Text(20))]);
    let fields = [
        Field::required("kind", Rule::one_of(&["car", "bus"])),
        Field::optional("seats", Rule::Integer(1, 100)),
        Field::optional("from", Rule::Date),
        Field::optional("is_new", Rule::Boolean),
        Field::optional("grades", Rule::list(mark, 40)),
    ];
    let compile = |source: &str| Program::compile(source, &[("self", Kind::of(&fields)), ("today", Kind::Text)]);
    let Ok(program) = compile(source) else { return };
    assert!(program.steps() <= STEPS_MAX);
    let grade = canonical::Object::new().with("mark", 7).with("note", "giỏi");
    let record = canonical::Object::new().with("kind", "car").with("seats", 5).with("from", "2020-02-29");
    let record = record.with("grades", vec![grade.clone(), grade]);
    for record in [&record, &canonical::Object::new()] {
        let run = |program: &Program| program.run(&[Variable::Object(record), Variable::Text("2026-11-22")]);
        let said = run(&program);
        // In brackets it may be a level too deep, or too long.
        if let Ok(same) = compile(&format!("({source})")) {
            assert_eq!(run(&same), said, "in brackets");
        }
        if let Ok(opposite) = compile(&format!("!({source})")) {
            let expected = if let Outcome::Is(truth) = said { Outcome::Is(!truth) } else { said };
            assert_eq!(run(&opposite), expected, "negated");
        }
    }
}

fn has_digests(value: &Value) -> bool {
    match value {
        Value::Object(object) => {
            object.contains_key("_sd") || object.contains_key("...") || object.values().any(has_digests)
        }
        Value::Array(items) => items.iter().any(has_digests),
        _ => false,
    }
}

/// An anchor that is read means the same when it is written and read again, and has the same fingerprint.
pub fn anchor(data: &[u8]) {
    let Ok(anchor) = TrustAnchor::from_json(data) else { return };
    let written = anchor.to_json().expect("what was read is written");
    let again = TrustAnchor::from_json(&written).expect("what is written is read");
    assert_eq!(again.fingerprint().ok(), anchor.fingerprint().ok());
    assert_eq!(again.canonical_bytes().ok(), anchor.canonical_bytes().ok());
    assert_eq!(again.to_json().ok(), Some(written));
}
