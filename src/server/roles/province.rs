//! The province role: the record ledger with the data derived from it, and the trust anchor, over a store and the registries'
//! ports.

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

/// The ports and settings of a province role.
pub struct Opening {
    /// The store of its ledger and the data derived from it.
    pub store: Arc<dyn Store>,
    /// The catalogue of registries and record types.
    pub catalogue: Arc<Catalogue>,
    /// The registries' ports.
    pub registries: Vec<Arc<dyn Registry>>,
    /// The world's clock.
    pub time: Arc<dyn Clock>,
    /// The clock of its ledger.
    pub clock: LogClock,
    /// The cache of its tiles.
    pub tiles: TileCache,
    /// The origin of the record ledger.
    pub origin: String,
    /// The signer of the record ledger's checkpoints.
    pub signer: Arc<dyn Signer>,
    /// The trust anchor, and its files.
    pub trust: Trust,
    /// Whether the status lists are rebuilt from the ledger first.
    pub rebuild_status: bool,
}

/// The trust anchor of a province, and its files.
pub struct Trust {
    /// All its versions, the first one first.
    pub versions: Vec<TrustAnchor>,
    /// The version before those, whose key events are in the ledger already; only a session has one.
    pub before: Option<Arc<TrustAnchor>>,
    /// The folder of keys; `None` if keys derive from a seed.
    pub kept: Option<KeptKeys>,
    /// The file of the newest version; `None` writes none.
    pub file: Option<PathBuf>,
    /// Who came since the last start. Kept keys name them already.
    pub waiting: Vec<Admission>,
}

/// An opened province role. It follows no registry until told to, and ends when dropped.
pub struct ProvinceRole {
    /// The published trust anchor.
    pub anchor: AnchorBoard,
    /// The verifier of the trust anchor.
    pub verifier: Arc<Verifier>,
    /// The record ledger.
    pub records: Arc<Sequencer>,
    /// The shared layer over all registries.
    pub layer: Arc<Province>,
    /// The status lists.
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
        let Trust { mut versions, before, kept, file, waiting } = trust;
        let before = before.as_deref();
        place_keys(&records, before, &versions, kept.as_ref()).await?;
        if kept.is_none() {
            for admission in waiting {
                let newest = versions.last().ok_or_else(|| Error::bug("no trust anchor"))?;
                let at = records.head().size;
                let next = admit(newest, &admission, at)?;
                admission.place(&*store, at, time.now()).await?;
                versions.push(next);
                place_keys(&records, before, &versions, None).await?;
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
            tracing::info!(?differing, "the status lists were rebuilt from the record ledger");
        }
        let status = StatusLists::new(catalogue, store, records.clone(), time, registries.iter().cloned());
        Ok(Self { anchor, verifier, records, layer, status, registries })
    }

    /// Begins to follow every registry, in the background.
    pub fn follow_registries(&self) -> Result<()> {
        self.registries.iter().try_for_each(|registry| self.layer.follow(registry.clone()))
    }
}

/// Logs the key events of all versions in the ledger. A newest version whose events were never logged is set aside.
async fn place_keys(
    records: &Sequencer,
    before: Option<&TrustAnchor>,
    versions: &[TrustAnchor],
    kept: Option<&KeptKeys>,
) -> Result<()> {
    let placed = keyring::place_events(records, before, versions).await?;
    if let (Some(unplaced), Some(kept)) = (versions.get(placed), kept) {
        KeyFolder::open(&kept.folder)?.refuse_version(unplaced.version)?;
        let message = "the newest version of the key registry never took effect and was set aside: start again";
        return Err(Error::new(Reason::ConfigurationInvalid, message));
    }
    Ok(())
}
