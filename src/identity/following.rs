//! Follows accepted changes, so that a change of a linked document shows on its link without a query.

#![allow(clippy::disallowed_methods, reason = "back-off after a failure")]

use std::sync::Arc;

use crate::access::Actor;
use crate::base::{Clock, Error, Reason, Result, watch};
use crate::store::{Batch, Space, Store};

use super::document::standing;
use super::linking::Linking;
use super::ports::{AcceptedChange, ChangeFeed};

const CURSOR: &[u8] = b"identity/links/cursor";
const CHANGES: usize = 1_000;

/// Keeps links in step with accepted changes, from a durable cursor.
pub struct Following {
    linking: Linking,
    store: Arc<dyn Store>,
    feed: Arc<dyn ChangeFeed>,
    clock: Arc<dyn Clock>,
    followed: watch::Sender<u64>,
}

impl Following {
    /// Follows `feed` for the links of `linking`.
    pub fn new(linking: Linking, store: Arc<dyn Store>, feed: Arc<dyn ChangeFeed>, clock: Arc<dyn Clock>) -> Self {
        Self { linking, store, feed, clock, followed: watch::Sender::default() }
    }

    /// The size of the ledger up to which links show its changes, as it grows.
    pub fn followed(&self) -> watch::Receiver<u64> {
        self.followed.subscribe()
    }

    /// Runs until the task is dropped. After a failure it pauses and continues from the cursor.
    pub async fn run(self) {
        loop {
            let step = match self.catch_up().await {
                Ok(seen) => self.feed.wait_beyond(seen).await,
                Err(error) => Err(error),
            };
            if let Err(error) = step {
                if error.reason == Reason::ShuttingDown {
                    return;
                }
                tracing::warn!(%error, "following accepted changes failed; retrying");
                tokio::time::sleep(std::time::Duration::from_millis(500)).await;
            }
        }
    }

    /// Applies every change accepted so far; returns the ledger size reached.
    pub async fn catch_up(&self) -> Result<u64> {
        let mut from = self.cursor().await?;
        while from < self.feed.size() {
            let (changes, next) = self.feed.accepted(from, CHANGES).await?;
            for change in &changes {
                self.take(change).await?;
            }
            if next <= from {
                return Err(Error::bug("the feed of accepted changes makes no progress"));
            }
            from = next;
            self.store.commit(Batch::new().put(Space::Meta, CURSOR.to_vec(), from.to_be_bytes().to_vec())).await?;
        }
        self.followed.send_replace(from);
        Ok(from)
    }

    /// Sets the cursor to the ledger's end: the seeded past has no links that could have changed.
    pub async fn skip_to_end(&self) -> Result<()> {
        let size = self.feed.size();
        self.store.commit(Batch::new().put(Space::Meta, CURSOR.to_vec(), size.to_be_bytes().to_vec())).await
    }

    async fn cursor(&self) -> Result<u64> {
        let row = self.store.get(Space::Meta, CURSOR).await?;
        let Some(row) = row else { return Ok(0) };
        let corrupt = || Error::new(Reason::StorageCorrupt, "the links' cursor cannot be read back");
        row.as_ref().try_into().map(u64::from_be_bytes).map_err(|_| corrupt())
    }

    async fn take(&self, change: &AcceptedChange) -> Result<()> {
        let record_type = self.linking.registries.catalogue().record_type(&change.record_type);
        let Some(record_type) = record_type.filter(|of| of.document.is_some()) else { return Ok(()) };
        let links = self.linking.of_record(change.record_id).await?;
        if links.is_empty() {
            return Ok(());
        }
        let Some(record) = self.feed.latest(&change.record_type, change.record_id).await? else { return Ok(()) };
        for link in links {
            let now = self.clock.now();
            let standing = standing(record_type, record.operation, record.valid_until, &record.payload, now);
            let after = link.after(record.version, &standing, record.valid_until, now);
            let Some(after) = after else { continue };
            match self.store.commit(Linking::replacement(&link, &after, &Actor::Registry)).await {
                // The citizen changed the link in between: read it again.
                Err(error) if error.reason == Reason::StorageConflict => Box::pin(self.take(change)).await?,
                result => result?,
            }
        }
        Ok(())
    }
}
