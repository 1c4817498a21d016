//! The webhooks of a world in its store.
//!
//! Two writers share a webhook. Its agency writes the row of its webhooks, and the task that delivers writes the row of deliveries; who changes what
//! the other one wrote requires it unchanged. So a webhook that was deleted, or is delivered by a newer task, takes nothing from an older one.

use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use super::row::{
    WorldMark, agency_key, agency_of, letter_key, mark_of, read_agency, read_deliveries, read_letter, webhook_key,
    write_agency, write_deliveries, write_letter,
};
use super::webhook::{DeadLetter, Deliveries, Webhook};
use crate::base::{AgencyId, Error, Reason, Result};
use crate::store::{Batch, Changes, Scan, Space, Store};

/// Attempts at a change that loses against concurrent ones.
pub(super) const ATTEMPTS_MAX: usize = 16;
/// Rows in one read.
const ROWS_READ: usize = 256;

/// The webhooks of one world. Clones share them.
#[derive(Clone)]
pub(super) struct Book {
    store: Arc<dyn Store>,
    world: WorldMark,
}

/// The webhooks of an agency while they are changed.
pub(super) struct Draft {
    key: Vec<u8>,
    found: Option<Bytes>,
    before: Vec<Webhook>,
    pub(super) webhooks: Vec<Webhook>,
}

/// The error of a change that lost too often.
pub(super) fn overtaken() -> Error {
    Error::new(Reason::StorageConflict, "the webhook kept changing during the call: repeat it")
}

/// The deliveries of a webhook, with the row that holds them.
#[derive(Debug, Clone)]
pub(super) struct StoredDeliveries {
    pub(super) deliveries: Deliveries,
    row: Bytes,
}

impl Book {
    /// The book of the world whose record ledger has this origin.
    pub(super) fn new(store: Arc<dyn Store>, origin: &str) -> Self {
        Self { store, world: mark_of(origin) }
    }

    /// Every webhook, with its agency.
    pub(super) async fn all(&self) -> Result<Vec<(AgencyId, Webhook)>> {
        let mut all = Vec::new();
        if self.store.count(Space::Webhook) == 0 {
            return Ok(all); // as in most worlds
        }
        for (key, row) in self.store.scan(Scan::prefix(Space::Webhook, &self.world)).await? {
            let agency = agency_of(&key)?;
            all.extend(read_agency(&row)?.into_iter().map(|webhook| (agency.clone(), webhook)));
        }
        Ok(all)
    }

    /// The webhooks of an agency, the oldest first.
    pub(super) async fn of(&self, agency: &AgencyId) -> Result<Vec<Webhook>> {
        let row = self.store.get(Space::Webhook, &agency_key(self.world, agency)).await?;
        row.map_or(Ok(Vec::new()), |row| read_agency(&row))
    }

    /// The webhooks of an agency, to be changed and written.
    pub(super) async fn draft(&self, agency: &AgencyId) -> Result<Draft> {
        let key = agency_key(self.world, agency);
        let found = self.store.get(Space::Webhook, &key).await?;
        let before = found.as_deref().map_or(Ok(Vec::new()), read_agency)?;
        Ok(Draft { key, found, webhooks: before.clone(), before })
    }

    /// Writes a draft with what else belongs to the batch, all or nothing; a draft in which nothing was changed is not written. False: something else
    /// was written meanwhile, so that the draft has to be made anew.
    pub(super) async fn write(&self, draft: Draft, batch: Batch) -> Result<bool> {
        let Draft { key, found, before, webhooks } = draft;
        if webhooks == before && batch.is_empty() {
            return Ok(true);
        }
        let batch = batch.require(Space::Webhook, key.clone(), found);
        let batch = match webhooks.is_empty() {
            true => batch.delete(Space::Webhook, key),
            false => batch.put(Space::Webhook, key, write_agency(&webhooks)?),
        };
        match self.store.commit(batch).await {
            Err(error) if error.reason == Reason::StorageConflict => Ok(false),
            written => written.map(|()| true),
        }
    }

    /// Wakes when a webhook is created, changed or deleted.
    pub(super) fn changes(&self) -> Changes {
        self.store.changes(Space::Webhook)
    }

    /// Wakes when an event is given up, or queued to be sent once more.
    pub(super) fn letter_changes(&self) -> Changes {
        self.store.changes(Space::WebhookLetter)
    }

    /// How far the deliveries of a webhook have come; `None`: it was deleted.
    pub(super) async fn deliveries(&self, webhook: Uuid) -> Result<Option<StoredDeliveries>> {
        let row = self.store.get(Space::WebhookDelivery, &webhook_key(self.world, webhook)).await?;
        row.map(|row| Ok(StoredDeliveries { deliveries: read_deliveries(&row)?, row })).transpose()
    }

