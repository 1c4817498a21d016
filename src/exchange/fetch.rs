//! The use case: fetch one citizen's or one organisation's records for a purpose.

#![allow(clippy::disallowed_methods, reason = "deadlines are transport")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::access::decision::entitled;
use crate::access::evidence;
use crate::access::{Grant, Rights};
use crate::base::time::Instant;
use crate::base::{Error, Kind, Party, Reason, Result, limits};
use crate::registry::answer::{Cause, Refusal};
use crate::registry::{Name, RecordType};
use crate::trust::Verdict;

use super::Exchange;
use super::check::Checker;
use super::context::Context;
use super::decision_log::{DecisionLog, Detail, Step};
use super::evidence::{Draft, Subject};
use super::finish::finish;
use super::gather::{RegistryAnswers, questions};
use super::order::{FetchRequest, Order};
use super::outcome::{Exchanged, FoundRecords, Missing, MissingReason};
use super::record::CheckedRecord;

/// Size of a record in an answer without its fields: two proofs, a statement, the typed form's frame; in bytes.
const RECORD_BYTES: usize = 4 * 1024;

impl Exchange {
    /// Fetches one party's records. The evidence is durable when this returns, whatever the outcome, and also when the caller goes away.
    pub async fn fetch(self: &Arc<Self>, context: Context, request: FetchRequest) -> Result<Exchanged> {
        let exchange = self.clone();
        finish(async move { exchange.fetch_to_end(&context, request, false).await }).await
    }

    /// The same for a view: without record types it is of all that the agency may read of the party for the purpose.
    pub async fn fetch_view(self: &Arc<Self>, context: Context, request: FetchRequest) -> Result<Exchanged> {
        let exchange = self.clone();
        finish(async move { exchange.fetch_to_end(&context, request, true).await }).await
    }

    async fn fetch_to_end(&self, context: &Context, request: FetchRequest, is_view: bool) -> Result<Exchanged> {
        let mut log = DecisionLog::default();
        let rights = self.rights.current();
        let view_of = is_view.then_some(context.agency.as_str());
        let read = request.read(&rights, self.reader.catalogue(), view_of);
        let mut draft = Draft::new(evidence::Kind::Exchange);
        draft.rights = Some(rights.version().clone());
        draft.purpose.clone_from(&read.purpose);
        draft.record_types = read.record_types.iter().map(|record_type| record_type.name.clone()).collect();
        let mut readable = Ok(());
        match read.party {
            Some(Party::Person(person)) => {
                let (numbers, outcome) = self.numbers_read(context, person, &mut log).await;
                draft.subject = Some(Subject::Person(numbers));
                readable = outcome;
            }
            Some(Party::Organisation(code)) => draft.subject = Some(Subject::Organisation(code)),
            None => {}
        }
        let found = match read.order(request.reference) {
            Ok(order) => match readable {
                Ok(()) => self.find(context, &rights, &order, &mut draft, &mut log).await,
                Err(error) => Err(error),
            },
            Err(error) => {
                log.fail(Step::Request, error.message.clone());
                Err(error)
            }
        };
        // Before the evidence says that it was delivered.
        let found = if is_view { found.and_then(fits_a_view) } else { found };
        self.conclude(context, draft, log, found).await
    }

    async fn find(
        &self,
        context: &Context,
        rights: &Rights,
        order: &Order,
        draft: &mut Draft,
        log: &mut DecisionLog,
    ) -> Result<FoundRecords> {
        draft.reference.clone_from(&order.reference);
        let subject = draft.subject.clone().ok_or_else(|| Error::bug("an order without a subject"))?;
        let grants = self.decide(context, rights, order, &subject, log).await?;
        let parties = subject.parties();
        let asked = questions(self.reader.catalogue(), &order.record_types, &parties)?;
        let answers = self.gather(asked, context.ask_until(), log).await;
        fits(&answers, &order.record_types)?;
        reachable(&answers)?;
        self.check(context, &order.record_types, &grants, Some(&parties), answers, log).await
    }

    /// Rights first, which take no I/O; then the citizen's consents. Organisations give none: what takes a consent is not read of them.
    async fn decide(
        &self,
        context: &Context,
        rights: &Rights,
        order: &Order,
        subject: &Subject,
        log: &mut DecisionLog,
    ) -> Result<Vec<Grant>> {
        let names: Vec<Name> = order.record_types.iter().map(|record_type| record_type.name.clone()).collect();
        let entitled = entitled(rights, &context.agency, &order.purpose, &names).map_err(|denial| {
            let error = Error::from(denial);
            log.fail(Step::Right, error.message.clone());
            error
        })?;
        log.pass(Step::Right, Detail::Granted(order.purpose.clone()));
        let consents = match subject {
            Subject::Person(numbers) => self.consents.said_by(numbers).await?,
            Subject::Organisation(_) => Arc::default(),
        };
        let grants = entitled.settle(&consents, context.now).map_err(|denial| {
            let error = match subject {
                Subject::Person(_) => Error::from(denial),
                Subject::Organisation(_) => denial.of_organisation(),
            };
            log.fail(Step::Consent, error.message.clone());
            error
        })?;
        log.pass(Step::Consent, Detail::Agreed);
        Ok(grants)
    }

