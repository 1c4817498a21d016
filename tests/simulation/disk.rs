//! The simulated disk, as an engine for the store of a data folder. It takes its time, and it fails in the ways of disks.
//!
//! What is acknowledged is on the platter. What is on its way when the machine dies is kept or lost by the dice, whole, and never without what was
//! ordered before it. The folder itself (lock, world.json, clock) is a real one; the store in it is a file that names a platter.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use lienthong::base::{Error, Reason, Result};
use lienthong::store::engine::{Engine, Opening};
use lienthong::store::memory::MemoryStore;
use lienthong::store::{Batch, Changes, Health, Openers, Scan, Snapshot, Space, Store, StoreRow, Writes, disk_full};
use sha2::{Digest as _, Sha256};
use tokio::sync::{Notify, oneshot, watch};

use super::dice::Dice;
use super::log::Log;
use super::sometimes::Sometimes;
use super::weather::{DiskWeather, Habit};

/// Names the platter of a store's folder.
const MARK: &str = "platter";
/// Milliseconds after which nobody waits any longer for a batch.
const LOOKS_MAX: usize = 5_000;

/// Locks what no panic leaves half changed.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The disk of one machine.
pub struct Disk {
    log: Log,
    sometimes: Sometimes,
    dice: Mutex<Dice>,
    platters: Mutex<BTreeMap<u64, Arc<Platter>>>,
    /// How it behaves at the moment.
    pub weather: Mutex<DiskWeather>,
    /// What is wrong with it for the whole run.
    habit: Option<Habit>,
}

/// The rows of one store.
struct Platter {
    rows: MemoryStore,
    /// The rows that each space should have, as of the last commit: what a lost space is known by.
    counts: Mutex<Vec<u64>>,
    /// Rows that cannot be read at the moment.
    unreadable: Mutex<BTreeSet<(Space, Bytes)>>,
    /// Who has it open.
    opened: Mutex<Vec<Arc<Power>>>,
}

/// What one opening has, until the power goes.
struct Power {
    is_on: AtomicBool,
    waiting: Mutex<VecDeque<Waiting>>,
    came: Notify,
    health: watch::Sender<Health>,
    /// The lock of the folder, and whatever else ends with the process.
    kept: Mutex<Option<Box<dyn Any + Send + Sync>>>,
}

/// A batch on its way.
struct Waiting {
    batch: Batch,
    answer: oneshot::Sender<Result<()>>,
}

impl Disk {
    /// An empty disk.
    pub fn new(log: Log, sometimes: Sometimes, dice: Dice, habit: Option<Habit>) -> Arc<Self> {
        let (dice, platters, weather) = (Mutex::new(dice), Mutex::default(), Mutex::default());
        Arc::new(Self { log, sometimes, dice, platters, weather, habit })
    }

    /// Puts a copy of the rows of another machine's disk into the folder of a store.
    pub async fn restore(&self, path: &Path, rows: &[(Space, Vec<StoreRow>)]) {
        let platter = self.new_platter(path).expect("a folder for a store");
        for (space, rows) in rows {
            let batch =
                rows.iter().fold(Batch::new(), |batch, (key, value)| batch.put(*space, key.clone(), value.clone()));
            platter.rows.commit(batch).await.expect("rows are rows");
        }
        *lock(&platter.counts) = counts(&platter.rows);
    }

    /// All rows of the store in a folder.
    pub async fn rows(&self, path: &Path) -> Vec<(Space, Vec<StoreRow>)> {
        let platter = self.platter(path).expect("the store is there");
        let mut all = Vec::new();
        for space in Space::ALL {
            let scan = Scan::prefix(*space, b"").limit(usize::MAX);
            all.push((*space, platter.rows.scan(scan).await.expect("rows are read")));
        }
        all
    }

    /// A hash over all rows of the store in a folder, with how many there are.
    pub async fn digest(&self, path: &Path) -> String {
        digest_of(&self.rows(path).await)
    }

