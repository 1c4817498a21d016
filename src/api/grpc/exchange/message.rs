//! Between the exchange's values and its messages.

use std::sync::Arc;

use bytes::Bytes;

use crate::base::call::CallCheck;
use crate::base::{Kind, Language, Reason, RequestId, Result};
use crate::base::{Violation, Violations};
use crate::registry::RecordType;
use crate::wire::delivered::encode_delivered;
use crate::wire::proto::exchange::v1;
use crate::wire::ready::FetchRecordsResponse;
use crate::wire::record::{Frame, note_text, timestamp};

use crate::exchange::{CheckedRecord, Exchanged, Explained, FetchRequest, Missing, MissingReason};

pub(super) fn request(message: v1::FetchRecordsRequest) -> FetchRequest {
    FetchRequest {
        personal_id: message.personal_id,
        organisation_code: message.organisation_code,
        record_types: message.record_types,
        purpose: message.purpose,
        reference: message.reference,
    }
}

pub(super) fn response(request: RequestId, language: Language, exchanged: Exchanged) -> Result<FetchRecordsResponse> {
    Ok(FetchRecordsResponse {
        request_id: request.to_string(),
        records: exchanged.records.iter().map(|checked| record(checked)).collect::<Result<_>>()?,
        missing: exchanged.missing.into_iter().map(|one| missing(one, language)).collect(),
        evidence: Some(v1::Evidence {
            index: exchanged.evidence.index,
            checkpoint: note_text(&exchanged.evidence.checkpoint)?,
        }),
    })
}

/// The record's message, made once and kept with it.
fn record(checked: &CheckedRecord) -> Result<Bytes> {
    if let Some(encoded) = checked.encoded.get() {
        return Ok(encoded.clone());
    }
    let frame = Frame {
        record_type: &checked.record_type.name,
        message: checked.record_type.message.as_deref(),
        id: checked.record_id,
        version: checked.version,
        verdict: checked.verdict,
    };
    let encoded = encode_delivered(frame, &checked.record)?;
    Ok(checked.encoded.get_or_init(|| encoded).clone())
}

/// The gaps of a view: the record types of records that are delivered unverified, of which the view shows nothing.
pub(super) fn unseen(records: &[Arc<CheckedRecord>], language: Language) -> Vec<v1::Missing> {
    let mut unseen: Vec<v1::Missing> = Vec::new();
    for checked in records {
        let Some(code) = checked.verdict.code() else { continue };
        if unseen.iter().any(|gap| *gap.record_type == *checked.record_type.name) {
            continue;
        }
        let message =
            "a record of this type does not verify: it is delivered with its verdict, and the view shows nothing of it";
        unseen.push(gap(&checked.record_type, v1::MissingReason::NotVerified, code.reason(), message, language));
    }
    unseen
}

fn gap(
    record_type: &RecordType,
    reason: v1::MissingReason,
    code: Reason,
    message: &str,
    language: Language,
) -> v1::Missing {
    v1::Missing {
        record_type: (&record_type.name).into(),
        registry: (&record_type.registry).into(),
        reason: reason.into(),
        code: code.as_str().to_owned(),
        message: language.say(message).into_owned(),
    }
}

fn missing(missing: Missing, language: Language) -> v1::Missing {
    let registry = &missing.record_type.registry;
    let (reason, code, message) = match missing.reason {
        MissingReason::NoRecord => {
            let message = format!("the registry {registry} has no such record of this person or organisation");
            (v1::MissingReason::NoRecord, Reason::RecordNotFound, message)
        }
        MissingReason::Unreachable(code) => {
            let message = match code.kind() {
                Kind::Late => format!("the registry {registry} did not answer in time"),
                Kind::Limited => format!("the registry {registry} takes no more calls for now"),
                Kind::SourceDown => {
                    format!("the registry {registry} could not be reached, or its answer is not accepted yet")
                }
                _ => format!("the registry {registry} refused to answer"),
            };
            (v1::MissingReason::Unreachable, code, message)
        }
        MissingReason::NotVerified(code) => {
            let message =
                format!("a record of the registry {registry} does not verify, so that nothing of it is delivered");
            (v1::MissingReason::NotVerified, code, message)
        }
    };
    gap(&missing.record_type, reason, code, &message, language)
}

pub(super) fn explained(explained: Explained, language: Language) -> Result<v1::ExplainResponse> {
    let evidence = explained
        .evidence
        .map(|(index, note)| -> Result<v1::Evidence> { Ok(v1::Evidence { index, checkpoint: note_text(&note)? }) });
    Ok(v1::ExplainResponse {
        request_id: explained.request_id.to_string(),
        client_request_id: explained.client_request_id,
        trace_id: explained.trace_id,
        method: explained.method,
        caller: explained.caller,
        called_at: timestamp(explained.called_at),
        outcome: explained.outcome,
        checks: checks(&explained.checks, language),
        evidence: evidence.transpose()?,
        rights: explained.rights.unwrap_or_default(),
        violations_total: explained.violations.total() as u64,
        violations: violations(&explained.violations, language),
    })
}

/// The checks of a call.
pub(in crate::api::grpc) fn checks(checks: &[CallCheck], language: Language) -> Vec<v1::ExplainedCheck> {
    let check = |check: &CallCheck| v1::ExplainedCheck {
        name: check.name.clone(),
        outcome: check.outcome.as_str().to_owned(),
        detail: language.say(&check.detail).into_owned(),
    };
    checks.iter().map(check).collect()
}

/// The bad fields of a call's request.
pub(in crate::api::grpc) fn violations(violations: &Violations, language: Language) -> Vec<v1::ExplainedViolation> {
    let violation = |bad: &Violation| v1::ExplainedViolation {
        field: bad.field.clone(),
        rule: bad.rule.clone().into_owned(),
        message: bad.message_in(language).into_owned(),
    };
    violations.kept().iter().map(violation).collect()
}

#[cfg(test)]
mod tests {
    use crate::registry::Catalogue;
    use crate::trust::Disclosure;
    use crate::wire::record::typed_form;

    #[test]
    fn every_built_in_record_type_has_its_place_in_the_message() {
        for record_type in Catalogue::built_in().record_types() {
            let empty = Disclosure::Partial { shown: vec![], hidden: vec![] };
            assert!(record_type.message.is_some(), "{record_type:?}");
            typed_form(record_type.message.as_deref(), &empty).expect(&record_type.name);
        }
    }
}
