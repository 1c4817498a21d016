//! Records as wallets hold them: whole or in part they verify, tied to the ledger; whatever differs is found.

use serde_json::{Map, Value, json};

use super::world::*;
use crate::base::{Seed, Timestamp};
use crate::trust::credential::{self, Frame};
use crate::trust::jose::{self, decode_part, encode_part};
use crate::trust::sd_jwt::{Binding, Presented, sign_binding};
use crate::trust::verdict::{Code, Verdict};
use crate::trust::verify::Verifier;
use crate::trust::{Ed25519Signer, KeyState, PublicKey, SignedRecord, Signer};

fn holder() -> Ed25519Signer {
    Ed25519Signer::from_seed("holder", &Seed::root(77))
}

fn issue(world: &World, record: &SignedRecord, signer: &dyn Signer) -> String {
    let holder = PublicKey::new(holder().algorithm(), holder().public_key()).expect("a key");
    let frame = Frame {
        issuer: world.land.origin(),
        holder: &holder,
        status_uri: "https://example.vn/status/land/land.parcel.v1",
        issued_at: NOW,
        expires_at: NOW.plus_ms(1_000_000),
    };
    credential::issue(record, &frame, signer).expect("issues")
}

fn asked() -> Binding {
    Binding { nonce: "n".into(), audience: "https://bank.vn".into(), age_s_max: 600 }
}

fn verdict(world: &World, text: &str, asked: Option<&Binding>, now: Timestamp) -> Verdict {
    credential::verify(&Verifier::new(world.anchor.clone()), text, asked, now).report.verdict
}

/// The credential with other claims, signed again by the same issuer: what an issuer that lies could make.
fn resigned(world: &World, text: &str, change: impl Fn(&mut Map<String, Value>)) -> String {
    let (token, rest) = text.split_once('~').expect("parts");
    let payload = decode_part(token.split('.').nth(1).expect("a payload")).expect("base64url");
    let mut claims: Map<String, Value> = serde_json::from_slice(&payload).expect("JSON");
    change(&mut claims);
    format!("{}~{rest}", jose::sign(credential::TYPE, &claims, &world.land.signer).expect("signs"))
}

#[test]
fn a_credential_verifies_whole_and_in_part() {
    let mut world = World::new();
    let record = world.record(draft());
    let whole = issue(&world, &record, &world.land.signer);
    let verifier = Verifier::new(world.anchor.clone());
    let found = credential::verify(&verifier, &whole, None, NOW);
    assert_eq!(found.report.verdict, Verdict::Valid, "{:?}", found.report.failed().collect::<Vec<_>>());
    assert_eq!(found.record.expect("a record").disclosure.fields().expect("canonical"), payload());
    for shown in [&[][..], &["number"], &["area_m2", "holder"], &["shared", "address", "number"]] {
        let presented = Presented::parse(&whole).expect("parses");
        let part = presented.select(|name, _| name.is_some_and(|name| shown.contains(&name))).expect("selects");
        let bound = sign_binding(&part, "n", "https://bank.vn", NOW, &holder()).expect("binds");
        let found = credential::verify(&verifier, &bound, Some(&asked()), NOW);
        assert_eq!(found.report.verdict, Verdict::Valid, "{:?}", found.report.failed().collect::<Vec<_>>());
        let fields = found.record.expect("a record").disclosure.fields().expect("canonical");
        assert_eq!(fields.len(), shown.len());
        assert_eq!(found.report.statement.expect("a statement").status_index, 3);
    }
}

