//! Repeated submissions: how two are recognised as the same, and the answer to the second one.
//!
//! A submission that was accepted is answered with its receipts whenever it is repeated, also on a day on which it would be refused: a code
//! list entry may have ended meanwhile. So where it is refused, its receipts are looked up by request id and by a hash of its content; the writer
//! does the same for submissions that are not refused.

use sha2::{Digest, Sha256};

use crate::base::time::Date;
use crate::base::violation::WARNINGS_MAX;
use crate::base::{Error, Reason, Result, Violations, Warnings};
use crate::store::{Space, Store};
use crate::trust::{Hash, Operation, canonical};

use super::Sector;
use super::normal::normal;
use super::port::{Change, Receipt};
use super::prepare::{Prepared, check};
use super::row::Receipts;
use super::rule::Findings;
use super::schema::Holds;

/// Recognises a repetition of a submission.
pub(super) struct IdempotencyKey {
    /// Key in `Submission`.
    pub key: Vec<u8>,
    /// Hash of the submission's content.
    pub content: Hash,
}

/// The stored receipts of `changes`, if they were accepted under `key` before.
///
/// Fails with [`RequestIdReused`](Reason::RequestIdReused) when other changes were. Warnings are found again.
pub(super) async fn stored_receipts(
    store: &dyn Store,
    sector: &Sector,
    key: &[u8],
    changes: &[Change],
    today: Date,
) -> Result<Option<Vec<Receipt>>> {
    let Some(row) = store.get(Space::Submission, key).await? else { return Ok(None) };
    let Receipts { content, mut receipts } = Receipts::read(&row)?;
    if hash_of_changes(sector, changes) != Some(content) {
        return Err(reused());
    }
    let warnings =
        bounded(changes.iter().enumerate().map(|(at, change)| warnings_of(sector, change, at, today)), WARNINGS_MAX);
    for (receipt, warnings) in receipts.iter_mut().zip(warnings) {
        receipt.warnings = warnings;
    }
    Ok(Some(receipts))
}

/// The request id was used for other content.
pub(super) fn reused() -> Error {
    Error::new(Reason::RequestIdReused, "this request id was used for other content")
}

/// The warnings of the changes of one submission, of which `room` are kept together.
pub(super) fn bounded(warnings: impl Iterator<Item = Warnings>, mut room: usize) -> Vec<Warnings> {
    warnings
        .map(|mut of_change| {
            of_change.kept.truncate(room);
            room -= of_change.kept.len();
            of_change
        })
        .collect()
}

fn warnings_of(sector: &Sector, change: &Change, at: usize, today: Date) -> Warnings {
    let mut found = Violations::default();
    check(sector, change, at, today, &mut found);
    found.warnings().clone()
}

/// Hash of a submission that was validated.
pub(super) fn hash_of_prepared(prepared: &[Prepared]) -> Hash {
    let mut hash = ContentHash::default();
    for change in prepared {
        let (ordinal, version) = (change.record_type.ordinal, change.expected_version);
        hash.add(ordinal, change.operation, version, change.holds, &change.payload);
    }
    hash.finish()
}

/// The same of one that was not; `None` when it names a record type that the registry does not have.
fn hash_of_changes(sector: &Sector, changes: &[Change]) -> Option<Hash> {
    let mut hash = ContentHash::default();
    for change in changes {
        let record_type = sector.record_type(&change.record_type)?;
        let payload = normal(record_type, &change.payload, &mut Findings::new(&"", &mut Violations::default()));
        let holds = record_type.holds(&payload).or(change.valid_from, change.valid_until);
        hash.add(record_type.ordinal, change.operation, change.expected_version, holds, &canonical::write(&payload));
    }
    Some(hash.finish())
}

#[derive(Default)]
struct ContentHash(Sha256);

impl ContentHash {
    fn add(&mut self, ordinal: u8, operation: Operation, expected_version: u64, holds: Holds, payload: &[u8]) {
        self.0.update([ordinal, operation.code()]);
        self.0.update(expected_version.to_be_bytes());
        for time in [holds.from, holds.until] {
            self.0.update([u8::from(time.is_some())]);
            self.0.update(time.unwrap_or_default().0.to_be_bytes());
        }
        self.0.update((payload.len() as u32).to_be_bytes());
        self.0.update(payload);
    }

    fn finish(self) -> Hash {
        self.0.finalize().into()
    }
}
