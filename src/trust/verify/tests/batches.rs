//! Batches: all or nothing, and the log must continue.

use bytes::Bytes;

use super::world::{NOW, SALT, World, draft, payload};
use crate::base::Timestamp;
use crate::base::limits::CLOCK_SKEW_MS_MAX;
use crate::trust::anchor::KeyState;
use crate::trust::canonical::write;
use crate::trust::issue::{Draft, build_record};
use crate::trust::merkle::{CompactRange, hash_leaf};
use crate::trust::note::Checkpoint;
use crate::trust::verdict::Code;
use crate::trust::verify::{BatchError, BatchRecord, VerifiedBatch};

/// Three records of the land registry after five leaves that the province has seen.
struct Sent {
    world: World,
    before: CompactRange,
    statements: Vec<Vec<u8>>,
    payload: Vec<u8>,
}

fn sent_with(issuer: &str, schema: &str, issued_at: Timestamp) -> Sent {
    let mut world = World::new();
    let mut before = CompactRange::new();
    world.land.leaves.iter().for_each(|leaf| before.append(*leaf));
    let payload = write(&payload());
    let statements: Vec<_> = (1..=3)
        .map(|version| {
            let draft = Draft { issuer, schema, version, issued_at, ..draft() };
            let (_, statement) = build_record(draft, &payload, &SALT).expect("canonical");
            world.land.append(hash_leaf(&statement));
            statement
        })
        .collect();
    Sent { world, before, statements, payload }
}

fn sent() -> Sent {
    sent_with("land", "land.parcel.v1", NOW)
}

impl Sent {
    fn verify_as(&self, issuer: &str, note: &Bytes, records: &[BatchRecord<'_>]) -> Result<VerifiedBatch, BatchError> {
        self.world.verifier().verify_batch(issuer, &self.before, note, records, NOW)
    }

    fn records(&self) -> Vec<BatchRecord<'_>> {
        let record = |statement| BatchRecord { statement, payload: &self.payload, salt: &SALT };
        self.statements.iter().map(|statement| record(statement.as_slice())).collect()
    }

    fn note(&self) -> Bytes {
        self.world.land.checkpoint().sign(&self.world.land.signer).expect("signs")
    }

    fn verify(&self, records: &[BatchRecord<'_>]) -> Result<VerifiedBatch, BatchError> {
        self.verify_as("land", &self.note(), records)
    }
}

fn check(result: Result<VerifiedBatch, BatchError>, code: Code, name: &str, record: Option<usize>) {
    let error = result.expect_err("refused");
    assert_eq!((error.code, error.check, error.record), (code, name, record), "{error}");
}

#[test]
fn a_good_batch_verifies_and_continues_the_log() {
    let sent = sent();
    let batch = sent.verify(&sent.records()).expect("verifies");
    assert_eq!(batch.statements.iter().map(|s| s.version).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!((batch.after.size(), batch.after.root()), (8, sent.world.land.checkpoint().root));
    let again = sent.world.verifier().verify_batch("land", &batch.after, &sent.note(), &[], NOW).expect("empty");
    assert_eq!(again.after, batch.after);
}

#[test]
fn one_bad_record_refuses_the_batch_and_is_named() {
    let good = sent();
    let other_payload = write(&payload().with("area_m2", 251));
    let mut records = good.records();
    records[1].payload = &other_payload;
    check(good.verify(&records), Code::PayloadMismatch, "payload", Some(1));
    records[1].payload = b"{ }";
    check(good.verify(&records), Code::NonCanonical, "canonical", Some(1));
    let mut records = good.records();
    records[2].salt = &[8; 32];
    check(good.verify(&records), Code::PayloadMismatch, "payload", Some(2));
    records[2].statement = b"x";
    check(good.verify(&records), Code::Malformed, "statement_decodes", Some(2));
    let mut records = good.records();
    records.swap(0, 1);
    check(good.verify(&records), Code::Inclusion, "issuer_inclusion", None);
    check(good.verify(&good.records()[..2]), Code::Inclusion, "issuer_inclusion", None);
    let sent = sent_with("vehicle", "land.parcel.v1", NOW);
    check(sent.verify(&sent.records()), Code::IssuerMismatch, "issuer_agreement", Some(0));
    let sent = sent_with("land", "vehicle.registration.v1", NOW);
    check(sent.verify(&sent.records()), Code::NotAuthorised, "schema_allowed", Some(0));
    let sent = sent_with("land", "land.parcel.v1", NOW.plus_ms(CLOCK_SKEW_MS_MAX + 1));
    check(sent.verify(&sent.records()), Code::IssuedInFuture, "issued_not_in_future", Some(0));
}

#[test]
fn the_log_must_continue_and_be_the_peers() {
    let mut sent = sent();
    check(sent.verify_as("vehicle", &sent.note(), &sent.records()), Code::IssuerMismatch, "issuer_agreement", None);
    check(sent.verify_as("land", &Bytes::new(), &[]), Code::NoTrustedSignature, "issuer_signature", None);
    let by_vehicle = sent.world.land.checkpoint().sign(&sent.world.vehicle.signer).expect("signs");
    check(sent.verify_as("land", &by_vehicle, &[]), Code::IssuerMismatch, "issuer_signature", None);
    let smaller = Checkpoint { size: 4, ..sent.world.land.checkpoint() };
    let note = smaller.sign(&sent.world.land.signer).expect("signs");
    check(sent.verify_as("land", &note, &[]), Code::LogRollback, "issuer_inclusion", None);
    let fork = Checkpoint { size: 5, ..sent.world.land.checkpoint() };
    let note = fork.sign(&sent.world.land.signer).expect("signs");
    check(sent.verify_as("land", &note, &[]), Code::SplitView, "issuer_inclusion", None);
    sent.world.anchor.issuers[0].keys[0].state = KeyState::Rotated { event_index: 99 };
    check(sent.verify(&sent.records()), Code::KeyNotValid, "key_state", None);
    sent.world.anchor.expires_at = NOW;
    check(sent.verify(&sent.records()), Code::TryLater, "anchor_current", None);
}
