//! Between the exchange's values and its messages.

use crate::base::{Reason, RequestId, Result};
use crate::registry::RecordType;
use crate::trust::{Disclosure, Verdict};
use crate::wire::proto::exchange::v1;
use crate::wire::record::{note_text, timestamp, to_message};
use crate::wire::typed::{TypedError, typed};

use super::super::{CheckedRecord, Exchanged, Explained, Missing, MissingReason, Request};

pub use v1::record::Typed;

pub(super) fn request(message: v1::FetchRecordsRequest) -> Request {
    Request {
        personal_id: message.personal_id,
        record_types: message.record_types,
        purpose: message.purpose,
        reference: message.reference,
    }
}

pub(super) fn response(request: RequestId, exchanged: Exchanged) -> Result<v1::FetchRecordsResponse> {
    Ok(v1::FetchRecordsResponse {
        request_id: request.to_string(),
        records: exchanged.records.iter().map(record).collect::<Result<_>>()?,
        missing: exchanged.missing.into_iter().map(missing).collect(),
        evidence: Some(v1::Evidence {
            index: exchanged.evidence.index,
            checkpoint: note_text(&exchanged.evidence.checkpoint)?,
        }),
    })
}

fn record(checked: &CheckedRecord) -> Result<v1::Record> {
    let typed = match (typed_form(checked.record_type, &checked.record.disclosure), checked.verdict) {
        (Ok(typed), _) => typed,
        // A verified payload always has a typed form; one that failed its checks need not.
        (Err(error), Verdict::Valid) => return Err(error.into()),
        (Err(_), _) => None,
    };
    Ok(v1::Record {
        record_type: checked.record_type.name.to_owned(),
        record_id: checked.record_id.to_hex(),
        version: checked.version,
        signed: Some(to_message(&checked.record)?),
        verdict: checked.verdict.to_string(),
        typed,
    })
}

/// The typed form of what a disclosure shows; `None` for a record type that the message has no place for.
pub fn typed_form(record_type: &RecordType, disclosure: &Disclosure) -> Result<Option<Typed>, TypedError> {
    let message = record_type.message;
    Ok(Some(match record_type.name {
        "resident.person.v1" => Typed::Person(typed(message, disclosure)?),
        "resident.household.v1" => Typed::Household(typed(message, disclosure)?),
        "land.parcel.v1" => Typed::Parcel(typed(message, disclosure)?),
        "land.certificate.v1" => Typed::LandCertificate(typed(message, disclosure)?),
        "social_insurance.membership.v1" => Typed::SocialInsuranceMembership(typed(message, disclosure)?),
        "judicial.record.v1" => Typed::JudicialRecord(typed(message, disclosure)?),
        "business.enterprise.v1" => Typed::Enterprise(typed(message, disclosure)?),
        "business.household.v1" => Typed::HouseholdBusiness(typed(message, disclosure)?),
        "health_insurance.card.v1" => Typed::HealthInsuranceCard(typed(message, disclosure)?),
        "driver_licence.licence.v1" => Typed::DriverLicence(typed(message, disclosure)?),
        "vehicle.registration.v1" => Typed::VehicleRegistration(typed(message, disclosure)?),
        _ => return Ok(None),
    }))
}

fn missing(missing: Missing) -> v1::Missing {
    let registry = missing.record_type.registry;
    let (reason, code, message) = match missing.reason {
        MissingReason::NoRecord => {
            let message = format!("the registry {registry} has no such record of this citizen");
            (v1::MissingReason::NoRecord, Reason::RecordNotFound, message)
        }
        MissingReason::Unreachable(code) => {
            (v1::MissingReason::Unreachable, code, format!("the registry {registry} could not be asked in time"))
        }
    };
    v1::Missing {
        record_type: missing.record_type.name.to_owned(),
        registry: registry.to_owned(),
        reason: reason.into(),
        code: code.as_str().to_owned(),
        message,
    }
}

pub(super) fn explained(explained: Explained) -> Result<v1::ExplainResponse> {
    let evidence = explained
        .evidence
        .map(|(index, note)| -> Result<v1::Evidence> { Ok(v1::Evidence { index, checkpoint: note_text(&note)? }) });
    Ok(v1::ExplainResponse {
        request_id: explained.request_id.to_string(),
        method: explained.method,
        caller: explained.caller,
        called_at: timestamp(explained.called_at),
        outcome: explained.outcome,
        checks: explained
            .checks
            .into_iter()
            .map(|check| v1::ExplainedCheck {
                name: check.name,
                outcome: check.outcome.as_str().to_owned(),
                detail: check.detail,
            })
            .collect(),
        evidence: evidence.transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry;

    #[test]
    fn every_record_type_has_its_place_in_the_message() {
        for record_type in registry::ALL.iter().flat_map(|sector| sector.record_types) {
            let empty = Disclosure::Partial { shown: vec![], hidden: vec![] };
            assert!(typed_form(record_type, &empty).expect("typed").is_some(), "{}", record_type.name);
        }
    }
}
