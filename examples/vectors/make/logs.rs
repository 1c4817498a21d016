//! Logs as they are served, for auditors, who read them whole: grown, rolled back, shown in two versions, damaged.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lienthong::base::{RecordId, Seed, Timestamp};
use lienthong::trust::merkle::hash_leaf;
use lienthong::trust::status_list::StatusDigest;
use lienthong::trust::*;
use serde::Serialize;
use serde_json::value::RawValue;

use super::vector::{anchor_text, json_file, raw};
use super::world::{LATE, Log, NOW, World, signer_of};

#[derive(Serialize)]
struct LogVector<'a> {
    format: &'static str,
    name: &'a str,
    shows: &'a str,
    log: &'static str,
    trust_anchor: Box<RawValue>,
    /// The head that an auditor saw at the visit before.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<&'a Served>,
    served: &'a Served,
    expected: Expected,
}

#[derive(Serialize)]
struct Expected {
    exit_code: u8,
    code: Option<&'static str>,
}

/// A log under its prefix.
#[derive(Clone, Serialize)]
struct Served {
    checkpoint: String,
    /// Tiles and bundles of entries by their path, in base64.
    files: BTreeMap<String, String>,
}

/// A statement of the land registry; `salt` makes another for the same index.
fn statement(record: u8, version: u64, previous: &[u8], salt: u8) -> Statement {
    Statement {
        issuer: "land".into(),
        schema: "land.parcel.v1".into(),
        record_id: RecordId([record; 16]),
        version,
        previous: if version == 1 { [0; 32] } else { statement_hash(previous) },
        operation: if version == 1 { Operation::Create } else { Operation::Update },
        issued_at: NOW,
        valid_from: NOW,
        valid_until: Timestamp::MAX,
        status_index: u32::from(record),
        field_count: 1,
        fields_root: [salt; 32],
    }
}

/// Five statements: three records, two of them in a second version.
fn five(salt: u8) -> Vec<Vec<u8>> {
    let firsts: Vec<Vec<u8>> = (1..=3).map(|record| statement(record, 1, &[], salt).encode()).collect();
    let seconds = (1..=2).map(|record| statement(record, 2, &firsts[usize::from(record) - 1], salt).encode());
    let seconds: Vec<Vec<u8>> = seconds.collect();
    [firsts, seconds].concat()
}

/// The land registry's log of these statements.
fn serve(statements: &[Vec<u8>]) -> Served {
    served("lienthong/H27/land", statements.iter().map(|statement| (hash_leaf(statement), statement.clone())))
}

/// The record ledger of entries of these types.
fn serve_ledger(entries: &[(EntryType, Vec<u8>)]) -> Served {
    served("lienthong/H27/records", entries.iter().map(|(kind, body)| (kind.leaf(body), kind.entry(body))))
}

fn served(origin: &str, entries: impl Iterator<Item = (Hash, Vec<u8>)>) -> Served {
    let mut log = Log::new(origin, 0);
    let mut bundle = Vec::new();
    for (leaf, entry) in entries {
        log.leaves.push(leaf);
        bundle.extend_from_slice(&(entry.len() as u16).to_be_bytes());
        bundle.extend_from_slice(&entry);
    }
    let note = log.checkpoint().sign(&*log.signer).expect("signs");
    let width = log.leaves.len();
    let files = [
        (format!("tile/0/000.p/{width}"), STANDARD.encode(log.leaves.concat())),
        (format!("tile/entries/000.p/{width}"), STANDARD.encode(bundle)),
    ];
    Served { checkpoint: String::from_utf8(note.to_vec()).expect("text"), files: files.into() }
}

impl Served {
    /// The same with the bytes under a path changed.
    fn with(&self, place: &str, change: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut served = self.clone();
        let (_, text) = served.files.iter_mut().find(|(path, _)| path.starts_with(place)).expect("a path");
        let mut bytes = STANDARD.decode(&*text).expect("base64");
        change(&mut bytes);
        *text = STANDARD.encode(bytes);
        served
    }

    fn without(&self, place: &str) -> Self {
        let mut served = self.clone();
        served.files.retain(|path, _| !path.starts_with(place));
        served
    }

    fn under(&self, checkpoint: Checkpoint, signer: &dyn Signer) -> Self {
        let note = checkpoint.sign(signer).expect("signs");
        Self { checkpoint: String::from_utf8(note.to_vec()).expect("text"), ..self.clone() }
    }
}

