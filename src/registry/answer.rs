//! The answer of a registry, and whether it may be used: is it the requested record, is it about the requested person, and does it verify?
//!
//! Pure. [`reader`](super::reader) asks; its caller gets a [`VerifiedRecord`] or a [`Refusal`].

use std::sync::Arc;

use crate::base::{Error, OrganisationCode, PersonalId, Reason, RecordId};
use crate::trust::{Check, Code, Disclosure, Object, Outcome, Report, SignedRecord, Statement, Verdict, canonical};

use super::port::{Query, RegistryRecord, Selector};
use super::{Name, RecordType};

/// A record as a registry answered it, of the requested type, id and version. It is not verified.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its type.
    pub record_type: Arc<RecordType>,
    /// The record as received.
    pub record: Arc<RegistryRecord>,
    /// The natural key in the query.
    key: Option<Arc<str>>,
}

/// A record that verified.
#[derive(Debug, Clone)]
pub struct VerifiedRecord {
    /// Its id.
    pub record_id: RecordId,
    /// Its statement.
    pub statement: Statement,
    /// Its payload.
    pub payload: Object,
}

/// An answer and the result of its verification.
#[derive(Debug)]
pub struct Examined<'a> {
    answer: &'a Answer,
    /// The record with the proofs used in its verification.
    pub record: SignedRecord,
    /// Every check.
    pub report: Report,
}

/// Why an answer is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The record type that was asked for.
    pub record_type: Name,
    /// The reason for the refusal.
    pub cause: Cause,
}

/// Reasons to refuse an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// It is another record than was asked for.
    OtherRecord,
    /// It is about another person: not even a caller that accepts unverified records may see it.
    OtherPerson,
    /// It verifies, but is not in the record ledger yet.
    NotAccepted,
    /// It does not verify; the first check that failed.
    Unverified(Verdict, &'static str),
}

impl From<Refusal> for Error {
    fn from(Refusal { record_type, cause }: Refusal) -> Self {
        let (reason, message) = match cause {
            Cause::OtherRecord => (
                Reason::RecordNotVerified,
                format!("the registry answered with another {record_type} than was asked for"),
            ),
            Cause::OtherPerson => {
                (Reason::RecordNotVerified, format!("the registry answered with a {record_type} of another holder"))
            }
            Cause::NotAccepted => {
                (Reason::RegistryUnavailable, format!("the province has not accepted the {record_type} yet"))
            }
            Cause::Unverified(verdict, failed) => {
                let reason = verdict.code().map_or(Reason::RecordNotVerified, Code::reason);
                (reason, format!("a {record_type} is {verdict}: the check {failed} failed"))
            }
        };
        Self::new(reason, message).with_subject("record", &*record_type).with_metadata("record_type", &*record_type)
    }
}

impl Answer {
    /// Accepts `record` as an answer to `query` for records of `record_types`, if it claims to be one.
    pub(super) fn to(
        query: &Query,
        record_types: &[Arc<RecordType>],
        record: Arc<RegistryRecord>,
    ) -> Result<Self, Refusal> {
        let other =
            |record_type: &RecordType| Refusal { record_type: record_type.name.clone(), cause: Cause::OtherRecord };
        let Some(record_type) = record_types.iter().find(|asked| asked.name == record.record_type) else {
            return Err(other(&record_types[0]));
        };
        let is_asked = match &query.selector {
            Selector::Ids(ids) => ids.contains(&record.record_id),
            _ => true,
        };
        if !is_asked || (query.version != 0 && query.version != record.version) {
            return Err(other(record_type));
        }
        let key = match &query.selector {
            // The register of people leads from a superseded number to the record that claims it.
            Selector::Key(key) if record_type.people.is_none() => Some(key.as_str().into()),
            _ => None,
        };
        Ok(Self { record_type: record_type.clone(), record, key })
    }

    /// Refuses a record that is about none of these numbers, where records of its type name people at all.
    pub fn must_be_about(&self, people: &[PersonalId]) -> Result<(), Refusal> {
        self.is_theirs(is_about(&self.record_type, &self.record.record.disclosure, people))
    }

    /// Refuses a record that does not name this organisation, where records of its type name organisations at all.
    pub fn must_be_of(&self, organisation: OrganisationCode) -> Result<(), Refusal> {
        let names = || {
            let fields = self.record.record.disclosure.fields();
            fields.is_ok_and(|fields| self.record_type.organisations_of(&fields).contains(&organisation))
        };
        self.is_theirs(self.record_type.organisations.is_empty() || names())
    }

    fn is_theirs(&self, is_theirs: bool) -> Result<(), Refusal> {
        match is_theirs {
            true => Ok(()),
            false => Err(Refusal { record_type: self.record_type.name.clone(), cause: Cause::OtherPerson }),
        }
    }