#[test]
fn every_lie_has_its_verdict() {
    let mut world = World::new();
    let record = world.record(draft());
    let whole = issue(&world, &record, &world.land.signer);
    let check = |text: &str| verdict(&world, text, None, NOW);
    assert_eq!(check("x"), INVALID(Code::Malformed));
    assert_eq!(check(&issue(&world, &record, &holder())), INVALID(Code::NoTrustedSignature));
    assert_eq!(check(&issue(&world, &record, &world.vehicle.signer)), INVALID(Code::IssuerMismatch));
    let mismatch = INVALID(Code::PayloadMismatch);
    for (pointer, value) in [
        ("/vct", json!("urn:lienthong:vct:vehicle.registration.v1")),
        ("/status/status_list/idx", json!(4)),
        ("/status", Value::Null),
        ("/lienthong", Value::Null),
        ("/lienthong/leaves/0", json!(encode_part(&[0; 32]))),
        ("/lienthong/leaves", json!([])),
        ("/lienthong/ledger_proof", Value::Null),
        ("/lienthong/issuer_proof/path", json!(vec!["AA"; 65])),
        ("/record/more", json!("a field without commitment")),
    ] {
        let changed = resigned(&world, &whole, |claims| {
            let mut value_of = Value::Object(std::mem::take(claims));
            match value_of.pointer_mut(pointer) {
                Some(place) => *place = value.clone(),
                None => value_of["record"]["more"] = value.clone(),
            }
            *claims = value_of.as_object().cloned().expect("an object");
        });
        assert_eq!(check(&changed), mismatch, "{pointer}");
    }
    let index = resigned(&world, &whole, |claims| claims["lienthong"]["ledger_proof"]["index"] = json!(2));
    assert_eq!(check(&index), INVALID(Code::Inclusion));
    let iss = resigned(&world, &whole, |claims| claims["iss"] = json!("lienthong/H27/vehicle"));
    assert_eq!(check(&iss), INVALID(Code::IssuerMismatch));
    for (iss, expected) in [
        ("https://lienthong.example.vn/lienthong/H27/land", Verdict::Valid),
        ("https://lienthong.example.vn/base/lienthong/H27/land", Verdict::Valid),
        ("https://lienthong.example.vn/lienthong/H27/vehicle", INVALID(Code::IssuerMismatch)),
        ("https://lienthong.example.vn/xlienthong/H27/land", INVALID(Code::IssuerMismatch)),
        ("http://lienthong.example.vn/lienthong/H27/land", INVALID(Code::IssuerMismatch)),
        ("https:///lienthong/H27/land", INVALID(Code::IssuerMismatch)),
        ("https://lienthong/H27/land", INVALID(Code::IssuerMismatch)),
    ] {
        assert_eq!(check(&resigned(&world, &whole, |claims| claims["iss"] = json!(iss))), expected, "{iss}");
    }
    // disclosures: one more, one twice, one changed
    let more = format!("{whole}{}~", encode_part(br#"["s","name","value"]"#));
    assert_eq!(check(&more), mismatch);
    let first = whole.split('~').nth(1).expect("a disclosure");
    assert_eq!(check(&format!("{whole}{first}~")), mismatch);
    // a field that the issuer discloses with another value than it signed into the ledger
    let lie = encode_part(format!(r#"["{}","number","CĐ 999999"]"#, encode_part(&[3; 32])).as_bytes());
    let lying = resigned(&world, &whole, |claims| {
        let digest = encode_part(&<sha2::Sha256 as sha2::Digest>::digest(lie.as_bytes()));
        claims["record"]["_sd"] = json!([digest]);
    });
    let (token, _) = lying.split_once('~').expect("parts");
    assert_eq!(check(&format!("{token}~{lie}~")), mismatch);
}

#[test]
fn time_keys_and_binding_count() {
    let mut world = World::new();
    let record = world.record(draft());
    let whole = issue(&world, &record, &world.land.signer);
    assert_eq!(verdict(&world, &whole, None, NOW.plus_ms(1_000_000)), INVALID(Code::Expired));
    assert_eq!(verdict(&world, &whole, Some(&asked()), NOW), INVALID(Code::KeyBinding));
    let stolen = sign_binding(&whole, "n", "https://bank.vn", NOW, &world.vehicle.signer).expect("binds");
    assert_eq!(verdict(&world, &stolen, Some(&asked()), NOW), INVALID(Code::KeyBinding));
    let bound = sign_binding(&whole, "n", "https://bank.vn", NOW, &holder()).expect("binds");
    assert_eq!(verdict(&world, &bound, Some(&asked()), NOW), Verdict::Valid);
    assert_eq!(
        verdict(&world, &bound, Some(&Binding { nonce: "m".into(), ..asked() }), NOW),
        INVALID(Code::KeyBinding)
    );
    // a credential has no place in the ledger: whether a key that is out of use signed it before or after, nobody knows
    world.anchor.issuers[0].keys[0].state = KeyState::Rotated { event_index: 1_000 };
    assert_eq!(verdict(&world, &whole, None, NOW), Verdict::Indeterminate(Code::NoPoe));
    world.anchor.issuers[0].keys[0].state = KeyState::Compromised { suspect_from: 900, event_index: 1_000 };
    assert_eq!(verdict(&world, &whole, None, NOW), INVALID(Code::KeyNotValid));
}
