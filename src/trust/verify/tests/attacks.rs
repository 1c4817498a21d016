//! The attack table, row by row, and key states.

use super::world::*;
use crate::base::Seed;
use crate::base::limits::CLOCK_SKEW_MS_MAX;
use crate::trust::anchor::{KeyRecord, KeyState};
use crate::trust::canonical::write;
use crate::trust::commitment::redact;
use crate::trust::entry::EntryType;
use crate::trust::issue::Draft;
use crate::trust::keys::{Ed25519Signer, P256Signer, Signer};
use crate::trust::merkle::hash_leaf;
use crate::trust::note::{Note, sign_note};
use crate::trust::record::{Disclosure, LogProof, SignedRecord};
use crate::trust::statement::Statement;
use crate::trust::verdict::{Code, Outcome, Verdict};

#[test]
fn a_good_record_passes_every_check_whole_or_redacted() {
    let (world, mut record) = issued();
    let report = world.verify(&record);
    check(&report, Verdict::Valid, &[]);
    assert!(report.checks.iter().all(|check| check.outcome == Outcome::Pass));
    let whole = record.disclosure.clone();
    for show in [&["number", "area_m2"][..], &["holder"], &[], &["address", "area_m2", "holder", "number", "shared"]] {
        record.disclosure = redact(&whole, show).expect("canonical");
        check(&world.verify(&record), Verdict::Valid, &[]);
    }
}

#[test]
fn a_changed_payload_is_a_mismatch() {
    let (world, mut record) = issued();
    let mut other = payload();
    other.insert("area_m2", 251);
    record.disclosure = Disclosure::Whole { payload: write(&other).into(), salt: SALT };
    check(&world.verify(&record), INVALID(Code::PayloadMismatch), &["payload"]);
    other.remove("shared");
    record.disclosure = Disclosure::Whole { payload: write(&other).into(), salt: SALT };
    check(&world.verify(&record), INVALID(Code::PayloadMismatch), &["payload", "field_count"]);
    record.disclosure = Disclosure::Whole { payload: write(&payload()).into(), salt: [8; 32] };
    check(&world.verify(&record), INVALID(Code::PayloadMismatch), &["payload"]);
    record.disclosure = Disclosure::Partial { shown: vec![], hidden: vec![] };
    check(&world.verify(&record), INVALID(Code::PayloadMismatch), &["payload", "field_count"]);
}

#[test]
fn what_is_not_canonical_is_refused_even_if_it_means_the_same() {
    let (world, mut record) = issued();
    let text = String::from_utf8(write(&payload())).expect("text");
    for bad in [
        text.replace(":250", ": 250"),
        text.replace("250", "250.0"),
        format!("{text} "),
        text.replace("Đông", "\\u0110ông"),
        text.replace("false}", "false,\"shared\":false}"),
    ] {
        assert_ne!(bad, text);
        record.disclosure = Disclosure::Whole { payload: bad.into(), salt: SALT };
        check(&world.verify(&record), INVALID(Code::NonCanonical), &["canonical"]);
    }
}

#[test]
fn a_changed_statement_or_path_is_no_inclusion() {
    let (world, good) = issued();
    let mut record = good.clone();
    let statement = Statement::decode(&good.statement).expect("decodes");
    record.statement = Statement { status_index: 4, ..statement }.encode().into();
    check(&world.verify(&record), INVALID(Code::Inclusion), &["issuer_inclusion", "ledger_inclusion"]);
    let changes: [fn(&mut LogProof); 4] = [
        |proof| proof.index += 1,
        |proof| proof.index = 1000,
        |proof| proof.path.push([0; 32]),
        |proof| proof.path.truncate(1),
    ];
    for change in changes {
        let mut record = good.clone();
        record.issuer_proof.as_mut().map(change).expect("a proof");
        check(&world.verify(&record), INVALID(Code::Inclusion), &["issuer_inclusion"]);
        let mut record = good.clone();
        record.ledger_proof.as_mut().map(change).expect("a proof");
        check(&world.verify(&record), INVALID(Code::Inclusion), &["ledger_inclusion"]);
    }
}

