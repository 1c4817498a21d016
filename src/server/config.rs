//! What a gateway is told before it opens: where it keeps its data, what world it holds, whose credentials it accepts.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::memory::Memory;
use crate::api::credential::DemoCredentials;
use crate::base::entropy::SystemEntropy;
use crate::base::time::SystemClock;
use crate::base::{Clock, Entropy, ProvinceCode, limits};
use crate::keys::keyring::KeptKeys;
use crate::registry::Sector;
use crate::transparency::client::Roots;
use crate::trust::Policy;

/// Where a gateway keeps its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storage {
    /// In memory; for tests. Nothing survives.
    Memory,
    /// In a temporary folder, which goes when the gateway closes.
    Temporary,
    /// In this folder, which is found again.
    Folder(PathBuf),
}

/// The settings of a gateway.
#[derive(Clone)]
pub struct Config {
    /// Where the data is kept.
    pub storage: Storage,
    /// The province's code; `None` is the stored world's, or the default.
    pub province: Option<ProvinceCode>,
    /// The world's seed; `None` is the stored world's, or the default's.
    pub seed: Option<u64>,
    /// Citizens to generate; `None` is the stored world's, or the default's.
    pub population: Option<u64>,
    /// Keys that are kept in a folder; `None` lets them grow from the seed.
    pub keys: Option<KeptKeys>,
    /// Where to write the trust anchor; `None` writes none.
    pub anchor: Option<PathBuf>,
    /// A file of rights; `None` is the embedded one.
    pub rights: Option<PathBuf>,
    /// Whether demo credentials are accepted.
    pub demo: DemoCredentials,
    /// Whether `SimulationService` is served.
    pub simulation: bool,
    /// Most calls a second of one caller; 0 is no limit.
    pub rate_limit: u32,
    /// Most calls a second of one address without an accepted credential; 0 is no limit.
    pub stranger_rate_limit: u32,
    /// Where others reach the HTTP routes: `https://example.vn`; `None` is the console's address.
    pub public_url: Option<String>,
    /// Whether the status lists are made again from the record ledger before anything else.
    pub rebuild_status: bool,
    /// How often the store is checked while it is served from; `None` is never.
    pub check_every: Option<Duration>,
    /// Whose cosignatures the province's logs need; `None` asks nobody.
    pub witnesses: Option<Policy>,
    /// Who certifies witnesses with `https` addresses; `None` is the world's authorities.
    pub witness_roots: Option<Roots>,
    /// The registries beside the built-in ones, with their record types.
    pub registries: Vec<Sector>,
    /// What caches may hold.
    pub memory: Memory,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for codes and ids.
    pub entropy: Arc<dyn Entropy>,
    /// Told how seeding goes: citizens done, and citizens in all.
    pub progress: Option<Arc<dyn Fn(u64, u64) + Send + Sync>>,
}

impl Config {
    /// Whether the seed may be shown: only where all callers are accepted as whoever they say they are. The registries' keys grow from it.
    pub fn reveals_seed(&self) -> bool {
        self.demo != DemoCredentials::Never
    }
}

impl Default for Config {
    /// A temporary world on loopback.
    fn default() -> Self {
        Self {
            storage: Storage::Temporary,
            province: None,
            seed: None,
            population: None,
            keys: None,
            anchor: None,
            rights: None,
            demo: DemoCredentials::OnLoopback,
            simulation: true,
            rate_limit: 0,
            stranger_rate_limit: limits::STRANGER_CALLS_PER_SECOND,
            public_url: None,
            rebuild_status: false,
            check_every: None,
            witnesses: None,
            witness_roots: None,
            registries: Vec::new(),
            memory: Memory::default(),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy::default()),
            progress: None,
        }
    }
}
