//! A person's numbers: the present personal ID and those that it replaced, so that every number leads to one person and to
//! records that still stand under an old one. Which numbers those are is [`numbers`](crate::registry::numbers)' rule.
//!
//! The resident registry is asked, its answer verified, and remembered until the registry's log grows: a claim that became void
//! discloses nothing any more. When the registry cannot be asked, what the province last accepted of it says, so that a
//! refusal under another of the person's numbers holds in that minute, too; when its record is damaged, a fetch fails.

#![allow(clippy::disallowed_methods, reason = "deadlines are transport")]

use std::sync::Arc;
use std::time::Instant;

use crate::base::{PersonalId, Reason, Result};
use crate::registry::numbers::ask::AskedResidents;
use crate::registry::numbers::{Numbers, resolve};

use super::Exchange;
use super::context::Context;
use super::decision_log::{DecisionLog, Step};

impl Exchange {
    /// The numbers of the person whom `person` leads to.
    pub(super) async fn numbers(&self, context: &Context, person: PersonalId, log: &mut DecisionLog) -> Arc<Numbers> {
        self.numbers_read(context, person, log).await.0
    }

    /// The same, and an error if the registry holds what it cannot read back: then there may be records under numbers that are not named here.
    pub(super) async fn numbers_read(
        &self,
        context: &Context,
        person: PersonalId,
        log: &mut DecisionLog,
    ) -> (Arc<Numbers>, Result<()>) {
        let only = || Arc::new(Numbers::only(person));
        let people = self.reader.catalogue().people();
        let Ok(resident) = self.reader.registry_of(people) else { return (only(), Ok(())) };
        // Taken before the answer: a change in between only makes it be asked again.
        let log_size = resident.log_size().await.ok();
        if let Some((as_of, numbers)) = self.people.remembered.get(&person)
            && Some(as_of) == log_size
        {
            return (numbers, Ok(()));
        }
        let asked = AskedResidents { reader: &self.reader, now: context.now };
        // A part of the time only: if this registry is the slow one, the others must still have theirs.
        let left = context.ask_until().saturating_duration_since(Instant::now());
        match tokio::time::timeout(left / 4, resolve(person, &asked)).await {
            Ok(Ok(numbers)) => {
                let numbers = Arc::new(numbers);
                if let Some(log_size) = log_size {
                    self.people.remembered.insert(person, (log_size, numbers.clone()));
                }
                (numbers, Ok(()))
            }
            Ok(Err(error)) if error.reason == Reason::StorageCorrupt => {
                log.fail(Step::SupersededNumbers, error.reason.as_str());
                (only(), Err(error.with_subject("registry", &*people.registry)))
            }
            Ok(Err(_)) | Err(_) => {
                let why = "the resident registry did not say; what the province accepted of it holds";
                log.skip(Step::SupersededNumbers, why);
                match resolve(person, &*self.accepted).await {
                    Ok(numbers) => (Arc::new(numbers), Ok(())),
                    Err(error) => (only(), Err(error)),
                }
            }
        }
    }
}
