//! One version after the other: what is accepted, and every rule by which it is not.

use super::*;
use crate::base::Seed;
use crate::trust::anchor::{IssuerAnchor, KeyChange, LogAnchor, LogPurpose};
use crate::trust::keys::{Algorithm, Ed25519Signer, P256Signer};

const NOW: Timestamp = Timestamp(1_795_000_000_000);

fn root(number: u64) -> Ed25519Signer {
    Ed25519Signer::from_seed("root", &Seed::root(100 + number))
}

fn public(signer: &dyn Signer) -> PublicKey {
    PublicKey::new(signer.algorithm(), signer.public_key()).expect("a good key")
}

fn log_key(number: u64) -> PublicKey {
    public(&Ed25519Signer::from_seed("log", &Seed::root(number)))
}

fn signed(mut anchor: TrustAnchor, signers: &[u64]) -> TrustAnchor {
    anchor.signatures.clear();
    for number in signers {
        anchor.sign(&root(*number)).expect("signs");
    }
    anchor
}

/// Version 1, with root keys 1, 2, 3 of which two have to sign.
fn first() -> TrustAnchor {
    let key = |number| KeyRecord { key: log_key(number), from_index: 0, state: KeyState::Active, reattested: vec![] };
    let anchor = TrustAnchor {
        province: "H27".into(),
        version: 1,
        expires_at: NOW.plus_ms(1_000_000),
        logs: vec![LogAnchor {
            continues: Vec::new(),
            origin: "o/records".into(),
            purpose: LogPurpose::Records,
            keys: vec![key(1)],
        }],
        issuers: vec![IssuerAnchor {
            continues: Vec::new(),
            name: "land".into(),
            origin: "o/land".into(),
            schemas: vec!["land.parcel.v1".into()],
            keys: vec![key(2)],
        }],
        events_from: 0,
        root: Root { threshold: 2, keys: [1, 2, 3].map(|number| public(&root(number))).to_vec() },
        signatures: Vec::new(),
    };
    signed(anchor, &[1, 2])
}

fn renewed(current: &TrustAnchor) -> TrustAnchor {
    current.changed(&KeyChange::Renew, current.events_from, current.expires_at).expect("allowed")
}

#[test]
fn thresholds_of_both_versions_have_to_sign() {
    let first = first();
    let accept = |next: &TrustAnchor| accept_next(&first, next, NOW);
    accept(&signed(renewed(&first), &[1, 3])).expect("two of three");
    let few = NextError::Signatures { version: 1, wanted: 2, found: 1 };
    assert_eq!(accept(&signed(renewed(&first), &[1])), Err(few.clone()));
    assert_eq!(accept(&signed(renewed(&first), &[1, 9])), Err(few.clone()), "a stranger does not count");
    let mut twice = signed(renewed(&first), &[1]);
    twice.signatures.push(twice.signatures[0].clone());
    assert_eq!(accept(&twice), Err(few), "one key counts once");

    // other root keys: the old ones hand over, the new ones show that they are there
    let mut handed = renewed(&first);
    handed.root = Root { threshold: 1, keys: vec![public(&root(4))] };
    accept(&signed(handed.clone(), &[1, 2, 4])).expect("both");
    let alone = NextError::Signatures { version: 1, wanted: 2, found: 0 };
    assert_eq!(accept(&signed(handed.clone(), &[4])), Err(alone));
    let absent = NextError::Signatures { version: 2, wanted: 1, found: 0 };
    assert_eq!(accept(&signed(handed, &[1, 2])), Err(absent));
}

#[test]
fn a_changed_byte_or_a_bad_signature_is_refused() {
    let first = first();
    let good = signed(renewed(&first), &[1, 2]);
    let mut changed = good.clone();
    changed.expires_at = changed.expires_at.plus_ms(1);
    assert_eq!(accept_next(&first, &changed, NOW), Err(NextError::BadSignature));
    let mut spoiled = signed(renewed(&first), &[1, 2, 3]);
    spoiled.signatures[2].signature[5] ^= 1;
    assert_eq!(accept_next(&first, &spoiled, NOW), Err(NextError::BadSignature), "even one too many");
}

