//! Registries whose records are on hosts of their own.
//!
//! The store notes which they are, in `Meta` under `province/elsewhere/` ‖ registry: whoever checks it or derives its rows again must not look for their
//! records here, and a start that would begin such a registry anew, empty, is refused.

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::base::{Error, Reason, Result};
use crate::ledger::{LogId, StoredLog};
use crate::registry::{Catalogue, Name};
use crate::store::{Batch, Scan, Space, Store};

const PREFIX: &[u8] = b"province/elsewhere/";

/// Notes that these registries are on hosts. Fails with [`ConfigurationInvalid`](Reason::ConfigurationInvalid) where the store holds records of one of them,
/// and where one that was on a host is not among them.
pub async fn note<'a>(store: &dyn Store, catalogue: &Catalogue, hosts: impl Iterator<Item = &'a Name>) -> Result<()> {
    let hosts: BTreeSet<&Name> = hosts.collect();
    let noted = noted(store).await?;
    let mut batch = Batch::new();
    for sector in catalogue.sectors() {
        let name = &sector.name;
        match (noted.contains(&sector.ordinal), hosts.contains(name)) {
            (true, false) => {
                let message = format!(
                    "the records of the {name} registry are on a host of its own: give its address with --registry {name}=ADDRESS"
                );
                return Err(Error::new(Reason::ConfigurationInvalid, message));
            }
            (false, true) if StoredLog::open(store, LogId(sector.ordinal)).await?.is_some() => {
                let message = format!(
                    "the {name} registry has its records in this data folder: leave --registry {name}=… out, or choose another folder"
                );
                return Err(Error::new(Reason::ConfigurationInvalid, message));
            }
            (false, true) => batch = batch.put(Space::Meta, key(sector.ordinal), Bytes::new()),
            _ => {}
        }
    }
    store.commit(batch).await
}

/// Whether a store notes registries on hosts.
pub async fn has_some(store: &dyn Store) -> Result<bool> {
    Ok(!noted(store).await?.is_empty())
}

/// The registries on hosts, by their ordinals.
pub(super) async fn noted(store: &dyn Store) -> Result<BTreeSet<u8>> {
    let rows = store.scan(Scan::prefix(Space::Meta, PREFIX).limit(usize::from(u8::MAX))).await?;
    Ok(rows.iter().filter_map(|(key, _)| key.last().copied()).collect())
}

fn key(ordinal: u8) -> Vec<u8> {
    [PREFIX, &[ordinal]].concat()
}
