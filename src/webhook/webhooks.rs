//! What agencies do with webhooks, and the tasks that deliver.

#![allow(clippy::disallowed_methods, reason = "pauses after failures of the store are of the machine's time")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use tokio::task::{AbortHandle, JoinSet};
use uuid::Uuid;

use super::board::{AgencyWebhooks, Board};
use super::book::{ATTEMPTS_MAX, Book, overtaken};
use super::courier::Courier;
use super::event::{Content, Event, test_id};
use super::post::Failure;
use super::secret::Secret;
use super::sending::Sending;
use super::target::Target;
use super::webhook::{DeadLetter, Deliveries, Rotation, Selection, TargetText, Webhook, WebhookState};
use super::world::Shared;
use crate::access::RightsBook;
use crate::base::{AgencyId, Clock, Entropy, Error, Reason, Result, Timestamp, limits};
use crate::province::Province;
use crate::store::{Batch, Store};

/// The pause before webhooks that could not be read are read again.
const AFTER_FAILURE: Duration = Duration::from_secs(30);

/// The parts of a world that has webhooks.
pub struct Parts {
    /// Keeps them.
    pub store: Arc<dyn Store>,
    /// The changes that they send.
    pub province: Arc<Province>,
    /// Who may watch.
    pub rights: Arc<RightsBook>,
    /// The world's clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness for ids.
    pub entropy: Arc<dyn Entropy>,
    /// The origin of the record ledger.
    pub origin: String,
    /// The way out.
    pub sending: Arc<Sending>,
}

/// The webhooks of a world. Clones share them.
#[derive(Clone)]
pub struct Webhooks(Arc<Shared>);

/// What a new webhook is asked to be.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// Names the request.
    pub request_id: String,
    /// Where its events go.
    pub target: Target,
    /// Which changes it sends.
    pub selection: Selection,
    /// From which ledger index on; `None`: what comes.
    pub from: Option<u64>,
}

/// A webhook as its agency sees it.
#[derive(Debug, Clone)]
pub struct WebhookView {
    /// It.
    pub webhook: Webhook,
    /// How far its deliveries have come.
    pub deliveries: Deliveries,
    /// Ledger entries that wait to be read for it.
    pub lag_entries: u64,
}

/// The id of the event of a change.
pub fn event_id(webhook: &Webhook, ledger_index: u64) -> String {
    super::event::change_id(webhook.id, ledger_index)
}

impl Webhooks {
    /// The webhooks of a world; nothing is delivered before [`Self::run`].
    pub fn new(parts: Parts) -> Self {
        Self::with_letters(parts, limits::DEAD_LETTERS_MAX)
    }

    pub(super) fn with_letters(parts: Parts, letters_max: usize) -> Self {
        let Parts { store, province, rights, clock, entropy, origin, sending } = parts;
        let book = Book::new(store, &origin);
        let board = Board::default();
        Self(Arc::new(Shared { book, province, rights, clock, entropy, origin, sending, board, letters_max }))
    }

    /// What the worlds of the process share to send events.
    pub fn sending(&self) -> &Arc<Sending> {
        &self.0.sending
    }

    /// The webhooks of each agency, for metrics.
    pub fn by_agency(&self) -> BTreeMap<AgencyId, AgencyWebhooks> {
        self.0.board.by_agency(self.0.province.ledger_size())
    }

