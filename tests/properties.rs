//! Properties of every parser that meets bytes from outside, tested on the test vectors and random changes of them; and of whole
//! files: no change of a byte verifies, unless the meaning stays the same.
//!
//! The properties are the fuzzers' own (`fuzz/src/properties.rs`), so that a plain `cargo test` finds the effects of a small change,
//! and authors of a parser need not know how to fuzz.

#![allow(clippy::disallowed_methods, reason = "tests measure and wait by the machine's time")]
#![allow(clippy::panic)] // a property says by panicking that it does not hold

mod common;
#[path = "../fuzz/src/properties.rs"]
mod properties;
#[path = "../fuzz/src/seeds.rs"]
#[allow(dead_code)] // what only fuzzers call
mod seeds;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use common::process::run;
use lienthong::trust::key_event::{KeyEvent, KeyEventKind};
use lienthong::trust::keys::{Algorithm, P256Signer};
use lienthong::trust::vkey::{KeyUse, NoteKey};
use lienthong::{base, cli, ledger, registry, transparency, trust};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;
use trust::cosignature::{cosign, verify_cosignature, with_lines};
use trust::{Checkpoint, Ed25519Signer, Note, PublicKey, Signer as _};

fn vectors() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

static SEEDS: LazyLock<Vec<(&str, Vec<u8>)>> =
    LazyLock::new(|| seeds::seeds(&vectors()).expect("the vectors are read").into_iter().collect());

