//! Each fault against the verifier: its verdict is that of the persona's row, and other citizens are left alone.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::base::limits::DEADLINE_MS_MAX;
use crate::base::time::FixedClock;
use crate::base::{PersonalId, Reason, Result, Seed};
use crate::registry::EmbeddedRegistry;
use crate::registry::port::{Inclusion as _, Page, Query, Registry as _, RegistryRecord, Selector};
use crate::simulation::personas;
use crate::trust::verdict::{Code, Verdict};
use crate::trust::{Disclosure, SignedRecord, canonical};
use crate::world::foundation::{SEED, signer};
use crate::world::{NOW, TODAY, World, world};

const TYPE: &str = "driver_licence.licence.v1";

/// The personas' rules.
fn rules() -> Rules {
    Rules::new(personas::faults(), Arc::new(FixedClock::at(NOW)), Seed::root(SEED))
}

/// The registry of all personas' licences, and the same with the personas' faults in front.
struct Licences {
    world: World,
    honest: Arc<EmbeddedRegistry>,
    faulty: Faulty,
}

impl Licences {
    async fn new() -> Self {
        let records = personas::all(TODAY).into_iter().flat_map(|persona| persona.records);
        let licences = records.filter(|record| record.record_type == TYPE).map(|record| record.payload);
        let world = world().registries(&["driver_licence", "land"]).records(TYPE, licences).start().await;
        let honest = world.host_of(TYPE).clone();
        let own = honest.sector().log_origin();
        let keys = FaultKeys {
            own: forge_with(signer(&own)),
            other: forge_with(signer(&world.host_of("land.parcel.v1").sector().log_origin())),
            compromised: forge_with(Arc::new(compromised_key(&Seed::root(SEED), &own))),
        };
        let faulty = Faulty::new(honest.clone(), keys, Arc::new(rules()));
        Self { world, honest, faulty }
    }

    async fn read(&self, id: &str) -> Result<Page> {
        let person = PersonalId::parse(id).expect(id);
        self.faulty.read(Query::latest([TYPE], Selector::Person(person), 10)).await
    }

    /// The honest version of a record.
    async fn honest(&self, record: &RegistryRecord) -> SignedRecord {
        let page =
            self.honest.read(Query::latest([TYPE], Selector::Ids(vec![record.record_id]), 1)).await.expect("reads");
        page.records[0].record.clone()
    }

    /// The verdict on a record with the record ledger's proof of its honest version.
    async fn verdict(&self, record: &RegistryRecord) -> Verdict {
        let index = self.honest(record).await.issuer_proof.expect("a proof").index;
        let proof = self.world.province.prove("driver_licence", index).await.expect("reads").expect("accepted");
        let record = SignedRecord { ledger_proof: Some(Arc::unwrap_or_clone(proof)), ..record.record.clone() };
        self.world.verifier.verify(&record, NOW).verdict
    }
}

#[tokio::test]
async fn crypto_personas_fail_the_check_that_they_stand_for() {
    let licences = Licences::new().await;
    for (id, verdict) in [
        ("042090990001", Verdict::Valid),
        ("042090990101", Verdict::Invalid(Code::PayloadMismatch)),
        ("042090990102", Verdict::Invalid(Code::IssuerMismatch)),
        ("042090990103", Verdict::Indeterminate(Code::RevokedNoPoe)),
        ("042090990104", Verdict::Invalid(Code::Inclusion)),
        ("042090990106", Verdict::Invalid(Code::NonCanonical)),
    ] {
        let page = licences.read(id).await.expect(id);
        assert_eq!(page.records.len(), 1, "{id}");
        assert_eq!(licences.verdict(&page.records[0]).await, verdict, "{id}");
        // the same record, reached by its id
        let by_id = Query::latest([TYPE], Selector::Ids(vec![page.records[0].record_id]), 10);
        let again = licences.faulty.read(by_id).await.expect(id);
        assert_eq!(licences.verdict(&again.records[0]).await, verdict, "{id} by record id");
    }
    let future = licences.read("042090990105").await.expect("answers").records[0].record.clone();
    let log_size = licences.faulty.log_size().await.expect("a size");
    assert!(future.issuer_proof.as_ref().is_some_and(|proof| proof.index > log_size), "nothing to find in the ledger");
    let verifier = &licences.world.verifier;
    for verdict in [verifier.verify(&future, NOW).verdict, verifier.verify_issued(&future, NOW).verdict] {
        assert_eq!(verdict, Verdict::Invalid(Code::IssuedInFuture));
    }
}

#[tokio::test(start_paused = true)]
async fn transport_personas_fail_the_call() {
    let licences = Licences::new().await;
    for (id, reason) in [
        ("042090990201", Reason::RegistryUnavailable),
        ("042090990202", Reason::RateLimited),
        ("042090990204", Reason::Internal),
    ] {
        let error = licences.read(id).await.expect_err(id);
        assert_eq!(error.reason, reason, "{id}");
        assert_eq!(error.retry_after.is_some(), reason == Reason::RateLimited);
        assert!(!error.message.contains(id));
    }
    let broken_off = "042090990205";
    let first = licences.read(broken_off).await.expect("a part comes");
    let person = PersonalId::parse(broken_off).expect("an id");
    let rest = Query { after: first.next, ..Query::latest([TYPE], Selector::Person(person), 10) };
    assert_eq!(licences.faulty.read(rest).await.expect_err("then nothing").reason, Reason::RegistryUnavailable);
    let flapping: Vec<_> = [licences.read("042090990206").await, licences.read("042090990206").await]
        .map(|answer| answer.is_ok())
        .to_vec();
    assert_eq!(flapping, [true, false]);
    let slow = tokio::time::timeout(Duration::from_millis(DEADLINE_MS_MAX), licences.read("042090990203")).await;
    assert!(slow.is_err(), "slower than any deadline");
}

#[tokio::test]
async fn everybody_else_is_left_alone() {
    let (licences, rules) = (Licences::new().await, rules().current());
    let all = licences.faulty.read(Query::latest([TYPE], Selector::All, 1_000)).await.expect("answers");
    let mut spoiled = 0;
    for record in &all.records {
        let Disclosure::Whole { payload, .. } = licences.honest(record).await.disclosure else { panic!("a part") };
        let payload = canonical::parse(&payload).expect("canonical");
        let holder = payload.object("holder").and_then(|holder| PersonalId::parse(holder.text("personal_id")?));
        let action = holder.and_then(|holder| rules.of_citizen(&holder)?.read_action());
        let is_spoiled = action.is_some_and(ReadAction::is_in_records);
        assert_eq!(licences.verdict(record).await.is_valid(), !is_spoiled, "{:?}", record.record_id);
        spoiled += usize::from(is_spoiled);
    }
    assert!(spoiled > 0 && all.records.len() as u64 == licences.honest.log_size().await.expect("a size"));
}
