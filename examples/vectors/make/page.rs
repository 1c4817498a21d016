//! The worked examples of docs/format.md, computed; each follows a mark `<!-- example NAME -->`.

use lienthong::base::id::to_hex;
use lienthong::trust::canonical::scan;
use lienthong::trust::commitment::{Salter, field_leaf};
use lienthong::trust::merkle::{Node, ProofError, hash_leaf, hash_node, prove_consistency, root_in_place};
use lienthong::trust::note::Note;
use lienthong::trust::*;

use super::signatures::SteadyP256;
use super::vector::pretty_record;
use super::world::*;

const FENCE: &str = "```";

/// The page with every example as it must be.
pub fn fill(page: &str) -> String {
    let mut filled = page.to_owned();
    for (name, text) in examples() {
        let mark = format!("<!-- example {name} -->\n");
        let (before, behind) = filled.split_once(&mark).unwrap_or_else(|| panic!("the page has no example {name}"));
        let opened = format!("{FENCE}text\n");
        // the existing block, if there is one
        let behind = behind
            .strip_prefix(&opened)
            .map_or(behind, |old| old.split_once(&format!("{FENCE}\n")).expect("a block ends").1);
        filled = format!("{before}{mark}{opened}{}\n{FENCE}\n{behind}", text.trim_end());
    }
    filled
}

fn examples() -> Vec<(&'static str, String)> {
    let (world, record) = issued();
    let Disclosure::Whole { payload, .. } = record.disclosure.clone() else { unreachable!("issued whole") };
    vec![
        (
            "payload",
            format!(
                "{}\n{} bytes, H = {}",
                String::from_utf8_lossy(&payload),
                payload.len(),
                to_hex(&statement_hash(&payload))
            ),
        ),
        ("commitments", commitments(&payload)),
        ("partial", partial(&record)),
        ("statement", statement(&record.statement)),
        ("tree", tree()),
        ("ledger", ledger(&record)),
        ("checkpoint", checkpoint(&world)),
        ("key", keys(&world)),
        ("cosignature", super::witnesses::example()),
        ("record", pretty_record(&record)),
        ("presentation", super::presentations::example()),
    ]
}

fn commitments(payload: &[u8]) -> String {
    let scanned = scan(payload).expect("canonical");
    let salter = Salter::new(&SALT);
    let mut text = format!("record salt  {}\n\n", to_hex(&SALT));
    let mut leaves = Vec::new();
    for (index, field) in scanned.fields().enumerate() {
        let salt = salter.field_salt(field.name);
        let leaf = field_leaf(&salt, field.name, field.value);
        if field.name == "area_m2" {
            let input = [
                b"\0lienthong/field/v1\0",
                &salt[..],
                &(field.name.len() as u16).to_be_bytes(),
                field.name.as_bytes(),
                &(field.value.len() as u32).to_be_bytes(),
                field.value,
            ]
            .concat();
            assert_eq!(statement_hash(&input), leaf);
            text += &format!("field {index}: {} = {}\n", field.name, String::from_utf8_lossy(field.value));
            text += &format!("salt_{index}       {}\nhashed       {}\n\n", to_hex(&salt), to_hex(&input));
        }
        leaves.push(leaf);
    }
    for (index, leaf) in leaves.iter().enumerate() {
        text += &format!("leaf_{index}       {}\n", to_hex(leaf));
    }
    text + &format!("fields_root  {}\n", to_hex(&root_in_place(&mut leaves)))
}

fn partial(record: &SignedRecord) -> String {
    let Disclosure::Partial { shown, hidden } = redact(&record.disclosure, &["area_m2", "number"]).expect("canonical")
    else {
        unreachable!("redacted")
    };
    let shown = shown.iter().map(|field| {
        format!(
            "shown   {}  {} = {}\n        salt {}\n",
            field.index,
            field.name,
            String::from_utf8_lossy(&field.value),
            to_hex(&field.salt)
        )
    });
    let hidden = hidden.iter().map(|field| format!("hidden  {}  leaf {}\n", field.index, to_hex(&field.leaf)));
    shown.chain(hidden).collect()
}

