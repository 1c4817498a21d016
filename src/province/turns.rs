//! Accepts registries' changes in a given order, one signed batch at a time.
//!
//! Followers (`follow`) accept whatever has arrived: how registries' batches interleave in the record ledger, and how many are
//! merged into one, depends on time. A world that derives from its seed alone needs the same ledger every time, so its seeding
//! decides the order.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;

use futures::{Stream, StreamExt as _};
use tokio::sync::mpsc;

use super::follow::Province;
use super::ingest::Prepared;
use crate::base::{Error, Result};
use crate::registry::port::Registry;
use crate::registry::{Name, Sector};
use crate::trust::merkle::CompactRange;

/// One step of the order: the registry whose changes come next.
pub struct Turn {
    /// The registry.
    pub registry: Arc<dyn Registry>,
    /// The size of its log up to which to accept; a signed batch ends there.
    pub log_size: u64,
}

impl Province {
    /// Accepts the changes of each turn, waiting for those that are not issued yet; ends with the last turn or the first failure.
    /// No registry may be followed meanwhile.
    pub async fn take_in_turn(&self, turns: impl Stream<Item = Turn>) -> Result<()> {
        let (verified, mut waiting) = mpsc::channel::<(Arc<Sector>, Prepared)>(1);
        let accept = async {
            while let Some((sector, batch)) = waiting.recv().await {
                let log_size = self.ingest.accept(&sector, batch).await?;
                self.feed(&sector.name)?.follows(log_size);
            }
            Ok(())
        };
        tokio::try_join!(self.verify_in_turn(turns, verified), accept).map(|_| ())
    }

    async fn verify_in_turn(
        &self,
        turns: impl Stream<Item = Turn>,
        verified: mpsc::Sender<(Arc<Sector>, Prepared)>,
    ) -> Result<()> {
        let ended = || Error::bug("batches are no longer accepted");
        let mut cursors: BTreeMap<Name, CompactRange> = BTreeMap::new();
        let mut turns = pin!(turns);
        while let Some(Turn { registry, log_size }) = turns.next().await {
            let sector = self.sector(registry.name())?;
            let mut before = match cursors.remove(&sector.name) {
                Some(before) => before,
                None => self.ingest.cursor(sector).await?,
            };
            while before.size() < log_size {
                // With a limit of one, `changes` returns exactly the next signed batch.
                let Some(batch) = registry.changes(before.size(), 1).await? else {
                    registry.wait_beyond(before.size()).await?;
                    continue;
                };
                let prepared = self.ingest.verify(sector, before, batch).await?;
                before = prepared.after.clone();
                verified.send((sector.clone(), prepared)).await.map_err(|_| ended())?;
            }
            cursors.insert(sector.name.clone(), before);
        }
        Ok(())
    }
}
