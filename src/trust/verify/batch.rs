//! A whole batch of one issuer at once: its statements, appended to what is known of the issuer's log, must give the
//! root of the signed checkpoint. That costs one signature and about two hashes a record, without any path.

use bytes::Bytes;

use super::{HeadError, OwnerRef, Verifier};
use crate::base::limits::CLOCK_SKEW_MS_MAX;
use crate::base::{Error, Timestamp};
use crate::trust::canonical::scan;
use crate::trust::commitment::fields_root;
use crate::trust::merkle::{CompactRange, hash_leaf};
use crate::trust::record::Salt;
use crate::trust::statement::Statement;
use crate::trust::verdict::{Code, Verdict};

/// A record of a batch, as its issuer hands it over.
#[derive(Clone, Copy)]
pub struct BatchRecord<'a> {
    /// The encoded statement.
    pub statement: &'a [u8],
    /// The canonical payload.
    pub payload: &'a [u8],
    /// The record's salt.
    pub salt: &'a Salt,
}

/// A batch that verified whole.
#[derive(Debug, Clone)]
pub struct VerifiedBatch {
    /// The statements in order; the first has the index `before.size()` in the issuer's log.
    pub statements: Vec<Statement>,
    /// The issuer's log with the batch appended: the `before` of the next batch.
    pub after: CompactRange,
}

/// Why a batch is refused: all of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {check}: {detail}", code.as_str())]
pub struct BatchError {
    /// The verdict's code.
    pub code: Code,
    /// The check that failed, named as for single records.
    pub check: &'static str,
    /// Position of the record in the batch; `None` when the batch as a whole is wrong.
    pub record: Option<usize>,
    /// Why, in words; never holds payload values.
    pub detail: String,
}

impl From<BatchError> for Error {
    fn from(error: BatchError) -> Self {
        let place = error.record.map(|record| format!("changes[{record}]: ")).unwrap_or_default();
        Self::new(error.code.reason(), format!("{place}{error}"))
    }
}

impl Verifier {
    /// Verifies all or nothing: `records` continue the log of `issuer` (the peer that sent them) from `before` up to
    /// `checkpoint`. The same batch again, a smaller log and a second log of the same size are told apart:
    /// a checkpoint of the size of `before` with its root and no records is an empty batch.
    pub fn verify_batch(
        &self,
        issuer: &str,
        before: &CompactRange,
        checkpoint: &Bytes,
        records: &[BatchRecord<'_>],
        now: Timestamp,
    ) -> Result<VerifiedBatch, BatchError> {
        let beliefs = self.beliefs();
        let fail = |code, check, detail: String| Err(BatchError { code, check, record: None, detail });
        if now >= beliefs.anchor.expires_at {
            let why = format!("the trust anchor expired at {}", beliefs.anchor.expires_at);
            return fail(Code::TryLater, "anchor_current", why);
        }
        let head = match beliefs.head(checkpoint) {
            Ok(head) => head,
            Err(error @ HeadError::OtherOwner) => {
                return fail(Code::IssuerMismatch, "issuer_signature", error.to_string());
            }
            Err(error) => return fail(Code::NoTrustedSignature, "issuer_signature", error.to_string()),
        };
        let known = match head.who {
            OwnerRef::Issuer(at) => beliefs.anchor.issuers.get(at).filter(|known| known.name == issuer),
            OwnerRef::Log(..) => None,
        };
        let Some(known) = known else {
            return fail(Code::IssuerMismatch, "issuer_agreement", format!("the checkpoint is not of {issuer}'s log"));
        };
        // statements accepted now come after every key event that exists
        if !head.keys.iter().any(|key| key.judge(Some(u64::MAX)) == Verdict::Valid) {
            return fail(Code::KeyNotValid, "key_state", "the key is no longer in use".to_owned());
        }
        let expected = before.size() + records.len() as u64;
        if head.size < before.size() {
            let why = format!("the log had {} leaves and now has {}", before.size(), head.size);
            return fail(Code::LogRollback, "issuer_inclusion", why);
        }
        if head.size == before.size() && head.root != before.root() {
            return fail(Code::SplitView, "issuer_inclusion", format!("two trees of {} leaves", head.size));
        }
        if head.size != expected {
            let why = format!("the checkpoint has {} leaves, but the batch ends at {expected}", head.size);
            return fail(Code::Inclusion, "issuer_inclusion", why);
        }
        let mut after = before.clone();
        let mut statements = Vec::with_capacity(records.len());
        for (at, record) in records.iter().enumerate() {
            let checked = check_record(record, issuer, &known.schemas, now);
            statements.push(checked.map_err(|error| BatchError { record: Some(at), ..error })?);
            after.append(hash_leaf(record.statement));
        }
        if after.root() != head.root {
            return fail(Code::Inclusion, "issuer_inclusion", "the statements lead to another root".to_owned());
        }
        Ok(VerifiedBatch { statements, after })
    }
}

fn check_record(
    record: &BatchRecord<'_>,
    issuer: &str,
    schemas: &[String],
    now: Timestamp,
) -> Result<Statement, BatchError> {
    let fail = |code, check, detail: String| Err(BatchError { code, check, record: None, detail });
    let statement = match Statement::decode(record.statement) {
        Ok(statement) => statement,
        Err(error) => return fail(Code::Malformed, "statement_decodes", error.to_string()),
    };
    if statement.issuer != issuer {
        return fail(Code::IssuerMismatch, "issuer_agreement", format!("the statement names {}", statement.issuer));
    }
    if !schemas.contains(&statement.schema) {
        return fail(Code::NotAuthorised, "schema_allowed", format!("{issuer} may not issue {}", statement.schema));
    }
    let scanned = match scan(record.payload) {
        Ok(scanned) => scanned,
        Err(error) => return fail(Code::NonCanonical, "canonical", error.to_string()),
    };
    if fields_root(&scanned, record.salt) != statement.fields_root {
        let why = "the commitments lead to another root than the statement's".to_owned();
        return fail(Code::PayloadMismatch, "payload", why);
    }
    if scanned.len() != usize::from(statement.field_count) {
        let why = format!("{} fields, but the statement says {}", scanned.len(), statement.field_count);
        return fail(Code::PayloadMismatch, "field_count", why);
    }
    if statement.issued_at > now.plus_ms(CLOCK_SKEW_MS_MAX) {
        let why = format!("issued at {}, more than five minutes ahead", statement.issued_at);
        return fail(Code::IssuedInFuture, "issued_not_in_future", why);
    }
    Ok(statement)
}
