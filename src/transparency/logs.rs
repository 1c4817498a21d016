//! The public logs by name, and the head that each publishes.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use bytes::Bytes;

use crate::base::Result;
use crate::ledger::{Head, Log};

/// A log that anyone may read.
pub struct PublicLog {
    /// The last part of its origin: `records`, `land`.
    pub name: String,
    /// The log itself.
    pub ledger: Arc<Log>,
    /// Whether its entries are public, and not only its tree.
    pub shows_entries: bool,
    /// The newest cosigned head.
    cosigned: RwLock<Option<Arc<Head>>>,
    view: Option<Arc<dyn HeadView>>,
}

/// The head that a simulation shows instead of the published one.
#[async_trait]
pub trait HeadView: Send + Sync + 'static {
    /// The head to show where `head` is published: as a size and a note.
    async fn shown(&self, log: &Log, head: Arc<Head>) -> Result<(u64, Bytes)>;
}

impl PublicLog {
    /// The head that readers are shown, as a size and a note: the published one, unless the simulation shows another.
    pub async fn shown(&self) -> Result<(u64, Bytes)> {
        let head = self.published();
        match &self.view {
            Some(view) => view.shown(&self.ledger, head).await,
            None => Ok((head.size, head.note.clone())),
        }
    }

    /// The head to publish: the newest cosigned one, or the newest while there is none. It never shrinks: only a head that was the
    /// newest at some time since the start is cosigned.
    pub fn published(&self) -> Arc<Head> {
        let cosigned = self.cosigned.read().unwrap_or_else(PoisonError::into_inner).clone();
        cosigned.unwrap_or_else(|| self.ledger.head())
    }

    /// Publishes a cosigned head, unless a newer one is published.
    pub fn publish(&self, head: Arc<Head>) {
        let mut cosigned = self.cosigned.write().unwrap_or_else(PoisonError::into_inner);
        if cosigned.as_ref().is_none_or(|old| old.size <= head.size) {
            *cosigned = Some(head);
        }
    }
}

/// The public logs, by name.
#[derive(Clone, Default)]
pub struct Logs(BTreeMap<String, Arc<PublicLog>>);

impl Logs {
    /// Adds a log under the last part of its origin.
    pub fn add(&mut self, ledger: Arc<Log>, shows_entries: bool) {
        self.add_viewed(ledger, shows_entries, None);
    }

    /// The same for a log whose heads are shown as `view` says.
    pub fn add_viewed(&mut self, ledger: Arc<Log>, shows_entries: bool, view: Option<Arc<dyn HeadView>>) {
        let name = ledger.origin().rsplit('/').next().unwrap_or_default().to_owned();
        let log = PublicLog { name: name.clone(), ledger, shows_entries, cosigned: RwLock::default(), view };
        self.0.insert(name, Arc::new(log));
    }

    /// Finds a log by its short name or its origin.
    pub fn find(&self, name: &str) -> Option<&Arc<PublicLog>> {
        let by_origin = || self.0.values().find(|log| log.ledger.origin() == name);
        self.0.get(name).or_else(by_origin)
    }

    /// The logs in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<PublicLog>> {
        self.0.values()
    }
}
