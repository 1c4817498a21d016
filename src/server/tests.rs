//! Keys change under a gateway that is writing: nothing is lost, nothing mis-judged.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::{Config, Gateway, Storage};
use crate::base::time::SystemClock;
use crate::base::{Clock as _, Error, ProvinceCode, Reason, Result, Timestamp};
use crate::keys::keyring::{Beginning, KeptKeys, KeyFolder, Secret, Unlock, request};
use crate::province::{FeedState, Progress};
use crate::registry::Catalogue;
use crate::registry::port::{Change, Inclusion as _, Query, Selector, Submission};
use crate::trust::entry::split_entry;
use crate::trust::{
    Algorithm, Code, EntryType, KeyChange, KeyEvent, KeyState, Object, Operation, PublicKey, SignedRecord, TrustAnchor,
    Verdict, Verifier,
};
use crate::world::until::until;

mod stopped;
mod worlds;

/// The origin of a log of the world.
fn origin(log: &str) -> String {
    ProvinceCode::default().origin(log)
}

fn unlock() -> Unlock {
    Unlock::secret(Secret::new("correct horse battery").expect("long enough"))
}

fn begin(path: &Path, root_keys: u32, threshold: u32) -> (KeyFolder, TrustAnchor) {
    let expires_at = SystemClock.now().plus_ms(86_400_000);
    let beginning = Beginning { algorithm: Algorithm::Ed25519, root_keys, threshold, expires_at };
    KeyFolder::init(path, &Catalogue::built_in(), &beginning, &unlock()).expect("made")
}

async fn open(folder: &KeyFolder, storage: Storage) -> Gateway {
    let keys = Some(KeptKeys { folder: folder.path().to_owned(), unlock: unlock() });
    let config = Config { storage, population: Some(0), keys, ..Config::default() };
    Gateway::open(config).await.expect("opens")
}

async fn change(folder: &KeyFolder, origin: Option<String>, change: KeyChange) -> Result<TrustAnchor> {
    let folder = folder.clone();
    let task = tokio::task::spawn_blocking(move || {
        request(&folder, &unlock(), origin.as_deref(), |current, at| {
            let changed = current.changed(&change, at, current.expires_at);
            changed.map_err(|error| Error::new(Reason::ConfigurationInvalid, error.to_string()))
        })
    });
    task.await.expect("ends")
}

fn fresh(folder: &KeyFolder, origin: &str, algorithm: Algorithm) -> PublicKey {
    let signer = folder.generate(origin, algorithm, &unlock()).expect("made");
    PublicKey::new(algorithm, signer.public_key()).expect("a good key")
}

fn person(number: u64) -> Change {
    Change {
        record_type: "resident.person.v1".into(),
        operation: Operation::Create,
        expected_version: 0,
        payload: Object::new()
            .with("personal_id", format!("0271859{number:05}").as_str())
            .with("full_name", "Trần Thị Thử")
            .with("birth_date", "1985-03-04")
            .with("sex", "female")
            .with("nationality", "VN")
            .with("life_status", "alive")
            .with("status", "active"),
        valid_from: None,
        valid_until: None,
    }
}

/// Writes one person after the other until it is told to stop; gives how many were accepted.
async fn write(gateway: &Gateway, written: &AtomicU64, stop: &AtomicBool) {
    let host = gateway.assembly.registries["resident"].port();
    while !stop.load(Ordering::Relaxed) {
        let number = written.load(Ordering::Relaxed);
        let submission = Submission { request_id: format!("write-{number:08}"), changes: vec![person(number)] };
        host.submit(submission).await.expect("accepted");
        written.store(number + 1, Ordering::Relaxed);
    }
}

/// Every person that was written, with both proofs, and the index in the record ledger.
async fn read_all(gateway: &Gateway, count: u64) -> Vec<(u64, SignedRecord)> {
    let (role, province) = (&gateway.assembly.registries["resident"], &gateway.assembly.province.layer);
    let host = role.port();
    province.wait_for("resident", role.log().head().size).await.expect("accepted");
    let mut found = Vec::new();
    for number in 0..count {
        let id = crate::base::PersonalId::parse(&format!("0271859{number:05}")).expect("an id");
        let page = host.read(Query::latest(["resident.person.v1"], Selector::Person(id), 2)).await.expect("reads");
        let mut record = page.records.first().expect("not lost").record.clone();
        let place = record.issuer_proof.as_ref().expect("a proof").index;
        let proof = province.prove("resident", place).await.expect("reads").expect("accepted");
        let index = proof.index;
        record.ledger_proof = Some(Arc::unwrap_or_clone(proof));
        found.push((index, record));
    }
    found
}

