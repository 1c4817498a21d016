//! Values that at most one record of a type has: their claimants as a batch leaves them.
//!
//! A submission is checked by the common result of all its changes, so that one record may give up a value that another takes.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::base::Result;
use crate::registry::prepare::Prepared;
use crate::registry::row::{RecordKey, corrupt};
use crate::store::{Batch, Space};

/// The record that claims one value.
struct Claim {
    /// As stored; `None` if it was not read.
    stored: Option<Option<RecordKey>>,
    /// After the batch.
    now: Option<RecordKey>,
}

/// Claimants by index key.
#[derive(Default)]
pub(super) struct ClaimBook(BTreeMap<Vec<u8>, Claim>);

impl ClaimBook {
    /// Adds a stored row, or that there is none. The type is in the key.
    pub(super) fn know(&mut self, key: Vec<u8>, stored: Option<&[u8]>) -> Result<()> {
        let holder = |id: &[u8]| {
            let mut holder = [*key.get(1)?; 17];
            holder[1..].copy_from_slice(<&[u8; 16]>::try_from(id).ok()?);
            Some(holder)
        };
        let unreadable = || corrupt("a row of the index names no record");
        let stored = stored.map(|id| holder(id).ok_or_else(unreadable)).transpose()?;
        self.0.insert(key, Claim { stored: Some(stored), now: stored });
        Ok(())
    }

    /// The claimant of a value after the batch.
    pub(super) fn holder(&self, key: &[u8]) -> Option<RecordKey> {
        self.0.get(key)?.now
    }

    /// `record` has the claims `after` where it had `before`.
    pub(super) fn change(&mut self, record: RecordKey, before: &[(usize, Vec<u8>)], after: &[(usize, Vec<u8>)]) {
        for (_, key) in before.iter().filter(|claim| !after.contains(claim)) {
            let claim = self.0.entry(key.clone()).or_insert(Claim { stored: None, now: Some(record) });
            claim.now = claim.now.filter(|holder| *holder != record);
        }
        for (_, key) in after.iter().filter(|claim| !before.contains(claim)) {
            self.0.entry(key.clone()).or_insert(Claim { stored: None, now: None }).now = Some(record);
        }
    }

    /// The rows that change.
    pub(super) fn write(self, batch: &mut Batch) {
        for (key, Claim { stored, now }) in self.0 {
            let id = now.map(|holder| Bytes::copy_from_slice(&holder[1..]));
            match (stored, id) {
                (Some(stored), _) if stored == now => {}
                (Some(None), Some(id)) => batch.push_insert(Space::RecordIndex, key, id),
                (Some(Some(_)), Some(id)) => batch.push_update(Space::RecordIndex, key, id),
                (None, Some(id)) => batch.push_put(Space::RecordIndex, key, id),
                (_, None) => batch.push_delete(Space::RecordIndex, key),
            }
        }
    }
}

/// The keys of all claims of these changes.
pub(in crate::registry) fn keys<'a>(changes: impl Iterator<Item = &'a Prepared>) -> Vec<Vec<u8>> {
    let mut keys: Vec<Vec<u8>> = changes.flat_map(|change| &change.claims).map(|(_, key)| key.clone()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}
