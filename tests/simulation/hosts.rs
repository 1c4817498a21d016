//! A registry on a machine of its own, with a disk of its own, behind a network of its own, and the gateway on another: each dies without the other, and
//! neither reaches the other for a while. What the host acknowledged stays, is accepted once it is reached again, and is all that the gateway shows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lienthong::api::remote::{Dial, HostAddress};
use lienthong::base::Result;
use lienthong::base::entropy::SeededEntropy;
use lienthong::server::in_process::InProcess;
use lienthong::server::{Config, RegistryHost, Storage};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::audit;
use super::dice::Dice;
use super::disk::{Disk, SimulatedEngine, lock};
use super::follower;
use super::log::Log;
use super::machine::{Machine, WORLD};
use super::network::Network;
use super::reader;
use super::registrar;
use super::run::{HANGS_AFTER, Run, runtime};
use super::sometimes::Sometimes;
use super::weather::NetWeather;

/// The registry that has a host.
const REGISTRY: &str = "social_insurance";
/// Where the gateway expects it. Demo credentials are accepted for names of loopback alone.
const ADDRESS: &str = "localhost:50061";
/// The gateway, as the host's network knows it.
const GATEWAY: &str = "gateway";

/// What goes wrong between the two machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    HostCrashes,
    GatewayCrashes,
    BothCrash,
    CutOff,
    Cuts,
    SlowNetwork,
    SlowDisk,
}

/// Everything that has to go wrong in some seed.
pub const TROUBLES: [Trouble; 7] = [
    Trouble::HostCrashes,
    Trouble::GatewayCrashes,
    Trouble::BothCrash,
    Trouble::CutOff,
    Trouble::Cuts,
    Trouble::SlowNetwork,
    Trouble::SlowDisk,
];

/// The host's machine.
struct HostMachine {
    run: Arc<Run>,
    disk: Arc<Disk>,
    network: Arc<Network>,
    folder: PathBuf,
    starts: u64,
    // Dropped in this order.
    running: Option<(InProcess, RegistryHost)>,
}

impl HostMachine {
    fn new(run: &Arc<Run>) -> Self {
        let disk = Disk::new(run.log.clone(), run.sometimes.clone(), Dice::new(run.seed, "host's disk", 0), None);
        let network = Network::new(run.seed.child("host's network", 0), run.log.clone(), run.sometimes.clone());
        let folder = run.folder().with_file_name("host");
        Self { run: run.clone(), disk, network, folder, starts: 0, running: None }
    }

    async fn start(&mut self) -> Result<()> {
        self.starts += 1;
        let config = Config {
            storage: Storage::Folder(self.folder.clone()),
            engine: Arc::new(SimulatedEngine(self.disk.clone())),
            seed: Some(WORLD),
            population: Some(0),
            calls_running: Some(16),
            stranger_rate_limit: 0,
            clock: self.run.clock.clone(),
            entropy: Arc::new(SeededEntropy::new(self.run.seed.child("host", self.starts))),
            ..Config::default()
        };
        let host = RegistryHost::open(config, &[REGISTRY.to_owned()]).await?;
        let here = host.in_process()?;
        self.network.listen(here.service.clone());
        self.running = Some((here, host));
        self.run.log.note("host", "serves");
        Ok(())
    }

    async fn must_start(&mut self) {
        if self.running.is_none()
            && let Err(error) = self.start().await
        {
            self.run.log.violated(format!("the host does not start, and nothing is broken: {error}"));
        }
    }

    async fn crash(&mut self) {
        self.run.log.note("host", "crashes");
        self.network.fall_silent();
        self.disk.power_off().await;
        self.running = None;
    }
}

/// Runs a seed; notes what went wrong in it, and gives its log.
pub fn apart(number: u64, met: &mut BTreeSet<Trouble>) -> Log {
    runtime().block_on(async {
        let run = Run::new(number, Sometimes::default(), None);
        #[allow(clippy::disallowed_methods, reason = "the runtime's time is the simulated one")]
        let ended = tokio::time::timeout(HANGS_AFTER, live(&run)).await;
        run.log.check(ended.is_ok(), || "the run hangs".into());
        met.extend(ended.unwrap_or_default());
        run.log.clone()
    })
}

