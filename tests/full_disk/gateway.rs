//! A gateway on a full disk: it starts for reading, says so, and goes on once there is room.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lienthong::base::Result;
use lienthong::server::data::DataFolder;
use lienthong::server::{Config, Storage};
use lienthong::store::Store;
use lienthong::store::engine::{Engine, Opening};
use lienthong::store::fjall::{FjallOptions, FjallStore};
use serde_json::json;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::Disk;
use super::common::sessions::{CITIZEN, PURPOSE, base};
use super::common::until::until;
use super::common::{config, gateway, reason};

const EXCHANGE: &str = "lienthong.exchange.v1.ExchangeService";

/// The embedded engine on a disk of the test's.
struct OnDisk(Arc<Disk>);

impl Engine for OnDisk {
    fn open(&self, opening: Opening<'_>) -> Result<Arc<dyn Store>> {
        let options = || FjallOptions { reserve_bytes: 1_000, ..FjallOptions::default() };
        if opening.served.is_none() {
            drop(FjallStore::create(opening.path, options())?);
        }
        Ok(Arc::new(FjallStore::open_on(opening.path, options(), self.0.clone())?.keeping(opening.kept)))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_starts_on_a_full_disk_for_reading_and_writes_once_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let disk = Arc::new(Disk(AtomicU64::new(u64::MAX)));
    let settings = || Config {
        storage: Storage::Folder(data.clone()),
        engine: Arc::new(OnDisk(disk.clone())),
        anchor: Some(folder.path().join("anchor.json")),
        ..config()
    };
    gateway().with(|_| settings()).on_a_socket().start().await.end().await.close().await;
    until("the folder is free", || DataFolder::take(&data).ok()).await;

    disk.0.store(500, Ordering::SeqCst);
    let started = gateway().with(|_| settings()).on_a_socket().start().await;
    let world = base(&started.channel);
    world.until_serves("", false).await;
    assert!(!world.serves(EXCHANGE).await && world.serves("lienthong.trust.v1.LedgerService").await);
    let (version, _) = world.religion().await;
    world.anchor().await;
    let fetch = json!({ "personal_id": CITIZEN, "record_types": ["resident.person.v1"], "purpose": PURPOSE });
    let fetch = async || world.call("demo-one-stop", "exchange.v1.ExchangeService/FetchRecords", fetch.clone()).await;
    let refused = fetch().await.expect_err("no disclosure without its evidence");
    assert_eq!(reason(&refused), (Code::Unavailable, "STORAGE_FULL".into()));
    assert!(refused.get_details_retry_info().is_some(), "{refused:?}");

    disk.0.store(u64::MAX, Ordering::SeqCst);
    for service in ["", EXCHANGE] {
        world.until_serves(service, true).await;
    }
    fetch().await.expect("there is room");
    world.convert(version, "Phật giáo").await;
    started.end().await.close().await;
}
