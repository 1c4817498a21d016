//! Registries and record types that came after the world was made, each group by one version of the trust anchor.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::{Error, Reason, Result, Timestamp};
use crate::store::{Batch, Scan, Space, Store};

const ADMISSION: &str = "catalogue/admission/";

/// Registries and record types that enter the trust anchor together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Admission {
    /// Its number, from 1.
    pub number: u32,
    /// The position of its key events; `None` until they are in the ledger.
    pub placed: Option<Placed>,
    /// The record types that come, by their registry.
    pub record_types: BTreeMap<String, Vec<String>>,
}

/// The position and time of key events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Placed {
    /// Index in the record ledger of the first.
    pub events_from: u64,
    /// The world's time, in milliseconds since the epoch: versions that renew the trust anchor come before and after.
    at_ms: i64,
}

impl Placed {
    /// The time of the placing.
    pub fn at(self) -> Timestamp {
        Timestamp(self.at_ms)
    }
}

impl Admission {
    /// The admission after `before` of these record types, each with its registry.
    pub(super) fn next(before: &[Self], record_types: impl Iterator<Item = (String, String)>) -> Self {
        let mut by_registry: BTreeMap<String, Vec<String>> = BTreeMap::new();
        record_types.for_each(|(registry, name)| by_registry.entry(registry).or_default().push(name));
        let number = before.last().map_or(1, |last| last.number.saturating_add(1));
        Self { number, placed: None, record_types: by_registry }
    }

    /// The record types.
    pub fn record_types(&self) -> impl Iterator<Item = &str> {
        self.record_types.values().flatten().map(String::as_str)
    }

    /// Its row in `batch`.
    pub(super) fn write(&self, batch: Batch) -> Result<Batch> {
        let key = [ADMISSION.as_bytes(), &self.number.to_be_bytes()].concat();
        Ok(batch.put(Space::Meta, key, serde_json::to_vec(self).map_err(Error::bug)?))
    }

    /// Records the index at which its key events begin. Written before they are, so that an interrupted start finds their position again.
    pub async fn place(&self, store: &dyn Store, events_from: u64, now: Timestamp) -> Result<Self> {
        let placed = Self { placed: Some(Placed { events_from, at_ms: now.0 }), ..self.clone() };
        store.commit(placed.write(Batch::new())?).await?;
        Ok(placed)
    }
}

/// All admissions of a store, the first one first.
pub async fn admissions(store: &dyn Store) -> Result<Vec<Admission>> {
    let rows = store.scan(Scan::prefix(Space::Meta, ADMISSION.as_bytes())).await?;
    let unreadable = |error| {
        Error::new(Reason::StorageCorrupt, "an admission to the trust anchor cannot be read").with_source(error)
    };
    rows.iter().map(|(_, row)| serde_json::from_slice(row).map_err(unreadable)).collect()
}