/// One change of bytes.
#[derive(Debug, Clone)]
enum Change {
    Flip(Index, u8),
    Insert(Index, u8),
    Delete(Index),
    Truncate(Index),
    /// A piece once more, somewhere else.
    Repeat(Index, Index, Index),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            bytes.push(b'\n');
        }
        let length = bytes.len();
        match self {
            Self::Flip(at, mask) => bytes[at.index(length)] ^= mask,
            Self::Insert(at, byte) => bytes.insert(at.index(length + 1), *byte),
            Self::Delete(at) => drop(bytes.remove(at.index(length))),
            Self::Truncate(at) => bytes.truncate(at.index(length)),
            Self::Repeat(from, to, at) => {
                let (from, to) = (from.index(length), to.index(length));
                let piece = bytes[from.min(to)..from.max(to)].to_vec();
                let at = at.index(length + 1);
                bytes.splice(at..at, piece);
            }
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    // letters that mean something to one of the formats, more often than others
    let byte = || prop_oneof![any::<u8>(), prop::sample::select(b" \n\"\\{}[],:.~=+/-_0123456789eEx#\0".to_vec())];
    let place = any::<Index>;
    prop_oneof![
        4 => (place(), 1u8..).prop_map(|(at, mask)| Change::Flip(at, mask)),
        4 => (place(), byte()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        2 => place().prop_map(Change::Delete),
        1 => place().prop_map(Change::Truncate),
        1 => (place(), place(), place()).prop_map(|(from, to, at)| Change::Repeat(from, to, at)),
    ]
}

#[test]
fn every_parser_has_seeds_and_its_properties_hold_for_them() {
    for (name, property) in properties::ALL {
        let own = SEEDS.iter().filter(|(target, _)| *target == name);
        let count = own.inspect(|(_, bytes)| property(bytes)).count();
        assert!(count >= 4, "{name} has {count} seeds");
        let fuzzer = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fuzz/fuzz_targets/{name}.rs"));
        assert!(fuzzer.is_file(), "{name} has a fuzzer");
    }
    let fuzzers = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    assert_eq!(std::fs::read_dir(fuzzers).expect("a folder").count(), properties::ALL.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_properties_hold_for_changed_seeds(
        picks in prop::collection::vec((any::<Index>(), prop::collection::vec(change(), 1..5)), properties::ALL.len())
    ) {
        for ((name, property), (pick, changes)) in properties::ALL.iter().zip(picks) {
            let own: Vec<&Vec<u8>> = SEEDS.iter().filter(|(target, _)| target == name).map(|(_, bytes)| bytes).collect();
            let mut bytes = pick.get(&own).to_vec();
            changes.iter().for_each(|change| change.apply(&mut bytes));
            property(&bytes);
        }
    }

    #[test]
    fn the_properties_hold_for_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        properties::ALL.iter().for_each(|(_, property)| property(&bytes));
    }
}

fn any_ed25519() -> impl Strategy<Value = Ed25519Signer> {
    any::<u64>().prop_map(|seed| Ed25519Signer::from_seed("witness.example/w1", &base::Seed::root(seed)))
}

fn any_index() -> impl Strategy<Value = u64> {
    prop_oneof![0..20u64, 0..(1u64 << 53)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn key_events_are_read_as_they_were_written(
        signer in any_ed25519(), (version, from, to) in (any_index(), any_index(), any_index()), kind in 0..5usize
    ) {
        let key = PublicKey::new(Algorithm::Ed25519, signer.public_key()).expect("a good key");
        let kinds = [
            KeyEventKind::Added(key.clone()),
            KeyEventKind::Rotated,
            KeyEventKind::Compromised { suspect_from: from },
            KeyEventKind::Withdrawn,
            KeyEventKind::Reattested(from..to),
        ];
        let kind = kinds.into_iter().nth(kind).expect("one of five");
        let event = KeyEvent { anchor_version: version, origin: "lienthong/H27/land".into(), key_id: key.id(), kind };
        prop_assert_eq!(KeyEvent::parse(&event.body()), Some(event));
    }

    #[test]
    fn public_keys_are_read_as_they_were_written(signer in any_ed25519()) {
        let p256 = P256Signer::generate_pkcs8().and_then(|pkcs8| P256Signer::from_pkcs8("p", &pkcs8)).expect("a key");
        let keys: [&dyn trust::Signer; 2] = [&signer, &p256];
        for signer in keys {
            let key = PublicKey::new(signer.algorithm(), signer.public_key()).expect("a good key");
            prop_assert_eq!(PublicKey::from_spki(key.algorithm(), &key.spki()).ok(), Some(key.clone()));
            prop_assert_eq!(trust::jose::from_jwk(&trust::jose::to_jwk(&key)).ok(), Some(key));
        }
        for usage in [KeyUse::Note, KeyUse::Cosignature] {
            let key = NoteKey::of(&signer, usage).expect("a good key");
            prop_assert_eq!(NoteKey::parse(&key.to_string()).ok(), Some(key));
        }
    }

    #[test]
    fn a_changed_cosigned_note_vouches_for_nothing_else(
        size in any_index(), root in any::<[u8; 32]>(), at in 0..4_000_000_000i64, signer in any_ed25519(), change in change()
    ) {
        let checkpoint = Checkpoint { origin: "lienthong/H27/records".into(), size, root };
        let line = cosign(&checkpoint.text(), &signer, base::Timestamp(at * 1_000)).expect("cosigns");
        let log = Ed25519Signer::from_seed("lienthong/H27/records", &base::Seed::root(9));
        let mut bytes = with_lines(&checkpoint.sign(&log).expect("signs"), [line]).to_vec();
        let key = NoteKey::of(&signer, KeyUse::Cosignature).expect("a key");
        let vouched = |bytes: &[u8]| {
            let note = Note::parse(bytes).ok()?;
            let line = note.signatures.iter().find(|line| key.claims(line))?;
            let at = verify_cosignature(note.text, line, &key).ok()?;
            Some((note.text.to_owned(), at))
        };
        let whole = vouched(&bytes).expect("verifies");
        prop_assert_eq!(whole.1, base::Timestamp(at * 1_000));
        change.apply(&mut bytes);
        prop_assert!(vouched(&bytes).is_none_or(|changed| changed == whole));
    }
}

/// A vector whose records all verify: its name, the time, the anchor, the records.
fn valid_vectors() -> Vec<(String, String, String, Value)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(vectors()).expect("the folder of vectors") {
        let path = entry.expect("an entry").path();
        let Ok(Value::Object(vector)) =
            std::fs::read(&path).map(|json| serde_json::from_slice(&json).unwrap_or_default())
        else {
            continue;
        };
        let text = |name: &str| vector[name].as_str().unwrap_or_default().to_owned();
        if vector.get("records").is_some_and(Value::is_array) && vector["expected"]["exit_code"] == 0 {
            found.push((text("name"), text("at"), vector["trust_anchor"].to_string(), vector["records"].clone()));
        }
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    assert!(found.len() > 20, "{}", found.len());
    found
}

/// The content of a file of records, apart from its spelling: names in either form, numbers as text or not, empty values left out.
/// Of checkpoints the text that is signed: signature lines of unknown keys mean nothing. The salt of a record without fields salts nothing.
fn said(value: &Value) -> Value {
    match value {
        Value::Object(object) => object
            .iter()
            .map(|(name, item)| match (name.as_str(), item) {
                ("issuerProof", item) => ("issuer_proof".to_owned(), said(item)),
                ("ledgerProof", item) => ("ledger_proof".to_owned(), said(item)),
                ("checkpoint", Value::String(note)) => {
                    (name.clone(), note.rsplit_once("\n\n").map_or(note.as_str(), |(text, _)| text).into())
                }
                ("index", item) => {
                    let number = item.as_f64().or_else(|| item.as_str()?.parse().ok());
                    (name.clone(), number.into())
                }
                ("salt", _) if object.get("payload").is_some_and(|payload| payload == "e30=") => {
                    (name.clone(), "".into())
                }
                (_, item) => (name.clone(), said(item)),
            })
            .filter(|(_, item)| !matches!(item, Value::Array(items) if items.is_empty()) && *item != 0.0 && *item != "")
            .collect(),
        Value::Array(items) => items.iter().map(said).collect(),
        other => other.clone(),
    }
}

proptest! {
    // each case is a run of the program for every vector
    #![proptest_config(ProptestConfig::with_cases(2))]

    #[test]
    fn no_changed_file_verifies_unless_it_says_the_same(changes in prop::collection::vec(change(), 60)) {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        for (name, at, anchor, records) in valid_vectors() {
            std::fs::write(folder.join("anchor.json"), anchor).expect("written");
            let mut arguments: Vec<String> = ["verify", "--at", &at, "--output", "json"].map(str::to_owned).to_vec();
            let mut files = Vec::new();
            for (number, change) in changes.iter().enumerate() {
                let mut bytes = records.to_string().into_bytes();
                change.apply(&mut bytes);
                let file = format!("{number}.json");
                std::fs::write(folder.join(&file), &bytes).expect("written");
                arguments.push(file.clone());
                files.push((file, change, bytes));
            }
            let output = run(folder, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
            let report: Value = serde_json::from_slice(&output.stdout)
                .unwrap_or_else(|error| panic!("{name}: {error}: {}", String::from_utf8_lossy(&output.stderr)));
            let lines = report["records"].as_array().expect("a list");
            for (file, change, bytes) in files {
                let own: Vec<&Value> = lines.iter().filter(|line| line["file"] == file.as_str()).collect();
                // a file that cannot be read to its end has a line without a verdict, or none at all
                let all_valid = !own.is_empty() && own.iter().all(|line| line["verdict"] == "VALID");
                if all_valid && !String::from_utf8_lossy(&output.stderr).contains(&format!("{file}:")) {
                    let read: Value = serde_json::from_slice(&bytes)
                        .unwrap_or_else(|error| panic!("{name}: {change:?} verified, and is no JSON: {error}"));
                    prop_assert_eq!(said(&read), said(&records), "{}: {:?} verified", name, change);
                }
            }
        }
    }
}
