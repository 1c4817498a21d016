//! The table of key events, cell by cell: the record's index in the record ledger decides, not a clock.

use lienthong::base::Seed;
use lienthong::trust::*;

use super::vector::{Expected, Vector, verdict_of};
use super::world::*;

/// The event's index in the ledger.
const EVENT: u64 = 40;
/// The first suspect index.
const SUSPECT: u64 = 20;

pub fn all() -> Vec<Vector> {
    issuers_keys().into_iter().chain(reattested()).chain(several_keys()).chain(ledgers_keys()).chain(roots()).collect()
}

/// A record at this index of the record ledger.
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
        ("key-rotated-before", "Rotated: the last index before the event.", rotated, Some(39), None),
        ("key-rotated-at", "Rotated: the event's own index.", rotated, Some(40), Some(Code::KeyNotValid)),
        ("key-rotated-after", "Rotated: after the event.", rotated, Some(41), Some(Code::KeyNotValid)),
        ("key-rotated-no-ledger", "Rotated: not in the ledger.", rotated, None, Some(Code::NoPoe)),
        (
            "key-compromised-before",
            "Compromised: the last index before it became suspect.",
            compromised,
            Some(19),
            None,
        ),
        (
            "key-compromised-suspect-first",
            "Compromised: the first suspect index.",
            compromised,
            Some(20),
            Some(Code::RevokedNoPoe),
        ),
        (
            "key-compromised-suspect-last",
            "Compromised: the last index before the event.",
            compromised,
            Some(39),
            Some(Code::RevokedNoPoe),
        ),
        ("key-compromised-at", "Compromised: the event's own index.", compromised, Some(40), Some(Code::KeyNotValid)),
        ("key-compromised-after", "Compromised: after the event.", compromised, Some(41), Some(Code::KeyNotValid)),
        ("key-compromised-no-ledger", "Compromised: not in the ledger.", compromised, None, Some(Code::KeyNotValid)),
        (
            "key-withdrawn-before",
            "Issuer withdrawn: before the event; historic, and still VALID.",
            withdrawn,
            Some(39),
            None,
        ),
        ("key-withdrawn-at", "Issuer withdrawn: the event's own index.", withdrawn, Some(40), Some(Code::KeyNotValid)),
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

