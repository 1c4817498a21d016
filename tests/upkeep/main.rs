//! The upkeep of a data folder: a check finds inconsistencies and reports none for a whole store; a rebuild restores exactly the
//! derived rows that were lost; a folder that lost its store is not served from.

#![allow(clippy::disallowed_methods, reason = "tests measure and wait by the machine's time")]
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;
mod serving;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use common::until::until;
use common::{as_agency, as_citizen, config, enter_membership, gateway};
use lienthong::base::{Error, Kind, Reason};
use lienthong::registry::Catalogue;
use lienthong::server::data::DataFolder;
use lienthong::server::upkeep::{CheckReport, accept_rollback, check, check_folder, rebuild_folder};
use lienthong::server::{Config, Gateway, Storage};
use lienthong::store::fjall::{FjallOptions, FjallStore};
use lienthong::store::{Batch, Pace, Remedy, Scan, Space, Store, StoreRow};
use lienthong::wire::proto::access::v1::ListAccessesRequest;
use lienthong::wire::proto::access::v1::access_log_service_client::AccessLogServiceClient;
use lienthong::wire::proto::exchange::v1::FetchRecordsRequest;
use lienthong::wire::proto::exchange::v1::exchange_service_client::ExchangeServiceClient;

const ASKED_ABOUT: &str = "042090990001";
const FETCHES: usize = 5;

fn kept(folder: &Path) -> Config {
    Config { storage: Storage::Folder(folder.to_owned()), ..config() }
}

/// A world that was seeded, changed and asked.
async fn live(folder: &Path) {
    let started = gateway().with(|_| kept(folder)).on_a_socket().start().await;
    for number in 0..3 {
        enter_membership(&started.channel, number).await;
    }
    let mut exchange = ExchangeServiceClient::new(started.channel.clone());
    for _ in 0..FETCHES {
        let request = FetchRecordsRequest {
            personal_id: ASKED_ABOUT.into(),
            record_types: vec!["vehicle.registration.v1".into()],
            purpose: "one_stop.verify_documents".into(),
            ..Default::default()
        };
        exchange.fetch_records(as_agency("one-stop", request)).await.unwrap();
    }
    end(started).await;
}

async fn end(started: common::Started) {
    let folder = started.gateway.data_dir().unwrap().to_owned();
    started.end().await.close().await;
    // A machine that is busy takes its time to close the engine.
    until("the folder is free", || DataFolder::take(&folder).ok()).await;
}

fn open(folder: &Path) -> FjallStore {
    FjallStore::open_existing(&folder.join("store"), FjallOptions::default()).unwrap()
}

async fn rows(folder: &Path) -> BTreeMap<&'static str, Vec<StoreRow>> {
    let store = open(folder);
    let mut rows = BTreeMap::new();
    for space in Space::ALL {
        rows.insert(space.name(), store.scan(Scan::prefix(*space, b"")).await.unwrap());
    }
    rows
}

async fn accesses(folder: &Path) -> usize {
    let started = gateway().with(|_| kept(folder)).on_a_socket().start().await;
    let mut log = AccessLogServiceClient::new(started.channel.clone());
    let request = ListAccessesRequest { personal_id: ASKED_ABOUT.into(), page_size: 500, ..Default::default() };
    let listed = log.list_accesses(as_citizen(ASKED_ABOUT, request)).await.unwrap().into_inner().accesses.len();
    end(started).await;
    listed
}

fn found(report: &CheckReport) -> Vec<(&'static str, &'static str)> {
    report.findings.iter().map(|(space, what, _)| (space.name(), what)).collect()
}

async fn refused(folder: &Path) -> Error {
    let stored = || [folder.join("store"), folder.join("standing")].map(|path| path.exists().then(|| files(&path)));
    let before = stored();
    let error = Gateway::open(kept(folder)).await.err().expect("the start is refused");
    assert!(stored() == before, "a refusal changes nothing: {}", error.message);
    error
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_derived_rows_refuse_the_start_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    live(folder.path()).await;
    let report = check_folder(folder.path(), &|_, _, _| {}).await.unwrap();
    assert_eq!(found(&report), []);
    let before = rows(folder.path()).await;
    let may_be_empty =
        |name: &str| ["presentation", "consent", "simulation", "webhook"].iter().any(|of| name.starts_with(of));
    assert!(before.iter().all(|(name, rows)| !rows.is_empty() || may_be_empty(name)));

    std::fs::remove_dir_all(folder.path().join("store/keyspaces/2")).unwrap();
    let error = refused(folder.path()).await;
    assert_eq!(error.reason, Reason::StorageCorrupt);
    assert!(error.message.contains("evidence_subject") && error.message.contains("store rebuild"), "{}", error.message);
    let error = check_folder(folder.path(), &|_, _, _| {}).await.expect_err("a check needs a store that opens");
    assert_eq!(error.kind(), Kind::Corrupt);

    let made = rebuild_folder(folder.path(), &|_, _, _| {}).await.unwrap();
    assert!(made.iter().any(|(space, rows)| *space == Space::ProvinceIndex && *rows > 100), "{made:?}");
    let accepted = accept_rollback(folder.path()).unwrap();
    assert_eq!(accepted.missing, Some(0), "a rebuild gives up nothing: {accepted:?}");
    let after = rows(folder.path()).await;
    for (space, rows) in &before {
        assert_eq!(after[space], *rows, "{space}");
    }
    let report = check_folder(folder.path(), &|_, _, _| {}).await.unwrap();
    assert_eq!(found(&report), []);
    assert_eq!(accesses(folder.path()).await, FETCHES, "the list is complete again");
}

