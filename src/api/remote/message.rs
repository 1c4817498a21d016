//! The port's values as messages of `registry.v1`, and back. Fails where a host's message has no such shape; what is signed in it is for the readers to
//! verify.

use std::sync::Arc;

use bytes::Bytes;

use crate::base::{Error, Reason, RecordId, Result, Violation, Violations, Warnings, limits};
use crate::registry::Sector;
use crate::registry::port::{Change, Content, PutOutcome, Query, Receipt, RegistryRecord, Selector, Submission};
use crate::registry::signing::{CredentialDraft, SignedStatusList, StatusListDraft};
use crate::trust::keys::Algorithm;
use crate::trust::statement::STATEMENT_BYTES_MAX;
use crate::trust::status_list::{StatusClaims, StatusToken};
use crate::trust::{Disclosure, Operation, PublicKey, SignedRecord};
use crate::wire::proto::registry::v1;
use crate::wire::record;

/// Most warnings, and violations, that are taken of one record.
const REMARKS_MAX: usize = 200;

/// Further than any log grows.
const INDEX_MAX: u64 = 1 << 53;

/// A host's answer that has not the shape of an answer.
pub(super) fn malformed(registry: &str, what: &str) -> Error {
    let message = format!("the {registry} registry's answer is malformed: {what}");
    Error::new(Reason::RegistryUnavailable, message).with_subject("registry", registry)
}

/// A query. Its cursor is a page token of the host's, as text.
pub(super) fn query(sector: &Sector, query: &Query) -> Result<v1::GetRecordsRequest> {
    use v1::get_records_request::Selector as Choice;
    let selector = match &query.selector {
        Selector::Person(person) => Choice::PersonalId(person.as_str().into()),
        Selector::Organisation(code) => Choice::OrganisationCode(code.to_string()),
        Selector::Key(key) => {
            let [record_type] = query.record_types.as_slice() else {
                return Err(Error::bug(format!("a natural key of {} of several record types", sector.name)));
            };
            Choice::NaturalKey(v1::NaturalKey { record_type: record_type.clone(), values: vec![key.clone()] })
        }
        Selector::Ids(ids) => Choice::RecordIds(v1::RecordIds { ids: ids.iter().map(|id| id.to_hex()).collect() }),
        Selector::OldNumber(number) => Choice::OldIdNumber(number.clone()),
        Selector::Name { folded, birth_date } => Choice::PersonName(v1::PersonName {
            full_name: folded.clone(),
            birth_date: birth_date.map(|date| date.to_string()).unwrap_or_default(),
        }),
        Selector::All => Choice::All(v1::AllRecords {}),
    };
    let page_token = query.after.clone().map(String::from_utf8).transpose();
    Ok(v1::GetRecordsRequest {
        registry: (&sector.name).into(),
        record_types: query.record_types.clone(),
        selector: Some(selector),
        version: query.version,
        page_size: query.limit.clamp(1, limits::PAGE_SIZE_MAX) as u32,
        page_token: page_token.map_err(|_| Error::token_refused("page_token"))?.unwrap_or_default(),
    })
}

/// Longest statement and payload of one record, in bytes: no honest one is longer.
const RECORD_BYTES_MAX: usize = limits::PAYLOAD_BYTES_MAX + STATEMENT_BYTES_MAX;

/// Whether a record is no longer than records are.
pub(super) fn fits(registry: &str, record: &SignedRecord) -> Result<()> {
    let shown = match &record.disclosure {
        Disclosure::Whole { payload, .. } => payload.len(),
        Disclosure::Partial { .. } => return Err(malformed(registry, "a record that is not whole")),
    };
    match record.statement.len() + shown <= RECORD_BYTES_MAX {
        true => Ok(()),
        false => Err(malformed(registry, "a record is too long")),
    }
}

/// The rule named in a remark; a remark in any other form is not ours.
fn rule(given: String) -> String {
    let is_rule = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    if (1..=64).contains(&given.len()) && given.bytes().all(is_rule) { given } else { "INVALID".to_owned() }
}

/// A record of a page.
pub(super) fn registry_record(registry: &str, message: v1::RegistryRecord) -> Result<Arc<RegistryRecord>> {
    let unreadable = |_: Error| malformed(registry, "a record cannot be read");
    let record = message.record.ok_or_else(|| malformed(registry, "a record without its signed bytes"))?;
    let record = record::from_message(record).map_err(unreadable)?;
    fits(registry, &record)?;
    Ok(Arc::new(RegistryRecord {
        record_type: message.record_type,
        record_id: record_id(registry, &message.record_id)?,
        version: message.version,
        record,
    }))
}

fn record_id(registry: &str, id: &str) -> Result<RecordId> {
    RecordId::from_hex(id).ok_or_else(|| malformed(registry, "a record's id is not hexadecimal"))
}

/// Changes to submit.
pub(super) fn submission(registry: &str, submission: Submission) -> v1::SubmitChangesRequest {
    v1::SubmitChangesRequest {
        registry: registry.to_owned(),
        request_id: submission.request_id,
        changes: submission.changes.into_iter().map(change).collect(),
    }
}

fn change(change: Change) -> v1::Change {
    let operation = match change.operation {
        Operation::Create => v1::Operation::Create,
        Operation::Update => v1::Operation::Update,
        Operation::Revoke => v1::Operation::Revoke,
    };
    v1::Change {
        record_type: change.record_type,
        operation: operation.into(),
        expected_version: change.expected_version,
        payload: Some(record::fields_message(&change.payload)),
        valid_from: change.valid_from.and_then(record::timestamp),
        valid_until: change.valid_until.and_then(record::timestamp),
    }
}