    /// Whether it is the record with the natural key in the query; true where the query has none. A record verified for one query answers no
    /// other one.
    pub fn has_asked_key(&self) -> bool {
        self.key.as_ref().is_none_or(|key| has_key(&self.record_type, &self.record.record.disclosure, key))
    }
}

impl<'a> Examined<'a> {
    /// Adds the checks that depend on the query to the verification of `record`.
    pub(super) fn new(answer: &'a Answer, record: SignedRecord, mut report: Report) -> Self {
        if let Some(statement) = &report.statement {
            let Answer { record_type, record: found, .. } = answer;
            let peer = record_type.registry == statement.issuer;
            let named = record_type.name == statement.schema
                && (statement.record_id, statement.version) == (found.record_id, found.version);
            let whole = matches!(record.disclosure, Disclosure::Whole { .. });
            let keyed = !(report.verdict.is_valid() && whole) || answer.has_asked_key();
            let mut add = |name, good, code| {
                let outcome = if good { Outcome::Pass } else { Outcome::Fail };
                report.add(Check { name, outcome, detail: String::new() }, code);
            };
            add("peer", peer, Code::IssuerMismatch);
            add("named_as_asked", named && keyed, Code::Malformed);
            add("whole", whole, Code::PayloadMismatch);
        }
        Self { answer, record, report }
    }

    /// The reason why the record may not be used, unless it verifies.
    pub fn refusal(&self) -> Option<Refusal> {
        let cause = match self.report.verdict {
            Verdict::Valid => return None,
            Verdict::Indeterminate(Code::NoPoe) if self.record.ledger_proof.is_none() => Cause::NotAccepted,
            verdict => Cause::Unverified(verdict, self.report.failed().next().map_or("verdict", |check| check.name)),
        };
        Some(Refusal { record_type: self.answer.record_type.name.clone(), cause })
    }

    /// The content of the record, if it verifies.
    pub fn verified(&self) -> Result<VerifiedRecord, Refusal> {
        if let Some(refusal) = self.refusal() {
            return Err(refusal);
        }
        let unreadable = |verdict| Refusal {
            record_type: self.answer.record_type.name.clone(),
            cause: Cause::Unverified(verdict, "canonical"),
        };
        let payload = self.record.disclosure.fields();
        let payload = payload.map_err(|_| unreadable(Verdict::Invalid(Code::NonCanonical)))?;
        let statement = self.report.statement.clone();
        let statement = statement.ok_or_else(|| unreadable(Verdict::Invalid(Code::Malformed)))?;
        Ok(VerifiedRecord { record_id: statement.record_id, statement, payload })
    }
}

fn has_key(record_type: &RecordType, disclosure: &Disclosure, key: &str) -> bool {
    let fields = disclosure.fields_named(&[&record_type.natural_key]);
    fields.is_ok_and(|fields| record_type.key_of(&fields).is_some_and(|own| own == key))
}

/// Whether the payload is about one of the numbers, where records of its type name people at all: as its key where it has a
/// person's, and anywhere else by naming it. Canonical JSON has one way to write that, so it is looked for in the bytes; a payload
/// that is not canonical, of which nobody sees anything unless they accept unverified records, need only name it.
fn is_about(record_type: &RecordType, disclosure: &Disclosure, people: &[PersonalId]) -> bool {
    if !record_type.is_keyed_by_person() && record_type.parties.is_empty() {
        return true;
    }
    let Disclosure::Whole { payload, .. } = disclosure else { return false };
    let holds = |key: &str| {
        let text = |person: &PersonalId| [key, "\"", person.as_str(), "\""].concat();
        people.iter().any(|person| memchr::memmem::find(payload, text(person).as_bytes()).is_some())
    };
    if !record_type.is_keyed_by_person() {
        return holds("");
    }
    holds("\"personal_id\":") || holds("") && canonical::parse(payload).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_counts_only_as_a_whole_string() {
        let person = PersonalId::parse("042090990001").expect("12 digits");
        let catalogue = crate::registry::Catalogue::built_in();
        let about = |payload: &'static str| {
            let whole = Disclosure::Whole { payload: payload.into(), salt: [0; 32] };
            is_about(catalogue.people(), &whole, &[person])
        };
        assert!(about(r#"{"personal_id":"042090990001"}"#));
        assert!(!about(r#"{"personal_id":"0420909900011"}"#));
        assert!(!about(r#"{"personal_id":"042090990002"}"#));
        // a record that only claims the number belongs to another person
        assert!(!about(r#"{"personal_id":"042090990002","superseded_ids":["042090990001"]}"#));
        assert!(about(r#"{"personal_id": "042090990001"}"#), "not canonical, and about them all the same");
        assert!(!about(""));
    }
}