/// A rebuild makes derived rows again; it does not hide a loss of others, and changes nothing when it finds one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_refuses_where_acknowledged_rows_are_missing() {
    let folder = tempfile::tempdir().unwrap();
    live(folder.path()).await;
    let store = folder.path().join("store");
    let journal = newest_journal(folder.path());
    let whole = std::fs::read(&journal).unwrap();
    let end = whole.iter().rposition(|byte| *byte != 0).expect("it is written") + 1;
    std::fs::write(&journal, &whole[..end - 10]).unwrap();
    for mark in [true, false] {
        let path = store.join("mark");
        let kept = std::fs::read(&path).unwrap();
        if !mark {
            std::fs::remove_file(&path).unwrap();
        }
        let error = rebuild_folder(folder.path(), &|_, _, _| {}).await.expect_err("rows are lost");
        assert_eq!(error.reason, Reason::StorageCorrupt, "{}", error.message);
        assert!(error.message.contains("restore it from a copy"), "{}", error.message);
        std::fs::write(&path, kept).unwrap();
    }
    assert_eq!(refused(folder.path()).await.reason, Reason::StorageCorrupt);
    std::fs::write(&journal, whole).unwrap();
    end_of(folder.path()).await;
}

fn newest_journal(folder: &Path) -> PathBuf {
    let files = std::fs::read_dir(folder.join("store")).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|ending| ending == "jnl")).max().expect("a journal")
}