    /// Creates a webhook, or returns the one that the same request created.
    pub async fn create(&self, agency: &AgencyId, new: NewWebhook, now: Timestamp) -> Result<(WebhookView, Secret)> {
        let shared = &self.0;
        shared.check_watching(&shared.rights.current(), agency, &new.selection)?;
        shared.sending.targets.check(&new.target)?;
        let size = shared.province.ledger_size();
        let next = new.from.unwrap_or(size);
        if next > size {
            let message = "the ledger index is past the ledger's end";
            return Err(Error::new(Reason::CursorGone, message).with_subject("from_ledger_index", next.to_string()));
        }
        let (id, asked) = (self.new_id(now)?, asked(&new));
        let created = Webhook {
            id,
            request_id: new.request_id,
            target: TargetText(new.target.to_string()),
            selection: new.selection,
            asked,
            revision: 0,
            created_at: now,
            state: WebhookState::Active,
            rotation: Rotation::default(),
        };
        let begun = shared.book.begun(id, &Deliveries { next, ..Deliveries::default() })?;
        let mut webhook = None;
        for _ in 0..ATTEMPTS_MAX {
            let mut draft = shared.book.draft(agency).await?;
            let (found, batch) = match draft.webhooks.iter().find(|before| before.request_id == created.request_id) {
                Some(before) => (repeated(before, &created)?, Batch::new()),
                None => {
                    check_quota(&draft.webhooks)?;
                    draft.webhooks.push(created.clone());
                    (created.clone(), begun.clone())
                }
            };
            if shared.book.write(draft, batch).await? {
                webhook = Some(found);
                break;
            }
        }
        let webhook = webhook.ok_or_else(overtaken)?;
        let secret = shared.sending.key.secret(webhook.id, 0);
        Ok((self.view(webhook).await?, secret))
    }

    /// One webhook of an agency.
    pub async fn get(&self, agency: &AgencyId, id: Uuid) -> Result<WebhookView> {
        self.view(self.find(agency, id).await?).await
    }

    /// All webhooks of an agency, the oldest first.
    pub async fn list(&self, agency: &AgencyId) -> Result<Vec<WebhookView>> {
        let mut views = Vec::new();
        for webhook in self.0.book.of(agency).await? {
            match self.view(webhook).await {
                // Deleted meanwhile.
                Err(error) if error.reason == Reason::NotFound => {}
                view => views.push(view?),
            }
        }
        Ok(views)
    }

    /// Pauses or resumes a webhook, or gives it another target.
    pub async fn update(
        &self,
        agency: &AgencyId,
        id: Uuid,
        target: Option<Target>,
        is_active: Option<bool>,
    ) -> Result<WebhookView> {
        let shared = &self.0;
        target.iter().try_for_each(|target| shared.sending.targets.check(target))?;
        for _ in 0..ATTEMPTS_MAX {
            let mut draft = shared.book.draft(agency).await?;
            let webhook = find_in(&mut draft.webhooks, id)?;
            if let Some(target) = &target {
                webhook.target = TargetText(target.to_string());
            }
            match is_active {
                Some(true) => {
                    shared.check_watching(&shared.rights.current(), agency, &webhook.selection)?;
                    webhook.state = WebhookState::Active;
                }
                Some(false) => webhook.state = WebhookState::Paused,
                None => {}
            }
            let mut batch = Batch::new();
            if target.is_some() || is_active.is_some() {
                webhook.revision += 1;
                let stored = shared.book.deliveries(id).await?.ok_or_else(unknown)?;
                batch = shared.book.replaced(id, &stored, &stored.deliveries.resumed())?;
            }
            let webhook = webhook.clone();
            if shared.book.write(draft, batch).await? {
                return self.view(webhook).await;
            }
        }
        Err(overtaken())
    }

    /// Gives a webhook a new secret; the one before signs too for so long.
    pub async fn rotate(
        &self,
        agency: &AgencyId,
        id: Uuid,
        request_id: &str,
        overlap: Duration,
        now: Timestamp,
    ) -> Result<(WebhookView, Secret)> {
        let overlap_ms = i64::try_from(overlap.as_millis()).unwrap_or(i64::MAX);
        for _ in 0..ATTEMPTS_MAX {
            let mut draft = self.0.book.draft(agency).await?;
            let webhook = find_in(&mut draft.webhooks, id)?;
            if webhook.rotation.request_id != request_id {
                let count = webhook.rotation.count.checked_add(1);
                webhook.rotation = Rotation {
                    count: count.ok_or_else(|| Error::bug("a secret was rotated four billion times"))?,
                    request_id: request_id.to_owned(),
                    previous_until: (overlap_ms > 0).then(|| now.plus_ms(overlap_ms)),
                };
            }
            let webhook = webhook.clone();
            if self.0.book.write(draft, Batch::new()).await? {
                let secret = self.0.sending.key.secret(id, webhook.rotation.count);
                return Ok((self.view(webhook).await?, secret));
            }
        }
        Err(overtaken())
    }

