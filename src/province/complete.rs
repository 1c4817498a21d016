//! Rows of the view that came later than the records behind them: of a folder that an earlier version wrote, or of a record type whose place in
//! the views changed.
//!
//! The store notes by which parts of the catalogue it was indexed. Where that is not what the catalogue says now, the missing rows are derived
//! from the ledger and the registries' records when the province opens, before it answers anybody. What was stored stays, so that an
//! interruption costs nothing but the time until the next start.

use bytes::Bytes;

use crate::base::{Error, Reason, Result};
use crate::ledger::Log;
use crate::registry::Catalogue;
use crate::store::{Batch, Derived, Pace, Purpose, Space, Store};

use super::{index, stored};

/// In `Meta`: the fingerprint of the rules that indexed the stored rows ([`index::fingerprint`]).
const KEY: &[u8] = b"province/indexed";

/// Completes the rows, unless they are complete.
pub(super) async fn ensure(store: &dyn Store, catalogue: &Catalogue, ledger: &Log) -> Result<()> {
    let wanted = index::fingerprint(catalogue);
    if store.get(Space::Meta, KEY).await?.as_deref() == Some(&wanted[..]) {
        return Ok(());
    }
    // The ledger of a new world has key events, and no records yet.
    if store.count(Space::ProvinceBatch) > 0 {
        let records = store.count(Space::ProvinceRecord);
        tracing::info!(records, "the province's views have new indices: the stored records are indexed once");
        let mut derived = Derived::new(store, Purpose::Complete, true);
        stored::derive(&mut derived, catalogue, &ledger.stored(), Pace::Full, |_| {}).await?;
        let findings = derived.end().await?;
        if let Some((space, what, _)) = findings.iter().next() {
            let message = format!("the views cannot be indexed, because {} is damaged: {what}", space.name());
            return Err(Error::new(Reason::StorageCorrupt, message));
        }
    }
    let noted = Batch::new().put(Space::Meta, Bytes::from_static(KEY), Bytes::copy_from_slice(&wanted));
    store.commit(noted).await
}
