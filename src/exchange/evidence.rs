//! The end of every exchange: its entry and its trace are made durable, then it is answered.

use std::sync::Arc;

use crate::access::evidence::{EvidencedRecord, Kind};
use crate::access::{EvidenceEntry, Recorded};
use crate::base::{Error, PersonalId, Result};

use super::Exchange;
use super::check::CheckedRecord;
use super::context::Context;
use super::fetch::{Exchanged, Found};
use super::person::Numbers;
use super::trace;
use super::trail::{Step, Trail};

/// What is known of an exchange for its entry, from its first step on.
pub(super) struct Draft {
    pub(super) kind: Kind,
    pub(super) person: Option<PersonalId>,
    pub(super) numbers: Option<Arc<Numbers>>,
    pub(super) purpose: Option<&'static str>,
    pub(super) record_types: Vec<&'static str>,
    pub(super) reference: Option<String>,
}

impl Draft {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, person: None, numbers: None, purpose: None, record_types: Vec::new(), reference: None }
    }
}

impl Exchange {
    /// Logs the outcome and gives it back; if it cannot be logged, nothing is answered.
    pub(super) async fn conclude(
        &self,
        context: &Context,
        draft: Draft,
        trail: Trail,
        found: Result<Found>,
    ) -> Result<Exchanged> {
        let outcome = found.as_ref().err().map_or("OK", |error| error.reason.as_str());
        let delivered = found.as_ref().map_or(&[][..], |(records, _)| records);
        let evidence = self.log(context, draft, trail, outcome, delivered).await?;
        let (records, missing) = found?;
        Ok(Exchanged { records, missing, evidence })
    }

    /// Logs a call that was refused before it could be read as orders: a bulk of too many citizens, one stream too many.
    pub async fn log_unread(&self, context: &Context, why: &Error) -> Result<Recorded> {
        let mut trail = Trail::default();
        trail.fail(Step::Request, why.message.clone());
        self.log(context, Draft::new(Kind::Exchange), trail, why.reason.as_str(), &[]).await
    }

    /// Makes an entry and its trace durable.
    pub(super) async fn log(
        &self,
        context: &Context,
        draft: Draft,
        trail: Trail,
        outcome: &'static str,
        delivered: &[Arc<CheckedRecord>],
    ) -> Result<Recorded> {
        let delivered = delivered.iter();
        let entry = EvidenceEntry {
            request_id: context.request_id,
            at: context.now,
            kind: draft.kind,
            agency: context.agency.clone(),
            purpose: draft.purpose,
            reference: draft.reference.map(|reference| self.evidence.reference(&context.agency, &reference)),
            subject: draft.person.map(|person| self.evidence.subject(person)),
            record_types: draft.record_types,
            outcome,
            records: delivered
                .map(|record| EvidencedRecord { statement: record.statement, fields: record.fields })
                .collect(),
        };
        self.evidence.record(entry, trace::encode(context, outcome, &trail)).await
    }
}