fn statement(encoded: &[u8]) -> String {
    let said = Statement::decode(encoded).expect("decodes");
    let parts: [(&str, usize, String); 13] = [
        ("label", 23, "lienthong/statement/v1 and 00".into()),
        ("issuer", 1 + said.issuer.len(), said.issuer.clone()),
        ("schema", 1 + said.schema.len(), said.schema.clone()),
        ("record_id", 16, String::new()),
        ("version", 8, said.version.to_string()),
        ("previous", 32, "none".into()),
        ("operation", 1, "create".into()),
        ("issued_at", 8, said.issued_at.to_string()),
        ("valid_from", 8, said.valid_from.to_string()),
        ("valid_until", 8, "open".into()),
        ("status_index", 4, said.status_index.to_string()),
        ("field_count", 2, said.field_count.to_string()),
        ("fields_root", 32, String::new()),
    ];
    let (mut text, mut at) = (String::new(), 0);
    for (name, length, meaning) in parts {
        text += format!("{at:>3}  {name:<12}  {}  {meaning}", to_hex(&encoded[at..at + length])).trim_end();
        text.push('\n');
        at += length;
    }
    assert_eq!(at, encoded.len());
    text + &format!("{at:>3}  end; what the next version names as previous: {}\n", to_hex(&statement_hash(encoded)))
}

fn tree() -> String {
    let leaves: Vec<Hash> = (0..5).map(other_leaf).collect();
    let mut text = "five leaves with the data 0000, 0001, 0002, 0003, 0004\n".to_owned();
    for (number, leaf) in leaves.iter().enumerate() {
        text += &format!("leaf {number}             {}\n", to_hex(leaf));
    }
    for size in [3, 5] {
        text += &format!("root of {size} leaves   {}\n", to_hex(&root_in_place(&mut leaves[..size].to_vec())));
    }
    text += "inclusion of leaf 2 in 5: leaf 3, then the node over 0 and 1, then leaf 4\n";
    let hashes = path(&leaves, 2);
    assert_eq!(hashes, [leaves[3], hash_node(&leaves[0], &leaves[1]), leaves[4]]);
    hashes.iter().for_each(|hash| text += &format!("  {}\n", to_hex(hash)));
    text += "inclusion of leaf 4 in 5: the node over 0 to 3\n";
    path(&leaves, 4).iter().for_each(|hash| text += &format!("  {}\n", to_hex(hash)));
    text += "consistency of 3 with 5: leaf 2, leaf 3, the node over 0 and 1, leaf 4\n";
    let node = |node: Node| Ok::<_, ProofError>(node_hash(&leaves, node));
    let hashes = prove_consistency(3, 5, node).expect("an older size");
    assert_eq!(hashes, [leaves[2], leaves[3], hash_node(&leaves[0], &leaves[1]), leaves[4]]);
    hashes.iter().for_each(|hash| text += &format!("  {}\n", to_hex(hash)));
    text
}

fn ledger(record: &SignedRecord) -> String {
    let proof = record.ledger_proof.as_ref().expect("a proof");
    let entry = EntryType::Statement.entry(&record.statement);
    assert_eq!(hash_leaf(&entry), EntryType::Statement.leaf(&record.statement));
    format!(
        "entry               01{}…\nits leaf hash       {}\nin the issuer's log {}\nindex {} of the record ledger\n",
        &to_hex(&record.statement)[..46],
        to_hex(&hash_leaf(&entry)),
        to_hex(&hash_leaf(&record.statement)),
        proof.index
    )
}

fn checkpoint(world: &World) -> String {
    let checkpoint = world.land.checkpoint();
    let note = checkpoint.sign(&*world.land.signer).expect("signs");
    let text = std::str::from_utf8(&note).expect("text");
    let parsed = Note::parse(&note).expect("a note");
    let line = &parsed.signatures[0];
    format!(
        "{text}\nroot        {}\npublic key  {}\nkey id      {:08x}\nsigned      {}\nsignature   {}\n",
        to_hex(&checkpoint.root),
        to_hex(world.land.signer.public_key()),
        line.key_id,
        to_hex(parsed.text.as_bytes()),
        to_hex(&line.signature)
    )
}

fn keys(world: &World) -> String {
    let p256 = SteadyP256::new(world.land.origin());
    let p256 = KeyRecord::active(&p256).expect("a good key").key;
    let mut text = String::new();
    for key in [&world.anchor.issuers[0].keys[0].key, &p256] {
        text += &format!(
            "{}\n  public_key  {}\n  id          {}\n  key id      {:08x}, for the name {}\n",
            key.algorithm().as_str(),
            to_hex(&key.spki()),
            to_hex(&key.id()),
            key.note_key_id(world.land.origin()),
            world.land.origin()
        );
    }
    text + &format!(
        "fingerprint of the anchor in record-whole.json\n  {}\n",
        to_hex(&world.anchor.fingerprint().expect("hashes"))
    )
}