    /// The first deliveries of a new webhook.
    pub(super) fn begun(&self, webhook: Uuid, deliveries: &Deliveries) -> Result<Batch> {
        let key = webhook_key(self.world, webhook);
        Ok(Batch::new().require_absent(Space::WebhookDelivery, key.clone()).put(
            Space::WebhookDelivery,
            key,
            write_deliveries(deliveries)?,
        ))
    }

    /// Replaces the deliveries of a webhook.
    pub(super) fn replaced(&self, webhook: Uuid, before: &StoredDeliveries, after: &Deliveries) -> Result<Batch> {
        let key = webhook_key(self.world, webhook);
        Ok(Batch::new().require_value(Space::WebhookDelivery, key.clone(), before.row.clone()).put(
            Space::WebhookDelivery,
            key,
            write_deliveries(after)?,
        ))
    }

    /// Deletes the deliveries of a webhook and all its dead letters.
    pub(super) async fn ended(&self, webhook: Uuid) -> Result<Batch> {
        let key = webhook_key(self.world, webhook);
        let row = self.store.get(Space::WebhookDelivery, &key).await?;
        let mut batch =
            Batch::new().require(Space::WebhookDelivery, key.clone(), row).delete(Space::WebhookDelivery, key.clone());
        for (letter, _) in self.store.scan(Scan::prefix(Space::WebhookLetter, &key)).await? {
            batch.push_delete(Space::WebhookLetter, letter);
        }
        Ok(batch)
    }

    /// Writes the deliveries of a webhook, and what else belongs to the batch; returns what is stored now. Fails with
    /// [`StorageConflict`](Reason::StorageConflict) if somebody else wrote them meanwhile, or the webhook was deleted.
    pub(super) async fn save(
        &self,
        webhook: Uuid,
        before: &StoredDeliveries,
        after: Deliveries,
        more: Batch,
    ) -> Result<StoredDeliveries> {
        self.store.commit(self.replaced(webhook, before, &after)?.merge(more)).await?;
        let row = write_deliveries(&after)?.into();
        Ok(StoredDeliveries { deliveries: after, row })
    }

    /// At most `limit` dead letters of a webhook behind a ledger index, the oldest change first.
    pub(super) async fn letters(&self, webhook: Uuid, after: Option<u64>, limit: usize) -> Result<Vec<DeadLetter>> {
        let mut scan = Scan::prefix(Space::WebhookLetter, &webhook_key(self.world, webhook)).limit(limit);
        if let Some(after) = after {
            scan = scan.after(letter_key(self.world, webhook, after));
        }
        let rows = self.store.scan(scan).await?;
        rows.iter().map(|(key, row)| read_letter(key, row)).collect()
    }

    /// All dead letters of a webhook.
    pub(super) async fn all_letters(&self, webhook: Uuid) -> Result<Vec<DeadLetter>> {
        let mut all = Vec::new();
        loop {
            let after = all.last().map(|letter: &DeadLetter| letter.ledger_index);
            let some = self.letters(webhook, after, ROWS_READ).await?;
            let is_last = some.len() < ROWS_READ;
            all.extend(some);
            if is_last {
                return Ok(all);
            }
        }
    }

    /// The batch that enters a dead letter.
    pub(super) fn letter(&self, webhook: Uuid, letter: &DeadLetter) -> Result<Batch> {
        let key = letter_key(self.world, webhook, letter.ledger_index);
        Ok(Batch::new().put(Space::WebhookLetter, key, write_letter(letter)?))
    }

    /// The batch that replaces a dead letter as it was read, or takes it off the list.
    pub(super) fn letter_changed(
        &self,
        webhook: Uuid,
        before: &DeadLetter,
        after: Option<&DeadLetter>,
    ) -> Result<Batch> {
        let key = letter_key(self.world, webhook, before.ledger_index);
        let batch = Batch::new().require_value(Space::WebhookLetter, key.clone(), write_letter(before)?);
        Ok(match after {
            Some(after) => batch.put(Space::WebhookLetter, key, write_letter(after)?),
            None => batch.delete(Space::WebhookLetter, key),
        })
    }

    /// Writes a batch.
    pub(super) async fn commit(&self, batch: Batch) -> Result<()> {
        self.store.commit(batch).await
    }

    /// Waits until the store takes changes.
    pub(super) async fn writable(&self) -> Result<()> {
        let mut health = self.store.health();
        let taken = health.wait_for(|health| health.writes == crate::store::Writes::Taken).await;
        taken.map(|_| ()).map_err(|_| Error::new(Reason::ShuttingDown, "the store is closed"))
    }
}
