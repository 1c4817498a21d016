//! Each fault against the verifier: what is found is what the persona's row says, and everybody else is left alone.

use super::*;
use crate::base::{Date, PersonalId, RecordId, Seed, Timestamp};
use crate::registry::port::RegistryRecord;
use crate::simulation::personas;
use crate::trust::anchor::{IssuerAnchor, KeyRecord, LogAnchor, LogPurpose, TrustAnchor};
use crate::trust::entry::EntryType;
use crate::trust::issue::{Draft, build_record};
use crate::trust::merkle::{Hash, Node, ProofError, hash_leaf, prove_inclusion, root_in_place};
use crate::trust::note::Checkpoint;
use crate::trust::verdict::{Code, Verdict};
use crate::trust::verify::Verifier;
use crate::trust::{Ed25519Signer, LogProof, Operation, SignedRecord, Signer, canonical};

const ORIGIN: &str = "lienthong/H27/driver_licence";
const TYPE: &str = "driver_licence.licence.v1";
const TODAY: Date = Date::constant(2026, 11, 22);

fn signer(name: &str) -> Ed25519Signer {
    Ed25519Signer::from_seed(name, &Seed::root(1).child(name, 0))
}

fn compromised() -> Ed25519Signer {
    compromised_key(&Seed::root(1), ORIGIN)
}

/// A proof in a log of these leaves.
fn proof(leaves: &[Hash], index: u64, signer: &dyn Signer) -> LogProof {
    let node = |node: Node| {
        let from = (node.index << node.level) as usize;
        Ok::<_, ProofError>(root_in_place(&mut leaves[from..from + (1 << node.level)].to_vec()))
    };
    let path = prove_inclusion(index, leaves.len() as u64, node).expect("in range");
    let root = root_in_place(&mut leaves.to_vec());
    let checkpoint = Checkpoint { origin: signer.key_name().to_owned(), size: leaves.len() as u64, root };
    LogProof { checkpoint: checkpoint.sign(signer).expect("signs"), index, path }
}

/// A registry of all personas' licences.
struct Licences {
    records: Vec<RegistryRecord>,
    people: Vec<PersonalId>,
}

impl Licences {
    fn new() -> Self {
        let (mut people, mut statements, mut disclosures) = (Vec::new(), Vec::new(), Vec::new());
        for persona in personas::all(TODAY) {
            let Some(licence) = persona.records.iter().find(|record| record.record_type == TYPE) else { continue };
            let payload = canonical::write(&licence.payload);
            let draft = Draft {
                issuer: "driver_licence",
                schema: TYPE,
                record_id: RecordId([people.len() as u8; 16]),
                version: 1,
                previous: [0; 32],
                operation: Operation::Create,
                issued_at: Timestamp::start_of(TODAY),
                valid_from: Timestamp::start_of(TODAY),
                valid_until: Timestamp::MAX,
                status_index: 0,
            };
            let (_, statement) = build_record(draft, &payload, &[7; 32]).expect("canonical");
            statements.push(statement);
            disclosures.push(Disclosure::Whole { payload: payload.into(), salt: [7; 32] });
            people.push(persona.personal_id);
        }
        let leaves: Vec<_> = statements.iter().map(|statement| hash_leaf(statement)).collect();
        let entries: Vec<_> = statements.iter().map(|statement| EntryType::Statement.leaf(statement)).collect();
        let (own, ledger) = (signer(ORIGIN), signer("lienthong/H27/records"));
        let records = statements.into_iter().zip(disclosures).enumerate().map(|(at, (statement, disclosure))| {
            let record = SignedRecord {
                statement: statement.into(),
                disclosure,
                issuer_proof: Some(proof(&leaves, at as u64, &own)),
                ledger_proof: Some(proof(&entries, at as u64, &ledger)),
            };
            RegistryRecord { record_type: TYPE.to_owned(), record_id: RecordId([at as u8; 16]), version: 1, record }
        });
        Self { records: records.collect(), people }
    }
}

#[async_trait]
impl Registry for Licences {
    fn name(&self) -> &str {
        "driver_licence"
    }

    async fn log_size(&self) -> Result<u64> {
        Ok(self.records.len() as u64)
    }

    async fn read(&self, query: Query) -> Result<Page> {
        let chosen = |at: usize| match &query.selector {
            Selector::Person(id) => self.people[at] == *id,
            Selector::Ids(ids) => ids.contains(&self.records[at].record_id),
            _ => true,
        };
        let records = (0..self.records.len()).filter(|at| chosen(*at)).map(|at| Arc::new(self.records[at].clone()));
        Ok(Page { records: records.take(query.limit).collect(), next: None })
    }

    async fn submit(&self, _: Submission) -> Result<Vec<Receipt>> {
        Ok(Vec::new())
    }

    async fn changes(&self, _: u64, _: usize) -> Result<Option<ChangeBatch>> {
        Ok(None)
    }

    async fn wait_beyond(&self, _: u64) -> Result<()> {
        Ok(())
    }
}

fn faulty() -> Faulty {
    let keys = FaultKeys {
        own: forge_with(Arc::new(signer(ORIGIN))),
        other: forge_with(Arc::new(signer("lienthong/H27/land"))),
        compromised: forge_with(Arc::new(compromised())),
    };
    Faulty::new(Arc::new(Licences::new()), keys, Arc::new(personas::faults()))
}

