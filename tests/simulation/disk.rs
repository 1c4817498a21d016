//! The simulated disk, as an engine for the store of a data folder. It takes its time, and it fails in the ways of disks.
//!
//! What is acknowledged is on the platter. What is on its way when the machine dies is kept or lost by the dice, whole, and never without what was
//! ordered before it. The folder itself (lock, world.json, clock) is a real one; the store in it is a file that names a platter.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use lienthong::base::{Error, Reason, Result};
use lienthong::store::engine::{Engine, Opening};
use lienthong::store::{Batch, Changes, Health, Openers, Scan, Snapshot, Space, Store, StoreRow, Writes, disk_full};
use tokio::sync::{Notify, oneshot, watch};

use super::dice::Dice;
use super::log::Log;
use super::platter::{Damage, Platter, Power, Waiting, counts, digest_of};
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
            all.push((*space, platter.all(*space).await));
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

    /// Damages a block: so many rows of a space from the one at this place on, of all that there are. Gives how many.
    pub async fn spoil(&self, path: &Path, space: Space, (at, length): (u64, usize), damage: Damage) -> usize {
        let Some(platter) = self.platter(path) else { return 0 };
        let rows = platter.all(space).await;
        let first = (at % rows.len().max(1) as u64) as usize;
        let keys: Vec<_> = rows.into_iter().skip(first).take(length).map(|(key, _)| (space, key)).collect();
        let count = keys.len();
        lock(&platter.damaged).extend(keys.into_iter().map(|key| (key, damage)));
        count
    }

    /// Damages these rows of a space.
    pub fn damage(&self, path: &Path, space: Space, keys: impl IntoIterator<Item = Bytes>, damage: Damage) {
        if let Some(platter) = self.platter(path) {
            lock(&platter.damaged).extend(keys.into_iter().map(|key| ((space, key), damage)));
        }
    }

    /// Everything can be read again.
    pub fn mend(&self, path: &Path) {
        if let Some(platter) = self.platter(path) {
            lock(&platter.damaged).clear();
        }
    }

    /// All rows of a space of the store in a folder, in the order of their keys.
    pub async fn rows_of(&self, path: &Path, space: Space) -> Vec<StoreRow> {
        self.platter(path).expect("the store is there").all(space).await
    }

    /// What is there counts as all that there ever was: the engine itself notices no loss.
    pub fn recount(&self, path: &Path) {
        let platter = self.platter(path).expect("the store is there");
        *lock(&platter.counts) = counts(&platter.rows);
    }

    /// Loses all rows of a space; gives them, for whoever has a copy.
    pub async fn lose(&self, path: &Path, space: Space) -> Vec<StoreRow> {
        let platter = self.platter(path).expect("the store is there");
        let rows = platter.all(space).await;
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
        let platter = Arc::new(Platter::default());
        let mut platters = lock(&self.platters);
        let number = platters.len() as u64;
        fs::create_dir_all(path)?;
        fs::write(path.join(MARK), number.to_string())?;
        platters.insert(number, platter.clone());
        Ok(platter)
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
    /// A row as it is read: fails if it is unreadable. `None`: the disk says that there is none.
    fn read(&self, space: Space, key: &[u8], value: Bytes) -> Result<Option<Bytes>> {
        let damage = {
            let damaged = lock(&self.platter.damaged);
            if damaged.is_empty() { None } else { damaged.get(&(space, Bytes::copy_from_slice(key))).copied() }
        };
        match damage {
            None => Ok(Some(value)),
            Some(Damage::Unreadable) => {
                self.disk.sometimes.met("a row cannot be read");
                match self.disk.habit {
                    Some(Habit::CallsUnreadableMissing) => Ok(None),
                    _ => Err(self.damaged(space, "a block cannot be read")),
                }
            }
            Some(Damage::Zeros) => {
                self.disk.sometimes.met("a row reads as zeros");
                Ok(Some(vec![0; value.len()].into()))
            }
            Some(Damage::Gone) => {
                self.disk.sometimes.met("a row is gone, and the disk does not know");
                Ok(None)
            }
        }
    }

    fn is_on(&self) -> Result<()> {
        if self.power.is_on.load(Ordering::SeqCst) { Ok(()) } else { Err(no_power()) }
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
        self.is_on()?;
        let value = self.platter.rows.get(space, key).await?;
        value.map_or(Ok(None), |value| self.read(space, key, value))
    }

    async fn get_many(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>> {
        self.is_on()?;
        let values = self.platter.rows.get_many(space, keys).await?;
        let read =
            |(key, value): (&Vec<u8>, Option<Bytes>)| value.map_or(Ok(None), |value| self.read(space, key, value));
        keys.iter().zip(values).map(read).collect()
    }

    async fn scan(&self, scan: Scan) -> Result<Vec<StoreRow>> {
        self.is_on()?;
        let space = scan.space;
        let mut rows = Vec::new();
        for (key, value) in self.platter.rows.scan(scan).await? {
            if let Some(value) = self.read(space, &key, value)? {
                rows.push((key, value));
            }
        }
        Ok(rows)
    }

    async fn commit(&self, batch: Batch) -> Result<()> {
        batch.check_sizes()?;
        self.is_on()?;
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
