//! Events read back as they were written, and follow from two versions of an anchor.

use super::*;
use crate::base::{Seed, Timestamp};
use crate::trust::anchor::{ChangeError, IssuerAnchor, KeyChange, LogAnchor, LogPurpose};
use crate::trust::keys::{Ed25519Signer, Signer as _};

fn signer(number: u64) -> Ed25519Signer {
    Ed25519Signer::from_seed("lienthong/H27/land", &Seed::root(number))
}

fn public(number: u64) -> PublicKey {
    PublicKey::new(Algorithm::Ed25519, signer(number).public_key()).expect("a good key")
}

fn first() -> TrustAnchor {
    TrustAnchor {
        province: "H27".into(),
        version: 1,
        expires_at: Timestamp(1_800_000_000_000),
        logs: vec![LogAnchor {
            continues: Vec::new(),
            origin: "lienthong/H27/records".into(),
            purpose: LogPurpose::Records,
            keys: vec![KeyRecord::active(&signer(2)).expect("a good key")],
        }],
        issuers: vec![IssuerAnchor {
            continues: Vec::new(),
            name: "land".into(),
            origin: "lienthong/H27/land".into(),
            schemas: vec!["land.parcel.v1".into()],
            keys: vec![KeyRecord::active(&signer(1)).expect("a good key")],
        }],
        events_from: 0,
        root: Default::default(),
        signatures: Vec::new(),
    }
}

#[test]
fn events_follow_from_versions_and_read_back() {
    let kinds = |current: Option<&TrustAnchor>, next: &TrustAnchor, at| {
        assert_eq!(next.events_from, at);
        let events = KeyEvent::between(current, next).expect("agrees");
        for event in &events {
            assert_eq!(KeyEvent::parse(&event.body()).as_ref(), Some(event));
            assert_eq!(event.anchor_version, next.version);
        }
        events.into_iter().map(|event| event.kind).collect::<Vec<_>>()
    };
    let change = |current: &TrustAnchor, change, at| current.changed(&change, at, current.expires_at).expect("allowed");
    let first = first();
    assert_eq!(kinds(None, &first, 0), [KeyEventKind::Added(public(2)), KeyEventKind::Added(public(1))]);

    let origin = "lienthong/H27/land".to_owned();
    let second = change(&first, KeyChange::Rotate { origin, successor: public(3) }, 40);
    assert_eq!(kinds(Some(&first), &second, 40), [KeyEventKind::Rotated, KeyEventKind::Added(public(3))]);
    let moved = TrustAnchor { events_from: 41, ..second.clone() };
    assert!(KeyEvent::between(Some(&first), &moved).is_err(), "another place");

    let key = public(3).id();
    let successor = Some(public(4));
    let third = change(&second, KeyChange::Compromise { key, suspect_from: 50, successor }, 60);
    let expect = [KeyEventKind::Compromised { suspect_from: 50 }, KeyEventKind::Added(public(4))];
    assert_eq!(kinds(Some(&second), &third, 60), expect);

    let fourth = change(&third, KeyChange::Reattest { key, range: 52..54 }, 70);
    assert_eq!(kinds(Some(&third), &fourth, 70), [KeyEventKind::Reattested(52..54)]);
    let fifth = change(&fourth, KeyChange::Withdraw { issuer: "land".into() }, 80);
    assert_eq!(kinds(Some(&fourth), &fifth, 80), [KeyEventKind::Withdrawn]);

    // a rotated key that turns out to be stolen stays out of use from where it was
    let key = public(1).id();
    let sixth = change(&fifth, KeyChange::Compromise { key, suspect_from: 30, successor: None }, 90);
    assert_eq!(kinds(Some(&fifth), &sixth, 90), [KeyEventKind::Compromised { suspect_from: 30 }]);
    assert_eq!(sixth.issuers[0].keys[0].state, KeyState::Compromised { suspect_from: 30, event_index: 40 });
}

#[test]
fn another_writing_is_no_event() {
    let event = KeyEvent::between(None, &first()).expect("agrees").remove(0);
    let body = String::from_utf8(event.body()).expect("text");
    for (from, to) in [("added", "addled"), ("{", "{\"a\":1,"), ("\"origin\"", "\"origim\""), ("ed25519", "none")] {
        assert!(body.contains(from));
        assert_eq!(KeyEvent::parse(body.replacen(from, to, 1).as_bytes()), None, "{to}");
    }
    assert_eq!(KeyEvent::parse(b"{}"), None);
}

#[test]
fn changes_that_make_no_sense_are_refused() {
    let first = first();
    let refused = |change: KeyChange| first.changed(&change, 9, first.expires_at).expect_err("refused");
    let key = public(1).id();
    refused(KeyChange::Rotate { origin: "lienthong/H27/sea".into(), successor: public(3) });
    refused(KeyChange::Rotate { origin: "lienthong/H27/land".into(), successor: public(2) });
    refused(KeyChange::Compromise { key, suspect_from: 3, successor: None });
    let beyond = refused(KeyChange::Compromise { key, suspect_from: 10, successor: Some(public(3)) });
    assert_eq!(beyond, ChangeError::BeyondLedger(10));
    refused(KeyChange::Compromise { key: [1; 32], suspect_from: 3, successor: None });
    refused(KeyChange::Withdraw { issuer: "sea".into() });
    refused(KeyChange::Reattest { key, range: 1..2 });
    let withdraw = KeyChange::Withdraw { issuer: "land".into() };
    let withdrawn = first.changed(&withdraw, 9, first.expires_at).expect("withdrawn");
    let again = withdrawn.changed(&withdraw, 12, first.expires_at).expect_err("nothing is left to withdraw");
    assert_eq!(again, ChangeError::Withdrawn("land".into()));
}
