//! The upkeep of a store: compares everything in it, and derives rows again.
//!
//! A check needs no keys: signatures are verified by audits and starts. It also works on a store that is being served from, at a
//! pace; then it reports nothing about rows that change meanwhile. A rebuild has the folder to itself.

use std::path::Path;

use super::data::DataFolder;
use super::roles::gateway::EVIDENCE;
use super::roles::province::RECORDS;
use super::world_file::WorldFile;
use crate::access::evidence;
use crate::base::{Error, Kind, ProvinceCode, Reason, Result};
use crate::ledger::{LogId, StoredLog};
use crate::registry::{Catalogue, allocation};
use crate::store::fjall::{FjallOptions, FjallStore};
use crate::store::{
    Accepted, Derived, Findings, Pace, Purpose, Recount, RollbackGuard, Space, Store, UNREADABLE, recount,
};
use crate::trust::entry::split_entry;
use crate::trust::merkle::hash_leaf;
use crate::{identity, province, registry};

/// Recounts of a space that is being written to before its count is called wrong.
const RECOUNTS: usize = 3;

/// Progress of an upkeep: the present work, the further rows, and the number of rows in all as far as known.
pub type Progress<'a> = &'a (dyn Fn(&'static str, u64, u64) + Sync);

/// The result of a check.
#[derive(Debug)]
pub struct CheckReport {
    /// The recount of each space.
    pub spaces: Vec<Recount>,
    /// The faults.
    pub findings: Findings,
}

/// Checks the store of a data folder that nobody serves from. Changes nothing in the folder, which may be read-only.
///
/// Fails with [`StorageCorrupt`](Reason::StorageCorrupt) or [`LedgerCorrupt`](Reason::LedgerCorrupt) where a start would refuse it
/// too.
pub async fn check_folder(folder: &Path, progress: Progress<'_>) -> Result<CheckReport> {
    let world = served_from(folder)?;
    let guard = DataFolder::guard(folder, &world);
    let (_lock, path) = DataFolder::read(folder)?;
    let store = FjallStore::open_view(&path, options(), Some(&guard))?;
    let catalogue = catalogue_of(&store, &world.province()).await?;
    check(&store, &catalogue, Pace::Full, progress).await
}

/// The catalogue that a store was served with. The built-in one if its rows cannot be read: damage is then found by counting.
async fn catalogue_of(store: &FjallStore, province: &ProvinceCode) -> Result<Catalogue> {
    match allocation::of_store(store, province).await {
        Err(error) if error.reason == Reason::StorageCorrupt => allocation::unkept(province, Vec::new()),
        read => read,
    }
}

/// Checks a store: recounts its rows, and compares ledgers with their tiles and heads, records with their statements, and every
/// derived row with its sources. With a resting pace it may be served from meanwhile; then rows are not counted against their
/// sources, and status lists are not checked.
pub async fn check(
    store: &dyn Store,
    catalogue: &Catalogue,
    pace: Pace,
    progress: Progress<'_>,
) -> Result<CheckReport> {
    let is_quiet = pace == Pace::Full;
    let mut findings = Findings::default();
    let mut spaces = Vec::with_capacity(Space::ALL.len());
    let rows = Space::ALL.iter().map(|space| store.count(*space)).sum();
    for space in Space::ALL {
        let mut found = recount(store, *space, pace, |more| progress("counting rows", more, rows)).await?;
        for _ in 0..RECOUNTS {
            if is_quiet || found.agrees || !found.is_readable {
                break;
            }
            // It changed while it was read. A wrong count stays wrong.
            let again = recount(store, *space, pace, |_| {}).await?;
            let difference = |found: &Recount| found.read.wrapping_sub(found.kept);
            let agrees = again.agrees || difference(&again) != difference(&found);
            found = Recount { agrees, ..again };
        }
        match found {
            Recount { is_readable: false, .. } => findings.add(*space, UNREADABLE),
            Recount { agrees: false, .. } => findings.add(*space, "its number of rows differs from its count"),
            _ => {}
        }
        spaces.push(found);
    }
    check_ledgers(store, catalogue, pace, &mut findings, progress).await?;
    let records = store.count(Space::Record);
    let told = |more| progress("checking records", more, records);
    let of_records = registry::stored::check(store, catalogue, pace, &mut findings, told).await;
    noted(of_records, Space::Record, &mut findings)?;
    let codes = identity::stored::check_codes(store, pace, &mut findings).await;
    noted(codes, Space::PresentationCode, &mut findings)?;
    let mut derived = Derived::new(store, Purpose::Check, is_quiet);
    let outcome = derive(&mut derived, catalogue, pace, progress).await;
    // It walks the sources of derived rows, where it met the damage.
    noted(outcome, Space::Record, &mut findings)?;
    let flushed = derived.flush().await;
    noted(flushed, Space::Record, &mut findings)?;
    findings.merge(derived.end().await?);
    if is_quiet {
        let lists = check_status_lists(store, catalogue, &mut findings).await;
        noted(lists, Space::LogEntry, &mut findings)?;
    }
    Ok(CheckReport { spaces, findings })
}

async fn check_status_lists(store: &dyn Store, catalogue: &Catalogue, findings: &mut Findings) -> Result<()> {
    if let Some(log) = StoredLog::open(store, RECORDS).await? {
        for _ in province::stored::check_status(store, catalogue, &log).await? {
            findings.add(Space::Status, "a list differs from the accepted statements");
        }
    }
    Ok(())
}

/// Derives every derived row of a data folder's store again, and counts the others. Ledgers, records and everything else that
/// cannot be derived are only read, except for the upper nodes of tiles that earlier versions wrote without them; if they cannot be
/// read, it fails with [`StorageCorrupt`](Reason::StorageCorrupt), and the folder has to be restored from a copy. Returns the
/// number of rows of each derived space.
pub async fn rebuild_folder(folder: &Path, progress: Progress<'_>) -> Result<Vec<(Space, u64)>> {
    let world = served_from(folder)?;
    let guard = DataFolder::guard(folder, &world);
    let folder = DataFolder::take(folder)?;
    let path = folder.store();
    refuse_hosts(&path, &guard).await?;
    let store = FjallStore::open_remains(&path, options(), Some(&guard))?;
    let catalogue = &catalogue_of(&store, &world.province()).await?;
    let mut derived = Derived::new(&store, Purpose::Rebuild, true);
    derive(&mut derived, catalogue, Pace::Full, progress).await?;
    let findings = derived.end().await?;
    if let Some((space, what, _)) = findings.iter().next() {
        let message = format!("{} is damaged: {what}; restore the data folder from a copy", space.name());
        return Err(Error::new(Reason::StorageCorrupt, message));
    }
    if let Some(log) = StoredLog::open(&store, RECORDS).await? {
        province::stored::rebuild_status(&store, catalogue, &log).await?;
    }
    for id in logs(catalogue) {
        if let Some(log) = StoredLog::open(&store, id).await? {
            log.complete_tiles().await?;
        }
    }
    let made =
        Space::ALL.iter().filter(|space| space.is_derived()).map(|space| (*space, store.count(*space))).collect();
    store.end_rebuild(&path)?;
    Ok(made)
}

/// Fails where registries are on hosts of their own: of their records the store has the province's rows alone, which a rebuild would empty.
async fn refuse_hosts(path: &Path, guard: &RollbackGuard) -> Result<()> {
    // A store that is too damaged to be looked at is not one that a rebuild saves in any case.
    let Ok(store) = FjallStore::open_view(path, options(), Some(guard)) else { return Ok(()) };
    if province::elsewhere::has_some(&store).await? {
        let message = "registries of this province are on hosts of their own, whose records cannot be derived from this folder: restore it from a copy";
        return Err(Error::new(Reason::ConfigurationInvalid, message));
    }
    Ok(())
}

/// Passes every derived row of every module, except status lists.
async fn derive(derived: &mut Derived<'_>, catalogue: &Catalogue, pace: Pace, progress: Progress<'_>) -> Result<()> {
    let store = derived.store();
    let (records, links) = (store.count(Space::Record), store.count(Space::Link));
    let told = |more| progress("indices of records", more, records);
    registry::stored::derive(derived, catalogue, pace, told).await?;
    identity::stored::derive(derived, pace, |more| progress("indices of links", more, links)).await?;
    if let Some(log) = StoredLog::open(store, EVIDENCE).await? {
        let size = log.size();
        let told = |more| progress("index of evidence", more, size);
        evidence::stored::derive(derived, &log, pace, told).await?;
    }
    if let Some(log) = StoredLog::open(store, RECORDS).await? {
        let size = log.size();
        let told = |more| progress("province's view", more, size);
        province::stored::derive(derived, catalogue, &log, pace, told).await?;
    }
    Ok(())
}

/// All logs of a store.
fn logs(catalogue: &Catalogue) -> impl Iterator<Item = LogId> {
    catalogue.sectors().iter().map(|sector| LogId(sector.ordinal)).chain([RECORDS, EVIDENCE])
}

/// Checks of every log that its tiles rebuild to its head, and that its entries hash to its leaves.
async fn check_ledgers(
    store: &dyn Store,
    catalogue: &Catalogue,
    pace: Pace,
    findings: &mut Findings,
    progress: Progress<'_>,
) -> Result<()> {
    for id in logs(catalogue) {
        let log = match StoredLog::open(store, id).await {
            Ok(Some(log)) => log,
            Ok(None) => continue,
            Err(error) if error.kind() == Kind::Corrupt => {
                findings.add(Space::LogTile, "the tiles, entries and head of a log do not match");
                continue;
            }
            Err(error) => return Err(error),
        };
        let size = log.size();
        let told = |more| progress("checking ledgers", more, size);
        let checked = match id == RECORDS {
            true => log.check(|body| split_entry(body).map(|(kind, body)| kind.leaf(body)), pace, findings, told).await,
            false => log.check(|body| Some(hash_leaf(body)), pace, findings, told).await,
        };
        noted(checked, Space::LogEntry, findings)?;
    }
    Ok(())
}

/// Turns the error of a check that met damage into a finding; other errors are the check's own. The error names the space that was
/// read; if not, it was `space`.
fn noted(outcome: Result<()>, space: Space, findings: &mut Findings) -> Result<()> {
    match outcome {
        Err(error) if error.kind() == Kind::Corrupt => {
            let named =
                Space::ALL.iter().find(|space| error.subject.kind == "space" && error.subject.name == space.name());
            findings.add(named.copied().unwrap_or(space), "its check ended at unreadable rows");
            Ok(())
        }
        outcome => outcome,
    }
}

/// Large buffers, and no larger reserve of free space than a server's.
fn options() -> FjallOptions {
    FjallOptions { reserve_bytes: FjallOptions::default().reserve_bytes, ..FjallOptions::bulk() }
}

/// Accepts the store in a data folder as the one to continue from, although another or a newer one was served from there. It has to
/// be whole.
pub fn accept_rollback(folder: &Path) -> Result<Accepted> {
    let guard = DataFolder::guard(folder, &served_from(folder)?);
    let folder = DataFolder::take(folder)?;
    FjallStore::accept(&folder.store(), options(), &guard)
}

/// The world of a folder. Only a world whose seeding was completed has a store to keep.
fn served_from(folder: &Path) -> Result<WorldFile> {
    match WorldFile::read(folder)? {
        Some(world) if world.seeded => Ok(world),
        _ => {
            let message = format!("{} holds no world that was ever served", folder.display());
            Err(Error::new(Reason::ConfigurationInvalid, message))
        }
    }
}
