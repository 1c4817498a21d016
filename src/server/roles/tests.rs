//! Each role alone: a registry over a store, a province from a registry's port, a gateway from ports of nobody it knows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::gateway::{AcceptedRecords, Evidence};
use super::*;
use crate::access::RightsBook;
use crate::access::rights::embedded;
use crate::api::credential::TokenMint;
use crate::base::entropy::SeededEntropy;
use crate::base::time::FixedClock;
use crate::base::time::Instant;
use crate::base::{ClientIds, Date, Error, PersonalId, ProvinceCode, Reason, RequestId, Result, Seed, Timestamp};
use crate::exchange::{Context, ExchangeMemory, FetchRequest};
use crate::identity::credential::Addresses;
use crate::keys::signers::Keys;
use crate::ledger::{LEASE, Log, LogClock, LogId, TileCache, note_keys_of};
use crate::registry::Catalogue;
use crate::registry::embedded::Caches;
use crate::registry::numbers::{Entry, Residents};
use crate::registry::port::*;
use crate::registry::signing::{CredentialDraft, StatusListDraft};
use crate::store::memory::{MemoryStore, SharedMemory};
use crate::trust::merkle::{hash_leaf, verify_inclusion};
use crate::trust::note::Checkpoint;
use crate::trust::status_list::{Status, StatusList, StatusToken};
use crate::trust::{Disclosure, LogProof, Object, Operation, PublicKey, Verifier, canonical, credential};

const TODAY: Date = Date::constant(2026, 11, 22);
const ANNA: &str = "042185990002";
const PERSON: &str = "resident.person.v1";

fn now() -> Timestamp {
    Timestamp::start_of(TODAY)
}

fn clock() -> LogClock {
    LogClock::new(Arc::new(FixedClock::at(now())))
}

fn keys() -> Keys {
    Keys::new(Catalogue::built_in(), Seed::root(5))
}

/// The registry of this name over a store of its own.
async fn registry(name: &str) -> Arc<RegistryRole> {
    let sector = Catalogue::built_in().sector(name).expect("a sector").clone();
    let store = Arc::new(MemoryStore::new());
    let opening = registry::Opening { store, sector, clock: clock(), caches: Caches::default() };
    RegistryRole::open(opening, &keys()).await.expect("opens")
}

fn verifier() -> Verifier {
    Verifier::new(keys().versions(now(), now(), &[]).expect("versions").pop().expect("an anchor"))
}

async fn submit(port: &Arc<dyn Registry>, request_id: &str, expected_version: u64, religion: &str) {
    let payload = Object::new()
        .with("personal_id", ANNA)
        .with("full_name", "Nguyễn Thị An")
        .with("religion", religion)
        .with("birth_date", "1985-03-07")
        .with("sex", "female")
        .with("nationality", "VN")
        .with("life_status", "alive")
        .with("status", "active");
    let operation = if expected_version == 0 { Operation::Create } else { Operation::Update };
    let record_type = PERSON.to_owned();
    let change = Change { record_type, operation, expected_version, payload, valid_from: None, valid_until: None };
    port.submit(Submission { request_id: request_id.into(), changes: vec![change] }).await.expect("accepted");
}

async fn read(port: &Arc<dyn Registry>) -> Arc<RegistryRecord> {
    let anna = PersonalId::parse(ANNA).expect("an id");
    let page = port.read(Query::latest([PERSON], Selector::Person(anna), 2)).await.expect("reads");
    page.records.first().expect("there").clone()
}

fn list(record_type: &str, statuses: u32) -> StatusListDraft {
    let mut list = StatusList::new();
    (0..statuses).for_each(|_| list.push(Status::Valid).expect("room"));
    StatusListDraft {
        record_type: record_type.into(),
        uri: "https://example.vn/status/resident/resident.person.v1".into(),
        ledger_size: 1,
        issued_at: now(),
        expires_at: now().plus_ms(3_600_000),
        ttl_s: 60,
        list,
    }
}