/// The suspect part of a compromised key, once its issuer examined it.
fn reattested() -> Vec<Vector> {
    let with = |index, event_index, ranges: &[std::ops::Range<u64>]| {
        let (mut world, record) = record_at(index);
        let key = &mut world.anchor.issuers[0].keys[0];
        key.state = KeyState::Compromised { suspect_from: SUSPECT, event_index };
        key.reattested = ranges.to_vec();
        (world, record)
    };
    let fails: &[&'static str] = &["key_state"];
    let (good, good_record) = with(39, EVENT, &[20..25, 39..40]);
    let (beside, beside_record) = with(39, EVENT, &[20..39, 40..50]);
    let (after, after_record) = with(41, EVENT, &[20..41, 41..60]);
    let (alone, mut alone_record) = with(39, EVENT, &[20..30, 30..40]);
    alone_record.ledger_proof = None;
    vec![
        Vector::good(
            "key-reattested",
            "Compromised and suspect, and its issuer re-attested this index.",
            &good,
            &good_record,
        ),
        Vector::bad(
            "key-reattested-beside",
            "The issuer re-attested the indices on both sides of this one.",
            &beside,
            &beside_record,
            Code::RevokedNoPoe,
            fails,
        ),
        Vector::bad(
            "key-reattested-after-event",
            "After the event nothing clears the key.",
            &after,
            &after_record,
            Code::KeyNotValid,
            fails,
        ),
        Vector::bad(
            "key-reattested-no-ledger",
            "A record without a ledger index cannot be among those that the issuer re-attested.",
            &alone,
            &alone_record,
            Code::KeyNotValid,
            &["ledger_inclusion", "key_state"],
        ),
    ]
}

/// Anchors that name root keys are signed by them, or were altered.
fn roots() -> Vec<Vector> {
    let key = |number: u64| Ed25519Signer::from_seed("root", &Seed::root(7).child("root", number));
    let public = |signer: &Ed25519Signer| PublicKey::new(Algorithm::Ed25519, signer.public_key()).expect("a good key");
    let (one, two, three, stranger) = (key(1), key(2), key(3), key(4));
    let signed = |by: &[&Ed25519Signer]| {
        let (mut world, record) = issued();
        world.anchor.root = Root { threshold: 2, keys: [&one, &two, &three].map(public).to_vec() };
        for signer in by {
            world.anchor.sign(*signer).expect("signs");
        }
        (world, record)
    };
    let refused = |name: &str, shows, (world, record): (World, SignedRecord), change: &dyn Fn(String) -> String| {
        let expected = Expected { exit_code: 5, records: vec![] };
        let mut vector = Vector::many(name, shows, &world, vec![record], expected);
        vector.anchor = change(vector.anchor);
        vector
    };
    let as_it_is = |anchor: String| anchor;
    let (good, record) = signed(&[&one, &three]);
    let (mut more, more_record) = signed(&[&one, &three]);
    more.anchor.sign(&stranger).expect("signs");
    let mut bad = signed(&[&one, &three]);
    let other = bad.0.anchor.signatures[0].signature.clone();
    bad.0.anchor.signatures.push(RootSignature { key_id: public(&two).id(), signature: other });
    let mut threshold = signed(&[&one, &two, &three]);
    threshold.0.anchor.root.threshold = 3;
    vec![
        Vector::good(
            "anchor-root-signed",
            "An anchor that two of three root keys signed, as it requires.",
            &good,
            &record,
        ),
        Vector::good(
            "anchor-root-stranger",
            "A signature by a key that is not a root key is ignored.",
            &more,
            &more_record,
        ),
        refused("anchor-root-too-few", "One of two root keys that are needed signed.", signed(&[&one]), &as_it_is),
        refused("anchor-root-one-twice", "One root key's signature twice is one.", signed(&[&one]), &|anchor| {
            let from = anchor.rfind("\"signatures\": [").expect("signatures") + "\"signatures\": [".len();
            let to = anchor.rfind(']').expect("an end");
            format!("{},{}{}", &anchor[..to].trim_end(), &anchor[from..to].trim_end(), &anchor[to..])
        }),
        refused("anchor-root-unsigned", "Root keys, and no signature.", signed(&[]), &as_it_is),
        refused("anchor-root-changed", "Changed after it was signed.", signed(&[&one, &two]), &|anchor| {
            anchor.replacen("land.parcel.v1", "vehicle.registration.v1", 1)
        }),
        refused(
            "anchor-root-bad-signature",
            "A bad signature under a root key's id spoils the anchor, though two are good.",
            bad,
            &as_it_is,
        ),
        refused(
            "anchor-root-gone",
            "The root keys were removed, and their signatures left.",
            signed(&[&one, &two]),
            &|anchor| {
                let [root, signatures] = ["\"root\"", "\"signatures\""].map(|name| anchor.find(name).expect("a field"));
                format!("{}{}", &anchor[..root], &anchor[signatures..])
            },
        ),
        refused("anchor-root-threshold", "More signatures demanded than there are keys.", threshold, &|anchor| {
            anchor.replacen("\"threshold\": 3", "\"threshold\": 4", 1)
        }),
    ]
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
        Vector::good("key-from-index", "The first index at which the key may sign.", &first, &first_record),
        Vector::bad(
            "key-before-from-index",
            "An index before the key's first.",
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

/// The record ledger's own key: the size of the checkpoint serves as its time.
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
            "The holder of the ledger's key decides the order, so that order cannot clear the key: its checkpoints prove nothing.",
            &lost,
            &lost_record,
            Code::KeyNotValid,
            fails,
        ),
    ]
}
