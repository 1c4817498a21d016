//! Checks one record that a registry returned: it is the person's and it verifies. The record is then redacted to the fields that the right covers;
//! it still verifies.

use std::sync::{Arc, OnceLock};

use crate::access::Fields;
use crate::base::{Party, Timestamp};
use crate::registry::answer::{Answer, Examined, Refusal};
use crate::registry::reader::Reader;
use crate::trust::{Disclosure, LogProof, SignedRecord, redact, statement_hash};

use super::record::CheckedRecord;
use super::verified_cache::VerifiedCache;

/// The policy of one fetch for checking records.
pub(super) struct Checker<'a> {
    pub(super) reader: &'a Reader,
    pub(super) verified: &'a VerifiedCache,
    pub(super) now: Timestamp,
    pub(super) accepts_unverified: bool,
}

impl Checker<'_> {
    /// Checks an answer with its `proof` from the record ledger, and redacts it. `parties` are the person's numbers, or an organisation's
    /// code, one of which the record must name; `None` when the caller has established the owner. Another party's record is refused even to a caller that accepts unverified ones.
    pub(super) fn check(
        &self,
        answer: Answer,
        proof: Option<Arc<LogProof>>,
        parties: Option<&[Party]>,
        fields: &Fields,
    ) -> Result<Arc<CheckedRecord>, Refusal> {
        parties.map_or(Ok(()), |parties| must_be_about(&answer, parties))?;
        if let Some(checked) = self.verified.find(&answer, proof.as_ref(), fields, self.reader.verifier(), self.now) {
            return Ok(checked);
        }
        let examined = self.reader.as_accepted(&answer, proof.as_deref(), self.now);
        if let Some(refusal) = examined.refusal().filter(|_| !self.accepts_unverified) {
            return Err(refusal);
        }
        let Examined { record, report, .. } = examined;
        let statement = statement_hash(&record.statement);
        let record = disclosed(record, fields);
        let shown = match &record.disclosure {
            Disclosure::Whole { .. } => report.statement.as_ref().map_or(0, |statement| statement.field_count),
            Disclosure::Partial { shown, .. } => shown.len() as u16, // at most 64
        };
        let checked = Arc::new(CheckedRecord {
            record_type: answer.record_type.clone(),
            record_id: answer.record.record_id,
            version: answer.record.version,
            record,
            verdict: report.verdict,
            statement,
            fields: shown,
            encoded: OnceLock::new(),
        });
        if let Some(statement) = report.statement {
            self.verified.keep(answer.record, proof, statement, fields, self.reader.verifier(), &checked);
        }
        Ok(checked)
    }
}

fn must_be_about(answer: &Answer, parties: &[Party]) -> Result<(), Refusal> {
    let mut people = Vec::with_capacity(parties.len());
    for party in parties {
        match party {
            Party::Person(person) => people.push(*person),
            Party::Organisation(code) => return answer.must_be_of(*code),
        }
    }
    answer.must_be_about(&people)
}

fn disclosed(record: SignedRecord, fields: &Fields) -> SignedRecord {
    let Fields::Only(fields) = fields else { return record };
    // A non-canonical payload has no fields to disclose. Only callers that accept unverified records get here, and they receive no field of it.
    let nothing = || Disclosure::Partial { shown: Vec::new(), hidden: Vec::new() };
    let disclosure = redact(&record.disclosure, fields.names()).unwrap_or_else(|_| nothing());
    SignedRecord { disclosure, ..record }
}
