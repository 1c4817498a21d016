//! The table of key events, cell by cell: the record's index in the record ledger decides, not a clock.

use lienthong::trust::*;

use super::vector::{Vector, verdict_of};
use super::world::*;

/// The event's place in the ledger.
const EVENT: u64 = 40;
/// The first suspect place.
const SUSPECT: u64 = 20;

pub fn all() -> Vec<Vector> {
    issuers_keys().into_iter().chain(several_keys()).chain(ledgers_keys()).collect()
}

/// A record at this place of the record ledger.
fn record_at(index: u64) -> (World, SignedRecord) {
    let mut world = World::new();
    while (world.records.leaves.len() as u64) < index {
        world.records.append(other_leaf(7));
    }
    let record = world.issue(draft());
    while world.records.leaves.len() < 64 {
        world.records.append(other_leaf(8));
    }
    let ledger_proof = Some(world.records.proof(index));
    (world, SignedRecord { ledger_proof, ..record })
}

fn issuers_keys() -> Vec<Vector> {
    let rotated = KeyState::Rotated { event_index: EVENT };
    let compromised = KeyState::Compromised { suspect_from: SUSPECT, event_index: EVENT };
    let withdrawn = KeyState::Withdrawn { event_index: EVENT };
    type Cell = (&'static str, &'static str, KeyState, Option<u64>, Option<Code>);
    let cells: [Cell; 17] = [
        ("key-active", "A key in use.", KeyState::Active, Some(39), None),
        (
            "key-active-no-ledger",
            "A key in use, and no proof from the ledger.",
            KeyState::Active,
            None,
            Some(Code::NoPoe),
        ),
        ("key-rotated-before", "Rotated: the last place before the event.", rotated, Some(39), None),
        ("key-rotated-at", "Rotated: the event's own place.", rotated, Some(40), Some(Code::KeyNotValid)),
        ("key-rotated-after", "Rotated: after the event.", rotated, Some(41), Some(Code::KeyNotValid)),
        ("key-rotated-no-ledger", "Rotated: not in the ledger.", rotated, None, Some(Code::NoPoe)),
        (
            "key-compromised-before",
            "Compromised: the last place before it became suspect.",
            compromised,
            Some(19),
            None,
        ),
        (
            "key-compromised-suspect-first",
            "Compromised: the first suspect place.",
            compromised,
            Some(20),
            Some(Code::RevokedNoPoe),
        ),
        (
            "key-compromised-suspect-last",
            "Compromised: the last place before the event.",
            compromised,
            Some(39),
            Some(Code::RevokedNoPoe),
        ),
        ("key-compromised-at", "Compromised: the event's own place.", compromised, Some(40), Some(Code::KeyNotValid)),
        ("key-compromised-after", "Compromised: after the event.", compromised, Some(41), Some(Code::KeyNotValid)),
        ("key-compromised-no-ledger", "Compromised: not in the ledger.", compromised, None, Some(Code::KeyNotValid)),
        (
            "key-withdrawn-before",
            "Issuer withdrawn: before the event; historic, and still good.",
            withdrawn,
            Some(39),
            None,
        ),
        ("key-withdrawn-at", "Issuer withdrawn: the event's own place.", withdrawn, Some(40), Some(Code::KeyNotValid)),
        ("key-withdrawn-after", "Issuer withdrawn: after the event.", withdrawn, Some(41), Some(Code::KeyNotValid)),
        ("key-withdrawn-no-ledger", "Issuer withdrawn: not in the ledger.", withdrawn, None, Some(Code::KeyNotValid)),
        (
            "key-compromised-from-event",
            "Compromised, and suspect only from the event on.",
            KeyState::Compromised { suspect_from: EVENT, event_index: EVENT },
            Some(39),
            None,
        ),
    ];
    let vector = |(name, shows, state, index, code): Cell| {
        let (mut world, mut record) = record_at(index.unwrap_or(39));
        if index.is_none() {
            record.ledger_proof = None;
        }
        world.anchor.issuers[0].keys[0].state = state;
        let Some(code) = code else { return Vector::good(name, shows, &world, &record) };
        let fails: &[&'static str] = match (index, state) {
            (Some(_), _) => &["key_state"],
            (None, KeyState::Active) => &["ledger_inclusion"],
            (None, _) => &["ledger_inclusion", "key_state"],
        };
        debug_assert!(!verdict_of(code).is_valid());
        Vector::bad(name, shows, &world, &record, code, fails)
    };
    cells.into_iter().map(vector).collect()
}

fn several_keys() -> Vec<Vector> {
    let old = |from_index| {
        let (mut world, record) = record_at(39);
        world.anchor.issuers[0].keys[0].from_index = from_index;
        (world, record)
    };
    let (first, first_record) = old(39);
    let (early, early_record) = old(40);
    // a checkpoint that both the rotated and the new key signed
    let (mut world, mut record) = record_at(45);
    let next = Ed25519Signer::from_seed(world.land.origin(), &seed_of("the next key"));
    let next_key = KeyRecord { from_index: EVENT, ..KeyRecord::active(&next).expect("a good key") };
    world.anchor.issuers[0].keys[0].state = KeyState::Rotated { event_index: EVENT };
    world.anchor.issuers[0].keys.push(next_key);
    let text = world.land.checkpoint().text();
    let note = note::sign_note(&text, &[&*world.land.signer, &next]).expect("signs");
    record.issuer_proof.as_mut().expect("a proof").checkpoint = note;
    vec![
        Vector::good("key-from-index", "The first place at which the key may sign.", &first, &first_record),
        Vector::bad(
            "key-before-from-index",
            "A place before the key's first.",
            &early,
            &early_record,
            Code::KeyNotValid,
            &["key_state"],
        ),
        Vector::good(
            "key-two-signed",
            "The rotated key and its successor signed: the one in the best state counts.",
            &world,
            &record,
        ),
    ]
}

/// The record ledger's own key: the size of the checkpoint stands for its time.
fn ledgers_keys() -> Vec<Vector> {
    let with = |state| {
        let (mut world, record) = record_at(39);
        world.anchor.logs[0].keys[0].state = state;
        (world, record)
    };
    let fails: &[&'static str] = &["ledger_signature"];
    let (good, good_record) = with(KeyState::Rotated { event_index: 64 });
    let (late, late_record) = with(KeyState::Rotated { event_index: 63 });
    let (lost, lost_record) = with(KeyState::Compromised { suspect_from: 90, event_index: 99 });
    vec![
        Vector::good(
            "ledger-key-rotated-before",
            "The ledger's key was rotated after the checkpoint's last entry.",
            &good,
            &good_record,
        ),
        Vector::bad(
            "ledger-key-rotated-after",
            "The checkpoint reaches the event that took the ledger's key out of use.",
            &late,
            &late_record,
            Code::KeyNotValid,
            fails,
        ),
        Vector::bad(
            "ledger-key-compromised",
            "Whoever has the ledger's key decides the order, so that order cannot clear it: its checkpoints prove nothing.",
            &lost,
            &lost_record,
            Code::KeyNotValid,
            fails,
        ),
    ]
}