async fn events(gateway: &Gateway) -> Vec<(u64, KeyEvent)> {
    let entries = gateway.assembly.province.records.entries(0, usize::MAX >> 1).await.expect("reads");
    let event = |(index, entry): (usize, &bytes::Bytes)| match split_entry(entry)? {
        (EntryType::KeyEvent, body) => Some((index as u64, KeyEvent::parse(body).expect("an event"))),
        _ => None,
    };
    entries.iter().enumerate().filter_map(event).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_change_under_load_and_every_record_is_judged_by_its_place() {
    let temporary = tempfile::tempdir().expect("folder");
    let (folder, first) = begin(&temporary.path().join("keys"), 2, 2);
    let storage = Storage::Folder(temporary.path().join("data"));
    let gateway = Arc::new(open(&folder, storage.clone()).await);
    let (written, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let writer = {
        let (gateway, written, stop) = (gateway.clone(), written.clone(), stop.clone());
        tokio::spawn(async move { write(&gateway, &written, &stop).await })
    };
    // Records are issued and accepted between two changes.
    let more = || {
        let (gateway, before) = (&gateway, gateway.record_ledger_size());
        until("more records", move || (gateway.record_ledger_size() > before + 8).then_some(()))
    };
    let resident = origin("resident");
    more().await;
    let successor = fresh(&folder, &resident, Algorithm::EcdsaP256);
    let rotate = KeyChange::Rotate { origin: resident.clone(), successor: successor.clone() };
    let second = change(&folder, Some(resident.clone()), rotate).await.expect("rotated");
    more().await;
    let records = origin("records");
    let next_key = fresh(&folder, &records, Algorithm::Ed25519);
    let rotate = KeyChange::Rotate { origin: records.clone(), successor: next_key };
    let third = change(&folder, Some(records), rotate).await.expect("the ledger's key rotated");
    more().await;
    let suspect_from = gateway.record_ledger_size();
    more().await;
    let next_key = fresh(&folder, &resident, Algorithm::Ed25519);
    let stolen = KeyChange::Compromise { key: successor.id(), suspect_from, successor: Some(next_key) };
    let fourth = change(&folder, Some(resident.clone()), stolen).await.expect("compromised");
    more().await;
    stop.store(true, Ordering::Relaxed);
    writer.await.expect("no write failed");
    let count = written.load(Ordering::Relaxed);
    assert!(count > 8, "there was a load: {count}");

    // the ledger tells what the versions say, where they say it
    let events = events(&gateway).await;
    for (current, next) in [(None, &first), (Some(&first), &second), (Some(&second), &third), (Some(&third), &fourth)] {
        let expect = KeyEvent::between(current, next).expect("agrees");
        let found: Vec<_> = events.iter().filter(|(_, event)| event.anchor_version == next.version).collect();
        assert_eq!(found[0].0, next.events_from);
        assert_eq!(found.iter().map(|(_, event)| event).collect::<Vec<_>>(), expect.iter().collect::<Vec<_>>());
    }

    let now = SystemClock.now();
    let all = read_all(&gateway, count).await;
    let newest = Verifier::new(fourth.clone());
    let before = Verifier::new(third.clone());
    let mut sums = [0; 3];
    for (index, record) in &all {
        let verdict = newest.verify(record, now).verdict;
        let (at, expect) = match *index {
            index if index < suspect_from => (0, Verdict::Valid),
            index if index < fourth.events_from => (1, Verdict::Indeterminate(Code::RevokedNoPoe)),
            _ => (2, Verdict::Valid),
        };
        assert_eq!(verdict, expect, "index {index} of {all}", all = count);
        sums[at] += 1;
        // An anchor that is one version behind knows the new key no more than a stranger's.
        assert_eq!(before.verify(record, now).verdict, Verdict::Invalid(Code::NoTrustedSignature));
    }
    assert!(sums.iter().all(|sum| *sum > 0), "each part holds records: {sums:?}");

    // re-attestation clears them
    let key = successor.id();
    let range = suspect_from..fourth.events_from;
    let fifth = change(&folder, None, KeyChange::Reattest { key, range }).await.expect("re-attested");
    let newest = Verifier::new(fifth.clone());
    assert!(all.iter().all(|(_, record)| newest.verify(record, now).verdict.is_valid()));

    // and a restart finds everything again
    let gateway = Arc::into_inner(gateway).expect("the writer ended");
    gateway.close().await;
    let gateway = open(&folder, storage).await;
    assert_eq!(*gateway.assembly.province.verifier.anchor(), fifth);
    let all = read_all(&gateway, count).await;
    assert!(all.iter().all(|(_, record)| newest.verify(record, now).verdict.is_valid()));
    gateway.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_does_not_follow_is_refused_and_changes_nothing() {
    let temporary = tempfile::tempdir().expect("folder");
    let (folder, first) = begin(&temporary.path().join("keys"), 1, 1);
    let gateway = open(&folder, Storage::Memory).await;
    let land = origin("land");
    let successor = fresh(&folder, &land, Algorithm::Ed25519);
    // said to be of another log than it is
    let rotate = KeyChange::Rotate { origin: land.clone(), successor: successor.clone() };
    let refused = change(&folder, Some(origin("vehicle")), rotate.clone()).await.expect_err("refused");
    assert!(refused.message.contains("a log other than"), "{}", refused.message);
    assert_eq!(folder.newest().expect("stands"), first);
    assert_eq!(*gateway.assembly.province.verifier.anchor(), first);
    // the same, said right
    let second = change(&folder, Some(land), rotate).await.expect("rotated");
    assert_eq!(gateway.assembly.province.anchor.newest().version, 2);
    assert_eq!(folder.newest().expect("stands"), second);
    let withdrawn = KeyChange::Withdraw { issuer: "land".into() };
    let third = change(&folder, Some(origin("land")), withdrawn).await.expect("withdrawn");
    let keys = &third.issuer("land").expect("stays").keys;
    assert!(keys.iter().all(|key| key.state != KeyState::Active));
    let land = &gateway.assembly.registries["land"];
    let size = land.log().head().size;
    let late = Submission { request_id: "too-late-now".into(), changes: vec![person(1)] };
    assert_eq!(land.port().submit(late).await.expect_err("it may not issue").reason, Reason::IssuerWithdrawn);
    assert_eq!(land.log().head().size, size, "nothing is stored");
    let list = gateway.assembly.province.status.get("land.parcel.v1").await.expect_err("no verifier would accept it");
    assert_eq!(list.reason, Reason::IssuerWithdrawn);
    gateway.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_while_its_registry_is_withdrawn_is_refused_and_not_stored() {
    let temporary = tempfile::tempdir().expect("folder");
    let (folder, _) = begin(&temporary.path().join("keys"), 1, 1);
    let gateway = Arc::new(open(&folder, Storage::Memory).await);
    let written = Arc::new(AtomicU64::new(0));
    let role = gateway.assembly.registries["resident"].clone();
    let writer = {
        let (host, written) = (role.port(), written.clone());
        tokio::spawn(async move {
            loop {
                let number = written.load(Ordering::Relaxed);
                let submission = Submission { request_id: format!("write-{number:08}"), changes: vec![person(number)] };
                match host.submit(submission).await {
                    Ok(_) => written.store(number + 1, Ordering::Relaxed),
                    Err(error) => return error.reason,
                }
            }
        })
    };
    until("a record", || (written.load(Ordering::Relaxed) > 0).then_some(())).await;
    let withdrawn = KeyChange::Withdraw { issuer: "resident".into() };
    change(&folder, Some(origin("resident")), withdrawn).await.expect("withdrawn");
    assert_eq!(writer.await.expect("ends"), Reason::IssuerWithdrawn);
    // the log ends where the province has taken it in
    let size = role.log().head().size;
    gateway.assembly.province.layer.wait_for("resident", size).await.expect("all of it was accepted");
    Arc::into_inner(gateway).expect("the writer ended").close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_of_keys_serves_one_gateway_at_a_time() {
    let temporary = tempfile::tempdir().expect("folder");
    let (folder, _) = begin(&temporary.path().join("keys"), 1, 1);
    let gateway = open(&folder, Storage::Memory).await;
    let keys = Some(KeptKeys { folder: folder.path().to_owned(), unlock: unlock() });
    let second = Config { storage: Storage::Memory, population: Some(0), keys, ..Config::default() };
    let refused = Gateway::open(second).await.err().expect("refused");
    assert!(refused.message.contains("in use by another process"), "{}", refused.message);
    gateway.close().await;
    open(&folder, Storage::Memory).await.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_of_a_halted_feed_can_be_declared_stolen() {
    let temporary = tempfile::tempdir().expect("folder");
    let (folder, first) = begin(&temporary.path().join("keys"), 1, 1);
    let gateway = open(&folder, Storage::Memory).await;
    let land = origin("land");
    let mut key = first.issuer("land").expect("there").keys.iter().filter(|key| key.state == KeyState::Active);
    let key = key.next().expect("in use").id();
    // Somebody signs with it what the province does not take: a record type of another registry.
    let ledger = gateway.assembly.registries["land"].sequencer().clone();
    let foreign = crate::ledger::Entry {
        leaf: crate::trust::merkle::hash_leaf(b"no statement"),
        body: bytes::Bytes::from_static(b"no statement"),
    };
    ledger.append(vec![foreign], |_| crate::store::Batch::new()).await.expect("appended");
    let mut feed = gateway.assembly.province.layer.watch_progress("land").expect("a feed");
    let is_halted = |now: &Progress| matches!(now.state, FeedState::Halted { .. });
    feed.wait_for(is_halted).await.expect("the feed halts");
    let successor = fresh(&folder, &land, Algorithm::Ed25519);
    let stolen = KeyChange::Compromise { key, suspect_from: 0, successor: Some(successor) };
    let second = change(&folder, Some(land), stolen).await.expect("compromised");
    assert_eq!(*gateway.assembly.province.verifier.anchor(), second);
    gateway.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_and_claims_are_signed_by_the_key_in_use() {
    let temporary = tempfile::tempdir().expect("folder");
    let (folder, _) = begin(&temporary.path().join("keys"), 1, 1);
    let gateway = open(&folder, Storage::Memory).await;
    let schema = "resident.person.v1";
    let list = || async { gateway.assembly.province.status.get(schema).await.expect("published").token.clone() };
    let verify = |token: &str, anchor: &TrustAnchor| crate::trust::status_list::StatusToken::verify(token, anchor);
    let before = list().await;
    let resident = origin("resident");
    let successor = fresh(&folder, &resident, Algorithm::EcdsaP256);
    let rotate = KeyChange::Rotate { origin: resident.clone(), successor };
    let second = change(&folder, Some(resident), rotate).await.expect("rotated");
    // at once, though nothing in the list has changed
    let after = list().await;
    assert_ne!(before, after);
    assert!(verify(&after, &second).is_ok());
    verify(&before, &second).expect_err("no place in the ledger says when it was signed");

    let evidence = origin("evidence");
    let successor = fresh(&folder, &evidence, Algorithm::Ed25519);
    let rotate = KeyChange::Rotate { origin: evidence.clone(), successor: successor.clone() };
    let third = change(&folder, Some(evidence.clone()), rotate).await.expect("rotated");
    assert_eq!(gateway.assembly.gateway.evidence.signer().public_key(), successor.bytes());
    let events = events(&gateway).await;
    let at = events.iter().filter(|(_, event)| event.anchor_version == third.version);
    assert_eq!(at.map(|(_, event)| event.origin.as_str()).collect::<Vec<_>>(), [&evidence, &evidence]);
    gateway.close().await;
}

/// The verdict on the persona's record of a person by the anchor, with its ledger position if it has one.
async fn judge(gateway: &Gateway, persona: &str, anchor: &TrustAnchor) -> Verdict {
    let (registry, province) = (&gateway.assembly.ports["resident"], &gateway.assembly.province.layer);
    let id = crate::base::PersonalId::parse(persona).expect("an id");
    let query = Query::latest(["resident.person.v1"], Selector::Person(id), 2);
    let mut record = registry.read(query).await.expect("reads").records.first().expect("there").record.clone();
    province.wait_for("resident", registry.log_size().await.expect("a size")).await.expect("accepted");
    let place = record.issuer_proof.as_ref().expect("a proof").index;
    record.ledger_proof = province.prove("resident", place).await.expect("reads").map(Arc::unwrap_or_clone);
    Verifier::new(anchor.clone()).verify(&record, SystemClock.now()).verdict
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn personas_of_bad_signatures_stay_what_they_are_with_kept_keys_and_after_a_rotation() {
    let temporary = tempfile::tempdir().expect("folder");
    let (folder, mut anchor) = begin(&temporary.path().join("keys"), 1, 1);
    let gateway = open(&folder, Storage::Memory).await;
    for _ in 0..2 {
        for (persona, verdict) in [
            ("042090990102", Verdict::Invalid(Code::IssuerMismatch)),
            ("042090990103", Verdict::Indeterminate(Code::RevokedNoPoe)),
            ("042090990105", Verdict::Invalid(Code::IssuedInFuture)),
            ("042090990001", Verdict::Valid),
        ] {
            assert_eq!(judge(&gateway, persona, &anchor).await, verdict, "{persona}, version {}", anchor.version);
        }
        let resident = origin("resident");
        let successor = fresh(&folder, &resident, Algorithm::Ed25519);
        let rotate = KeyChange::Rotate { origin: resident.clone(), successor };
        anchor = change(&folder, Some(resident), rotate).await.expect("rotated");
    }
    gateway.close().await;
}

#[test]
fn without_a_gateway_nothing_changes() {
    let temporary = tempfile::tempdir().expect("folder");
    let (folder, first) = begin(&temporary.path().join("keys"), 3, 2);
    KeyFolder::init(
        folder.path(),
        &Catalogue::built_in(),
        &Beginning { algorithm: Algorithm::Ed25519, root_keys: 1, threshold: 1, expires_at: Timestamp(1) },
        &unlock(),
    )
    .expect_err("there are keys");
    assert_eq!(folder.newest().expect("reads"), first);
    assert_eq!(TrustAnchor::from_json(&first.to_json().expect("writes")).expect("signed"), first);
    KeyFolder::open(temporary.path()).expect_err("no keys there");
}
