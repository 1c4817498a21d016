//! Delivers the documents that a citizen presents: whole records, verified and logged like those that an agency fetches.
//!
//! The citizen has decided already who receives what; the presentation is the consent.

use std::sync::Arc;

use crate::access::Recorded;
use crate::access::decision::presented;
use crate::access::evidence::Kind;
use crate::base::{Error, PersonalId, Reason, RecordId, Result};
use crate::registry::RecordType;
use crate::registry::numbers::Numbers;
use crate::registry::port::Selector;
use crate::registry::reader::LATEST;

use super::Exchange;
use super::context::Context;
use super::decision_log::{DecisionLog, Step};
use super::evidence::{Draft, Subject};
use super::fetch::reachable;
use super::finish::finish;
use super::gather::Question;
use super::outcome::{Exchanged, FoundRecords, Missing, MissingReason};
use super::record::CheckedRecord;

/// The purpose in the evidence of a presentation.
const PURPOSE: &str = "presentation";

/// One document to deliver.
#[derive(Debug, Clone)]
pub struct DocumentRef {
    /// The document's record type.
    pub record_type: Arc<RecordType>,
    /// The document's record.
    pub record_id: RecordId,
    /// The version; `None` for the latest.
    pub version: Option<u64>,
}

/// Documents of one citizen for one agency.
#[derive(Debug, Clone)]
pub struct DocumentDelivery {
    /// The citizen.
    pub person: PersonalId,
    /// In the order of delivery.
    pub documents: Vec<DocumentRef>,
    /// The presentation's id, for the evidence.
    pub reference: String,
    /// The guardian who presents them for the citizen.
    pub guardian: Option<PersonalId>,
    /// Index of the evidence entry of the delivery that this one repeats.
    pub repeats: Option<u64>,
}

impl Exchange {
    /// Delivers the documents whole, verified and logged, in the order requested. A repetition leaves an evidence entry of its own, with the outcome
    /// `REPEATED`, and returns the evidence of the first delivery.
    ///
    /// All or nothing. Fails with [`RegistryUnavailable`](Reason::RegistryUnavailable) (or the registry's own reason) when a registry does not
    /// answer, with [`RecordNotFound`](Reason::RecordNotFound) when a record no longer exists, with [`HolderMismatch`](Reason::HolderMismatch) when
    /// it names another holder, and with the verdict's code when a record fails verification.
    pub async fn deliver(self: &Arc<Self>, context: Context, delivery: DocumentDelivery) -> Result<Exchanged> {
        let exchange = self.clone();
        finish(async move { exchange.deliver_to_end(&context, delivery).await }).await
    }

    async fn deliver_to_end(&self, context: &Context, delivery: DocumentDelivery) -> Result<Exchanged> {
        let mut log = DecisionLog::default();
        let mut draft = Draft::new(Kind::Presentation);
        draft.purpose = Some(PURPOSE.into());
        let numbers = self.numbers(context, delivery.person, &mut log).await;
        draft.subject = Some(Subject::Person(numbers.clone()));
        draft.reference = Some(delivery.reference);
        draft.guardian = delivery.guardian;
        draft.is_repeated = delivery.repeats.is_some();
        let mut record_types: Vec<Arc<RecordType>> = Vec::new();
        let mut questions: Vec<Question> = Vec::new();
        for document in &delivery.documents {
            let record_type = &document.record_type;
            let is_it = |known: &Arc<RecordType>| known.name == *record_type.name;
            if !record_types.iter().any(is_it) {
                record_types.push(record_type.clone());
                draft.record_types.push(record_type.name.clone());
            }
            let ids = (Selector::Ids(vec![document.record_id]), document.version.unwrap_or(LATEST));
            match questions.iter_mut().find(|question| question.registry.name == *record_type.registry) {
                Some(question) => {
                    if !question.record_types.iter().any(is_it) {
                        question.record_types.push(record_type.clone());
                    }
                    question.selectors.push(ids);
                }
                None => questions.push(Question {
                    registry: self.reader.catalogue().registry_of(record_type)?.clone(),
                    record_types: vec![record_type.clone()],
                    selectors: vec![ids],
                }),
            }
        }
        let chosen = match (delivery.guardian, delivery.repeats) {
            (None, None) => "the citizen chose these documents for this agency",
            (Some(_), None) => "the citizen's guardian chose these documents for this agency",
            (_, Some(_)) => "the agency repeats a redemption that it made within the last minute",
        };
        log.pass(Step::Presentation, chosen);
        let grants = presented(record_types.iter().map(|record_type| record_type.name.clone()));
        let answers = self.gather(questions, context.ask_until(), &mut log).await;
        let found = match reachable(&answers) {
            Ok(()) => self.check(context, &record_types, &grants, None, answers, &mut log).await,
            Err(error) => Err(error),
        };
        let found = found.and_then(|(records, missing)| {
            whole(&delivery.documents, records, &missing).and_then(|found| of_person(found, &numbers))
        });
        let exchanged = self.conclude(context, draft, log, found).await?;
        let Some(index) = delivery.repeats else { return Ok(exchanged) };
        let evidence = Recorded { index, checkpoint: self.evidence.checkpoint_of(index).await?, ..exchanged.evidence };
        Ok(Exchanged { evidence, ..exchanged })
    }

