//! The issuer's side: from a payload and its metadata to the statement that a log will contain.

use super::canonical::{CanonicalError, scan};
use super::commitment::fields_root;
use super::merkle::Hash;
use super::record::Salt;
use super::statement::{Operation, Statement, is_statement_name};
use crate::base::{RecordId, Timestamp};

/// All of a statement except the commitment, which follows from the payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft<'a> {
    /// See [`Statement::issuer`].
    pub issuer: &'a str,
    /// See [`Statement::schema`].
    pub schema: &'a str,
    /// See [`Statement::record_id`].
    pub record_id: RecordId,
    /// See [`Statement::version`].
    pub version: u64,
    /// See [`Statement::previous`].
    pub previous: Hash,
    /// See [`Statement::operation`].
    pub operation: Operation,
    /// See [`Statement::issued_at`].
    pub issued_at: Timestamp,
    /// See [`Statement::valid_from`].
    pub valid_from: Timestamp,
    /// See [`Statement::valid_until`].
    pub valid_until: Timestamp,
    /// See [`Statement::status_index`].
    pub status_index: u32,
}

/// Commits to a canonical payload and gives the statement and its encoding, ready for the issuer's log. Issuer and
/// schema are constants of the issuer: see [`is_statement_name`].
pub fn build_record(draft: Draft<'_>, payload: &[u8], salt: &Salt) -> Result<(Statement, Vec<u8>), CanonicalError> {
    debug_assert!(draft.version > 0 && [draft.issuer, draft.schema].iter().all(|n| is_statement_name(n.as_bytes())));
    let scanned = scan(payload)?;
    let statement = Statement {
        issuer: draft.issuer.to_owned(),
        schema: draft.schema.to_owned(),
        record_id: draft.record_id,
        version: draft.version,
        previous: draft.previous,
        operation: draft.operation,
        issued_at: draft.issued_at,
        valid_from: draft.valid_from,
        valid_until: draft.valid_until,
        status_index: draft.status_index,
        field_count: scanned.len() as u16, // at most 64
        fields_root: fields_root(&scanned, salt),
    };
    let encoded = statement.encode();
    Ok((statement, encoded))
}
