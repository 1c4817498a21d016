//! A person's numbers: the present personal ID and those that it replaced, so that every number leads to one person, and to records that still carry
//! an old one. The rule is [`numbers`](crate::registry::numbers)'.
//!
//! The resident registry is asked, its answer verified, and cached until the registry's log grows: a claim that became void discloses nothing any
//! more. While the registry is unreachable, the resident record that the province last accepted is used, so that a refusal under another of the
//! person's numbers still applies; if the resident record is damaged, a fetch fails.

#![allow(clippy::disallowed_methods, reason = "deadlines are transport")]

use std::sync::Arc;

use crate::base::time::Instant;
use crate::base::{PersonalId, Reason, Result};
use crate::registry::numbers::ask::AskedResidents;
use crate::registry::numbers::{Numbers, resolve};

use super::Exchange;
use super::context::Context;
use super::decision_log::{DecisionLog, Step};

impl Exchange {
    /// The numbers of the person to whom `person` leads.
    pub(super) async fn numbers(&self, context: &Context, person: PersonalId, log: &mut DecisionLog) -> Arc<Numbers> {
        self.numbers_read(context, person, log).await.0
    }

    /// The same, with an error if the resident record cannot be read back: there may then be records under numbers that are not listed.
    pub(super) async fn numbers_read(
        &self,
        context: &Context,
        person: PersonalId,
        log: &mut DecisionLog,
    ) -> (Arc<Numbers>, Result<()>) {
        let only = || Arc::new(Numbers::only(person));
        let people = self.reader.catalogue().people();
        let Ok(resident) = self.reader.registry_of(people) else { return (only(), Ok(())) };
        // Read before the answer: a change in between costs one more look-up.
        let log_size = resident.log_size().await.ok();
        if let Some((as_of, numbers)) = self.people.remembered.get(&person)
            && Some(as_of) == log_size
        {
            return (numbers, Ok(()));
        }
        let asked = AskedResidents { reader: &self.reader, now: context.now };
        // Only a share of the time, so that a slow resident registry leaves the others theirs.
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
                let why = "the resident registry did not answer; the record that the province accepted is used";
                log.skip(Step::SupersededNumbers, why);
                match resolve(person, &*self.accepted).await {
                    Ok(numbers) => (Arc::new(numbers), Ok(())),
                    Err(error) => (only(), Err(error)),
                }
            }
        }
    }
}
