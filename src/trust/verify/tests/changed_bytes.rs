//! Whatever byte of a delivered record is changed, verification fails and names the check.

use bytes::Bytes;
use proptest::prelude::*;

use super::world::*;
use crate::trust::commitment::redact;
use crate::trust::record::{Disclosure, SignedRecord};
use crate::trust::verdict::Verdict;

/// Every byte of a delivered record, as one sequence of places to change.
fn places(record: &SignedRecord) -> Vec<(&'static str, usize)> {
    let mut places: Vec<(&'static str, usize)> = (0..record.statement.len()).map(|at| ("statement", at)).collect();
    match &record.disclosure {
        Disclosure::Whole { payload, salt } => {
            places.extend((0..payload.len()).map(|at| ("payload", at)));
            places.extend((0..salt.len()).map(|at| ("salt", at)));
        }
        Disclosure::Partial { shown, hidden } => {
            for (i, field) in shown.iter().enumerate() {
                let length = 2 + field.name.len() + field.value.len() + 32;
                places.extend((0..length).map(|at| ("shown", i * 10_000 + at)));
            }
            places.extend((0..hidden.len() * 34).map(|at| ("hidden", at)));
        }
    }
    for (name, proof) in [("issuer", &record.issuer_proof), ("ledger", &record.ledger_proof)] {
        let proof = proof.as_ref().expect("a proof");
        let length = proof.checkpoint.len() + 8 + proof.path.len() * 32;
        places.extend((0..length).map(|at| (name, at)));
    }
    places
}

fn flip(bytes: &Bytes, at: usize, change: u8) -> Bytes {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= change;
    bytes.into()
}

/// Changes one byte; `None` where the type itself rules the change out (a name that is no UTF-8).
fn changed(record: &SignedRecord, (part, at): (&str, usize), change: u8) -> Option<SignedRecord> {
    let mut record = record.clone();
    match (part, &mut record.disclosure) {
        ("statement", _) => record.statement = flip(&record.statement, at, change),
        ("payload", Disclosure::Whole { payload, .. }) => *payload = flip(payload, at, change),
        ("salt", Disclosure::Whole { salt, .. }) => salt[at] ^= change,
        ("shown", Disclosure::Partial { shown, .. }) => {
            let (field, at) = (&mut shown[at / 10_000], at % 10_000);
            let (name, value) = (field.name.len(), field.value.len());
            match at {
                0..2 => field.index ^= u16::from(change) << (8 * at),
                _ if at < 2 + name => {
                    let mut bytes = field.name.clone().into_bytes();
                    bytes[at - 2] ^= change;
                    field.name = String::from_utf8(bytes).ok()?;
                }
                _ if at < 2 + name + value => field.value = flip(&field.value, at - 2 - name, change),
                _ => field.salt[at - 2 - name - value] ^= change,
            }
        }
        ("hidden", Disclosure::Partial { hidden, .. }) => {
            let (field, at) = (&mut hidden[at / 34], at % 34);
            match at {
                0..2 => field.index ^= u16::from(change) << (8 * at),
                _ => field.leaf[at - 2] ^= change,
            }
        }
        (log, _) => {
            let proof = if log == "issuer" { &mut record.issuer_proof } else { &mut record.ledger_proof };
            let proof = proof.as_mut().expect("a proof");
            let length = proof.checkpoint.len();
            match at {
                _ if at < length => proof.checkpoint = flip(&proof.checkpoint, at, change),
                _ if at < length + 8 => proof.index ^= u64::from(change) << (8 * (at - length)),
                _ => proof.path[(at - length - 8) / 32][(at - length - 8) % 32] ^= change,
            }
        }
    }
    Some(record)
}

/// Which checks a change of a part may fail.
fn suspects(part: &str) -> &'static [&'static str] {
    match part {
        "statement" => &["issuer_inclusion", "ledger_inclusion"],
        "payload" | "salt" | "shown" | "hidden" => &["canonical", "payload", "field_count"],
        "issuer" => &["issuer_signature", "issuer_inclusion"],
        _ => &["ledger_signature", "ledger_inclusion"],
    }
}

#[test]
fn every_changed_byte_fails_and_names_its_check() {
    let (world, whole) = issued();
    let partial = SignedRecord {
        disclosure: redact(&whole.disclosure, &["number", "holder"]).expect("canonical"),
        ..whole.clone()
    };
    let verifier = world.verifier();
    for record in [&whole, &partial] {
        assert!(verifier.verify(record, NOW).verdict.is_valid(), "and warms the cache");
        let mut tried = 0;
        for place in places(record) {
            for change in [0x01, 0x20, 0x80] {
                let Some(bad) = changed(record, place, change) else { continue };
                let report = verifier.verify(&bad, NOW);
                assert!(matches!(report.verdict, Verdict::Invalid(_)), "{place:?} ^ {change}: {report:?}");
                assert!(report.failed().any(|check| suspects(place.0).contains(&check.name)), "{place:?}: {report:?}");
                tried += 1;
            }
        }
        assert!(tried > 3_000, "{tried}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_changed_bits_fail(picks in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 1..4)) {
        let (world, record) = issued();
        let mut bad = record.clone();
        for (pick, change) in picks {
            let all = places(&bad);
            let Some(next) = changed(&bad, all[pick.index(all.len())], change) else { continue };
            bad = next;
        }
        prop_assume!(bad != record);
        prop_assert!(matches!(world.verify(&bad).verdict, Verdict::Invalid(_)));
    }
}