pub fn all() -> Vec<(String, String)> {
    let (statements, others) = (five(7), five(8));
    let (whole, early) = (serve(&statements), serve(&statements[..3]));
    let head = |root| Checkpoint { origin: "lienthong/H27/land".into(), size: 5, root };
    let stranger = Ed25519Signer::from_seed("lienthong/H27/land", &Seed::root(66));
    let own = signer_of("lienthong/H27/land");
    let tiles = "tile/0/";
    let entries = "tile/entries/";
    let ending = |last: Statement| serve(&[&statements[..4], &[last.encode()]].concat());
    let second = statement(2, 2, &statements[1], 7);
    type Case = (&'static str, &'static str, Option<Served>, Served, Option<Code>);
    let again = [&statements[..], &statements[3..4]].concat();
    let older = [&statements[..], &statements[..1]].concat();
    let cases: [Case; 20] = [
        (
            "log-statement-twice",
            "The newest statement of a record is repeated, which changes nothing.",
            None,
            serve(&again),
            None,
        ),
        (
            "log-version-older",
            "A record's first statement is repeated after its second.",
            None,
            serve(&older),
            Some(Code::LogRule),
        ),
        ("log-anchor-expired", "The trust anchor has expired.", None, whole.clone(), Some(Code::TryLater)),
        ("log-whole", "A log of five statements.", None, whole.clone(), None),
        (
            "log-grown",
            "Three statements were seen before; they are its beginning.",
            Some(early.clone()),
            whole.clone(),
            None,
        ),
        ("log-unchanged", "Nothing new.", Some(whole.clone()), whole.clone(), None),
        (
            "log-smaller",
            "It had five entries and shows three.",
            Some(whole.clone()),
            early.clone(),
            Some(Code::LogRollback),
        ),
        (
            "log-other-beginning",
            "The three entries that were seen before are not its beginning.",
            Some(serve(&others[..3])),
            whole.clone(),
            Some(Code::LogRollback),
        ),
        (
            "log-two-of-one-size",
            "A second tree of the size that was seen before.",
            Some(serve(&others)),
            whole.clone(),
            Some(Code::SplitView),
        ),
        ("log-tile-changed", "One bit of a tile.", None, whole.with(tiles, |bytes| bytes[40] ^= 1), Some(Code::Tile)),
        (
            "log-tile-short",
            "A tile without its last byte.",
            None,
            whole.with(tiles, |bytes| bytes.truncate(bytes.len() - 1)),
            Some(Code::Tile),
        ),
        ("log-tile-missing", "There is no such tile.", None, whole.without(tiles), Some(Code::Unavailable)),
        (
            "log-entry-changed",
            "One bit of an entry.",
            None,
            whole.with(entries, |bytes| bytes[9] ^= 1),
            Some(Code::Tile),
        ),
        (
            "log-entries-long",
            "A bundle with a byte behind it.",
            None,
            whole.with(entries, |bytes| bytes.push(0)),
            Some(Code::Tile),
        ),
        ("log-entries-missing", "There is no such bundle.", None, whole.without(entries), Some(Code::Unavailable)),
        (
            "log-root-of-others",
            "The signed root is not that of the tiles.",
            None,
            whole.under(head([1; 32]), &*own),
            Some(Code::Tile),
        ),
        (
            "log-signed-by-stranger",
            "The signature is by a key that the anchor does not know.",
            None,
            whole.under(head([1; 32]), &stranger),
            Some(Code::NoTrustedSignature),
        ),
        (
            "log-version-left-out",
            "Version 3 follows version 1.",
            None,
            ending(Statement { version: 3, ..second.clone() }),
            Some(Code::LogRule),
        ),
        (
            "log-outside-schemas",
            "A statement of a record type that the registry may not issue.",
            None,
            ending(Statement { schema: "vehicle.registration.v1".into(), ..second.clone() }),
            Some(Code::NotAuthorised),
        ),
        (
            "log-of-other-issuer",
            "A statement of another registry.",
            None,
            ending(Statement {
                issuer: "vehicle".into(),
                schema: "vehicle.registration.v1".into(),
                ..statement(9, 1, &[], 7)
            }),
            Some(Code::IssuerMismatch),
        ),
    ];
    let cases = cases.iter();
    let files =
        cases.map(|(name, shows, before, served, code)| file(name, shows, "land", before.as_ref(), served, *code));
    files.chain(ledgers()).collect()
}

