//! Faults: a registry that misbehaves when certain records are read, as the rules of its world say, and for nobody else.
//!
//! [`Faulty`] stands in front of a registry's port, on the production path, so that what a client meets is what it
//! would meet if a registry lied, broke or was slow. The log and its change stream stay honest: the province ingests
//! ordinary records, and only the answers to reads are bad. That is the situation in which a client must find out by
//! itself.

#![allow(clippy::disallowed_methods, reason = "a registry is slow by the time of whoever calls it")]

pub mod kept;
mod rule;
mod tamper;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::base::limits::DEADLINE_MS_MAX;
use crate::base::{Error, Reason, Result};
use crate::registry::port::{ChangeBatch, Content, Page, PutOutcome, Query, Receipt, Registry, Selector, Submission};
use crate::registry::signing::{CredentialDraft, SignedStatusList, StatusListDraft};
use crate::trust::{Disclosure, PublicKey};

pub use rule::{Action, Match, Rule, Rules, Table};
pub use tamper::{FaultKeys, Forge, compromised_key, compromised_record, forge_with, is_for_faults};

/// The cursor of the rest of an answer that never arrives.
const REST: &[u8] = b"the rest";

/// A registry that misbehaves according to the rules.
pub struct Faulty {
    inner: Arc<dyn Registry>,
    keys: FaultKeys,
    rules: Arc<Rules>,
    /// How often each rule matched here, by number.
    met: Mutex<HashMap<usize, u64>>,
}

impl std::fmt::Debug for Faulty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Faulty({})", self.inner.name())
    }
}

/// The rules that one read matched, by number, each with its action for this read: a rule counts a read once, however many records
/// it concerns.
#[derive(Debug, Default)]
struct Struck(Vec<(usize, Option<Action>)>);

impl Faulty {
    /// Stands in front of `inner`.
    pub fn new(inner: Arc<dyn Registry>, keys: FaultKeys, rules: Arc<Rules>) -> Self {
        Self { inner, keys, rules, met: Mutex::default() }
    }

    /// The rule's action for this read; `None` if it is not its turn.
    fn strike(&self, rules: &Table, rule: usize, struck: &mut Struck) -> Option<Action> {
        if let Some((_, action)) = struck.0.iter().find(|(known, _)| *known == rule) {
            return *action;
        }
        let Rule { matching, action } = rules.as_slice().get(rule)?;
        let met = {
            let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
            let met = met.entry(rule).or_default();
            *met += 1;
            *met
        };
        let action = (met % matching.every.get() == 0).then_some(*action);
        struck.0.push((rule, action));
        action
    }

    /// Fails according to the action; `Ok` if the read may continue.
    async fn fail(&self, action: Action) -> Result<()> {
        let registry = self.inner.name();
        match action {
            Action::Unavailable => Err(self.unavailable("does not answer")),
            Action::Exhausted => {
                Err(Error::new(Reason::RateLimited, format!("the {registry} registry is at its limit"))
                    .with_subject("registry", registry)
                    .with_retry_after(Duration::from_secs(2)))
            }
            Action::Slow => {
                tokio::time::sleep(Duration::from_millis(DEADLINE_MS_MAX + 5_000)).await;
                Err(Error::new(Reason::DeadlineExceeded, format!("the {registry} registry was too slow")))
            }
            Action::Internal => Err(Error::bug("a defect that a rule of faults asks for")),
            _ => Ok(()),
        }
    }

    /// Answers a first part that announces more; the next read fails.
    async fn break_off(&self, query: Query) -> Result<Page> {
        if query.after.is_some() {
            return Err(self.unavailable("broke off in the middle of its answer"));
        }
        let mut page = self.inner.read(Query { limit: 1, ..query }).await?;
        page.next = Some(REST.to_vec());
        Ok(page)
    }

    fn unavailable(&self, why: &str) -> Error {
        let registry = self.inner.name();
        let message = format!("the {registry} registry {why}");
        Error::new(Reason::RegistryUnavailable, message).with_subject("registry", registry)
    }

