//! Checking one record that a registry answered: is it what was asked for, about whom it was asked, and does it verify?
//! Then only what the right covers is left in it, and it still verifies.

use std::sync::{Arc, OnceLock};

use crate::access::Fields;
use crate::base::{Error, PersonalId, Reason, Result, Timestamp};
use crate::registry::RecordType;
use crate::registry::port::RegistryRecord;
use crate::trust::verify::Verifier;
use crate::trust::{
    Check, Code, Disclosure, LogProof, Outcome, SignedRecord, Verdict, canonical, redact, statement_hash,
};

use super::known::Known;
use super::record::CheckedRecord;

/// Why a record may not be disclosed at all.
#[derive(Debug)]
pub(super) enum Failure {
    /// It does not verify.
    Verdict(Verdict, &'static str),
    /// It names somebody else: not even a caller that accepts unverified records may see it.
    OtherPerson,
}

impl Failure {
    pub(super) fn error(&self, record_type: &str) -> Error {
        match self {
            Self::OtherPerson => {
                let message = format!("the registry answered with a {record_type} of somebody else");
                Error::new(Reason::RecordNotVerified, message)
                    .with_subject("record", record_type)
                    .with_metadata("record_type", record_type)
            }
            Self::Verdict(verdict, failed) => {
                let message = format!("a {record_type} is {verdict}: the check {failed} failed");
                let reason = verdict.code().map_or(Reason::RecordNotVerified, Code::reason);
                Error::new(reason, message)
                    .with_subject("record", record_type)
                    .with_metadata("record_type", record_type)
            }
        }
    }
}

/// How a record is checked.
pub(super) struct Checker<'a> {
    pub(super) verifier: &'a Verifier,
    pub(super) known: &'a Known,
    pub(super) now: Timestamp,
    pub(super) accepts_unverified: bool,
}

impl Checker<'_> {
    /// Checks `found`, which `record_type`'s registry answered, with its `proof` from the record ledger, and redacts it. `people` are the numbers of the person whom it
    /// must name; `None` when it was asked for by its id, on the word of whoever knows whose it is.
    pub(super) fn check(
        &self,
        found: Arc<RegistryRecord>,
        proof: Option<Arc<LogProof>>,
        record_type: &Arc<RecordType>,
        people: Option<&[PersonalId]>,
        fields: &Fields,
    ) -> Result<Arc<CheckedRecord>, Failure> {
        if people.is_some_and(|people| !is_about(record_type, &found.record.disclosure, people)) {
            return Err(Failure::OtherPerson);
        }
        if let Some(checked) = self.known.find(record_type, &found, proof.as_ref(), fields, self.verifier, self.now) {
            return Ok(checked);
        }
        let record = SignedRecord { ledger_proof: proof.as_deref().cloned(), ..found.record.clone() };
        let mut report = self.verifier.verify(&record, self.now);
        let says = report.statement.as_ref().map(|statement| {
            let peer = record_type.registry == statement.issuer;
            let named = record_type.name == statement.schema
                && (statement.record_id, statement.version) == (found.record_id, found.version);
            (peer, named, statement.field_count)
        });
        if let Some((peer, named, _)) = says {
            let outcome = |good| if good { Outcome::Pass } else { Outcome::Fail };
            let check = |name, good| Check { name, outcome: outcome(good), detail: String::new() };
            report.add(check("peer", peer), Code::IssuerMismatch);
            report.add(check("named_as_asked", named), Code::Malformed);
        }
        if !report.verdict.is_valid() && !self.accepts_unverified {
            let failed = report.failed().next().map_or("verdict", |check| check.name);
            return Err(Failure::Verdict(report.verdict, failed));
        }
        let statement = statement_hash(&record.statement);
        let whole = says.map_or(0, |(.., fields)| fields);
        let record = disclosed(record, fields);
        let shown = match &record.disclosure {
            Disclosure::Whole { .. } => whole,
            Disclosure::Partial { shown, .. } => shown.len() as u16, // at most 64
        };
        let checked = Arc::new(CheckedRecord {
            record_type: record_type.clone(),
            record_id: found.record_id,
            version: found.version,
            record,
            verdict: report.verdict,
            statement,
            fields: shown,
            encoded: OnceLock::new(),
        });
        if let Some(statement) = report.statement {
            self.known.keep(found, proof, statement, fields, self.verifier, &checked);
        }
        Ok(checked)
    }
}

fn disclosed(record: SignedRecord, fields: &Fields) -> SignedRecord {
    let Fields::Only(fields) = fields else { return record };
    // A payload that is not canonical has no fields to choose from; only a caller that accepts unverified records comes
    // here, and sees none of it.
    let nothing = || Disclosure::Partial { shown: Vec::new(), hidden: Vec::new() };
    let disclosure = redact(&record.disclosure, fields.names()).unwrap_or_else(|_| nothing());
    SignedRecord { disclosure, ..record }
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
        // a record that only claims the number is somebody else's
        assert!(!about(r#"{"personal_id":"042090990002","superseded_ids":["042090990001"]}"#));
        assert!(about(r#"{"personal_id": "042090990001"}"#), "not canonical, and about them all the same");
        assert!(!about(""));
    }
}
