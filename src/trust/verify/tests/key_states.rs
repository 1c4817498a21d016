//! The table of key states, cell by cell, through the verifier: a record's ledger position against where its
//! key became suspect and went out of use.

use super::world::{NOW, World, draft, issued};
use crate::base::Seed;
use crate::trust::anchor::KeyRecord;
use crate::trust::anchor::KeyState::{self, Active, Compromised, Rotated, Withdrawn};
use crate::trust::keys::Ed25519Signer;
use crate::trust::record::SignedRecord;
use crate::trust::verdict::Code::{KeyNotValid, NoPoe, RevokedNoPoe};
use crate::trust::verdict::Verdict::{self, Indeterminate, Invalid, Valid};

/// The ledger position of the record of [`issued`].
const HERE: u64 = 5;
const BEFORE: u64 = HERE - 1;
const AFTER: u64 = HERE + 1;

fn verdict(state: KeyState, in_ledger: bool, reattested: Vec<std::ops::Range<u64>>) -> Verdict {
    let (mut world, mut record) = issued();
    assert_eq!(record.ledger_proof.as_ref().map(|proof| proof.index), Some(HERE));
    if !in_ledger {
        record.ledger_proof = None;
    }
    let key = &mut world.anchor.issuers[0].keys[0];
    (key.state, key.reattested) = (state, reattested);
    world.verify(&record).verdict
}

#[test]
fn a_record_in_the_ledger_is_judged_by_its_index() {
    let at = |event_index| (Rotated { event_index }, Withdrawn { event_index });
    let suspect = |suspect_from, event_index| Compromised { suspect_from, event_index };
    let table = [
        (Active, Valid),
        // index < event
        (at(AFTER).0, Valid),
        (at(AFTER).1, Valid),
        // the event's own index, and after it
        (at(HERE).0, Invalid(KeyNotValid)),
        (at(BEFORE).0, Invalid(KeyNotValid)),
        (at(HERE).1, Invalid(KeyNotValid)),
        (at(BEFORE).1, Invalid(KeyNotValid)),
        // compromised: before, in and after the suspect part
        (suspect(AFTER, AFTER + 1), Valid),
        (suspect(HERE, AFTER), Indeterminate(RevokedNoPoe)),
        (suspect(BEFORE, AFTER), Indeterminate(RevokedNoPoe)),
        (suspect(BEFORE, HERE), Invalid(KeyNotValid)),
        (suspect(0, BEFORE), Invalid(KeyNotValid)),
    ];
    for (state, expect) in table {
        assert_eq!(verdict(state, true, vec![]), expect, "{state:?}");
    }
}

#[test]
fn a_record_outside_the_ledger_has_no_place() {
    let table = [
        (Active, Indeterminate(NoPoe)),
        (Rotated { event_index: AFTER }, Indeterminate(NoPoe)),
        (Compromised { suspect_from: AFTER, event_index: AFTER }, Invalid(KeyNotValid)),
        (Withdrawn { event_index: AFTER }, Invalid(KeyNotValid)),
    ];
    for (state, expect) in table {
        assert_eq!(verdict(state, false, vec![]), expect, "{state:?}");
    }
}

#[test]
fn re_attestation_clears_the_suspect_part_and_nothing_else() {
    let state = Compromised { suspect_from: BEFORE, event_index: AFTER };
    let here = HERE..HERE + 1;
    assert_eq!(verdict(state, true, vec![here.clone()]), Valid);
    assert_eq!(verdict(state, true, vec![0..HERE, AFTER..AFTER + 9]), Indeterminate(RevokedNoPoe), "its neighbours");
    assert_eq!(verdict(state, false, vec![here.clone()]), Invalid(KeyNotValid));
    let gone = Compromised { suspect_from: BEFORE, event_index: HERE };
    assert_eq!(verdict(gone, true, vec![here]), Invalid(KeyNotValid), "after the event nothing clears it");
}

#[test]
fn a_key_signs_nothing_before_its_first_index() {
    for (from_index, expect) in [(HERE, Valid), (AFTER, Invalid(KeyNotValid))] {
        let (mut world, record) = issued();
        world.anchor.issuers[0].keys[0].from_index = from_index;
        assert_eq!(world.verify(&record).verdict, expect, "from {from_index}");
    }
}

#[test]
fn a_successors_checkpoint_leaves_the_judgement_to_the_key_of_the_place() {
    let judge = |state, reattested: Vec<std::ops::Range<u64>>| {
        let (mut world, mut record) = issued();
        let index = record.issuer_proof.as_ref().expect("a proof").index;
        let keys = &mut world.anchor.issuers[0].keys;
        (keys[0].state, keys[0].reattested) = (state, reattested);
        world.land.signer = Ed25519Signer::from_seed(world.land.origin(), &Seed::root(77));
        let successor = KeyRecord { from_index: AFTER, ..world.land.key() };
        world.anchor.issuers[0].keys.push(successor);
        record.issuer_proof = Some(world.land.proof(index));
        let verifier = world.verifier();
        let issued = SignedRecord { ledger_proof: None, ..record.clone() };
        assert!(verifier.verify_issued(&issued, NOW).verdict.is_valid(), "the key in use vouches for its log");
        verifier.verify(&record, NOW).verdict
    };
    assert_eq!(judge(Rotated { event_index: AFTER }, vec![]), Valid);
    assert_eq!(judge(Withdrawn { event_index: AFTER }, vec![]), Valid);
    let stolen = Compromised { suspect_from: HERE, event_index: AFTER };
    assert_eq!(judge(stolen, vec![]), Indeterminate(RevokedNoPoe), "the successor does not clear it");
    let examined = HERE..AFTER;
    assert_eq!(judge(stolen, vec![examined]), Valid);
    assert_eq!(judge(Compromised { suspect_from: AFTER, event_index: AFTER }, vec![]), Valid);
}

#[test]
fn a_verifier_takes_up_another_anchor_and_forgets_what_it_knew() {
    let (world, record) = issued();
    let verifier = world.verifier();
    assert!(verifier.verify(&record, NOW).verdict.is_valid());
    let mut next = (*verifier.anchor()).clone();
    next.issuers[0].keys[0].state = Rotated { event_index: HERE };
    verifier.adopt(next);
    assert_eq!(verifier.verify(&record, NOW).verdict, Invalid(KeyNotValid));
}

#[test]
fn the_ledgers_own_key_is_judged_by_the_checkpoints_last_entry() {
    let mut world = World::new();
    let record = world.record(draft());
    let last = world.records.leaves.len() as u64 - 1;
    let mut judge = |state| {
        world.anchor.logs[0].keys[0].state = state;
        world.verify(&record).verdict
    };
    assert_eq!(judge(Rotated { event_index: last + 1 }), Valid);
    assert_eq!(judge(Rotated { event_index: last }), Invalid(KeyNotValid));
    let late = Compromised { suspect_from: last + 1, event_index: last + 2 };
    assert_eq!(judge(late), Invalid(KeyNotValid), "whoever has it decides the order");
}

#[test]
fn an_expired_anchor_never_says_valid() {
    let (world, record) = issued();
    let late = NOW.plus_ms(86_400_000);
    assert_eq!(world.verifier().verify(&record, late).verdict, Indeterminate(crate::trust::Code::TryLater));
}