    /// Spoils the answered records according to `actions`, one for each record.
    async fn spoil(&self, page: &mut Page, actions: &[Option<Action>]) -> Result<()> {
        for (at, action) in actions.iter().enumerate() {
            let Some(action) = action.filter(|action| action.is_in_records()) else { continue };
            let donor = if action == Action::OtherProof { self.other_proof(page, at).await? } else { None };
            let log_size = self.inner.log_size().await?;
            tamper::spoil(&mut Arc::make_mut(&mut page.records[at]).record, action, &self.keys, donor, log_size)?;
        }
        Ok(())
    }

    /// The proof of some other record of the same type.
    async fn other_proof(&self, page: &Page, at: usize) -> Result<Option<crate::trust::LogProof>> {
        let own = &page.records[at];
        let query = Query::latest([own.record_type.clone()], Selector::All, 2);
        let others = self.inner.read(query).await?.records;
        Ok(others
            .into_iter()
            .find(|other| other.record_id != own.record_id)
            .and_then(|other| other.record.issuer_proof.clone()))
    }
}

/// The number of the rule about somebody whom each record names.
fn named(rules: &Table, page: &Page) -> Vec<Option<usize>> {
    let of = |disclosure: &Disclosure| match disclosure {
        Disclosure::Whole { payload, .. } => rules.of_payload(payload),
        Disclosure::Partial { .. } => None,
    };
    page.records.iter().map(|record| of(&record.record.disclosure)).collect()
}

#[async_trait]
impl Registry for Faulty {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn log_size(&self) -> Result<u64> {
        self.inner.log_size().await
    }

    async fn read(&self, query: Query) -> Result<Page> {
        let (rules, mut struck) = (self.rules.current(), Struck::default());
        let asked_for = rules.of_query(&query);
        let action = asked_for.and_then(|rule| self.strike(&rules, rule, &mut struck));
        if let Some(action) = action {
            self.fail(action).await?;
        }
        if action == Some(Action::Reset) {
            return self.break_off(query).await;
        }
        let is_of_one_person = matches!(query.selector, Selector::Person(_));
        let mut page = self.inner.read(query).await?;
        if is_of_one_person && action.is_none() {
            return Ok(page);
        }
        let named = named(&rules, &page);
        // a page with other citizens' records is theirs too, and does not fail as a whole
        if let (None, [Some(first), rest @ ..]) = (asked_for, named.as_slice())
            && rest.iter().all(|rule| rule.as_ref() == Some(first))
            && let Some(action) = self.strike(&rules, *first, &mut struck)
        {
            self.fail(action).await?;
        }
        // A rule whose action is no change of records does not count a page that it cannot spoil.
        let spoils = |rule: &usize| rules.as_slice().get(*rule).is_some_and(|rule| rule.action.is_in_records());
        let actions: Vec<_> =
            named.into_iter().map(|rule| self.strike(&rules, rule.filter(spoils)?, &mut struck)).collect();
        self.spoil(&mut page, &actions).await?;
        Ok(page)
    }

    async fn submit(&self, submission: Submission) -> Result<Vec<Receipt>> {
        self.inner.submit(submission).await
    }

    async fn put(&self, contents: Vec<Content>, is_trial: bool) -> Result<Vec<PutOutcome>> {
        self.inner.put(contents, is_trial).await
    }

    async fn changes(&self, cursor: u64, limit: usize) -> Result<Option<ChangeBatch>> {
        self.inner.changes(cursor, limit).await
    }

    async fn wait_beyond(&self, cursor: u64) -> Result<()> {
        self.inner.wait_beyond(cursor).await
    }

    async fn key_in_use(&self) -> Result<PublicKey> {
        self.inner.key_in_use().await
    }

    async fn sign_status_list(&self, draft: StatusListDraft) -> Result<SignedStatusList> {
        self.inner.sign_status_list(draft).await
    }

    async fn sign_credential(&self, draft: CredentialDraft) -> Result<String> {
        self.inner.sign_credential(draft).await
    }
}

#[cfg(test)]
mod tests;