    /// Checks and redacts the registries' answers; `parties` as in [`Checker::check`].
    pub(super) async fn check(
        &self,
        context: &Context,
        record_types: &[Arc<RecordType>],
        grants: &[Grant],
        parties: Option<&[Party]>,
        mut answers: RegistryAnswers,
        log: &mut DecisionLog,
    ) -> Result<FoundRecords> {
        let (reader, verified, accepts_unverified) = (&self.reader, &self.verified_cache, context.accepts_unverified);
        let checker = Checker { reader, verified, now: context.now, accepts_unverified };
        let (mut records, mut missing) = (Vec::new(), Vec::new());
        let (mut lying, mut unproved) = (Lying::new(), BTreeSet::new());
        for (record_type, grant) in record_types.iter().zip(grants) {
            let answered = match answers.get_mut(&record_type.registry) {
                Some(Ok(answered)) => answered,
                Some(Err(error)) if error.kind() == Kind::Corrupt => {
                    let error = error.repeated().with_subject("registry", &*record_type.registry);
                    lying.entry(record_type.registry.clone()).or_insert(error);
                    continue;
                }
                Some(Err(error)) => {
                    let reason = MissingReason::Unreachable(error.reason);
                    missing.push(Missing { record_type: record_type.clone(), reason });
                    continue;
                }
                None => return Err(Error::bug("a registry that was not asked")),
            };
            let before = (records.len(), missing.len());
            for answer in answered.extract_if(.., |answer| answer.record_type.name == record_type.name) {
                // One wait for each registry: it may claim of any number of records that they are in its log. None for one of which nothing is
                // delivered.
                let is_waited_for =
                    !unproved.contains(&record_type.registry) && !lying.contains_key(&record_type.registry);
                let until = if is_waited_for { context.ask_until() } else { Instant::now() };
                let proof = reader.ledger_proof(&answer, until).await?;
                if proof.is_none() {
                    unproved.insert(record_type.registry.clone());
                }
                let step = Step::Verify(record_type.ordinal);
                match checker.check(answer, proof, parties, &grant.fields) {
                    Ok(checked) => {
                        note_verdict(log, step, checked.verdict);
                        records.push(checked);
                    }
                    Err(Refusal { cause: Cause::NotAccepted, .. }) => {
                        log.skip(step, "the province has not accepted the record yet");
                        let reason = MissingReason::Unreachable(Reason::RegistryUnavailable);
                        missing.push(Missing { record_type: record_type.clone(), reason });
                    }
                    Err(refusal) => {
                        let is_shown_on_demand = matches!(refusal.cause, Cause::Unverified(..));
                        let error = Error::from(refusal);
                        log.fail(step, error.message.clone());
                        let error = if is_shown_on_demand { on_demand(&error) } else { error };
                        lying.entry(record_type.registry.clone()).or_insert(error);
                    }
                }
            }
            if before == (records.len(), missing.len()) {
                missing.push(Missing { record_type: record_type.clone(), reason: MissingReason::NoRecord });
            }
        }
        for record_type in record_types.iter().filter(|of| lying.contains_key(&of.registry)) {
            let step = Step::Verify(record_type.ordinal);
            if log.has(step) {
                continue;
            }
            log.skip(step, "nothing of this registry is delivered, because a record of it does not verify");
        }
        let (records, missing) = without(lying, record_types, (records, missing))?;
        let bytes: usize =
            records.iter().map(|checked| 2 * checked.record.disclosure.payload_bytes() + RECORD_BYTES).sum();
        if bytes > limits::ANSWER_BYTES_MAX {
            let message =
                format!("the {} records are too large for one answer: ask for fewer record types", records.len());
            return Err(Error::new(Reason::AnswerTooLarge, message).with_subject("answer", "records"));
        }
        Ok((records, missing))
    }
}

/// Registries with a record that does not verify, each with the first refusal.
type Lying = BTreeMap<Name, Error>;