/// The receipts of `changes` changes.
pub(super) fn receipts(registry: &str, message: v1::SubmitChangesResponse, changes: usize) -> Result<Vec<Receipt>> {
    if message.receipts.len() != changes {
        return Err(malformed(registry, "it has not one receipt for each change"));
    }
    message.receipts.into_iter().map(|one| receipt(registry, one)).collect()
}

fn receipt(registry: &str, message: v1::Receipt) -> Result<Receipt> {
    if message.log_index >= INDEX_MAX {
        return Err(malformed(registry, "a receipt's index is beyond every log"));
    }
    let warning = |warning: v1::Warning| Violation::new(warning.field, rule(warning.rule), warning.message);
    let kept: Vec<_> = message.warnings.into_iter().take(REMARKS_MAX).map(warning).collect();
    Ok(Receipt {
        record_id: record_id(registry, &message.record_id)?,
        version: message.version,
        log_index: message.log_index,
        warnings: Warnings { total: kept.len().max(message.warnings_total as usize), kept },
    })
}

/// Contents to put.
pub(super) fn contents(registry: &str, contents: Vec<Content>, is_trial: bool) -> v1::PutRecordsRequest {
    let one = |content: Content| v1::RecordContent {
        payload: Some(record::fields_message(&content.payload)),
        record_type: content.record_type,
    };
    v1::PutRecordsRequest {
        registry: registry.to_owned(),
        records: contents.into_iter().map(one).collect(),
        validate_only: is_trial,
    }
}

/// The outcomes of `contents` contents.
pub(super) fn outcomes(registry: &str, message: v1::PutRecordsResponse, contents: usize) -> Result<Vec<PutOutcome>> {
    if message.outcomes.len() != contents {
        return Err(malformed(registry, "it has not one outcome for each record"));
    }
    message.outcomes.into_iter().map(|one| outcome(registry, one)).collect()
}

fn outcome(registry: &str, message: v1::PutOutcome) -> Result<PutOutcome> {
    let effect = v1::PutEffect::try_from(message.effect).unwrap_or_default();
    if effect == v1::PutEffect::Refused {
        let mut violations = Violations::default();
        for broken in message.violations.into_iter().take(REMARKS_MAX) {
            violations.push(Violation::new(broken.field, rule(broken.rule), broken.message));
        }
        return Ok(PutOutcome::Refused(violations));
    }
    let of = message.receipt.ok_or_else(|| malformed(registry, "an outcome without a receipt"))?;
    let of = receipt(registry, of)?;
    match effect {
        v1::PutEffect::Created => Ok(PutOutcome::Created(of)),
        v1::PutEffect::Updated => Ok(PutOutcome::Updated(of)),
        v1::PutEffect::Unchanged => Ok(PutOutcome::Unchanged(of)),
        v1::PutEffect::Refused | v1::PutEffect::Unspecified => {
            Err(malformed(registry, "an outcome without its effect"))
        }
    }
}

/// A public key.
pub(super) fn key(registry: &str, message: Option<v1::IssuingKey>) -> Result<PublicKey> {
    let read = |message: v1::IssuingKey| {
        Algorithm::parse(&message.algorithm).and_then(|algorithm| PublicKey::new(algorithm, &message.key).ok())
    };
    message.and_then(read).ok_or_else(|| malformed(registry, "its key cannot be read"))
}

/// The message of a public key.
pub fn key_message(key: &PublicKey) -> v1::IssuingKey {
    v1::IssuingKey { algorithm: key.algorithm().as_str().into(), key: Bytes::copy_from_slice(key.bytes()) }
}

/// A status list to sign.
pub(super) fn status_list(registry: &str, draft: &StatusListDraft) -> Result<v1::SignStatusListRequest> {
    Ok(v1::SignStatusListRequest {
        registry: registry.to_owned(),
        record_type: draft.record_type.clone(),
        uri: draft.uri.clone(),
        ledger_size: draft.ledger_size,
        issued_at: record::timestamp(draft.issued_at),
        expires_at: record::timestamp(draft.expires_at),
        ttl_s: draft.ttl_s,
        statuses: draft.list.deflate()?.into(),
        count: draft.list.count(),
    })
}

/// A signed status list: the host names itself as the issuer, and what it signed must be the draft.
pub(super) fn signed_list(
    sector: &Sector,
    draft: StatusListDraft,
    message: v1::SignStatusListResponse,
) -> Result<SignedStatusList> {
    let key = key(&sector.name, message.key)?;
    let claims = StatusClaims {
        origin: sector.log_origin(),
        issuer: (&sector.name).into(),
        schema: draft.record_type,
        uri: draft.uri,
        ledger_size: draft.ledger_size,
        issued_at: draft.issued_at,
        expires_at: draft.expires_at,
        ttl_s: draft.ttl_s,
    };
    let content = StatusToken { claims, list: draft.list };
    if !content.is_signed_in(&message.token, &key) {
        return Err(malformed(&sector.name, "it did not sign the status list that it was given"));
    }
    Ok(SignedStatusList { content, token: message.token, key: key.bytes().to_vec() })
}

/// A credential to sign.
pub(super) fn credential(registry: &str, draft: &CredentialDraft) -> Result<v1::SignCredentialRequest> {
    Ok(v1::SignCredentialRequest {
        registry: registry.to_owned(),
        record: Some(record::to_message(&draft.record)?),
        holder: Some(key_message(&draft.holder)),
        public_url: draft.public_url.clone().unwrap_or_default(),
        status_uri: draft.status_uri.clone(),
        issued_at: record::timestamp(draft.issued_at),
        expires_at: record::timestamp(draft.expires_at),
    })
}