    /// Deletes a webhook with all that belongs to it.
    pub async fn delete(&self, agency: &AgencyId, id: Uuid) -> Result<()> {
        for _ in 0..ATTEMPTS_MAX {
            let mut draft = self.0.book.draft(agency).await?;
            find_in(&mut draft.webhooks, id)?;
            draft.webhooks.retain(|webhook| webhook.id != id);
            let batch = self.0.book.ended(id).await?;
            if self.0.book.write(draft, batch).await? {
                return Ok(());
            }
        }
        Err(overtaken())
    }

    /// A page of the dead letters of a webhook behind a ledger index, and whether more follow.
    pub async fn letters(
        &self,
        agency: &AgencyId,
        id: Uuid,
        after: Option<u64>,
        limit: usize,
    ) -> Result<(Webhook, Vec<DeadLetter>, bool)> {
        let webhook = self.find(agency, id).await?;
        let mut letters = self.0.book.letters(id, after, limit + 1).await?;
        let more = letters.len() > limit;
        letters.truncate(limit);
        Ok((webhook, letters, more))
    }

    /// Queues the dead letters of these changes, or all of them, to be sent once more; returns how many were not queued before.
    pub async fn redeliver(&self, agency: &AgencyId, id: Uuid, ledger_indices: &[u64]) -> Result<usize> {
        self.find(agency, id).await?;
        let mut queued = 0;
        for letter in self.0.book.all_letters(id).await? {
            let is_wanted = ledger_indices.is_empty() || ledger_indices.contains(&letter.ledger_index);
            if !is_wanted || letter.is_queued {
                continue;
            }
            let after = DeadLetter { is_queued: true, ..letter.clone() };
            match self.0.book.commit(self.0.book.letter_changed(id, &letter, Some(&after))?).await {
                Ok(()) => queued += 1,
                // Sent or queued meanwhile.
                Err(error) if error.reason == Reason::StorageConflict => {}
                Err(error) => return Err(error),
            }
        }
        Ok(queued)
    }

    /// Sends a test event to a webhook's target, once; returns its id, and how the target answered. `call` tells it from others.
    pub async fn test(
        &self,
        agency: &AgencyId,
        id: Uuid,
        call: Uuid,
        within: Duration,
    ) -> Result<(String, std::result::Result<(), Failure>)> {
        let shared = &self.0;
        let webhook = self.find(agency, id).await?;
        let target = Target::parse(&webhook.target.0).map_err(Error::invalid)?;
        shared.sending.targets.check(&target)?;
        let content = Content::Test(shared.clock.now());
        let event = Event { id: test_id(id, call), source: shared.origin.clone(), content };
        let outcome = shared.attempt(&webhook, &event, &target, within).await?;
        Ok((event.id, outcome))
    }

    /// Delivers the events of all active webhooks until the task is dropped.
    pub async fn run(self) {
        let mut changes = self.0.book.changes();
        let (mut tasks, mut couriers) = (JoinSet::new(), BTreeMap::new());
        loop {
            match self.0.book.all().await {
                Ok(all) => self.assign(all, &mut tasks, &mut couriers),
                Err(error) => {
                    tracing::error!(%error, "webhooks cannot be read; retrying");
                    tokio::time::sleep(AFTER_FAILURE).await;
                    continue;
                }
            }
            loop {
                tokio::select! {
                    biased;
                    noticed = changes.next() => match noticed {
                        Ok(()) => break,
                        Err(_) => return, // the store is closed
                    },
                    Some(ended) = tasks.join_next() => {
                        if ended.is_err_and(|error| error.is_panic()) {
                            tracing::error!("a defect ended the deliveries of a webhook until it is updated, or a restart");
                        }
                    }
                }
            }
        }
    }