#[test]
fn versions_go_up_by_one_in_one_province_until_they_expire() {
    let first = first();
    let refused = |change: fn(&mut TrustAnchor)| {
        let mut next = renewed(&first);
        change(&mut next);
        accept_next(&first, &signed(next, &[1, 2]), NOW).expect_err("refused")
    };
    assert_eq!(refused(|next| next.version = 1), NextError::Version { wanted: 2, found: 1 });
    assert_eq!(refused(|next| next.version = 3), NextError::Version { wanted: 2, found: 3 });
    assert_eq!(refused(|next| next.province = "H28".into()), NextError::Province);
    assert_eq!(refused(|next| next.expires_at = NOW), NextError::Expired(NOW));
    assert_eq!(refused(|next| next.root = Root::default()), NextError::NoRoot);
    let alone = TrustAnchor { root: Root::default(), ..first.clone() };
    assert_eq!(accept_next(&alone, &signed(renewed(&first), &[1, 2]), NOW), Err(NextError::NoRoot));
}

#[test]
fn history_stays() {
    let first = first();
    let rotate = KeyChange::Rotate { origin: "o/land".into(), successor: log_key(3) };
    let second = signed(first.changed(&rotate, 40, first.expires_at).expect("allowed"), &[1, 2]);
    accept_next(&first, &second, NOW).expect("rotated");
    let refused = |change: fn(&mut TrustAnchor)| {
        let mut next = renewed(&second);
        change(&mut next);
        let error = accept_next(&second, &signed(next, &[1, 2]), NOW).expect_err("refused");
        assert!(matches!(error, NextError::History(_)), "{error}");
    };
    refused(|next| next.issuers[0].keys.truncate(1));
    refused(|next| next.issuers[0].keys[0].state = KeyState::Active);
    refused(|next| next.issuers[0].keys[0].state = KeyState::Rotated { event_index: 50 });
    refused(|next| next.issuers[0].keys[0].state = KeyState::Compromised { suspect_from: 3, event_index: 60 });
    refused(|next| next.issuers[0].keys[1].from_index = 3);
    refused(|next| next.issuers[0].origin = "o/sea".into());
    refused(|next| next.issuers.clear());
    refused(|next| next.events_from = 39);
    refused(|next| next.logs[0].purpose = LogPurpose::Evidence);
    refused(|next| next.logs[0].keys.extend(next.issuers[0].keys.pop()));
}

#[test]
fn a_chain_leads_to_its_newest_even_through_expired_versions() {
    let first = first();
    let second = signed(TrustAnchor { expires_at: NOW, ..renewed(&first) }, &[1, 2]);
    let third = signed(TrustAnchor { expires_at: NOW.plus_ms(5), ..renewed(&second) }, &[1, 2]);
    let chain = || vec![first.clone(), second.clone(), third.clone()];
    assert_eq!(accept_chain(&first, chain(), NOW).as_ref(), Ok(&third));
    assert_eq!(accept_chain(&second, chain(), NOW).as_ref(), Ok(&third));
    let skipped = NextError::Version { wanted: 2, found: 3 };
    assert_eq!(accept_chain(&first, [third.clone()], NOW), Err(skipped));
    assert_eq!(accept_chain(&first, [second.clone()], NOW), Err(NextError::Expired(NOW)));
    assert_eq!(accept_chain(&first, [], NOW), Ok(first.clone()));
}

#[test]
fn a_file_with_root_keys_is_read_only_if_they_signed_it() {
    let first = first();
    let json = String::from_utf8(first.to_json().expect("writes")).expect("text");
    assert_eq!(TrustAnchor::from_json(json.as_bytes()).expect("reads"), first);
    assert_eq!(first.fingerprint().ok(), signed(first.clone(), &[3, 2]).fingerprint().ok(), "signatures don't count");
    TrustAnchor::from_json(json.replace("land.parcel.v1", "land.purchase.v1").as_bytes()).expect_err("changed");
    TrustAnchor::from_json(json.replace("\"threshold\": 2", "\"threshold\": 4").as_bytes()).expect_err("too high");
    TrustAnchor::from_json(&signed(first.clone(), &[1]).to_json().expect("writes")).expect_err("too few");
    TrustAnchor::from_json(&first.canonical_bytes().expect("writes")).expect_err("unsigned");
}

#[test]
fn root_keys_may_be_of_either_algorithm() {
    let signer = P256Signer::from_pkcs8("root", &P256Signer::generate_pkcs8().expect("makes")).expect("reads");
    let mut anchor = first();
    anchor.root = Root { threshold: 1, keys: vec![public(&signer)] };
    anchor.signatures.clear();
    anchor.sign(&signer).expect("signs");
    let mut next = renewed(&anchor);
    next.sign(&signer).expect("signs");
    accept_next(&anchor, &next, NOW).expect("accepted");
    assert_eq!(next.root.keys[0].algorithm(), Algorithm::EcdsaP256);
}
