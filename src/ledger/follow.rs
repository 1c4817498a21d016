//! Follows a log that another process appends to: a stored head is accepted if the stored leaves lead to it from the head before,
//! and not otherwise.
//!
//! Memory holds only heads that were read from the store, so it may lag behind and never runs ahead. A head that does not continue the one
//! before it, which only a restored copy or a second history could bring, is refused, and the log keeps its head.

#![allow(clippy::disallowed_methods, reason = "back-off after a failure")]

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::cache::TileCache;
use super::checkpoint::NoteKeys;
use super::load::{self, corrupt};
use super::log::{Head, Log, State};
use super::rows::LogId;
use crate::base::{Error, Kind, Reason, Result};
use crate::store::{Changes, Space, Store};

/// Pause after a failed read of the store: the log may be idle, so no change would wake the task.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

impl Log {
    /// Opens a log for reading, and follows it in the background until it is dropped. Fails like a sequencer that opens it, and
    /// with [`NotFound`](Reason::NotFound) if the log has not been created.
    pub async fn follow(
        store: Arc<dyn Store>,
        id: LogId,
        origin: &str,
        keys: NoteKeys,
        tiles: TileCache,
    ) -> Result<Arc<Self>> {
        // The watch begins first: a commit during loading wakes the task.
        let changes = store.changes(Space::LogHead);
        let none = || Error::new(Reason::NotFound, "this log has not been created").with_subject("log", origin);
        let state = load::load(&*store, id, origin, &keys()).await?.ok_or_else(none)?;
        let begins = load::begins(&*store, id, origin).await?;
        let log = Arc::new(Self::new(store, id, origin.to_owned(), keys, state, begins, tiles));
        tokio::spawn(keep_up(Arc::downgrade(&log), changes));
        Ok(log)
    }

    /// Reads the stored head now, and returns the newest accepted one: for callers that must see everything committed before the
    /// call.
    pub async fn refresh(&self) -> Result<Arc<Head>> {
        let known = self.state();
        let lost = || corrupt(&self.origin, "its head is missing");
        let row = self.store.get(Space::LogHead, &self.id.prefix()).await?.ok_or_else(lost)?;
        if row == known.row {
            return Ok(known.head.clone());
        }
        let (at, note, signed) = load::read_head(&row, &self.origin, &(self.keys)())?;
        if signed.size < known.head.size {
            return Err(self.rolled_back(signed.size));
        }
        let mut tree = known.tree.clone();
        tree.append(load::leaves_between(&*self.store, self.id, &self.origin, tree.size(), signed.size).await?);
        if tree.root() != signed.root {
            return Err(corrupt(
                &self.origin,
                format!("its head of size {} does not continue the one before", signed.size),
            ));
        }
        let head = Arc::new(Head { size: signed.size, root: signed.root, note, at });
        self.publish_newer(State { head: head.clone(), tree, row });
        Ok(head)
    }

    fn rolled_back(&self, size: u64) -> Error {
        let message = format!("the log {} had {} entries and has {size}", self.origin, self.head().size);
        Error::new(Reason::LogRollback, message).with_subject("log", self.origin.clone())
    }
}

/// Accepts each new head until the log is dropped.
async fn keep_up(log: Weak<Log>, mut changes: Changes) {
    loop {
        let Some(following) = log.upgrade() else { return };
        match following.refresh().await {
            Ok(_) => {}
            Err(error) if error.kind() == Kind::Corrupt => {
                tracing::error!(log = following.origin(), %error, "the stored head is refused; the log keeps its head");
            }
            Err(error) => {
                tracing::warn!(log = following.origin(), %error, "the stored head cannot be read");
                drop(following);
                tokio::time::sleep(AGAIN_AFTER).await;
                continue;
            }
        }
        drop(following);
        if changes.next().await.is_err() {
            return;
        }
    }
}
