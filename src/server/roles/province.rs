//! The province role: the record ledger with what follows from it, and the trust anchor, over a store and the registries' ports.

use std::path::PathBuf;
use std::sync::Arc;

use crate::base::{Clock, Error, Reason, Result};
use crate::keys::anchors::AnchorBoard;
use crate::keys::keyring::{self, KeptKeys, KeyFolder};
use crate::ledger::{LogClock, LogId, Sequencer, TileCache};
use crate::province::{Province, StatusLists};
use crate::registry::Catalogue;
use crate::registry::allocation::Admission;
use crate::registry::port::Registry;
use crate::store::Store;
use crate::trust::{Signer, TrustAnchor, Verifier};

/// The record ledger's number in storage keys; the registries' logs have their sectors' ordinals.
pub const RECORDS: LogId = LogId(200);

/// What a province is opened with.
pub struct Opening {
    /// Where it keeps its ledger and what follows from that.
    pub store: Arc<dyn Store>,
    /// The registries and record types that there are.
    pub catalogue: Arc<Catalogue>,
    /// The registries' ports.
    pub registries: Vec<Arc<dyn Registry>>,
    /// The time.
    pub time: Arc<dyn Clock>,
    /// The clock of its ledger.
    pub clock: LogClock,
    /// The tiles that are kept in memory.
    pub tiles: TileCache,
    /// The origin of the record ledger.
    pub origin: String,
    /// Signs the record ledger.
    pub signer: Arc<dyn Signer>,
    /// Where its trust anchor comes from and goes to.
    pub trust: Trust,
    /// Whether the status lists are made again from the ledger before anything else.
    pub rebuild_status: bool,
}

/// The trust anchor of a province that is opened.
pub struct Trust {
    /// All its versions, the first one first.
    pub versions: Vec<TrustAnchor>,
    /// The folder that they come from; `None` if keys grow from a seed.
    pub kept: Option<KeptKeys>,
    /// Where the newest is written; `None` writes none.
    pub file: Option<PathBuf>,
    /// Who came since the last start. Kept keys name them already.
    pub waiting: Vec<Admission>,
}

/// A province. It follows no registry before it is told to, and ends when it is dropped.
pub struct ProvinceRole {
    /// The trust anchor, as it is handed out.
    pub anchor: AnchorBoard,
    /// Verifies against it.
    pub verifier: Arc<Verifier>,
    /// What registries said.
    pub records: Arc<Sequencer>,
    /// The shared layer over all registries.
    pub layer: Arc<Province>,
    /// Which versions are the latest and valid.
    pub status: Arc<StatusLists>,
    registries: Vec<Arc<dyn Registry>>,
}

impl ProvinceRole {
    /// Opens a province, or begins it: the ledger verifies that it rebuilds to its signed root, and tells of the keys that the trust
    /// anchor has. Who came since the last start is let in by a version of its own, which `admit` makes from the newest one and the
    /// ledger index of its key events.
    pub async fn open(
        opening: Opening,
        admit: impl Fn(&TrustAnchor, &Admission, u64) -> Result<TrustAnchor>,
    ) -> Result<Self> {
        let Opening { store, catalogue, registries, time, clock, tiles, origin, signer, trust, rebuild_status } =
            opening;
        let records = Sequencer::open_with(store.clone(), RECORDS, &origin, signer, clock, tiles).await?;
        let Trust { mut versions, kept, file, waiting } = trust;
        place_keys(&records, &versions, kept.as_ref()).await?;
        if kept.is_none() {
            for admission in waiting {
                let newest = versions.last().ok_or_else(|| Error::bug("no trust anchor"))?;
                let at = records.head().size;
                let next = admit(newest, &admission, at)?;
                admission.place(&*store, at).await?;
                versions.push(next);
                place_keys(&records, &versions, None).await?;
                let record_types: Vec<&str> = admission.record_types().collect();
                tracing::info!(version = versions.len(), ?record_types, "the trust anchor has a new version");
            }
        }
        let anchor = AnchorBoard::new(&versions, file)?;
        let newest = versions.into_iter().next_back().ok_or_else(|| Error::bug("no trust anchor"))?;
        let verifier = Arc::new(Verifier::new(newest));
        let (of, ledger, checks) = (catalogue.clone(), records.clone(), verifier.clone());
        let layer = Province::open(of, store.clone(), ledger, checks, time.clone()).await?;
        if rebuild_status {
            let differing = layer.rebuild_status().await?;
            tracing::info!(?differing, "the status lists were made again from the record ledger");
        }
        let status = StatusLists::new(catalogue, store, records.clone(), time, registries.iter().cloned());
        Ok(Self { anchor, verifier, records, layer, status, registries })
    }

    /// Lets the province follow every registry, in the background.
    pub fn follow_registries(&self) -> Result<()> {
        self.registries.iter().try_for_each(|registry| self.layer.follow(registry.clone()))
    }
}

/// Puts the key events of all versions into the ledger. A newest version that never got there is set aside.
async fn place_keys(records: &Sequencer, versions: &[TrustAnchor], kept: Option<&KeptKeys>) -> Result<()> {
    let placed = keyring::place_events(records, versions).await?;
    if let (Some(unplaced), Some(kept)) = (versions.get(placed), kept) {
        KeyFolder::open(&kept.folder)?.refuse_version(unplaced.version)?;
        let message = "the newest version of the key registry never took effect and is set aside: start again";
        return Err(Error::new(Reason::ConfigurationInvalid, message));
    }
    Ok(())
}
