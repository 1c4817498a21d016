//! One run: everything in it lives on one thread, on simulated time, and follows from one seed.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lienthong::base::Seed;
use tempfile::TempDir;
use tokio::sync::Mutex as Turn;
use tokio::task::JoinSet;

use super::audit;
use super::citizen::{self, CONSENTING, HAPPY};
use super::clock::MachineClock;
use super::dice::Dice;
use super::disk::Disk;
use super::facts::Facts;
use super::fate;
use super::follower::{self, Followed, Watched};
use super::heads::Heads;
use super::log::Log;
use super::machine::{Baseline, Machine};
use super::mishaps;
use super::network::Network;
use super::sometimes::Sometimes;
use super::weather::Habit;
use super::{reader, registrar, tester, watcher};

/// Registrars at work at the same time.
const REGISTRARS: u64 = 3;
/// Simulated time after which a run hangs.
pub const HANGS_AFTER: Duration = Duration::from_secs(4 * 3_600);

/// What everybody in a run shares.
pub struct Run {
    /// The root of all its dice.
    pub seed: Seed,
    /// What happened.
    pub log: Log,
    /// What happened of what has to happen sometimes.
    pub sometimes: Sometimes,
    /// What clients were told.
    pub facts: Mutex<Facts>,
    /// What was seen of the changes that the province accepts.
    pub watched: Mutex<Watched>,
    /// What was seen of a registry's log.
    pub followed: Mutex<Followed>,
    /// The heads that they saw.
    pub heads: Heads,
    /// The network.
    pub network: Arc<Network>,
    /// The machine's clock.
    pub clock: Arc<MachineClock>,
    /// The machine's disk.
    pub disk: Arc<Disk>,
    home: TempDir,
    /// Whether those who make things go wrong have to end.
    is_ending: AtomicBool,
    is_damaged: AtomicBool,
    is_clock_behind: AtomicBool,
    shows_old_heads: AtomicU64,
    jumps: AtomicU64,
}

/// A runtime of one thread whose time passes when everybody waits.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime")
}

impl Run {
    /// A run with an empty disk. Called within its runtime.
    pub fn new(number: u64, sometimes: Sometimes, habit: Option<Habit>) -> Arc<Self> {
        let (seed, log) = (Seed::root(number), Log::new(number));
        let clock = Arc::new(MachineClock::new(log.clone()));
        let disk = Disk::new(log.clone(), sometimes.clone(), Dice::new(seed, "disk", 0), habit);
        let network = Network::new(seed.child("network", 0), log.clone(), sometimes.clone());
        let heads = Heads::new(log.clone());
        Arc::new(Self {
            seed,
            log,
            sometimes,
            facts: Mutex::default(),
            watched: Mutex::default(),
            followed: Mutex::default(),
            heads,
            network,
            clock,
            disk,
            home: home(),
            is_ending: AtomicBool::new(false),
            is_damaged: AtomicBool::new(false),
            is_clock_behind: AtomicBool::new(false),
            shows_old_heads: AtomicU64::new(0),
            jumps: AtomicU64::new(0),
        })
    }

    /// The data folder of the machine.
    pub fn folder(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// The store in it.
    pub fn store(&self) -> PathBuf {
        self.folder().join("store")
    }

    /// The witness's folder.
    pub fn witness_folder(&self) -> PathBuf {
        self.home.path().join("witness")
    }

    /// Whether there is nothing more to learn from this run.
    pub fn is_over(&self) -> bool {
        self.log.is_violated()
    }

    /// Whether those who make things go wrong have to end.
    pub fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::SeqCst) || self.is_over()
    }

    /// Those who make things go wrong have to end.
    pub fn end(&self) {
        self.is_ending.store(true, Ordering::SeqCst);
    }

    /// Whether rows are damaged, or were a moment ago.
    pub fn may_be_damaged(&self) -> bool {
        self.is_damaged.load(Ordering::SeqCst)
    }

    /// Says whether rows are damaged.
    pub fn set_damaged(&self, is_damaged: bool) {
        self.is_damaged.store(is_damaged, Ordering::SeqCst);
    }

    /// Whether the machine's clock is days behind.
    pub fn is_clock_behind(&self) -> bool {
        self.is_clock_behind.load(Ordering::SeqCst)
    }

    /// Says whether the machine's clock is days behind.
    pub fn set_clock_behind(&self, is_behind: bool) {
        self.is_clock_behind.store(is_behind, Ordering::SeqCst);
    }

    /// Whether a rule has a log show an older head than its newest.
    pub fn may_show_old_heads(&self) -> bool {
        self.shows_old_heads.load(Ordering::SeqCst) > 0
    }

    /// Says whether a rule does.
    pub fn set_shows_old_heads(&self, shows: bool) {
        self.shows_old_heads.store(shows.into(), Ordering::SeqCst);
    }

    /// How often the world's time changed in another way than by passing.
    pub fn jumps(&self) -> u64 {
        self.jumps.load(Ordering::SeqCst)
    }

    /// Notes such a change.
    pub fn note_jump(&self) {
        self.jumps.fetch_add(1, Ordering::SeqCst);
    }
}