#[test]
fn a_swapped_issuer_is_a_mismatch() {
    // the vehicle registry puts a statement that names land into its own log
    let (mut world, mut record) = issued();
    let index = world.vehicle.append(hash_leaf(&record.statement));
    record.issuer_proof = Some(world.vehicle.proof(index));
    check(&world.verify(&record), INVALID(Code::IssuerMismatch), &["issuer_agreement"]);
    // it signs a checkpoint of land's log with its own key, under either name
    let checkpoint = world.land.checkpoint();
    let under_land = Ed25519Signer::from_seed(world.land.origin(), &Seed::root(1).child(world.vehicle.origin(), 0));
    for signer in [&world.vehicle.signer, &under_land] {
        record.issuer_proof =
            Some(LogProof { checkpoint: checkpoint.sign(signer).expect("signs"), ..world.land.proof(5) });
        check(&world.verify(&record), INVALID(Code::IssuerMismatch), &["issuer_signature"]);
    }
    // the statement is made to name it
    let (world, mut record) = issued();
    let statement = Statement::decode(&record.statement).expect("decodes");
    record.statement = Statement { issuer: "vehicle".to_owned(), ..statement }.encode().into();
    assert_eq!(world.verify(&record).verdict, INVALID(Code::IssuerMismatch));
    // the ledger's checkpoint stands in for the issuer's
    let (world, mut record) = issued();
    record.issuer_proof = Some(world.records.proof(5));
    assert_eq!(world.verify(&record).verdict, INVALID(Code::IssuerMismatch));
}

#[test]
fn an_issuer_outside_its_schemas_is_not_authorised() {
    let mut world = World::new();
    let record = world.record(Draft { schema: "vehicle.registration.v1", ..draft() });
    check(&world.verify(&record), INVALID(Code::NotAuthorised), &["schema_allowed"]);
    let record = world.record(Draft { issuer: "customs", ..draft() });
    check(&world.verify(&record), INVALID(Code::IssuerMismatch), &["issuer_agreement", "schema_allowed"]);
}

#[test]
fn only_trusted_signatures_count_and_a_bad_one_spoils_the_note() {
    let (world, good) = issued();
    let text = world.land.checkpoint().text();
    let stranger = Ed25519Signer::from_seed(world.land.origin(), &Seed::root(666));
    let witness = Ed25519Signer::from_seed("witness.example", &Seed::root(5));
    let signed = |signers: &[&dyn Signer]| {
        let mut record = good.clone();
        let proof = record.issuer_proof.take().expect("a proof");
        record.issuer_proof = Some(LogProof { checkpoint: sign_note(&text, signers).expect("signs"), ..proof });
        world.verify(&record)
    };
    check(&signed(&[&world.land.signer, &witness, &stranger]), Verdict::Valid, &[]);
    check(&signed(&[&stranger]), INVALID(Code::NoTrustedSignature), &["issuer_signature"]);
    check(&signed(&[&witness]), INVALID(Code::NoTrustedSignature), &["issuer_signature"]);
    let mut bad = sign_note(&text, &[&world.land.signer]).expect("signs").to_vec();
    let other = sign_note("other\n", &[&world.land.signer]).expect("signs");
    bad.extend_from_slice(&other[other.windows(3).position(|w| w == "—".as_bytes()).expect("a line")..]);
    let mut record = good.clone();
    record.issuer_proof.as_mut().expect("a proof").checkpoint = bad.into();
    check(&world.verify(&record), INVALID(Code::NoTrustedSignature), &["issuer_signature"]);
    let mut record = good.clone();
    record.issuer_proof = None;
    check(&world.verify(&record), INVALID(Code::NoTrustedSignature), &["issuer_signature"]);
}

#[test]
fn the_ledger_must_be_the_record_ledger() {
    let (mut world, good) = issued();
    let leaf = EntryType::Statement.leaf(&good.statement);
    let (evidence, land) = (world.evidence.append(leaf), world.land.append(leaf));
    for proof in [world.evidence.proof(evidence), world.land.proof(land)] {
        let record = SignedRecord { ledger_proof: Some(proof), ..good.clone() };
        check(&world.verify(&record), INVALID(Code::NoTrustedSignature), &["ledger_signature"]);
    }
    // a leaf of another type with the same bytes is no statement entry
    let index = world.records.append(hash_leaf(&good.statement));
    let record = SignedRecord { ledger_proof: Some(world.records.proof(index)), ..good.clone() };
    check(&world.verify(&record), INVALID(Code::Inclusion), &["ledger_inclusion"]);
    let record = SignedRecord { ledger_proof: None, ..good };
    check(&world.verify(&record), Verdict::Indeterminate(Code::NoPoe), &["ledger_inclusion"]);
    check(&world.verifier().verify_issued(&record, NOW), Verdict::Valid, &[]);
}

