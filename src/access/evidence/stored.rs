//! Derives the index of the evidence ledger from its entries: the subject of each, and its sequence.

use crate::base::Result;
use crate::base::id::from_hex;
use crate::ledger::StoredLog;
use crate::store::{Derived, Pace, Space, Store};
use crate::trust::canonical;
use crate::trust::merkle::hash_leaf;

use super::Subject;
use super::chain::{link_key, link_row};

/// Entries in one read.
const ENTRIES_READ: usize = 1_024;

/// Derives the index row of each entry with a subject.
pub async fn derive(
    derived: &mut Derived<'_>,
    evidence: &StoredLog<'_>,
    pace: Pace,
    mut progress: impl FnMut(u64),
) -> Result<()> {
    derived.begin(Space::EvidenceSubject);
    let mut next = 0;
    while next < evidence.size() {
        let entries = evidence.entries(next, ENTRIES_READ).await?;
        for (index, entry) in (next..).zip(&entries) {
            match place_of(entry) {
                Some(Some((subject, sequence))) => {
                    let row = link_row(index, &hash_leaf(entry));
                    derived.row(Space::EvidenceSubject, link_key(&subject, sequence), row, None).await?;
                }
                Some(None) => {}
                None => derived.fault(Space::LogEntry, "an entry of the evidence ledger cannot be read"),
            }
        }
        next += entries.len() as u64;
        progress(entries.len() as u64);
        pace.rest().await;
    }
    Ok(())
}

/// Checks that the newest entry of the evidence ledger is in its subject's list; a start detects lost rows by that.
pub async fn check_tail(store: &dyn Store, evidence: &StoredLog<'_>) -> Result<()> {
    let Some(last) = evidence.size().checked_sub(1) else { return Ok(()) };
    let entries = evidence.entries(last, 1).await?;
    let Some(Some((subject, sequence))) = entries.first().and_then(|entry| place_of(entry)) else { return Ok(()) };
    match store.get(Space::EvidenceSubject, &link_key(&subject, sequence)).await? {
        Some(_) => Ok(()),
        None => Err(store.damaged(Space::EvidenceSubject, "the newest entry of the evidence ledger is in no index")),
    }
}

/// The subject of an entry, and its sequence; `Some(None)` without a subject, `None` if it does not decode.
fn place_of(entry: &[u8]) -> Option<Option<(Subject, u64)>> {
    let entry = canonical::parse(entry).ok()?;
    let Some(subject) = entry.text("subject") else { return Some(None) };
    let subject: Subject = from_hex(subject)?.try_into().ok()?;
    Some(Some((subject, entry.integer("subject_sequence")?.try_into().ok()?)))
}