/// The folder starts, and ends cleanly.
async fn end_of(folder: &Path) {
    end(gateway().with(|_| kept(folder)).on_a_socket().start().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_world_without_its_store_is_not_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    end(gateway().with(|_| kept(folder.path())).on_a_socket().start().await).await;
    std::fs::remove_dir_all(folder.path().join("store")).unwrap();
    // The data folder itself misses it, before the store would.
    let error = refused(folder.path()).await;
    assert_eq!(error.reason, Reason::ConfigurationInvalid);
    assert!(error.message.contains("store"), "{}", error.message);
    assert!(!folder.path().join("store").exists(), "none was begun");
    let error = rebuild_folder(folder.path(), &|_, _, _| {}).await.expect_err("there is nothing to rebuild from");
    assert_eq!(error.reason, Reason::StorageCorrupt);
}

/// A file, or every file under a folder, with its bytes and when it was last changed.
fn files(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
    let (mut files, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(path) = folders.pop() {
        if path.is_file() {
            let changed = path.metadata().unwrap().modified().unwrap();
            files.insert(path.clone(), (std::fs::read(&path).unwrap(), changed));
            continue;
        }
        for entry in std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap()) {
            folders.push(entry.path());
        }
    }
    files
}

fn copy(from: &Path, to: &Path) {
    for (path, (bytes, _)) in files(from) {
        let target = to.join(path.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::write(target, bytes).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    live(folder.path()).await;
    let journal = newest_journal(folder.path());
    let whole = std::fs::read(&journal).unwrap();
    let torn = [&whole[..whole.iter().rposition(|byte| *byte != 0).unwrap() - 9], b"torn"].concat();
    for (bytes, is_whole) in [(whole, true), (torn, false)] {
        std::fs::write(&journal, bytes).unwrap();
        let before = files(folder.path());
        let checked = check_folder(folder.path(), &|_, _, _| {}).await;
        assert_eq!(checked.is_ok(), is_whole);
        assert!(files(folder.path()) == before, "whole: {is_whole}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_store_is_taken_only_on_purpose() {
    let (folder, copies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (store, older, newest) =
        (folder.path().join("store"), copies.path().join("older"), copies.path().join("newest"));
    let put = |from: &Path| {
        std::fs::remove_dir_all(&store).unwrap();
        copy(from, &store);
    };
    live(folder.path()).await;
    copy(&store, &older);
    live(folder.path()).await;
    copy(&store, &newest);

    put(&older);
    let error = refused(folder.path()).await;
    assert_eq!(error.reason, Reason::StorageCorrupt);
    assert!(error.message.contains("accept-rollback"), "{}", error.message);
    assert_eq!(check_folder(folder.path(), &|_, _, _| {}).await.expect_err("older").reason, Reason::StorageCorrupt);
    assert_eq!(rebuild_folder(folder.path(), &|_, _, _| {}).await.expect_err("older").reason, Reason::StorageCorrupt);
    put(&newest);
    end_of(folder.path()).await;

    put(&older);
    let accepted = accept_rollback(folder.path()).unwrap();
    assert!(accepted.was.is_some_and(|was| accepted.missing == Some(was - accepted.is)), "{accepted:?}");
    assert!(accepted.missing > Some(0), "{accepted:?}");
    assert_eq!(accesses(folder.path()).await, FETCHES, "what came after is gone");
    // From here on the newer one is another history.
    put(&newest);
    let error = refused(folder.path()).await;
    assert!(error.message.contains("was written to elsewhere"), "{}", error.message);

    accept_rollback(folder.path()).unwrap();
    for (file, says) in [("standing", "is missing"), ("store/run", "not the one that was served from last")] {
        let path = folder.path().join(file);
        let kept = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let error = refused(folder.path()).await;
        assert!(error.message.contains(says), "{}", error.message);
        std::fs::write(&path, kept).unwrap();
    }
    let world = folder.path().join("world.json");
    let kept = std::fs::read_to_string(&world).unwrap();
    std::fs::write(&world, kept.replace("\"created_at_ms\": 1", "\"created_at_ms\": 2")).unwrap();
    assert!(refused(folder.path()).await.message.contains("belongs to another world"));
    std::fs::write(&world, kept).unwrap();
    end_of(folder.path()).await;
}

/// Writes the store anew with buffers so small that its rows are in tables.
async fn in_tables(folder: &Path, rows: &BTreeMap<&'static str, Vec<StoreRow>>) {
    let path = folder.join("store");
    std::fs::remove_dir_all(&path).unwrap();
    std::fs::remove_file(folder.join("standing")).unwrap();
    let options = FjallOptions { memtable_bytes: 64 * 1024, reserve_bytes: 0, ..FjallOptions::default() };
    let store = FjallStore::create(&path, options).unwrap();
    for space in Space::ALL {
        for part in rows[space.name()].chunks(64) {
            let put = |batch: Batch, (key, value): &StoreRow| batch.put(*space, key.clone(), value.clone());
            store.commit(part.iter().fold(Batch::new(), put)).await.unwrap();
        }
    }
}

/// Blocks of the tree that mixes rows of all kinds are zeroed: when any row that cannot be derived is lost, the check asks for
/// a copy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_never_calls_lost_records_derived() {
    let folder = tempfile::tempdir().unwrap();
    live(folder.path()).await;
    let whole = rows(folder.path()).await;
    in_tables(folder.path(), &whole).await;
    let tree = folder.path().join("store/keyspaces/1");
    let tables = files(&tree).into_keys().filter(|path| path.components().any(|part| part.as_os_str() == "tables"));
    let (mut lost, mut derived) = (0, 0);
    for table in tables.collect::<Vec<_>>() {
        let bytes = std::fs::read(&table).unwrap();
        for at in (0..bytes.len()).step_by((bytes.len() / 6).max(1)) {
            let mut spoilt = bytes.clone();
            let end = spoilt.len().min(at + 512);
            spoilt[at..end].fill(0);
            std::fs::write(&table, spoilt).unwrap();
            if let Ok(report) = check_folder(folder.path(), &|_, _, _| {}).await {
                let remedy = Remedy::of(report.findings.iter().map(|(space, ..)| space));
                let store = FjallStore::open_view(&folder.path().join("store"), FjallOptions::default(), None).unwrap();
                let mut is_lost = false;
                for space in Space::ALL.iter().filter(|space| !space.is_derived()) {
                    let keys: Vec<_> = whole[space.name()].iter().map(|(key, _)| key.to_vec()).collect();
                    is_lost |= store.get_many(*space, &keys).await.is_err();
                }
                assert!(!is_lost || remedy == Remedy::Copy, "{} at {at}: {:?}", table.display(), found(&report));
                lost += u32::from(is_lost);
                derived += u32::from(!report.findings.is_empty() && remedy != Remedy::Copy);
            }
        }
        std::fs::write(&table, &bytes).unwrap();
    }
    println!("originals lost in {lost}, derived rows alone in {derived}");
    assert!(lost > 0, "some damage hit records");
}

/// One row changed behind the program's back, and the finding of the check.
type Tampering = (&'static str, Space, fn(&StoreRow) -> Option<Bytes>, &'static [&'static str]);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_finds_each_row_that_does_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    live(folder.path()).await;
    let flipped = |row: &StoreRow| {
        let mut bytes = row.1.to_vec();
        *bytes.last_mut()? ^= 1;
        Some(Bytes::from(bytes))
    };
    let cases: &[Tampering] = &[
        ("a lost index row", Space::RecordIndex, |_| None, &["record_index"]),
        ("a lost link index row", Space::LinkIndex, |_| None, &["link_index"]),
        ("a lost entry of the access log's order", Space::EvidenceSubject, |_| None, &["evidence_subject"]),
        ("a lost index row of the view", Space::ProvinceIndex, |_| None, &["province_index"]),
        ("another row of the view", Space::ProvinceRecord, flipped, &["province_record"]),
        ("another place of a batch", Space::ProvinceBatch, flipped, &["province_batch"]),
        ("another status", Space::Status, flipped, &["status"]),
        ("a lost record", Space::Record, |_| None, &["record", "record_index"]),
        ("a lost superseded version", Space::RecordHistory, |_| None, &["record"]),
        ("another entry", Space::LogEntry, flipped, &["log_entry"]),
        ("another tile", Space::LogTile, flipped, &["log_tile"]),
    ];
    for (what, space, change, expected) in cases {
        let store = open(folder.path());
        let row = store.scan(Scan::prefix(*space, b"").limit(1)).await.unwrap().remove(0);
        let put = |value: Option<Bytes>| match value {
            Some(value) => Batch::new().put(*space, row.0.clone(), value),
            None => Batch::new().delete(*space, row.0.clone()),
        };
        store.commit(put(change(&row))).await.unwrap();
        let report = check(&store, &Catalogue::built_in(), Pace::Full, &|_, _, _| {}).await.unwrap();
        let found = found(&report);
        for space in *expected {
            assert!(found.iter().any(|(name, _)| name == space), "{what}: {found:?}");
        }
        store.commit(put(Some(row.1.clone()))).await.unwrap();
        let report = check(&store, &Catalogue::built_in(), Pace::Full, &|_, _, _| {}).await.unwrap();
        assert_eq!(self::found(&report), [], "{what}, taken back");
    }
    // Rows that come while it reads are no fault.
    let store = open(folder.path());
    let resting = Pace::Resting(Duration::from_millis(1));
    let report = check(&store, &Catalogue::built_in(), resting, &|_, _, _| {}).await.unwrap();
    assert_eq!(found(&report), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_meets_a_damaged_tile_says_where_and_what_helps() {
    let folder = tempfile::tempdir().unwrap();
    live(folder.path()).await;
    let tiles = &rows(folder.path()).await[Space::LogTile.name()];
    let (key, mut changed) = (tiles[0].0.clone(), tiles[0].1.to_vec());
    changed[0] ^= 1;
    let store = open(folder.path());
    store.commit(Batch::new().put(Space::LogTile, key, changed)).await.unwrap();
    drop(store);
    let error = Gateway::open(kept(folder.path())).await.err().expect("the start is refused");
    assert_eq!(error.reason, Reason::LedgerCorrupt);
    let home = folder.path().display().to_string();
    for said in ["log_tile", &format!("`lienthong store check {home}`"), "with the remedies"] {
        assert!(error.message.contains(said), "{said}: {error}");
    }
}

#[test]
fn the_program_says_what_is_wrong_and_mends_it() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output = common::process::run(folder.path(), arguments);
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let generate = run(&["population", "generate", "--data-dir", "data", "--population", "20"]);
    assert_eq!(generate.0, Some(0), "{}", generate.2);
    let (code, out, _) = run(&["store", "check", "data"]);
    assert!(code == Some(0) && out.starts_with("WHOLE"), "{out}");
    std::fs::remove_dir_all(folder.path().join("data/store/keyspaces/2")).unwrap();
    let (code, _, err) = run(&["store", "check", "data"]);
    assert!(code == Some(4) && err.contains("record_index"), "{err}");
    let (code, out, err) = run(&["store", "rebuild", "data", "--output", "json"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(serde_json::from_str::<serde_json::Value>(&out).unwrap()["made"].is_array());
    let (code, out, err) = run(&["store", "check", "data", "--output", "json"]);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(
        code == Some(0) && report["verdict"] == "WHOLE" && report["findings"] == serde_json::json!([]),
        "{out} {err}"
    );
    assert_eq!(run(&["store", "check", "nowhere"]).0, Some(1));
}