/// The record ledger, which holds the checkpoints of issuers and the province's complaints too.
fn ledgers() -> Vec<(String, String)> {
    let statements = five(7);
    let mut land = Log::new("lienthong/H27/land", 0);
    land.leaves.extend(statements.iter().map(|statement| hash_leaf(statement)));
    let covered = |size: usize| {
        let part = Log { signer: signer_of("lienthong/H27/land"), leaves: land.leaves[..size].to_vec() };
        (EntryType::IssuerCheckpoint, part.checkpoint().sign(&*part.signer).expect("signs").to_vec())
    };
    let stated = |count: usize| statements[..count].iter().map(|statement| (EntryType::Statement, statement.clone()));
    let anchor = World::new().anchor;
    let events = KeyEvent::between(None, &anchor).expect("events").into_iter();
    let events: Vec<_> = events.map(|event| (EntryType::KeyEvent, event.body())).collect();
    let from = events.len() as u64;
    let begun = |entries: Vec<(EntryType, Vec<u8>)>| [events.clone(), entries].concat();
    let digest = |count, ledger_size| {
        let (issuer, schema) = ("land".into(), "land.parcel.v1".into());
        let digest = StatusDigest { count, issuer, ledger_size, list: [1; 32], schema, token: [2; 32] };
        (EntryType::StatusDigest, digest.body())
    };
    let stranger = PublicKey::new(Algorithm::Ed25519, signer_of("stranger").public_key()).expect("a good key");
    let added = KeyEvent {
        anchor_version: 1,
        origin: "lienthong/H27/land".into(),
        key_id: stranger.id(),
        kind: KeyEventKind::Added(stranger),
    };
    let strange = (EntryType::KeyEvent, added.body());
    let whole: Vec<_> = begun(stated(5).chain([covered(5)]).collect());
    let complaint = |other: &[u8]| (EntryType::Equivocation, entry::equivocation(&statements[1], other));
    let with = |last| [whole.clone(), vec![last]].concat();
    let cases = [
        (
            "log-ledger",
            "The anchor's keys, five statements, their issuer's checkpoint over them, and the digest of a status list of five.",
            with(digest(5, from + 6)),
            None,
        ),
        (
            "log-key-event-missing",
            "No event says that the record ledger's own key was added.",
            [&whole[1..]].concat(),
            Some(Code::LogRule),
        ),
        (
            "log-key-event-unknown",
            "A key is added that the trust anchor does not know.",
            [vec![strange], whole.clone()].concat(),
            Some(Code::LogRule),
        ),
        (
            "log-status-digest-short",
            "A status list of four for five statements.",
            with(digest(4, from + 6)),
            Some(Code::LogRule),
        ),
        (
            "log-equivocation",
            "The issuer signed another statement for the same version of a record: the province reports it, and the log is not at fault.",
            with(complaint(&five(8)[1])),
            None,
        ),
        (
            "log-equivocation-none",
            "A complaint about one statement twice.",
            with(complaint(&statements[1])),
            Some(Code::LogRule),
        ),
        (
            "log-checkpoint-missing",
            "No checkpoint of the issuer covers the last statement.",
            begun(stated(4).chain([covered(4)]).chain(stated(5).skip(4)).collect()),
            Some(Code::LogRule),
        ),
        (
            "log-checkpoint-of-more",
            "The issuer's checkpoint covers a statement that is not before it in the ledger.",
            begun(stated(4).chain([covered(5)]).collect()),
            Some(Code::LogRule),
        ),
    ];
    cases
        .iter()
        .map(|(name, shows, entries, code)| file(name, shows, "records", None, &serve_ledger(entries), *code))
        .collect()
}

fn file(
    name: &str,
    shows: &str,
    log: &'static str,
    before: Option<&Served>,
    served: &Served,
    code: Option<Code>,
) -> (String, String) {
    // An auditor has only today's clock.
    let expires_at = if code == Some(Code::TryLater) { NOW } else { LATE };
    let row = LogVector {
        format: "lienthong/log-vector/v1",
        name,
        shows,
        log,
        trust_anchor: raw(&anchor_text(&TrustAnchor { expires_at, ..World::new().anchor }), "  "),
        before,
        served,
        expected: Expected { exit_code: code.map_or(0, Code::exit_code), code: code.map(Code::as_str) },
    };
    json_file(name, &row)
}