#[test]
fn times_are_those_of_the_caller() {
    let mut world = World::new();
    let record = world.record(Draft { issued_at: NOW.plus_ms(CLOCK_SKEW_MS_MAX), valid_until: NOW, ..draft() });
    let report = world.verify(&record);
    check(&report, Verdict::Valid, &[]);
    assert_eq!(report.check("validity_window").expect("made").outcome, Outcome::Skipped);
    let early = world.verifier().verify(&record, NOW.plus_ms(-1));
    check(&early, INVALID(Code::IssuedInFuture), &["issued_not_in_future"]);
    let late = world.verifier().verify(&record, world.anchor.expires_at);
    check(&late, Verdict::Indeterminate(Code::TryLater), &["anchor_current"]);
    let mut bad = record;
    bad.disclosure = Disclosure::Whole { payload: "{}".into(), salt: SALT };
    let late = world.verifier().verify(&bad, world.anchor.expires_at);
    assert_eq!(late.verdict, INVALID(Code::PayloadMismatch), "what is wrong stays wrong");
}

#[test]
fn key_states_are_judged_by_the_ledgers_order() {
    let (mut world, record) = issued();
    let index = record.ledger_proof.as_ref().expect("a proof").index;
    let fresh = SignedRecord { ledger_proof: None, ..record.clone() };
    let (before, after) = (index, index + 1);
    let no_poe = Verdict::Indeterminate(Code::NoPoe);
    let revoked = Verdict::Indeterminate(Code::RevokedNoPoe);
    let key_not_valid = INVALID(Code::KeyNotValid);
    let cases = [
        (KeyState::Rotated { event_index: after }, Verdict::Valid, no_poe),
        (KeyState::Rotated { event_index: before }, key_not_valid, no_poe),
        (KeyState::Compromised { suspect_from: after, event_index: 99 }, Verdict::Valid, key_not_valid),
        (KeyState::Compromised { suspect_from: before, event_index: 99 }, revoked, key_not_valid),
        (KeyState::Compromised { suspect_from: 0, event_index: before }, key_not_valid, key_not_valid),
        (KeyState::Withdrawn { event_index: after }, Verdict::Valid, key_not_valid),
        (KeyState::Withdrawn { event_index: before }, key_not_valid, key_not_valid),
    ];
    for (state, in_ledger, not_in_ledger) in cases {
        world.anchor.issuers[0].keys[0].state = state;
        assert_eq!(world.verify(&record).verdict, in_ledger, "{state:?}");
        assert_eq!(world.verifier().verify_issued(&fresh, NOW).verdict, not_in_ledger, "{state:?}");
    }
    world.anchor.issuers[0].keys[0].state = KeyState::Active;
    world.anchor.logs[0].keys[0].state = KeyState::Compromised { suspect_from: 90, event_index: 99 };
    check(&world.verify(&record), key_not_valid, &["ledger_signature"]);
    world.anchor.logs[0].keys[0].state = KeyState::Rotated { event_index: 99 };
    check(&world.verify(&record), Verdict::Valid, &[]);
}

#[test]
fn the_algorithm_is_the_keys_never_the_messages() {
    let (mut world, mut record) = issued();
    let pkcs8 = P256Signer::generate_pkcs8().expect("randomness");
    let p256 = P256Signer::from_pkcs8(world.land.origin(), &pkcs8).expect("a good key");
    world.anchor.issuers[0].keys = vec![KeyRecord::active(&p256).expect("a good key")];
    check(&world.verify(&record), INVALID(Code::NoTrustedSignature), &["issuer_signature"]);
    let proof = record.issuer_proof.as_mut().expect("a proof");
    proof.checkpoint = world.land.checkpoint().sign(&p256).expect("signs");
    check(&world.verify(&record), Verdict::Valid, &[]);
    // an Ed25519 signature under the P-256 key's note id
    let note = world.land.checkpoint().sign(&world.land.signer).expect("signs");
    let line = Note::parse(&note).expect("a note").signatures.remove(0);
    let id = world.anchor.issuers[0].keys[0].key.note_key_id(world.land.origin());
    let forged = [&id.to_be_bytes()[..], &line.signature].concat();
    use base64::Engine as _;
    let forged = base64::engine::general_purpose::STANDARD.encode(forged);
    let text = world.land.checkpoint().text();
    record.issuer_proof.as_mut().expect("a proof").checkpoint =
        format!("{text}\n— {} {forged}\n", world.land.origin()).into();
    check(&world.verify(&record), INVALID(Code::NoTrustedSignature), &["issuer_signature"]);
}