    /// The power goes: whoever has a store open has it no more. Of the batches on their way a beginning is kept, by the dice.
    pub async fn power_off(&self) {
        let platters: Vec<Arc<Platter>> = lock(&self.platters).values().cloned().collect();
        let opened = |platter: Arc<Platter>| {
            let opened = std::mem::take(&mut *lock(&platter.opened));
            opened.into_iter().map(move |power| (platter.clone(), power))
        };
        for (platter, power) in platters.into_iter().flat_map(opened) {
            power.is_on.store(false, Ordering::SeqCst);
            let waiting: Vec<Waiting> = lock(&power.waiting).drain(..).collect();
            power.came.notify_one();
            let kept = lock(&self.dice).below(waiting.len() as u64 + 1) as usize;
            for (at, waiting) in waiting.into_iter().enumerate() {
                if at < kept {
                    self.sometimes.met("a crash keeps a batch that nobody was told of");
                    self.log.note("disk", "a batch on its way was written");
                    // One whose condition does not hold writes nothing, as it would have anyway.
                    let _ = platter.write(waiting.batch).await;
                } else {
                    self.sometimes.met("a crash loses a batch that nobody was told of");
                    self.log.note("disk", "a batch on its way was lost");
                }
            }
            drop(lock(&power.kept).take());
        }
    }

