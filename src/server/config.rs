//! The settings of a gateway: storage, world, credentials, limits.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::memory::Memory;
use crate::api::credential::DemoCredentials;
use crate::api::remote::{Dial, HostAddress};
use crate::api::web::WebOrigins;
use crate::api::webhook::WebhookTls;
use crate::base::entropy::SystemEntropy;
use crate::base::time::SystemClock;
use crate::base::{Clock, Entropy, ProvinceCode, Timestamp, limits};
use crate::keys::keyring::KeptKeys;
use crate::registry::Sector;
use crate::simulation::discrepancy::Rate;
use crate::store::engine::{Embedded, Engine};
use crate::transparency::client::Roots;
use crate::trust::{Policy, PublicKey};
use crate::webhook::TargetList;
use crate::wire::proto::simulation::v1::Fault;

/// The storage of a gateway's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storage {
    /// In memory, for tests; lost when the gateway closes.
    Memory,
    /// In a temporary folder, removed when the gateway closes.
    Temporary,
    /// In this folder, which a later start finds again.
    Folder(PathBuf),
}

/// Most sessions at a time, and the most that one may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionsMax {
    /// Of all callers.
    pub total: usize,
    /// Of one caller.
    pub of_caller: usize,
    /// What may be written in each, in bytes of memory: beyond it, calls in it are refused; the store itself takes twice as much.
    pub bytes: usize,
    /// The bytes that the snapshot of each may retain: beyond it, the session ends.
    pub held_back_bytes: u64,
}

impl Default for SessionsMax {
    fn default() -> Self {
        Self {
            total: limits::SESSIONS_MAX,
            of_caller: limits::SESSIONS_MAX,
            bytes: limits::SESSION_BYTES_MAX,
            held_back_bytes: limits::SESSION_HELD_BACK_BYTES_MAX,
        }
    }
}

/// The settings of a gateway.
#[derive(Clone)]
pub struct Config {
    /// The storage of its data.
    pub storage: Storage,
    /// The opener of a folder's store.
    pub engine: Arc<dyn Engine>,
    /// The province's code; `None`: the stored world's, or the default.
    pub province: Option<ProvinceCode>,
    /// The world's seed; `None`: the stored world's, or the default.
    pub seed: Option<u64>,
    /// Citizens to generate; `None`: the stored world's number, or the default.
    pub population: Option<u64>,
    /// How often registries disagree about people; `None`: as in the stored world, or never.
    pub discrepancies: Option<Rate>,
    /// The file for the ground truth about these discrepancies, for a new world.
    pub ground_truth: Option<PathBuf>,
    /// When a new world begins; `None`: now, or when the last host of its registries began.
    pub created_at: Option<Timestamp>,
    /// The hosts of registries that are not in this process, by the registries' names.
    pub hosts: BTreeMap<String, HostAddress>,
    /// Connects to them within the process of the program around the gateway; `None`: over sockets.
    pub dial: Option<Dial>,
    /// The keys of registries that keep keys of their own on hosts of their own, by the registries' names.
    pub keys_elsewhere: BTreeMap<String, PublicKey>,
    /// Whether the personas' faults hold, if the simulation is on: where their citizens are asked about, once.
    pub has_persona_faults: bool,
    /// The folder of keys; `None` derives them from the seed.
    pub keys: Option<KeptKeys>,
    /// The file of the trust anchor; `None` writes none.
    pub anchor: Option<PathBuf>,
    /// The file of rights; `None` uses the embedded one.
    pub rights: Option<PathBuf>,
    /// Whether demo credentials are accepted.
    pub demo: DemoCredentials,
    /// Whether the simulation is on: its services are served, sessions can be created, and faults hold.
    pub simulation: bool,
    /// Fault rules that are in force from the start.
    pub faults: Vec<Fault>,
    /// Most sessions at a time.
    pub sessions: SessionsMax,
    /// Most calls that run at once, while others wait for their turn; `None`: as many as keep the processors busy.
    pub calls_running: Option<usize>,
    /// Most calls a second of one caller; 0: unlimited.
    pub rate_limit: u32,
    /// Most calls a second of one address without an accepted credential; 0: unlimited.
    pub stranger_rate_limit: u32,
    /// The public base URL of the HTTP routes: `https://example.vn`; `None`: the console's address.
    pub public_url: Option<String>,
    /// The origins whose pages may call from a browser, in addition to the console's own.
    pub web_origins: WebOrigins,
    /// Whether the status lists are rebuilt from the record ledger first.
    pub rebuild_status: bool,
    /// Interval of background checks of the store; `None`: no checks.
    pub check_every: Option<Duration>,
    /// The policy of witnesses whose cosignatures the province's logs need; `None` asks no witness.
    pub witnesses: Option<Policy>,
    /// The certificate authorities for witnesses with `https` addresses; `None`: the public ones.
    pub witness_roots: Option<Roots>,
    /// Where webhooks may send events; empty: nowhere.
    pub webhook_targets: TargetList,
    /// TLS towards those targets; `None`: they are certified by the public authorities.
    pub webhook_tls: Option<WebhookTls>,
    /// Registries in addition to the built-in ones, with their record types.
    pub registries: Vec<Sector>,
    /// Bounds on caches.
    pub memory: Memory,
    /// The world's clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness for codes and ids.
    pub entropy: Arc<dyn Entropy>,
    /// Called during seeding with the number of citizens done and in total.
    pub progress: Option<Arc<dyn Fn(u64, u64) + Send + Sync>>,
}

impl Config {
    /// Whether the seed, from which the registries' keys derive, may be shown: only where anybody may call with demo credentials.
    pub fn reveals_seed(&self) -> bool {
        self.demo != DemoCredentials::Never
    }
}

impl Default for Config {
    /// A temporary world on loopback.
    fn default() -> Self {
        Self {
            storage: Storage::Temporary,
            engine: Arc::new(Embedded),
            province: None,
            seed: None,
            population: None,
            discrepancies: None,
            ground_truth: None,
            created_at: None,
            hosts: BTreeMap::new(),
            dial: None,
            keys_elsewhere: BTreeMap::new(),
            has_persona_faults: true,
            keys: None,
            anchor: None,
            rights: None,
            demo: DemoCredentials::OnLoopback,
            simulation: true,
            faults: Vec::new(),
            sessions: SessionsMax::default(),
            calls_running: None,
            rate_limit: 0,
            stranger_rate_limit: limits::STRANGER_CALLS_PER_SECOND,
            public_url: None,
            web_origins: WebOrigins::loopback(),
            rebuild_status: false,
            check_every: None,
            witnesses: None,
            witness_roots: None,
            webhook_targets: TargetList::default(),
            webhook_tls: None,
            registries: Vec::new(),
            memory: Memory::default(),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy::default()),
            progress: None,
        }
    }
}
