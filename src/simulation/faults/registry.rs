//! A registry that misbehaves when certain records are read, as the rules of its world say.
//!
//! [`Faulty`] stands in front of a registry's port, on the production path, so that what a client meets is what it
//! would meet if a registry lied, broke or was slow. The log and its change stream stay honest unless a rule halts the feed: the province
//! ingests ordinary records, and only the answers to reads are bad. That is the situation in which a client must find out by itself.

#![allow(clippy::disallowed_methods, reason = "a registry is slow by the time of whoever calls it")]

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::{Either, select};

use super::action::{ReadAction, StateAction};
use super::rules::{Rules, Table};
use super::standing::{Standing, Strike};
use super::tamper::{self, FaultKeys};
use crate::base::limits::DEADLINE_MS_MAX;
use crate::base::{Error, Reason, Result};
use crate::registry::port::{
    ChangeBatch, Content, Page, PutOutcome, Query, Receipt, Registry, RegistryRecord, Selector, Submission,
};
use crate::registry::signing::{CredentialDraft, SignedStatusList, StatusListDraft};
use crate::trust::{Disclosure, PublicKey};

/// The cursor of the rest of an answer that never arrives.
const REST: &[u8] = b"the rest";

/// A registry that misbehaves according to the rules.
pub struct Faulty {
    inner: Arc<dyn Registry>,
    keys: FaultKeys,
    rules: Arc<Rules>,
}

impl std::fmt::Debug for Faulty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Faulty({})", self.inner.name())
    }
}

/// The rules that one read met, each with its turn if it was one: a rule counts a read once, however many records it concerns.
#[derive(Default)]
struct Met(Vec<(Arc<Standing>, Option<Strike>)>);

impl Met {
    /// The action of a rule, if this read is its turn.
    fn meet(&mut self, rules: &Rules, standing: &Arc<Standing>, registry: &str) -> Option<ReadAction> {
        let known = self.0.iter().position(|(known, _)| Arc::ptr_eq(known, standing));
        let at = known.unwrap_or_else(|| {
            self.0.push((standing.clone(), standing.strike(registry, rules.now())));
            self.0.len() - 1
        });
        self.0.get(at)?.1.as_ref()?.standing.read_action()
    }

    fn strike(&self, standing: &Arc<Standing>) -> Option<&Strike> {
        self.0.iter().find(|(known, _)| Arc::ptr_eq(known, standing)).and_then(|(_, strike)| strike.as_ref())
    }
}

impl Faulty {
    /// Stands in front of `inner`.
    pub fn new(inner: Arc<dyn Registry>, keys: FaultKeys, rules: Arc<Rules>) -> Self {
        Self { inner, keys, rules }
    }

    /// Waits or fails according to the action; `Ok` if the read may continue.
    async fn fail(&self, action: ReadAction, strike: Option<&Strike>) -> Result<()> {
        let registry = self.inner.name();
        match action {
            ReadAction::Unavailable => Err(self.unavailable("does not answer")),
            ReadAction::Exhausted => {
                Err(Error::new(Reason::RateLimited, format!("the {registry} registry is at its limit"))
                    .with_subject("registry", registry)
                    .with_retry_after(Duration::from_secs(2)))
            }
            ReadAction::Slow => {
                tokio::time::sleep(Duration::from_millis(DEADLINE_MS_MAX + 5_000)).await;
                Err(Error::new(Reason::DeadlineExceeded, format!("the {registry} registry was too slow")))
            }
            ReadAction::Delay(delay) => {
                if let Some(strike) = strike {
                    tokio::time::sleep(delay.drawn(&strike.die)).await;
                }
                Ok(())
            }
            ReadAction::Internal => Err(Error::bug("a defect that a rule of faults asks for")),
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

    /// Spoils a record of an answer.
    async fn spoil(&self, record: &mut Arc<RegistryRecord>, action: ReadAction) -> Result<()> {
        match action {
            ReadAction::StaleVersion => {
                if let Some(before) = self.version_before(record).await? {
                    *record = before;
                }
                return Ok(());
            }
            ReadAction::OtherRecord => {
                if let Some(other) = self.another(record).await? {
                    *record = other;
                }
                return Ok(());
            }
            _ => {}
        }
        let donor = match action {
            ReadAction::OtherProof => self.another(record).await?.and_then(|other| other.record.issuer_proof.clone()),
            _ => None,
        };
        let log_size = self.inner.log_size().await?;
        tamper::spoil(&mut Arc::make_mut(record).record, action, &self.keys, donor, log_size)
    }

    /// The version before this one.
    async fn version_before(&self, record: &RegistryRecord) -> Result<Option<Arc<RegistryRecord>>> {
        let Some(version) = record.version.checked_sub(1).filter(|version| *version > 0) else { return Ok(None) };
        let query = Query::latest([record.record_type.clone()], Selector::Ids(vec![record.record_id]), 1);
        Ok(self.inner.read(Query { version, ..query }).await?.records.pop())
    }

    /// Some other record of the same type.
    async fn another(&self, own: &RegistryRecord) -> Result<Option<Arc<RegistryRecord>>> {
        let others = self.inner.read(Query::latest([own.record_type.clone()], Selector::All, 2)).await?.records;
        Ok(others.into_iter().find(|other| other.record_id != own.record_id))
    }

    /// Fails while a rule halts the registry's feed.
    fn check_feed(&self) -> Result<()> {
        let registry = self.inner.name();
        match self.rules.state(registry, |action| action == StateAction::HaltedFeed) {
            None => Ok(()),
            Some(_) => {
                let message = format!("the feed of the {registry} registry is halted by a rule of faults");
                Err(Error::new(Reason::FeedHalted, message).with_subject("registry", registry))
            }
        }
    }
}

/// The rules about somebody whom each record names.
fn named<'a>(rules: &'a Table, page: &Page) -> Vec<&'a [Arc<Standing>]> {
    let of = |disclosure: &Disclosure| match disclosure {
        Disclosure::Whole { payload, .. } => rules.of_payload(payload),
        Disclosure::Partial { .. } => &[],
    };
    page.records.iter().map(|record| of(&record.record.disclosure)).collect()
}