#[tokio::test]
async fn a_registry_alone_issues_and_signs_what_is_its_own() {
    let role = registry("resident").await;
    let port = role.port();
    submit(&port, "request-1", 0, "không").await;
    let found = read(&port).await;
    let verifier = verifier();
    assert!(verifier.verify_issued(&found.record, now()).verdict.is_valid());

    let signed = port.sign_status_list(list(PERSON, 1)).await.expect("signs");
    let token = StatusToken::verify(&signed.token, &verifier.anchor()).expect("verifies");
    assert_eq!((token.claims.issuer.as_str(), token.list.count()), ("resident", 1));
    assert_eq!(port.key_in_use().await.expect("a key").bytes(), signed.key);

    let draft = || CredentialDraft {
        record: crate::trust::SignedRecord {
            ledger_proof: found.record.issuer_proof.clone(), // any proof: it proves itself, to whoever verifies
            ..found.record.clone()
        },
        holder: PublicKey::new(keys().records.algorithm(), keys().records.public_key()).expect("a key"),
        public_url: None,
        status_uri: "urn:x".into(),
        issued_at: now(),
        expires_at: now().plus_ms(86_400_000),
    };
    let text = port.sign_credential(draft()).await.expect("signs");
    let of = keys().versions(now(), now(), &[]).expect("versions").pop().expect("an anchor");
    let key = of.issuer("resident").expect("there").keys[0].key.clone();
    crate::trust::sd_jwt::Presented::parse(&text).expect("parses").verify(credential::TYPE, &key).expect("its own key");

    // What is not its own, not of now or not what it says, it does not sign.
    let late = StatusListDraft { issued_at: now().plus_ms(-86_400_000), ..list(PERSON, 1) };
    let long = StatusListDraft { expires_at: now().plus_ms(48 * 3_600_000), ..list(PERSON, 1) };
    for refused in [list("land.parcel.v1", 0), list(PERSON, 2), late, long] {
        let error = port.sign_status_list(refused.clone()).await.expect_err("refused");
        assert_eq!(error.reason, Reason::InvalidRequest, "{refused:?}");
    }
    let mut altered = draft();
    let Disclosure::Whole { payload, .. } = &mut altered.record.disclosure else { panic!("whole") };
    *payload = canonical::write(&canonical::parse(payload).expect("canonical").with("full_name", "Ai khác")).into();
    let immortal = CredentialDraft { expires_at: now().plus_ms(400 * 86_400_000), ..draft() };
    assert_eq!(port.sign_credential(altered).await.expect_err("refused").reason, Reason::VersionConflict);
    assert_eq!(port.sign_credential(immortal).await.expect_err("refused").reason, Reason::InvalidRequest);
    submit(&port, "request-2", 1, "Phật giáo").await;
    assert_eq!(port.sign_credential(draft()).await.expect_err("an older version").reason, Reason::VersionConflict);
}

#[tokio::test(start_paused = true)]
async fn two_processes_over_one_store_agree_on_the_heads_that_are_stored() {
    let shared = SharedMemory::default();
    let sector = Catalogue::built_in().sector("resident").expect("a sector").clone();
    let opening = || registry::Opening {
        store: Arc::new(shared.open()),
        sector: sector.clone(),
        clock: clock(),
        caches: Caches::default(),
    };
    let kept = keys();
    let first = RegistryRole::open(opening(), &kept).await.expect("opens");
    submit(&first.port(), "request-1", 0, "không").await;
    // Another process serves the log, with the public keys that the trust anchor names and no other.
    let (id, origin, verifier) = (LogId(sector.ordinal), sector.log_origin(), Arc::new(verifier()));
    let keys = note_keys_of(verifier, &origin);
    let log = Log::follow(Arc::new(shared.open()), id, &origin, keys, TileCache::default()).await.expect("follows");
    submit(&first.port(), "request-2", 1, "Phật giáo").await;
    log.watch().wait_for(|size| *size == 2).await.expect("it follows");
    let (proof, entry) = (log.prove(1).await.expect("proves"), log.entry(1).await.expect("reads"));
    assert_eq!(proof, read(&first.port()).await.record.issuer_proof.clone().expect("a proof"));
    let head = Checkpoint::of_note(&proof.checkpoint).expect("a checkpoint");
    verify_inclusion(&hash_leaf(&entry), 1, head.size, &proof.path, &head.root).expect("verifies");

    let refused = RegistryRole::open(opening(), &kept).await.err().expect("one sequencer at a time");
    assert_eq!(refused.reason, Reason::StorageConflict);
    drop(first);
    tokio::time::advance(LEASE).await;
    let second = RegistryRole::open(opening(), &kept).await.expect("takes over");
    assert_eq!(second.log().head(), log.head());
    submit(&second.port(), "request-3", 2, "Công giáo").await;
    log.watch().wait_for(|size| *size == 3).await.expect("it follows whoever appends");
}

/// A registry that somebody else wrote: it shows changes and keeps the rest to itself.
struct Foreign(ChangeBatch);

#[async_trait]
impl Registry for Foreign {
    fn name(&self) -> &str {
        "resident"
    }

    async fn log_size(&self) -> Result<u64> {
        Ok(self.0.records.len() as u64)
    }

    async fn read(&self, _: Query) -> Result<Page> {
        Err(Error::new(Reason::RegistryUnavailable, "it does not answer"))
    }

    async fn submit(&self, _: Submission) -> Result<Vec<Receipt>> {
        Err(Error::new(Reason::RegistryUnavailable, "it does not answer"))
    }

    async fn changes(&self, cursor: u64, _: usize) -> Result<Option<ChangeBatch>> {
        Ok((cursor == 0).then(|| self.0.clone()))
    }

    async fn wait_beyond(&self, cursor: u64) -> Result<()> {
        if cursor < self.log_size().await? { Ok(()) } else { std::future::pending().await }
    }
}