    /// Gives each active webhook a task, a new one if it was changed, and ends the others'.
    fn assign(
        &self,
        all: Vec<(AgencyId, Webhook)>,
        tasks: &mut JoinSet<()>,
        couriers: &mut BTreeMap<Uuid, (Webhook, AbortHandle)>,
    ) {
        self.0.board.set(&all);
        let is_active = |webhook: &Webhook| webhook.state == WebhookState::Active;
        couriers.retain(|id, (held, task)| {
            let now = all.iter().find(|(_, webhook)| webhook.id == *id);
            let stays = now.is_some_and(|(_, webhook)| webhook == held);
            if !stays {
                task.abort();
            }
            if let Some((agency, Webhook { state: WebhookState::Disabled(reason), .. })) = now {
                tracing::warn!(webhook = %id, %agency, why = reason.as_str(), "a webhook was disabled");
            }
            stays
        });
        for (agency, webhook) in all.into_iter().filter(|(_, webhook)| is_active(webhook)) {
            couriers.entry(webhook.id).or_insert_with(|| {
                let courier = Courier { shared: self.0.clone(), agency, webhook: webhook.clone() };
                (webhook, tasks.spawn(courier.run()))
            });
        }
    }

    async fn find(&self, agency: &AgencyId, id: Uuid) -> Result<Webhook> {
        self.0.book.of(agency).await?.into_iter().find(|webhook| webhook.id == id).ok_or_else(unknown)
    }

    async fn view(&self, webhook: Webhook) -> Result<WebhookView> {
        let stored = self.0.book.deliveries(webhook.id).await?.ok_or_else(unknown)?;
        let read_to = self.0.board.read_to(webhook.id).unwrap_or_default().max(stored.deliveries.next);
        let lag_entries = self.0.province.ledger_size().saturating_sub(read_to);
        Ok(WebhookView { webhook, deliveries: stored.deliveries, lag_entries })
    }

    /// An id (UUID version 7, RFC 9562).
    fn new_id(&self, now: Timestamp) -> Result<Uuid> {
        let mut random = [0; 10];
        self.0.entropy.fill(&mut random)?;
        Ok(uuid::Builder::from_unix_timestamp_millis(now.0.max(0) as u64, &random).into_uuid())
    }
}

fn find_in(webhooks: &mut [Webhook], id: Uuid) -> Result<&mut Webhook> {
    webhooks.iter_mut().find(|webhook| webhook.id == id).ok_or_else(unknown)
}

/// The webhook that the same request created before.
fn repeated(before: &Webhook, created: &Webhook) -> Result<Webhook> {
    let refused =
        |message: &str| Error::new(Reason::RequestIdReused, message).with_subject("webhook", before.id.to_string());
    if before.asked != created.asked {
        return Err(refused("the request id was used for another webhook"));
    }
    if before.rotation.count > 0 {
        return Err(refused("the webhook of this request has had its secret rotated: it is not told again"));
    }
    Ok(before.clone())
}

fn check_quota(webhooks: &[Webhook]) -> Result<()> {
    if webhooks.len() < limits::WEBHOOKS_OF_AGENCY_MAX {
        return Ok(());
    }
    let message = "the agency has as many webhooks as it may have: delete one";
    Err(Error::new(Reason::TooManyWebhooks, message).with_subject("quota", "webhooks"))
}

fn unknown() -> Error {
    Error::new(Reason::NotFound, "there is no such webhook").with_subject("webhook", "")
}

/// The hash of what a request asks for.
fn asked(new: &NewWebhook) -> String {
    let Selection { registry, record_types, heading, person, unit } = &new.selection;
    let unit = unit.as_ref().map(|(code, since)| (code, since.to_string()));
    let person = person.map(|person| person.as_str().to_owned());
    let heading = heading.map(|heading| heading as u8);
    let all = (new.target.to_string(), registry, record_types, heading, person, unit, new.from);
    let json = serde_json::to_vec(&all).expect("texts and numbers have a JSON form");
    URL_SAFE_NO_PAD.encode(Sha256::digest(json))
}
