//! The end of every exchange: its evidence entry and its decision log become durable, then it is answered.
//!
//! A call about a person with several numbers leaves an entry under each, all with one request id, so that the access log of every number shows the
//! call.

use std::sync::Arc;

use futures::future::try_join_all;

use crate::access::evidence::{EvidencedRecord, Kind};
use crate::access::{EvidenceEntry, Recorded};
use crate::base::{Error, Kind as ErrorKind, OrganisationCode, Party, PersonalId, Result};
use crate::registry::Name;
use crate::registry::numbers::Numbers;

use super::Exchange;
use super::context::Context;
use super::decision_log::{DecisionLog, Step};
use super::explain;
use super::outcome::{Exchanged, FoundRecords};
use super::record::CheckedRecord;

/// The person or organisation whose records are exchanged.
#[derive(Clone)]
pub(super) enum Subject {
    /// A person, by all of their numbers.
    Person(Arc<Numbers>),
    /// An organisation.
    Organisation(OrganisationCode),
}

impl Subject {
    /// The numbers under which its records and its access log are, the present one last.
    pub(super) fn parties(&self) -> Vec<Party> {
        match self {
            Self::Person(numbers) => {
                let superseded = numbers.superseded.iter().copied();
                superseded.chain([numbers.current]).map(Party::Person).collect()
            }
            Self::Organisation(code) => vec![Party::Organisation(*code)],
        }
    }
}

/// The entry of an exchange in progress, filled in step by step.
pub(super) struct Draft {
    pub(super) kind: Kind,
    pub(super) subject: Option<Subject>,
    /// The version of the rights that the decision uses.
    pub(super) rights: Option<Arc<str>>,
    pub(super) purpose: Option<Arc<str>>,
    pub(super) record_types: Vec<Name>,
    pub(super) reference: Option<String>,
    /// The guardian who presents documents for the citizen.
    pub(super) guardian: Option<PersonalId>,
    /// Whether the call repeats a delivery that has an entry already.
    pub(super) is_repeated: bool,
}

impl Draft {
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            subject: None,
            rights: None,
            purpose: None,
            record_types: Vec::new(),
            reference: None,
            guardian: None,
            is_repeated: false,
        }
    }
}

impl Exchange {
    /// Logs the outcome and returns it. If the log fails, the call fails: nothing is answered without evidence.
    pub(super) async fn conclude(
        &self,
        context: &Context,
        draft: Draft,
        log: DecisionLog,
        found: Result<FoundRecords>,
    ) -> Result<Exchanged> {
        let found = found.map_err(|error| match &draft.purpose {
            Some(purpose) if error.kind() == ErrorKind::Corrupt => error.with_metadata("purpose", purpose),
            _ => error,
        });
        let done = if draft.is_repeated { "REPEATED" } else { "OK" };
        let outcome = found.as_ref().err().map_or(done, |error| error.reason.as_str());
        let delivered = found.as_ref().map_or(&[][..], |(records, _)| records);
        let parties = draft.subject.as_ref().map(Subject::parties).unwrap_or_default();
        let evidence = self.log(context, draft, log, outcome, delivered).await?;
        let (records, missing) = found?;
        Ok(Exchanged { parties, records, missing, evidence })
    }

    /// Logs a call that was refused before its orders could be read: a bulk fetch of too many citizens, or one stream too many.
    pub async fn log_unread(&self, context: &Context, why: &Error) -> Result<Recorded> {
        let mut log = DecisionLog::default();
        log.fail(Step::Request, why.message.clone());
        let draft = Draft { rights: Some(self.rights.current().version().clone()), ..Draft::new(Kind::Exchange) };
        self.log(context, draft, log, why.reason.as_str(), &[]).await
    }

    /// Makes the entries of a call and its decision log durable. Returns the position of the entry under the present number; it is written last, so
    /// that the decision log refers to it.
    pub(super) async fn log(
        &self,
        context: &Context,
        draft: Draft,
        log: DecisionLog,
        outcome: &'static str,
        delivered: &[Arc<CheckedRecord>],
    ) -> Result<Recorded> {
        let delivered = delivered.iter();
        let entry = EvidenceEntry {
            request_id: context.request_id,
            client_ids: context.client_ids.clone(),
            at: context.now,
            kind: draft.kind,
            agency: context.agency.clone(),
            purpose: draft.purpose,
            rights: draft.rights,
            reference: draft.reference.map(|reference| self.evidence.reference(&context.agency, &reference)),
            guardian: draft.guardian.map(|guardian| self.evidence.subject(guardian)),
            subject: None,
            record_types: draft.record_types,
            outcome,
            records: delivered
                .map(|record| EvidencedRecord { statement: record.statement, fields: record.fields })
                .collect(),
        };
        let trace = explain::encode(context, outcome, &log);
        let Some(subject) = draft.subject else { return self.evidence.record(entry, trace).await };
        let under = |party| EvidenceEntry { subject: Some(self.evidence.subject(party)), ..entry.clone() };
        let entries = subject.parties().into_iter().map(|party| self.evidence.record(under(party), trace.clone()));
        let recorded = try_join_all(entries).await?;
        recorded.into_iter().next_back().ok_or_else(|| Error::bug("a call without an entry"))
    }
}