fn verifier() -> Verifier {
    let key = |signer: &Ed25519Signer| KeyRecord::active(signer).expect("a good key");
    let own = vec![key(&signer(ORIGIN)), compromised_record(&compromised()).expect("a good key")];
    let issuer = |name: &str, origin: &str, keys| IssuerAnchor {
        name: name.to_owned(),
        origin: origin.to_owned(),
        schemas: vec![TYPE.to_owned()],
        keys,
    };
    let land = signer("lienthong/H27/land");
    let records = signer("lienthong/H27/records");
    Verifier::new(TrustAnchor {
        province: "H27".to_owned(),
        version: 1,
        events_from: 0,
        root: Default::default(),
        signatures: Vec::new(),
        expires_at: Timestamp::start_of(TODAY).plus_ms(86_400_000_000),
        logs: vec![LogAnchor {
            origin: records.key_name().to_owned(),
            purpose: LogPurpose::Records,
            keys: vec![key(&records)],
        }],
        issuers: vec![issuer("driver_licence", ORIGIN, own), issuer("land", land.key_name(), vec![key(&land)])],
    })
}

async fn read(registry: &Faulty, id: &str) -> Result<Page> {
    let person = PersonalId::parse(id).expect(id);
    registry.read(Query::latest([TYPE], Selector::Person(person), 10)).await
}

#[tokio::test]
async fn crypto_personas_fail_the_check_that_they_stand_for() {
    let (registry, verifier) = (faulty(), verifier());
    let now = Timestamp::start_of(TODAY);
    for (id, verdict) in [
        ("042090990001", Verdict::Valid),
        ("042090990101", Verdict::Invalid(Code::PayloadMismatch)),
        ("042090990102", Verdict::Invalid(Code::IssuerMismatch)),
        ("042090990103", Verdict::Indeterminate(Code::RevokedNoPoe)),
        ("042090990104", Verdict::Invalid(Code::Inclusion)),
        ("042090990106", Verdict::Invalid(Code::NonCanonical)),
    ] {
        let page = read(&registry, id).await.expect(id);
        assert_eq!(page.records.len(), 1, "{id}");
        assert_eq!(verifier.verify(&page.records[0].record, now).verdict, verdict, "{id}");
        // the same record, reached by its id
        let by_id = Query::latest([TYPE], Selector::Ids(vec![page.records[0].record_id]), 10);
        let again = registry.read(by_id).await.expect(id);
        assert_eq!(verifier.verify(&again.records[0].record, now).verdict, verdict, "{id} by record id");
    }
    let mut future = read(&registry, "042090990105").await.expect("answers").records[0].record.clone();
    let log_size = registry.log_size().await.expect("a size");
    assert!(future.issuer_proof.as_ref().is_some_and(|proof| proof.index > log_size), "nothing to find in the ledger");
    future.ledger_proof = None;
    for verdict in [verifier.verify(&future, now).verdict, verifier.verify_issued(&future, now).verdict] {
        assert_eq!(verdict, Verdict::Invalid(Code::IssuedInFuture));
    }
}

#[tokio::test(start_paused = true)]
async fn transport_personas_fail_the_call() {
    let registry = faulty();
    for (id, reason) in [
        ("042090990201", Reason::RegistryUnavailable),
        ("042090990202", Reason::RateLimited),
        ("042090990204", Reason::Internal),
    ] {
        let error = read(&registry, id).await.expect_err(id);
        assert_eq!(error.reason, reason, "{id}");
        assert_eq!(error.retry_after.is_some(), reason == Reason::RateLimited);
        assert!(!error.message.contains(id));
    }
    let broken_off = "042090990205";
    let first = read(&registry, broken_off).await.expect("a part comes");
    let person = PersonalId::parse(broken_off).expect("an id");
    let rest = Query { after: first.next, ..Query::latest([TYPE], Selector::Person(person), 10) };
    assert_eq!(registry.read(rest).await.expect_err("then nothing").reason, Reason::RegistryUnavailable);
    let flapping: Vec<_> = [read(&registry, "042090990206").await, read(&registry, "042090990206").await]
        .map(|answer| answer.is_ok())
        .to_vec();
    assert_eq!(flapping, [true, false]);
    let slow = tokio::time::timeout(Duration::from_millis(DEADLINE_MS_MAX), read(&registry, "042090990203")).await;
    assert!(slow.is_err(), "slower than any deadline");
}

#[tokio::test]
async fn everybody_else_is_left_alone() {
    let (registry, verifier, rules) = (faulty(), verifier(), personas::faults());
    let now = Timestamp::start_of(TODAY);
    let all = registry.read(Query::latest([TYPE], Selector::All, 1_000)).await.expect("answers");
    let honest = Licences::new();
    assert_eq!(all.records.len(), honest.records.len());
    for (at, record) in all.records.iter().enumerate() {
        let rule = rules.of_person(&honest.people[at]).map(|rule| &rules.as_slice()[rule]);
        let is_spoiled = rule.is_some_and(|rule| rule.action.is_in_records());
        assert_eq!(verifier.verify(&record.record, now).verdict.is_valid(), !is_spoiled, "record {at}");
    }
}
