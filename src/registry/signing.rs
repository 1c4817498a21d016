//! Signatures of a registry outside its log: status lists and wallets' credentials of its own records.
//!
//! The caller gives values, never bytes: the registry compares them with its own data, names itself as the issuer, and makes the
//! bytes. So a caller gets its signature under nothing but a status list or a credential of this registry, wherever the registry runs.
//!
//! | checked by the registry | left to the caller |
//! |---|---|
//! | the record type is its own | the value of each status: its digest is logged, and everybody can recompute it |
//! | a list has no more statuses than it issued versions | that the holder has proved possession of the key |
//! | a credential is of the latest version of its record, byte for byte | the proofs next to it, which verifiers check themselves |
//! | times are near its clock, and the life is limited | |

use super::Sector;
use super::schema::RecordType;
use crate::base::limits::CLOCK_SKEW_MS_MAX;
use crate::base::{Error, Reason, Result, Timestamp};
use crate::trust::credential::{self, Frame, issuer_name};
use crate::trust::status_list::{StatusClaims, StatusList, StatusToken};
use crate::trust::{Operation, PublicKey, SignedRecord, Signer, Statement};

/// Longest validity of a status list.
pub const STATUS_LIST_LIFE_MS_MAX: i64 = 24 * 3_600_000;
/// Longest validity of a credential: a wallet gets a new one well before its end.
pub const CREDENTIAL_LIFE_MS_MAX: i64 = 90 * 86_400_000;

/// A status list to sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusListDraft {
    /// The record type.
    pub record_type: String,
    /// The URI of the list.
    pub uri: String,
    /// Statements below this index of the record ledger are in the list.
    pub ledger_size: u64,
    /// The start of its validity.
    pub issued_at: Timestamp,
    /// The end of its validity, excluded.
    pub expires_at: Timestamp,
    /// Longest use of copies, in seconds.
    pub ttl_s: u32,
    /// The statuses.
    pub list: StatusList,
}

/// A status list with its registry's signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedStatusList {
    /// The claims and the statuses.
    pub content: StatusToken,
    /// The token.
    pub token: String,
    /// The public key of the signature, raw.
    pub key: Vec<u8>,
}

/// A credential to sign.
#[derive(Debug, Clone, PartialEq)]
pub struct CredentialDraft {
    /// The latest version of a record, whole, with both proofs.
    pub record: SignedRecord,
    /// The holder's key.
    pub holder: PublicKey,
    /// The https URL at which verifiers find the issuer's keys, if there is one.
    pub public_url: Option<String>,
    /// The URI of the record type's status list.
    pub status_uri: String,
    /// Its time of issue.
    pub issued_at: Timestamp,
    /// The end of its validity, excluded.
    pub expires_at: Timestamp,
}

/// The error of a registry that does not sign `what`.
pub fn not_offered(registry: &str, what: &str) -> Error {
    Error::new(Reason::MethodUnknown, format!("the {registry} registry does not sign {what}"))
        .with_subject("registry", registry)
}

/// The record type of a draft, which must be the registry's own.
pub(super) fn own_type<'a>(sector: &'a Sector, record_type: &str) -> Result<&'a RecordType> {
    let foreign = || {
        Error::invalid_field("record_type", "FOREIGN", format!("is not a record type of the {} registry", sector.name))
    };
    sector.record_type(record_type).map(|of| &**of).ok_or_else(foreign)
}

/// The token of a list of `sector`, which has issued `versions` of its record type.
pub(super) fn status_list(
    sector: &Sector,
    draft: StatusListDraft,
    versions: u32,
    now: Timestamp,
) -> Result<StatusToken> {
    let of = own_type(sector, &draft.record_type)?;
    check_times(draft.issued_at, draft.expires_at, STATUS_LIST_LIFE_MS_MAX, now)?;
    if i64::from(draft.ttl_s) * 1_000 > STATUS_LIST_LIFE_MS_MAX {
        let message = format!("is not within {} hours", STATUS_LIST_LIFE_MS_MAX / 3_600_000);
        return Err(Error::invalid_field("ttl_s", "OUT_OF_RANGE", message));
    }
    if draft.list.count() > versions {
        let message = format!("has {} statuses, and {versions} versions were issued", draft.list.count());
        return Err(Error::invalid_field("count", "COUNT", message));
    }
    let claims = StatusClaims {
        origin: sector.log_origin(),
        issuer: (&sector.name).into(),
        schema: (&of.name).into(),
        uri: draft.uri,
        ledger_size: draft.ledger_size,
        issued_at: draft.issued_at,
        expires_at: draft.expires_at,
        ttl_s: draft.ttl_s,
    };
    Ok(StatusToken { claims, list: draft.list })
}

/// The credential of a record whose latest version is `latest`.
pub(super) fn credential(
    sector: &Sector,
    draft: &CredentialDraft,
    latest: &SignedRecord,
    signer: &dyn Signer,
    now: Timestamp,
) -> Result<String> {
    let CredentialDraft { record, holder, public_url, status_uri, issued_at, expires_at } = draft;
    for (field, proof) in [("issuer_proof", &record.issuer_proof), ("ledger_proof", &record.ledger_proof)] {
        if proof.is_none() {
            let message = "a credential carries both proofs of its record";
            return Err(Error::invalid_field(format_args!("record.{field}"), "REQUIRED", message));
        }
    }
    if (&record.statement, &record.disclosure) != (&latest.statement, &latest.disclosure) {
        let message = "the record is not the latest version that the registry issued";
        return Err(Error::new(Reason::VersionConflict, message).with_subject("registry", &*sector.name));
    }
    check_times(*issued_at, *expires_at, CREDENTIAL_LIFE_MS_MAX, now)?;
    let statement = Statement::decode(&record.statement).map_err(Error::bug)?;
    if statement.operation == Operation::Revoke {
        return Err(
            Error::new(Reason::DocumentRevoked, "the document was revoked").with_subject("registry", &*sector.name)
        );
    }
    if *expires_at > statement.valid_until {
        return Err(Error::invalid_field("expires_at", "OUT_OF_RANGE", "is later than the record's own end"));
    }
    let issuer = issuer_name(&sector.log_origin(), public_url.as_deref());
    let (issued_at, expires_at) = (*issued_at, *expires_at);
    let frame = Frame { issuer: &issuer, holder, status_uri, issued_at, expires_at };
    credential::issue(record, &frame, signer)
}

/// The times of a draft: near the registry's clock, and of limited length.
fn check_times(issued_at: Timestamp, expires_at: Timestamp, life_ms_max: i64, now: Timestamp) -> Result<()> {
    if issued_at.0.abs_diff(now.0) > CLOCK_SKEW_MS_MAX.unsigned_abs() {
        let message = format!("is {issued_at}, and the registry's clock reads {now}");
        return Err(Error::invalid_field("issued_at", "OUT_OF_RANGE", message));
    }
    if !(1..=life_ms_max).contains(&expires_at.0.saturating_sub(issued_at.0)) {
        let message = format!("is not within {} hours from the time of issue", life_ms_max / 3_600_000);
        return Err(Error::invalid_field("expires_at", "OUT_OF_RANGE", message));
    }
    Ok(())
}