/// What could be had beside the lying registries. A registry that lies about one record has said nothing that counts: all its record types are missing,
/// so that its other records never pass for all of them. Where nothing else was answered, the call is refused as its first record was.
fn without(lying: Lying, record_types: &[Arc<RecordType>], found: FoundRecords) -> Result<FoundRecords> {
    let (mut records, mut missing) = found;
    let lies = |record_type: &RecordType| lying.contains_key(&record_type.registry);
    records.retain(|record| !lies(&record.record_type));
    missing.retain(|gap: &Missing| !lies(&gap.record_type));
    let is_answered = |gap: &Missing| gap.reason == MissingReason::NoRecord;
    if records.is_empty()
        && !missing.iter().any(is_answered)
        && let Some(first) = lying.values().next()
    {
        let names: Vec<&str> = record_types.iter().filter(|of| lies(of)).map(|of| &*of.name).collect();
        return Err(first.repeated().with_metadata("record_type", names.join(",")));
    }
    for (registry, error) in &lying {
        tracing::error!(
            registry = &**registry,
            code = error.reason.as_str(),
            "a registry's record does not verify; nothing of it is delivered"
        );
    }
    missing.extend(record_types.iter().filter_map(|record_type| {
        let reason = MissingReason::NotVerified(lying.get(&record_type.registry)?.reason);
        Some(Missing { record_type: record_type.clone(), reason })
    }));
    Ok((records, missing))
}

/// The refusal of a record that a caller can have all the same.
fn on_demand(error: &Error) -> Error {
    let why = &error.message;
    let message =
        format!("{why}; with the metadata x-lienthong-unverified: allow it is delivered, marked with that verdict");
    Error::new(error.reason, message).with_subject(error.subject.kind, error.subject.name.clone())
}

/// A view holds each record signed and typed, in its section, and once more as what counts.
fn fits_a_view(found: FoundRecords) -> Result<FoundRecords> {
    let of = |checked: &Arc<CheckedRecord>| 4 * checked.record.disclosure.payload_bytes() + RECORD_BYTES;
    if found.0.iter().map(of).sum::<usize>() <= limits::ANSWER_BYTES_MAX {
        return Ok(found);
    }
    let message = "the view is too large for one answer: name fewer record types";
    Err(Error::new(Reason::AnswerTooLarge, message).with_subject("answer", "records"))
}

fn note_verdict(log: &mut DecisionLog, step: Step, verdict: Verdict) {
    if verdict.is_valid() {
        log.pass(step, Detail::Valid);
    } else {
        log.fail(step, verdict.to_string());
    }
}

/// Refuses when some of a registry's records could pass for all of them: it holds more of the citizen's than an answer may, or it holds records that
/// cannot be read back. Unlike with an unreachable registry, a retry does not help.
fn fits(answers: &RegistryAnswers, record_types: &[Arc<RecordType>]) -> Result<()> {
    let is_final = |error: &&Error| {
        matches!(error.reason, Reason::AnswerTooLarge | Reason::StorageCorrupt | Reason::LedgerCorrupt)
    };
    for (registry, answer) in answers {
        if let Some(error) = answer.as_ref().err().filter(is_final) {
            let of = record_types.iter().filter(|of| of.registry == *registry).map(|of| &*of.name);
            let names = of.collect::<Vec<_>>().join(",");
            return Err(error.repeated().with_subject("registry", registry).with_metadata("record_type", names));
        }
    }
    Ok(())
}

/// Refuses when no registry answered, not even wrongly: with the registries' reason if they agree, else with `REGISTRY_UNAVAILABLE`.
pub(super) fn reachable(answers: &RegistryAnswers) -> Result<()> {
    let errors: Vec<&Error> = answers.values().filter_map(|answer| answer.as_ref().err()).collect();
    // A registry that lies has answered; what becomes of that is decided with what the others said.
    let is_lied = errors.iter().any(|error| error.kind() == Kind::Corrupt);
    let Some(first) = errors.first().filter(|_| errors.len() == answers.len() && !is_lied) else { return Ok(()) };
    let names: Vec<&str> = answers.keys().map(|name| &**name).collect();
    let same = errors.iter().all(|error| error.reason == first.reason);
    let reason = if same { first.reason } else { Reason::RegistryUnavailable };
    let what = match reason.kind() {
        Kind::Limited => "no registry takes more calls for now",
        Kind::Late => "no registry answered before the deadline",
        _ => "no registry answered",
    };
    let message = format!("{what}: {}", names.join(", "));
    if reason == Reason::Internal {
        return Err(Error::bug(message));
    }
    let names = names.join(",");
    let error = Error::new(reason, message).with_metadata("registry", &names).with_subject("registry", names);
    let retry_after = errors.iter().filter_map(|error| error.retry_after).max();
    Err(match retry_after {
        Some(after) => error.with_retry_after(after),
        None => error,
    })
}