#[tokio::test]
async fn a_province_alone_takes_in_what_a_foreign_registry_shows() {
    let elsewhere = registry("resident").await;
    submit(&elsewhere.port(), "request-1", 0, "không").await;
    let batch = elsewhere.port().changes(0, 10).await.expect("reads").expect("a batch");
    let keys = keys();
    let opening = province::Opening {
        store: Arc::new(MemoryStore::new()),
        catalogue: Catalogue::built_in(),
        registries: vec![Arc::new(Foreign(batch))],
        time: Arc::new(FixedClock::at(now())),
        clock: clock(),
        tiles: TileCache::default(),
        origin: ProvinceCode::default().origin("records"),
        signer: keys.records.clone(),
        trust: province::Trust {
            versions: keys.versions(now(), now(), &[]).expect("versions"),
            before: None,
            kept: None,
            file: None,
            waiting: Vec::new(),
        },
        rebuild_status: false,
    };
    let role = ProvinceRole::open(opening, |_, _, _| Err(Error::bug("nobody waits"))).await.expect("opens");
    role.follow_registries().expect("follows");
    role.layer.wait_for("resident", 1).await.expect("accepted");
    let proof = role.layer.prove("resident", 0).await.expect("reads").expect("in the ledger");
    let record = read(&elsewhere.port()).await.record.clone();
    let record = crate::trust::SignedRecord { ledger_proof: Some(Arc::unwrap_or_clone(proof)), ..record };
    assert!(role.verifier.verify(&record, now()).verdict.is_valid());
    let refused = role.status.get(PERSON).await.expect_err("nobody signs it");
    assert_eq!(refused.reason, Reason::MethodUnknown);
    assert!(refused.message.contains("resident"), "{}", refused.message);
}

/// A province that has accepted nothing.
struct Nothing;

#[async_trait]
impl Inclusion for Nothing {
    async fn accepted_size(&self, _: &str) -> Result<u64> {
        Ok(0)
    }

    async fn wait_for(&self, _: &str, _: u64) -> Result<()> {
        Ok(())
    }

    async fn ledger_index(&self, _: &str, _: u64) -> Result<Option<u64>> {
        Ok(None)
    }

    async fn prove(&self, _: &str, _: u64) -> Result<Option<Arc<LogProof>>> {
        Ok(None)
    }
}

#[async_trait]
impl Residents for Nothing {
    async fn record(&self, _: PersonalId) -> Result<Option<Entry>> {
        Ok(None)
    }

    async fn claimants(&self, _: PersonalId) -> Result<Vec<Entry>> {
        Ok(Vec::new())
    }
}

impl Addresses for Nothing {
    fn status_uri(&self, issuer: &str, schema: &str) -> String {
        format!("urn:{issuer}:{schema}")
    }

    fn public_url(&self) -> Option<String> {
        None
    }
}

#[tokio::test]
async fn a_gateway_alone_names_who_does_not_answer_and_keeps_evidence() {
    let keys = keys();
    let silent = Foreign(ChangeBatch { first_index: 0, records: Vec::new(), checkpoint: bytes::Bytes::new() });
    let nothing = Arc::new(Nothing);
    let opening = gateway::Opening {
        store: Arc::new(MemoryStore::new()),
        catalogue: Catalogue::built_in(),
        registries: BTreeMap::from([("resident".into(), Arc::new(silent) as Arc<dyn Registry>)]),
        accepted: AcceptedRecords {
            inclusion: nothing.clone(),
            residents: nothing.clone(),
            verifier: Arc::new(verifier()),
            addresses: nothing,
        },
        rights: RightsBook::of(embedded()),
        entropy: Arc::new(SeededEntropy::new(Seed::root(6))),
        evidence: Evidence {
            origin: ProvinceCode::default().origin("evidence"),
            signer: keys.evidence.clone(),
            clock: clock(),
            tiles: TileCache::default(),
            secret: Seed::root(8),
        },
        tokens: Arc::new(TokenMint::new(&Seed::root(7)).expect("a mint")),
        memory: ExchangeMemory::default(),
    };
    let role = GatewayRole::open(opening).await.expect("opens");
    let context = Context {
        request_id: RequestId(uuid::Uuid::from_u128(1)),
        client_ids: ClientIds::default(),
        method: "lienthong.exchange.v1.ExchangeService/FetchRecords",
        agency: "one-stop".into(),
        now: now(),
        deadline: Instant::now() + Duration::from_secs(5),
        accepts_unverified: false,
    };
    let request = FetchRequest {
        personal_id: ANNA.into(),
        organisation_code: String::new(),
        record_types: vec![PERSON.into()],
        purpose: "one_stop.verify_documents".into(),
        reference: "H27-0001".into(),
    };
    let error = role.exchange.fetch(context, request).await.expect_err("nobody answers");
    assert_eq!((error.reason, error.subject.name.as_str()), (Reason::RegistryUnavailable, "resident"));
    assert_eq!(role.evidence.head().size, 1, "that leaves an entry too");
}
