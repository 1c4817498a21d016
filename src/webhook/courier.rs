//! The deliveries of one webhook: each selected change in ledger order, the next one after the one before was accepted or given up.
//!
//! The position is stored after the target accepted an event and never before, so that a process that dies sends the event again, under the same id.
//! What waits for a retry waits on the world's clock. A webhook has a task of its own: a slow target costs only itself.

#![allow(clippy::disallowed_methods, reason = "pauses after failures of the store are of the machine's time")]

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;

use super::book::StoredDeliveries;
use super::event::{Content, Event, change_id};
use super::post::{ANSWERS_WITHIN, Failure};
use super::target::Target;
use super::webhook::{AfterFailure, DeadLetter, Deliveries, Disabled, Webhook, WebhookState};
use super::world::Shared;
use crate::base::{AgencyId, Error, Reason, Timestamp};
use crate::province::{Pace, ProvedStatement, Watched};
use crate::store::{Batch, Changes};

/// How often a webhook that has nothing to send notes how far it has read, for its lag.
const QUIET: Duration = Duration::from_secs(2);
/// Ledger entries without an event after which the position is stored, so that a restart does not read them again.
const STORED_EVERY: u64 = 1_000;
/// The pause after a failure that is not the target's.
const AFTER_FAILURE: Duration = Duration::from_secs(15);
/// The pause before the store is asked again to take a position.
const UNTIL_STORED: Duration = Duration::from_secs(1);

/// Delivers the events of one webhook.
pub(super) struct Courier {
    pub(super) shared: Arc<Shared>,
    pub(super) agency: AgencyId,
    pub(super) webhook: Webhook,
}

/// Why deliveries end or pause.
enum Stop {
    /// The webhook was deleted or disabled, or the world ends.
    Over,
    /// Something failed that is not the target's.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        if error.reason == Reason::ShuttingDown { Self::Over } else { Self::Failed(error) }
    }
}

type Step<T> = std::result::Result<T, Stop>;