    /// Logs a redemption that was refused before any document was read: the code was spent, had expired, or was another agency's. `person` is the
    /// citizen, if the code was one.
    pub async fn log_refusal(
        &self,
        context: Context,
        person: Option<PersonalId>,
        reference: &str,
        reason: Reason,
    ) -> Result<Recorded> {
        let mut log = DecisionLog::default();
        let mut draft = Draft::new(Kind::Presentation);
        draft.purpose = Some(PURPOSE.into());
        if let Some(person) = person {
            draft.subject = Some(Subject::Person(self.numbers(&context, person, &mut log).await));
        }
        draft.reference = (!reference.is_empty()).then(|| reference.to_owned());
        log.fail(Step::Presentation, reason.as_str());
        self.log(&context, draft, log, reason.as_str(), &[]).await
    }
}

/// Refuses documents that name people, but none of the person's numbers: a vehicle sold since, a number whose claim no longer counts. Documents that
/// name nobody were matched by name when they were linked.
fn of_person(found: FoundRecords, numbers: &Numbers) -> Result<FoundRecords> {
    for record in &found.0 {
        // A record delivered unverified may be unreadable; its verdict says so.
        let Ok(fields) = record.record.disclosure.fields() else { continue };
        let people = record.record_type.people_of(&fields);
        if !people.is_empty() && !numbers.all().any(|number| people.contains(&number)) {
            let message = "a document no longer names the person who presents it";
            return Err(Error::new(Reason::HolderMismatch, message).with_subject("document", &*record.record_type.name));
        }
    }
    Ok(found)
}

/// One record for every document, in the order requested, or the error of the first that is missing.
fn whole(documents: &[DocumentRef], mut records: Vec<Arc<CheckedRecord>>, missing: &[Missing]) -> Result<FoundRecords> {
    if let Some(missing) = missing.first() {
        let name = &*missing.record_type.name;
        return Err(match missing.reason {
            MissingReason::Unreachable(reason) => {
                Error::new(reason, "a registry did not answer").with_subject("registry", &*missing.record_type.registry)
            }
            MissingReason::NotVerified(reason) => Error::new(reason, "a document's record does not verify")
                .with_subject("registry", &*missing.record_type.registry)
                .with_metadata("record_type", name),
            MissingReason::NoRecord => {
                Error::new(Reason::RecordNotFound, "the document no longer exists").with_subject("record", name)
            }
        });
    }
    records.retain(|record| {
        let is_meant = |document: &DocumentRef| {
            document.record_id == record.record_id && document.version.is_none_or(|version| version == record.version)
        };
        documents.iter().any(is_meant)
    });
    let position =
        |record: &Arc<CheckedRecord>| documents.iter().position(|document| document.record_id == record.record_id);
    records.sort_by_key(position);
    if records.len() < documents.len() {
        return Err(Error::new(Reason::RecordNotFound, "the document no longer exists").with_subject("record", ""));
    }
    Ok((records, Vec::new()))
}