/// Whether a rule acts on records, and not on the read as a whole.
fn spoils_records(standing: &Standing) -> bool {
    standing.read_action().is_some_and(ReadAction::is_in_records)
}

/// Whether a rule about reads is about this record, of this registry.
fn is_about(standing: &Standing, registry: &str, record: &RegistryRecord) -> bool {
    let matching = &standing.rule.matching;
    matching.registry.as_ref().is_none_or(|of| of == registry)
        && matching.record_type.as_ref().is_none_or(|name| *name == record.record_type)
}

#[async_trait]
impl Registry for Faulty {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn log_size(&self) -> Result<u64> {
        self.inner.log_size().await
    }

    async fn log_size_now(&self) -> Result<u64> {
        self.inner.log_size_now().await
    }

    async fn read(&self, query: Query) -> Result<Page> {
        let rules = self.rules.current();
        if rules.has_no_reads() {
            return self.inner.read(query).await;
        }
        let (registry, mut met) = (self.inner.name(), Met::default());
        let asked_for: Vec<_> = rules.of_query(registry, &query).cloned().collect();
        // What spoils records is met by the records themselves.
        for standing in asked_for.iter().filter(|standing| !spoils_records(standing)) {
            match met.meet(&self.rules, standing, registry) {
                Some(ReadAction::Reset) => return self.break_off(query).await,
                Some(action) => self.fail(action, met.strike(standing)).await?,
                None => {}
            }
        }
        let is_of_one_person = matches!(query.selector, Selector::Person(_));
        let mut page = self.inner.read(query).await?;
        let named = if is_of_one_person { vec![&[][..]; page.records.len()] } else { named(&rules, &page) };
        // A page with other citizens' records is theirs too, and does not fail as a whole.
        if let [Some(first), rest @ ..] = &*named.iter().map(|all| all.first()).collect::<Vec<_>>()
            && rest.iter().all(|other| other.is_some_and(|other| Arc::ptr_eq(other, first)))
            && !asked_for.iter().any(|asked| Arc::ptr_eq(asked, first))
            && !spoils_records(first)
            && is_about(first, registry, &page.records[0])
            && let Some(action) = met.meet(&self.rules, first, registry)
        {
            self.fail(action, met.strike(first)).await?;
        }
        for (record, named) in page.records.iter_mut().zip(named) {
            // A rule counts no record that it cannot spoil: of a first version there is none that is older.
            let spoils = |standing: &&Arc<Standing>| {
                let has_older = standing.read_action() != Some(ReadAction::StaleVersion) || record.version > 1;
                has_older && spoils_records(standing) && is_about(standing, registry, record)
            };
            let mut about = asked_for.iter().chain(named).filter(spoils);
            if let Some(action) = about.find_map(|standing| met.meet(&self.rules, standing, registry)) {
                self.spoil(record, action).await?;
            }
        }
        Ok(page)
    }

    async fn submit(&self, submission: Submission) -> Result<Vec<Receipt>> {
        self.inner.submit(submission).await
    }

    async fn put(&self, contents: Vec<Content>, is_trial: bool) -> Result<Vec<PutOutcome>> {
        self.inner.put(contents, is_trial).await
    }

    async fn changes(&self, cursor: u64, limit: usize) -> Result<Option<ChangeBatch>> {
        self.check_feed()?;
        self.inner.changes(cursor, limit).await
    }

    async fn head(&self) -> Result<Option<Bytes>> {
        self.inner.head().await
    }

    async fn wait_beyond(&self, cursor: u64) -> Result<()> {
        let mut changed = self.rules.watch();
        let mut waiting = pin!(self.inner.wait_beyond(cursor));
        loop {
            self.check_feed()?;
            let moved = pin!(Rules::moved(&mut changed, self.rules.current().has_states()));
            // A feed that waits for changes halts when the rules say so.
            if let Either::Left((waited, _)) = select(waiting.as_mut(), moved).await {
                return waited;
            }
        }
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