async fn live(run: &Arc<Run>) -> BTreeSet<Trouble> {
    let mut host = HostMachine::new(run);
    host.must_start().await;
    let network = host.network.clone();
    let (host, dial) = (Arc::new(Mutex::new(host)), network.clone());
    let dial: Dial = Arc::new(move |_: &str| dial.connect(GATEWAY));
    let address = HostAddress { address: ADDRESS.into(), tls: None, credential: Some("demo-gateway".into()) };
    let hosts = BTreeMap::from([(REGISTRY.to_owned(), address)]);
    let machine = Arc::new(Mutex::new(Machine::over(run.clone(), hosts, dial)));
    machine.lock().await.must_start().await;
    let mut clients = JoinSet::new();
    for number in 0..2 {
        clients.spawn(registrar::memberships(run.clone(), number, 16));
        clients.spawn(registrar::races(run.clone(), number, 8));
    }
    clients.spawn(reader::one_stop(run.clone(), 2, 16));
    clients.spawn(follower::follows(run.clone(), 14));
    let mut trouble = JoinSet::new();
    trouble.spawn(strikes(run.clone(), machine.clone(), host.clone(), network.clone()));
    while let Some(ended) = clients.join_next().await {
        ended.expect("a client ends by itself");
    }
    run.end();
    let met = trouble.join_next().await.expect("one").expect("trouble ends by itself");
    if !run.is_over() {
        run.log.note("run", "peace");
        *lock(&network.weather) = NetWeather::default();
        machine.lock().await.must_start().await;
        audit::all(run, &machine).await;
    }
    met
}

/// Lets things go wrong until the run ends; gives what did.
#[allow(clippy::disallowed_methods, reason = "the runtime's time is the simulated one")]
async fn strikes(
    run: Arc<Run>,
    machine: Arc<Mutex<Machine>>,
    host: Arc<Mutex<HostMachine>>,
    network: Arc<Network>,
) -> BTreeSet<Trouble> {
    let (mut dice, mut met) = (Dice::new(run.seed, "trouble", 0), BTreeSet::new());
    while !run.is_ending() {
        tokio::time::sleep(dice.ms(300, 3_000)).await;
        let (trouble, lasts) = (*dice.pick(&TROUBLES), dice.ms(100, 8_000));
        run.log.note("trouble", format!("{trouble:?}"));
        met.insert(trouble);
        let (mut machine, mut host) = (machine.lock().await, host.lock().await);
        match trouble {
            Trouble::HostCrashes => {
                host.crash().await;
                tokio::time::sleep(lasts).await;
                host.must_start().await;
            }
            Trouble::GatewayCrashes => {
                machine.crash().await;
                tokio::time::sleep(lasts.min(Duration::from_secs(2))).await;
                machine.must_start().await;
            }
            // The gateway comes up first, and does without its registry.
            Trouble::BothCrash => {
                machine.crash().await;
                host.crash().await;
                machine.must_start().await;
                tokio::time::sleep(lasts).await;
                host.must_start().await;
            }
            Trouble::CutOff => {
                lock(&network.weather).cut_off.insert(GATEWAY.into());
                tokio::time::sleep(lasts).await;
                lock(&network.weather).cut_off.remove(GATEWAY);
            }
            Trouble::Cuts => {
                lock(&network.weather).cuts_per_mille = 5 + dice.below(60);
                tokio::time::sleep(lasts).await;
                lock(&network.weather).cuts_per_mille = 0;
            }
            Trouble::SlowNetwork => {
                lock(&network.weather).is_slow = true;
                tokio::time::sleep(lasts).await;
                lock(&network.weather).is_slow = false;
            }
            Trouble::SlowDisk => {
                lock(&host.disk.weather).is_slow = true;
                tokio::time::sleep(lasts).await;
                lock(&host.disk.weather).is_slow = false;
            }
        }
    }
    met
}