/// A folder in memory where the system has such: nothing of it outlives the run.
fn home() -> TempDir {
    let named = |parent: Option<&str>| {
        let mut builder = tempfile::Builder::new();
        let builder = builder.prefix("lienthong-simulation-");
        parent.map_or_else(|| builder.tempdir(), |parent| builder.tempdir_in(parent))
    };
    let home = named(Some("/dev/shm")).or_else(|_| named(None)).expect("a temporary folder");
    std::fs::create_dir_all(home.path().join("data")).expect("a folder in it");
    home
}

/// Runs a seed to its end; gives its log.
pub fn run(number: u64, sometimes: &Sometimes, habit: Option<Habit>) -> Log {
    let baseline = Baseline::get();
    runtime().block_on(async {
        let run = Run::new(number, sometimes.clone(), habit);
        baseline.restore(&run).await;
        #[allow(clippy::disallowed_methods, reason = "the runtime's time is the simulated one")]
        let ended = tokio::time::timeout(HANGS_AFTER, live(&run)).await;
        run.log.check(ended.is_ok(), || "the run hangs".into());
        run.log.clone()
    })
}

/// The life of a run: work while things go wrong, then peace, and the reckoning.
async fn live(run: &Arc<Run>) {
    let machine = Arc::new(Turn::new(Machine::new(run.clone())));
    machine.lock().await.must_start().await;
    let works = 10 + Dice::new(run.seed, "works", 0).below(12) as usize;
    let mut clients = JoinSet::new();
    for number in 0..REGISTRARS {
        clients.spawn(registrar::memberships(run.clone(), number, works));
    }
    for number in 0..2 {
        clients.spawn(registrar::races(run.clone(), number, works / 2));
    }
    clients.spawn(registrar::disputes(run.clone(), works / 4));
    clients.spawn(reader::one_stop(run.clone(), REGISTRARS, works));
    clients.spawn(reader::bank(run.clone(), works));
    clients.spawn(citizen::consents(run.clone(), HAPPY, works / 2));
    clients.spawn(citizen::consents(run.clone(), CONSENTING, works / 2));
    clients.spawn(citizen::links(run.clone(), works / 3));
    clients.spawn(citizen::presents(run.clone(), works / 4));
    clients.spawn(tester::sessions(run.clone(), works / 6));
    clients.spawn(reader::bulk(run.clone(), works / 4));
    clients.spawn(reader::views(run.clone(), works / 7));
    clients.spawn(follower::follows(run.clone(), works));
    clients.spawn(watcher::watches(run.clone(), works));
    clients.spawn(audit::at_work(run.clone(), works));
    let mut trouble = JoinSet::new();
    trouble.spawn(fate::strikes(run.clone(), machine.clone()));
    trouble.spawn(mishaps::happen(run.clone()));
    while let Some(ended) = clients.join_next().await {
        ended.expect("a client ends by itself");
    }
    run.end();
    while let Some(ended) = trouble.join_next().await {
        ended.expect("trouble ends by itself");
    }
    if run.is_over() {
        return;
    }
    run.log.note("run", "peace");
    mishaps::end(run);
    fate::end(run, &machine).await;
    audit::all(run, &machine).await;
    let rows = run.disk.digest(&run.store()).await;
    run.log.note("run", format!("ends with {rows}"));
}
