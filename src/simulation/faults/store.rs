//! A store whose disk is full for as long as a rule says so.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;

use super::action::StateAction;
use super::rules::Rules;
use crate::base::{Error, Result};
use crate::store::{Batch, Changes, Health, Openers, Scan, Snapshot, Space, Store, StoreRow, Writes, disk_full};

/// A store in front of another. Reads pass.
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    rules: Arc<Rules>,
    /// The health of the store behind, or that of a full disk.
    health: watch::Sender<Health>,
}

impl FaultyStore {
    /// Stands in front of `inner`. Spawns the task that shows the rules in its health, which ends with the store.
    pub fn new(inner: Arc<dyn Store>, rules: Arc<Rules>) -> Arc<Self> {
        let health = watch::Sender::new(inner.health().borrow().clone());
        let store = Arc::new(Self { inner, rules, health });
        let (mut of, mut changes) = (store.inner.health(), store.rules.watch());
        let weak = Arc::downgrade(&store);
        tokio::spawn(async move {
            loop {
                let Some(store) = weak.upgrade() else { return };
                store.show();
                let has_states = store.rules.current().has_states();
                drop(store);
                let is_there = tokio::select! {
                    biased;
                    changed = of.changed() => changed.is_ok(),
                    is_there = Rules::moved(&mut changes, has_states) => is_there,
                };
                if !is_there {
                    return;
                }
            }
        });
        store
    }

    fn is_full(&self) -> bool {
        self.rules.state("", |action| action == StateAction::FullDisk).is_some()
    }

    /// Shows the present health.
    fn show(&self) {
        let mut health = self.inner.health().borrow().clone();
        if health.writes == Writes::Taken && self.is_full() {
            health.writes = Writes::Full { free_bytes: 0 };
        }
        self.health.send_if_modified(|shown| {
            let is_other = *shown != health;
            *shown = health;
            is_other
        });
    }
}

#[async_trait]
impl Store for FaultyStore {
    async fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>> {
        self.inner.get(space, key).await
    }

    async fn get_many(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>> {
        self.inner.get_many(space, keys).await
    }

    async fn scan(&self, scan: Scan) -> Result<Vec<StoreRow>> {
        self.inner.scan(scan).await
    }

    async fn commit(&self, batch: Batch) -> Result<()> {
        if self.is_full() {
            self.show();
            return Err(disk_full());
        }
        self.inner.commit(batch).await
    }

    async fn snapshot(&self) -> Result<Arc<dyn Snapshot>> {
        self.inner.snapshot().await
    }

    fn changes(&self, space: Space) -> Changes {
        self.inner.changes(space)
    }

    fn openers(&self) -> Openers {
        self.inner.openers()
    }

    fn count(&self, space: Space) -> u64 {
        self.inner.count(space)
    }

    fn health(&self) -> watch::Receiver<Health> {
        self.show();
        self.health.subscribe()
    }

    fn damaged(&self, space: Space, what: &'static str) -> Error {
        self.inner.damaged(space, what)
    }
}