impl Courier {
    /// Delivers until the webhook is deleted or disabled, or the task is dropped.
    pub(super) async fn run(self) {
        loop {
            match self.deliver().await {
                Ok(never) => match never {},
                Err(Stop::Over) => return,
                // Somebody else wrote the deliveries: they are read again.
                Err(Stop::Failed(error)) if error.reason == Reason::StorageConflict => tokio::task::yield_now().await,
                Err(Stop::Failed(error)) => {
                    tracing::warn!(webhook = %self.webhook.id, %error, "deliveries of a webhook failed; retrying");
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            }
        }
    }

    async fn deliver(&self) -> Step<Infallible> {
        let Shared { book, province, .. } = &*self.shared;
        let mut letters = book.letter_changes();
        let mut stored = book.deliveries(self.webhook.id).await?.ok_or(Stop::Over)?;
        let target = Target::parse(&self.webhook.target.0).map_err(Error::invalid)?;
        let filter = self.webhook.selection.filter(province.catalogue(), &self.agency)?;
        let pace = Pace { heartbeat: QUIET, behind_max: u64::MAX };
        self.redeliver(&target).await?;
        let mut changes = pin!(province.watch(Some(stored.deliveries.next), filter, pace)?);
        loop {
            let message = tokio::select! {
                biased;
                noticed = letters.next() => {
                    noticed?;
                    self.redeliver(&target).await?;
                    continue;
                }
                message = changes.next() => message,
            };
            match message.ok_or(Stop::Over)?? {
                Watched::Progress(progress) => {
                    self.shared.board.note(self.webhook.id, progress.ledger_index);
                    if progress.ledger_index >= stored.deliveries.next + STORED_EVERY {
                        let after = Deliveries { next: progress.ledger_index, ..stored.deliveries.clone() };
                        self.save(&mut stored, after, Batch::new()).await?;
                    }
                }
                Watched::Change(change) => {
                    self.shared.board.note(self.webhook.id, change.ledger_index);
                    self.send(&mut stored, *change, &target, &mut letters).await?;
                }
            }
        }
    }

    /// Sends the event of a change until it is accepted or given up.
    async fn send(
        &self,
        stored: &mut StoredDeliveries,
        change: ProvedStatement,
        target: &Target,
        letters: &mut Changes,
    ) -> Step<()> {
        let (index, clock) = (change.ledger_index, &self.shared.clock);
        let event = self.event(change);
        loop {
            if let Some(due) = stored.deliveries.due(index) {
                self.wait_until(due, target, letters).await?;
            }
            self.check_sending(target).await?;
            // What cannot be noted would be sent again and again.
            self.shared.book.writable().await?;
            let Err(failure) = self.attempt(&event, target).await? else {
                return self.save(stored, stored.deliveries.accepted(index, clock.now()), Batch::new()).await;
            };
            match stored.deliveries.failed(&event.id, index, failure, clock.now()) {
                AfterFailure::Again(failing) => {
                    let after = Deliveries { failing: Some(failing), ..stored.deliveries.clone() };
                    self.save(stored, after, Batch::new()).await?;
                }
                AfterFailure::GiveUp { attempts } => {
                    return self.give_up(stored, index, attempts, failure).await;
                }
                AfterFailure::Disable(failing) => {
                    let after = Deliveries { failing: Some(failing), ..stored.deliveries.clone() };
                    self.save(stored, after, Batch::new()).await?;
                    return self.disable(Disabled::Gone).await;
                }
            }
        }
    }

    /// Waits until the world's clock shows `due`; meanwhile dead letters that are queued are sent.
    async fn wait_until(&self, due: Timestamp, target: &Target, letters: &mut Changes) -> Step<()> {
        loop {
            tokio::select! {
                biased;
                noticed = letters.next() => {
                    noticed?;
                    self.redeliver(target).await?;
                }
                () = self.shared.clock.sleep_until(due) => return Ok(()),
            }
        }
    }

    /// Enters an event into the list of those that were given up, and goes on behind it. Nothing is lost where the list is full: deliveries end.
    async fn give_up(
        &self,
        stored: &mut StoredDeliveries,
        ledger_index: u64,
        attempts: u32,
        failure: Failure,
    ) -> Step<()> {
        let Shared { book, sending, clock, letters_max, .. } = &*self.shared;
        if book.letters(self.webhook.id, None, *letters_max).await?.len() >= *letters_max {
            return self.disable(Disabled::DeadLettersFull).await;
        }
        let (failure, given_up_at) = (failure.to_string(), clock.now());
        let letter = DeadLetter { ledger_index, attempts, failure, given_up_at, is_queued: false };
        self.save(stored, stored.deliveries.given_up(ledger_index), book.letter(self.webhook.id, &letter)?).await?;
        sending.counts.given_up();
        tracing::warn!(webhook = %self.webhook.id, agency = %self.agency, ledger_index, why = letter.failure, "an event of a webhook was given up");
        Ok(())
    }

    /// Sends the dead letters that are queued, each once.
    async fn redeliver(&self, target: &Target) -> Step<()> {
        let Shared { book, province, .. } = &*self.shared;
        for letter in book.all_letters(self.webhook.id).await?.into_iter().filter(|letter| letter.is_queued) {
            self.check_sending(target).await?;
            book.writable().await?;
            let change = province.change_at(letter.ledger_index).await?;
            let change = change.ok_or_else(|| Error::bug("a dead letter of no change"))?;
            let outcome = self.attempt(&self.event(change), target).await?;
            let failed = outcome.err().map(|failure| DeadLetter {
                attempts: letter.attempts.saturating_add(1),
                failure: failure.to_string(),
                is_queued: false,
                ..letter.clone()
            });
            match book.commit(book.letter_changed(self.webhook.id, &letter, failed.as_ref())?).await {
                // The webhook was deleted, with its dead letters.
                Err(error) if error.reason == Reason::StorageConflict => {}
                written => written?,
            }
            if outcome == Err(Failure::Gone) {
                return self.disable(Disabled::Gone).await;
            }
        }
        Ok(())
    }

    fn event(&self, change: ProvedStatement) -> Event {
        let id = change_id(self.webhook.id, change.ledger_index);
        Event { id, source: self.shared.origin.clone(), content: Content::Change(Box::new(change)) }
    }

    async fn attempt(&self, event: &Event, target: &Target) -> Step<std::result::Result<(), Failure>> {
        let outcome = self.shared.attempt(&self.webhook, event, target, ANSWERS_WITHIN).await?;
        if let Err(failure) = outcome {
            tracing::debug!(webhook = %self.webhook.id, agency = %self.agency, %failure, "an event of a webhook was not accepted");
        }
        Ok(outcome)
    }

    /// Ends deliveries if the agency may no longer watch, or the target is no longer on the list.
    async fn check_sending(&self, target: &Target) -> Step<()> {
        if !self.shared.may_watch(&self.agency, &self.webhook.selection) {
            return self.disable(Disabled::RightsWithdrawn).await;
        }
        if !self.shared.sending.targets.lists(target) {
            return self.disable(Disabled::TargetNotListed).await;
        }
        Ok(())
    }

    /// Disables the webhook, unless its agency changed it meanwhile, and ends.
    async fn disable(&self, reason: Disabled) -> Step<()> {
        let is_this =
            |webhook: &&mut Webhook| webhook.id == self.webhook.id && webhook.revision == self.webhook.revision;
        loop {
            let mut draft = self.shared.book.draft(&self.agency).await?;
            if let Some(webhook) = draft.webhooks.iter_mut().find(is_this) {
                webhook.state = WebhookState::Disabled(reason);
            }
            if self.shared.book.write(draft, Batch::new()).await? {
                break;
            }
        }
        Err(Stop::Over)
    }

    /// Stores how far deliveries have come, however long the store takes no changes: an event that was accepted is not sent again for it.
    async fn save(&self, stored: &mut StoredDeliveries, after: Deliveries, more: Batch) -> Step<()> {
        loop {
            match self.shared.book.save(self.webhook.id, stored, after.clone(), more.clone()).await {
                Ok(now) => {
                    self.shared.board.note(self.webhook.id, now.deliveries.next);
                    *stored = now;
                    return Ok(());
                }
                Err(error) if matches!(error.reason, Reason::StorageFull | Reason::StorageUnavailable) => {
                    tokio::time::sleep(UNTIL_STORED).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}