    /// Waits until a batch is on its way, but not for long.
    #[allow(clippy::disallowed_methods, reason = "the runtime's time is the simulated machine's")]
    pub async fn busy(&self) {
        let is_busy =
            |platter: &Arc<Platter>| lock(&platter.opened).iter().any(|power| !lock(&power.waiting).is_empty());
        for _ in 0..LOOKS_MAX {
            if lock(&self.platters).values().any(is_busy) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Whether somebody has the store of a folder open.
    pub fn openers(&self, path: &Path) -> usize {
        self.platter(path).map_or(0, |platter| lock(&platter.opened).len())
    }

    /// Whether the engine of whoever has the store open takes nothing more.
    pub fn is_stopped(&self, path: &Path) -> bool {
        let Some(platter) = self.platter(path) else { return true };
        lock(&platter.opened).iter().any(|power| power.health.borrow().writes == Writes::Stopped)
    }

    /// Makes a block unreadable: so many rows of a space from the one at this place on, of all that there are. Gives how many.
    pub async fn spoil(&self, path: &Path, space: Space, at: u64, length: usize) -> usize {
        let Some(platter) = self.platter(path) else { return 0 };
        let rows = platter.rows.scan(Scan::prefix(space, b"").limit(usize::MAX)).await.expect("rows are read");
        let first = (at % rows.len().max(1) as u64) as usize;
        let keys: Vec<_> = rows.into_iter().skip(first).take(length).map(|(key, _)| (space, key)).collect();
        let count = keys.len();
        lock(&platter.unreadable).extend(keys);
        count
    }

    /// Everything can be read again.
    pub fn mend(&self, path: &Path) {
        if let Some(platter) = self.platter(path) {
            lock(&platter.unreadable).clear();
        }
    }

    /// Loses all rows of a space; gives them, for whoever has a copy.
    pub async fn lose(&self, path: &Path, space: Space) -> Vec<StoreRow> {
        let platter = self.platter(path).expect("the store is there");
        let rows = platter.rows.scan(Scan::prefix(space, b"").limit(usize::MAX)).await.expect("rows are read");
        let batch = rows.iter().fold(Batch::new(), |batch, (key, _)| batch.delete(space, key.clone()));
        platter.rows.commit(batch).await.expect("rows are rows");
        rows
    }

    /// Puts lost rows back, in place of whatever is there.
    pub async fn put_back(&self, path: &Path, space: Space, rows: Vec<StoreRow>) {
        self.lose(path, space).await;
        let platter = self.platter(path).expect("the store is there");
        let batch = rows.into_iter().fold(Batch::new(), |batch, (key, value)| batch.put(space, key, value));
        platter.rows.commit(batch).await.expect("rows are rows");
        *lock(&platter.counts) = counts(&platter.rows);
    }

    fn platter(&self, path: &Path) -> Option<Arc<Platter>> {
        let number: u64 = fs::read_to_string(path.join(MARK)).ok()?.parse().expect("a number");
        lock(&self.platters).get(&number).cloned()
    }

    fn new_platter(&self, path: &Path) -> std::io::Result<Arc<Platter>> {
        let rows = MemoryStore::new();
        let counts = Mutex::new(counts(&rows));
        let platter = Arc::new(Platter { rows, counts, unreadable: Mutex::default(), opened: Mutex::default() });
        let mut platters = lock(&self.platters);
        let number = platters.len() as u64;
        fs::create_dir_all(path)?;
        fs::write(path.join(MARK), number.to_string())?;
        platters.insert(number, platter.clone());
        Ok(platter)
    }
}

/// A hash over rows, with how many there are.
pub fn digest_of(rows: &[(Space, Vec<StoreRow>)]) -> String {
    let (mut hash, mut count) = (Sha256::new(), 0);
    for (space, rows) in rows {
        hash.update([space.code()]);
        for (key, value) in rows {
            hash.update((key.len() as u64).to_be_bytes());
            hash.update(key);
            hash.update((value.len() as u64).to_be_bytes());
            hash.update(value);
            count += 1;
        }
    }
    let hash: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{count} rows, {hash}")
}

fn counts(rows: &MemoryStore) -> Vec<u64> {
    Space::ALL.iter().map(|space| rows.count(*space)).collect()
}

impl Platter {
    async fn write(&self, batch: Batch) -> Result<()> {
        self.rows.commit(batch).await?;
        *lock(&self.counts) = counts(&self.rows);
        Ok(())
    }
}

/// The disk as an engine.
pub struct SimulatedEngine(pub Arc<Disk>);

impl Engine for SimulatedEngine {
    fn open(&self, opening: Opening<'_>) -> Result<Arc<dyn Store>> {
        let unusable = |why: String| Error::new(Reason::ConfigurationInvalid, why);
        let disk = self.0.clone();
        let platter = match opening.served {
            None => disk.new_platter(opening.path).map_err(|error| unusable(error.to_string()))?,
            Some(_) => disk.platter(opening.path).ok_or_else(|| unusable("there is no store".into()))?,
        };
        if disk.habit != Some(Habit::LosesSpacesSilently) && *lock(&platter.counts) != counts(&platter.rows) {
            return Err(Error::new(Reason::StorageCorrupt, "a space has lost rows"));
        }
        let power = Arc::new(Power {
            is_on: AtomicBool::new(true),
            waiting: Mutex::default(),
            came: Notify::new(),
            health: watch::Sender::default(),
            kept: Mutex::new(Some(opening.kept)),
        });
        lock(&platter.opened).push(power.clone());
        let openers = lock(&platter.opened).len();
        disk.log.check(openers == 1, || format!("{openers} processes serve one folder"));
        tokio::spawn(write_groups(disk.clone(), platter.clone(), power.clone()));
        Ok(Arc::new(Opened { disk, platter, power }))
    }
}

/// Writes what comes, in groups, each behind one sync.
#[allow(clippy::disallowed_methods, reason = "the runtime's time is the simulated machine's")]
async fn write_groups(disk: Arc<Disk>, platter: Arc<Platter>, power: Arc<Power>) {
    while power.is_on.load(Ordering::SeqCst) {
        let group = lock(&power.waiting).len();
        if group == 0 {
            power.came.notified().await;
            continue;
        }
        let slow = lock(&disk.weather).is_slow;
        let sync = if slow { lock(&disk.dice).ms(50, 2_000) } else { lock(&disk.dice).ms(0, 4) };
        if slow {
            disk.sometimes.met("a commit is slow");
        }
        tokio::time::sleep(sync).await;
        for _ in 0..group {
            let Some(Waiting { batch, answer }) = lock(&power.waiting).pop_front() else { break };
            let fails = std::mem::take(&mut lock(&disk.weather).next_write_fails);
            if fails {
                // Nobody knows what a write that failed has written.
                disk.sometimes.met("a write fails and the engine stops");
                let is_written = lock(&disk.dice).happens(500) && platter.write(batch).await.is_ok();
                disk.log.note("disk", format!("a write fails (written: {is_written}); the engine stops"));
                power.health.send_modify(|health| health.writes = Writes::Stopped);
                let _ = answer.send(Err(stopped()));
                continue;
            }
            let outcome = match power.health.borrow().writes {
                Writes::Stopped => Err(stopped()),
                _ => Ok(batch),
            };
            let outcome = match outcome {
                Ok(batch) => platter.write(batch).await,
                Err(error) => Err(error),
            };
            // The caller may be gone; the batch is written.
            let _ = answer.send(outcome);
        }
    }
}

fn stopped() -> Error {
    Error::new(Reason::StorageUnavailable, "a write failed: nothing is written until a restart")
}

fn no_power() -> Error {
    Error::new(Reason::StorageUnavailable, "the machine is off")
}

/// One opening of a store.
struct Opened {
    disk: Arc<Disk>,
    platter: Arc<Platter>,
    power: Arc<Power>,
}

impl Opened {
    /// Whether a row may be read: fails if it is unreadable. `Ok(false)`: the disk says that there is none.
    fn reads(&self, space: Space, key: &[u8]) -> Result<bool> {
        if !self.power.is_on.load(Ordering::SeqCst) {
            return Err(no_power());
        }
        let unreadable = lock(&self.platter.unreadable);
        if unreadable.is_empty() || !unreadable.contains(&(space, Bytes::copy_from_slice(key))) {
            return Ok(true);
        }
        self.disk.sometimes.met("a row cannot be read");
        match self.disk.habit {
            Some(Habit::CallsUnreadableMissing) => Ok(false),
            _ => Err(self.damaged(space, "a block cannot be read")),
        }
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.power.is_on.store(false, Ordering::SeqCst);
        self.power.came.notify_one();
        lock(&self.platter.opened).retain(|power| !Arc::ptr_eq(power, &self.power));
        drop(lock(&self.power.kept).take());
    }
}

#[async_trait]
impl Store for Opened {
    async fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>> {
        if self.reads(space, key)? { self.platter.rows.get(space, key).await } else { Ok(None) }
    }

    async fn get_many(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>> {
        let mut values = self.platter.rows.get_many(space, keys).await?;
        for (key, value) in keys.iter().zip(&mut values) {
            if !self.reads(space, key)? {
                *value = None;
            }
        }
        Ok(values)
    }

    async fn scan(&self, scan: Scan) -> Result<Vec<StoreRow>> {
        let space = scan.space;
        let mut rows = Vec::new();
        for row in self.platter.rows.scan(scan).await? {
            if self.reads(space, &row.0)? {
                rows.push(row);
            }
        }
        Ok(rows)
    }

    async fn commit(&self, batch: Batch) -> Result<()> {
        batch.check_sizes()?;
        if !self.power.is_on.load(Ordering::SeqCst) {
            return Err(no_power());
        }
        if lock(&self.disk.weather).is_full {
            self.disk.sometimes.met("the disk is full");
            self.power.health.send_if_modified(|health| {
                let is_news = health.writes == Writes::Taken;
                if is_news {
                    health.writes = Writes::Full { free_bytes: 0 };
                }
                is_news
            });
            return Err(disk_full());
        }
        self.power.health.send_if_modified(|health| {
            let is_over = matches!(health.writes, Writes::Full { .. });
            if is_over {
                health.writes = Writes::Taken;
            }
            is_over
        });
        let (answer, answered) = oneshot::channel();
        lock(&self.power.waiting).push_back(Waiting { batch, answer });
        self.power.came.notify_one();
        answered.await.unwrap_or_else(|_| Err(no_power()))
    }

    async fn snapshot(&self) -> Result<Arc<dyn Snapshot>> {
        self.platter.rows.snapshot().await
    }

    fn changes(&self, space: Space) -> Changes {
        self.platter.rows.changes(space)
    }

    fn openers(&self) -> Openers {
        Openers::One
    }

    fn count(&self, space: Space) -> u64 {
        self.platter.rows.count(space)
    }

    fn health(&self) -> watch::Receiver<Health> {
        self.power.health.subscribe()
    }

    fn damaged(&self, space: Space, what: &'static str) -> Error {
        self.power.health.send_if_modified(|health| {
            let times = health.damaged.entry(space).or_default();
            *times += 1;
            *times == 1
        });
        Error::new(Reason::StorageCorrupt, what).with_subject("space", space.name())
    }
}
