//! The machine on which the province runs: a gateway over the simulated disk, behind the simulated network, which dies and starts again.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use lienthong::api::remote::{Dial, HostAddress};
use lienthong::base::Result;
use lienthong::base::entropy::SeededEntropy;
use lienthong::keys::keyring::KeptKeys;
use lienthong::server::in_process::InProcess;
use lienthong::server::{Config, Gateway, Storage};
use lienthong::store::{Space, StoreRow};

use super::disk::{SimulatedEngine, lock};
use super::network::ADDRESS;
use super::run::{Run, runtime};
use super::sometimes::Sometimes;
use super::weather::DiskWeather;

/// The seed of the world itself: runs differ in what happens to it.
pub const WORLD: u64 = 42;

/// The machine.
pub struct Machine {
    run: Arc<Run>,
    /// Keys that are kept in a folder; without, they grow from the world's seed.
    keys: Option<KeptKeys>,
    /// The hosts of registries that run elsewhere, and how to reach them.
    hosts: BTreeMap<String, HostAddress>,
    dial: Option<Dial>,
    starts: u64,
    running: Option<Running>,
}

struct Running {
    gateway: Gateway,
    here: InProcess,
}

impl Machine {
    /// A machine on which nothing runs.
    pub fn new(run: Arc<Run>) -> Self {
        Self { run, keys: None, hosts: BTreeMap::new(), dial: None, starts: 0, running: None }
    }

    /// The same, whose gateway signs with kept keys.
    pub fn with_keys(run: Arc<Run>, keys: KeptKeys) -> Self {
        Self { keys: Some(keys), ..Self::new(run) }
    }

    /// The same over registries on hosts of their own.
    pub fn over(run: Arc<Run>, hosts: BTreeMap<String, HostAddress>, dial: Dial) -> Self {
        Self { hosts, dial: Some(dial), ..Self::new(run) }
    }

    /// The settings of the next start.
    pub fn config(&mut self) -> Config {
        self.starts += 1;
        let (keys, hosts, dial) = (self.keys.clone(), self.hosts.clone(), self.dial.clone());
        Config { keys, hosts, dial, ..config(&self.run, self.starts) }
    }

    /// Starts the gateway.
    pub async fn start(&mut self) -> Result<()> {
        let config = self.config();
        let opened = Gateway::open(config).await;
        self.serve(opened).await
    }

    /// Starts the gateway, and dies on the way if that takes longer. Says whether it runs.
    #[allow(clippy::disallowed_methods, reason = "the runtime's time is the simulated machine's")]
    pub async fn start_within(&mut self, patience: Duration) -> Result<bool> {
        let config = self.config();
        match tokio::time::timeout(patience, Gateway::open(config)).await {
            Ok(opened) => self.serve(opened).await.map(|()| true),
            Err(_) => {
                self.run.disk.power_off().await;
                Ok(false)
            }
        }
    }

    /// Starts until it runs; what it is refused for has to be over.
    pub async fn must_start(&mut self) {
        if self.running.is_none()
            && let Err(error) = self.start().await
        {
            self.run.log.violated(format!("the gateway does not start, and nothing is broken: {error}"));
        }
    }

    /// Serves with a gateway that was opened. A process whose start fails ends, and lets go of everything.
    async fn serve(&mut self, opened: Result<Gateway>) -> Result<()> {
        let gateway = match opened {
            Ok(gateway) => gateway,
            Err(error) => {
                self.run.disk.power_off().await;
                return Err(error);
            }
        };
        let here = gateway.in_process(ADDRESS.into()).await?;
        self.run.network.listen(here.service.clone());
        self.running = Some(Running { gateway, here });
        self.run.log.note("machine", "serves");
        Ok(())
    }

    /// The power goes.
    pub async fn crash(&mut self) {
        self.run.sometimes.met("a crash");
        self.run.log.note("machine", "crashes");
        self.run.network.fall_silent();
        self.run.disk.power_off().await;
        self.running = None;
    }

    /// Ends in good order.
    pub async fn stop(&mut self) {
        self.run.network.fall_silent();
        let Some(Running { gateway, here }) = self.running.take() else { return };
        drop(here);
        gateway.close().await;
        let openers = self.run.disk.openers(&self.run.store());
        self.run.log.note("machine", format!("stopped (still open: {openers})"));
        // What still holds the store dies with the process.
        self.run.disk.power_off().await;
    }

    /// Whether the engine has stopped, so that the process has to start again.
    pub fn is_stopped(&self) -> bool {
        self.running.is_none() || self.run.disk.is_stopped(&self.run.store())
    }
}

fn config(run: &Run, starts: u64) -> Config {
    Config {
        storage: Storage::Folder(run.folder()),
        engine: Arc::new(SimulatedEngine(run.disk.clone())),
        seed: Some(WORLD),
        population: Some(0),
        calls_running: Some(16),
        stranger_rate_limit: 0,
        clock: run.clock.clone(),
        entropy: Arc::new(SeededEntropy::new(run.seed.child("start", starts))),
        ..Config::default()
    }
}

/// A world as it is when it was seeded: what every run begins with.
pub struct Baseline {
    files: Vec<(String, Vec<u8>, Permissions)>,
    /// The rows of its store.
    pub rows: Vec<(Space, Vec<StoreRow>)>,
    /// How long the seeding took, in simulated milliseconds.
    pub seeded_in_ms: u64,
}

impl Baseline {
    /// The one baseline; seeded when it is first asked for.
    pub fn get() -> &'static Self {
        static BASELINE: OnceLock<Baseline> = OnceLock::new();
        BASELINE.get_or_init(|| {
            runtime().block_on(async {
                let run = Run::new(0, Sometimes::default(), None);
                let mut machine = Machine::new(run.clone());
                machine.start().await.expect("a new world");
                let seeded_in_ms = u64::try_from(run.log.elapsed_ms()).expect("time passes");
                machine.stop().await;
                let rows = run.disk.rows(&run.store()).await;
                Self { files: files(&run.folder()), rows, seeded_in_ms }
            })
        })
    }

    /// Makes it the world in the folder of a run.
    pub async fn restore(&self, run: &Run) {
        for (name, bytes, permissions) in &self.files {
            let path = run.folder().join(name);
            fs::write(&path, bytes)
                .and_then(|()| fs::set_permissions(&path, permissions.clone()))
                .expect("a file of the folder");
        }
        run.disk.restore(&run.store(), &self.rows).await;
        *lock(&run.disk.weather) = DiskWeather::default();
    }
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>, Permissions)> {
    let entries = fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("an entry"));
    let files = entries.filter(|entry| entry.path().is_file()).map(|entry| {
        let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
        let permissions = fs::metadata(&path).expect("a file").permissions();
        (name, fs::read(&path).expect("a file"), permissions)
    });
    files.collect()
}
