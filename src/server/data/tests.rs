//! What a data folder survives: deaths while its world is seeded, wherever they fall, and a `world.json` that is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;

use super::*;
use crate::access::RightsBook;
use crate::access::rights::embedded;
use crate::base::Timestamp;
use crate::base::time::FixedClock;
use crate::server::Gateway;
use crate::server::seeding;
use crate::store::{Batch, Health, Scan, Space, StoreRow};
use tokio::sync::watch;

const BEGUN: Timestamp = Timestamp(1_800_000_000_000);
const WITHIN: Duration = Duration::from_secs(30);

/// A store that dies after some commits: nothing is written from then on.
struct Dying {
    inner: Arc<dyn Store>,
    commits_left: AtomicI64,
}

#[async_trait]
impl Store for Dying {
    async fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>> {
        self.inner.get(space, key).await
    }

    async fn get_many(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>> {
        self.inner.get_many(space, keys).await
    }

    async fn scan(&self, scan: Scan) -> Result<Vec<StoreRow>> {
        self.inner.scan(scan).await
    }

    async fn commit(&self, batch: Batch) -> Result<()> {
        if self.commits_left.fetch_sub(1, Ordering::SeqCst) <= 0 {
            return Err(Error::new(Reason::Internal, "the store died"));
        }
        self.inner.commit(batch).await
    }

    async fn snapshot(&self) -> Result<Arc<dyn crate::store::Snapshot>> {
        self.inner.snapshot().await
    }
    fn changes(&self, space: Space) -> crate::store::Changes {
        self.inner.changes(space)
    }

    fn openers(&self) -> crate::store::Openers {
        self.inner.openers()
    }

    fn count(&self, space: Space) -> u64 {
        self.inner.count(space)
    }

    fn health(&self) -> watch::Receiver<Health> {
        self.inner.health()
    }

    fn damaged(&self, space: Space, what: &'static str) -> Error {
        self.inner.damaged(space, what)
    }
}

fn config(storage: Storage, now: Timestamp) -> Config {
    Config { storage, population: Some(20), clock: Arc::new(FixedClock::at(now)), ..Config::default() }
}

fn kept(folder: &Path, now: Timestamp) -> Config {
    config(Storage::Folder(folder.to_owned()), now)
}

/// Rows by space and key.
type Rows = BTreeMap<(&'static str, Bytes), Bytes>;

/// Every row of every space.
async fn rows(store: &dyn Store) -> Rows {
    let mut rows = BTreeMap::new();
    for space in Space::ALL {
        let found = store.scan(Scan::prefix(*space, b"").limit(usize::MAX)).await.expect("rows");
        rows.extend(found.into_iter().map(|(key, value)| ((space.name(), key), value)));
    }
    rows
}

async fn seed(config: &Config, data: &Data) -> Result<()> {
    seeding::seed(config, data, RightsBook::of(embedded()), &BTreeMap::new(), &[]).await
}

async fn seeded(config: &Config) -> Data {
    let data = Data::open(config).expect("opens");
    seed(config, &data).await.expect("seeds");
    data.seeded().await.expect("is named")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_world_is_the_same_wherever_its_seeding_was_interrupted() {
    let undisturbed = rows(&*seeded(&config(Storage::Memory, BEGUN)).await.store).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut now = BEGUN;
    for commits in (0..).step_by(9) {
        let config = kept(folder.path(), now);
        let mut data = Data::open(&config).expect("opens");
        assert_eq!((data.world.created_at_ms, data.world.seeded), (BEGUN.0, false), "after {commits}");
        assert!(rows(&*data.store).await.is_empty(), "it begins again with nothing, after {commits}");
        data.store = Arc::new(Dying { inner: data.store.clone(), commits_left: commits.into() });
        let outcome = seed(&config, &data).await;
        assert!(data.close(WITHIN).await, "after {commits}");
        assert!(!folder.path().join(STORE).exists());
        if outcome.is_ok() {
            break;
        }
        // The next start is later; the world is not.
        now = now.plus_ms(86_400_000);
    }
    let data = seeded(&kept(folder.path(), now)).await;
    let resumed = rows(&*data.store).await;
    let differ = |one: &Rows, other: &Rows| -> BTreeSet<&str> {
        one.iter().filter(|(key, row)| other.get(*key) != Some(*row)).map(|((space, _), _)| *space).collect()
    };
    assert_eq!(differ(&resumed, &undisturbed), BTreeSet::new(), "spaces with rows that the undisturbed world has not");
    assert_eq!(differ(&undisturbed, &resumed), BTreeSet::new(), "spaces with rows that are missing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn seeding_fails_with_its_store_at_whatever_commit() {
    let undisturbed = rows(&*seeded(&config(Storage::Memory, BEGUN)).await.store).await;
    for commits in 0.. {
        let config = config(Storage::Memory, BEGUN);
        let mut data = Data::open(&config).expect("opens");
        let inner = data.store.clone();
        data.store = Arc::new(Dying { inner: inner.clone(), commits_left: commits.into() });
        match tokio::time::timeout(WITHIN, seed(&config, &data)).await.expect("it ends") {
            Err(_) => assert!(rows(&*inner).await != undisturbed, "after {commits}: a failure leaves something out"),
            Ok(()) => {
                assert!(commits > 20 && rows(&*inner).await == undisturbed, "{commits} commits are the whole world");
                return;
            }
        }
    }
}

fn world_file(folder: &Path, from: &str, to: &str) {
    let path = WorldFile::path(folder);
    let text = fs::read_to_string(&path).expect("a world");
    assert!(text.contains(from), "{text}");
    fs::write(&path, text.replace(from, to)).expect("written");
}

fn refusal(config: &Config) -> String {
    let error = Data::open(config).err().expect("refused");
    assert_eq!(error.reason, Reason::ConfigurationInvalid);
    error.message.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_is_never_removed_whatever_the_world_file_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = kept(folder.path(), BEGUN);
    let row = || Batch::new().put(Space::Meta, b"acknowledged".to_vec(), b"yes".to_vec());
    let data = seeded(&config).await;
    data.store.commit(row()).await.expect("acknowledged");
    assert!(data.close(WITHIN).await);

    // As after a death between the rename and the note of it, and after a change by hand.
    world_file(folder.path(), "\"seeded\": true", "\"seeded\": false");
    let data = Data::open(&config).expect("opens");
    assert!(data.world.seeded && WorldFile::read(folder.path()).expect("read").is_some_and(|world| world.seeded));
    assert_eq!(data.store.get(Space::Meta, b"acknowledged").await.expect("read").as_deref(), Some(&b"yes"[..]));
    assert!(data.close(WITHIN).await);

    // A world that an earlier version seeded in its store: whole, or perhaps not.
    world_file(folder.path(), "world/v3", "world/v2");
    assert!(Data::open(&config).expect("opens").close(WITHIN).await);
    world_file(folder.path(), "\"seeded\": true", "\"seeded\": false");
    assert!(refusal(&config).contains("an earlier version was interrupted"));
    world_file(folder.path(), "world/v2", "world/v3");

    let world = fs::read(WorldFile::path(folder.path())).expect("a world");
    fs::remove_file(WorldFile::path(folder.path())).expect("removed");
    assert!(refusal(&config).contains("no world.json"));
    fs::write(WorldFile::path(folder.path()), world).expect("written");
    let data = Data::open(&config).expect("opens");
    assert_eq!(data.store.get(Space::Meta, b"acknowledged").await.expect("read").as_deref(), Some(&b"yes"[..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_world_without_its_store_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = kept(folder.path(), BEGUN);
    assert!(seeded(&config).await.close(WITHIN).await);
    fs::remove_dir_all(folder.path().join(STORE)).expect("removed");
    let message = refusal(&config);
    assert!(message.contains("its store is missing: restore"), "{message}");
    assert!(!folder.path().join(STORE).exists() && !folder.path().join(SEEDING).exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_world_that_nobody_was_served_from_gives_way_to_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = kept(folder.path(), BEGUN);
    assert!(Data::open(&first).expect("opens").close(WITHIN).await);
    let later = BEGUN.plus_ms(1);
    let other = Config { population: Some(21), ..kept(folder.path(), later) };
    let data = Data::open(&other).expect("opens");
    assert_eq!((data.world.population, data.world.created_at_ms), (21, later.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_is_held_as_long_as_anybody_holds_its_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = kept(folder.path(), BEGUN);
    let data = Data::open(&config).expect("opens");
    let world = fs::read(WorldFile::path(folder.path())).expect("a world");
    // It is refused before it reads, writes or removes anything.
    let other = Config { seed: Some(7), ..config.clone() };
    assert!(refusal(&other).contains("in use by another process"));
    assert_eq!(fs::read(WorldFile::path(folder.path())).expect("a world"), world);
    let store = data.store.clone();
    drop(data);
    assert!(refusal(&config).contains("in use by another process"));
    assert!(DataFolder::take(folder.path()).is_err());
    drop(store);
    DataFolder::take(folder.path()).expect("free");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_before_what_is_logged_keeps_the_world_closed() {
    let folder = tempfile::tempdir().expect("a folder");
    Gateway::open(kept(folder.path(), BEGUN)).await.expect("opens").close().await;
    let days_before = BEGUN.plus_ms(-3 * 86_400_000);
    let refused = Gateway::open(kept(folder.path(), days_before)).await.err().expect("refused");
    assert_eq!(refused.reason, Reason::ClockBehind);
    for at in [days_before, BEGUN] {
        assert!(refused.message.contains(&at.to_string()), "{}", refused.message);
    }
    Gateway::open(kept(folder.path(), BEGUN.plus_ms(-60_000))).await.expect("a minute is no harm").close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_of_tokens_is_no_part_of_the_world() {
    let mut keys = BTreeSet::new();
    for _ in 0..2 {
        let folder = tempfile::tempdir().expect("a folder");
        let data = seeded(&kept(folder.path(), BEGUN)).await;
        keys.insert(fs::read(folder.path().join("credentials.key")).expect("a key"));
        assert!(data.close(WITHIN).await);
    }
    assert_eq!(keys.len(), 2, "two worlds of one seed have keys of their own");
}
