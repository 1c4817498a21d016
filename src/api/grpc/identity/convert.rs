//! Between identity's values and the messages that carry them.

use crate::access::Actor;
use crate::base::{Error, PersonalId, Result, Timestamp, Violation, limits};
use crate::identity::account::{Account, Level};
use crate::identity::document::DocumentType;
use crate::identity::link::{Link, LinkEvent, LinkState};
use crate::identity::presentation::{Presentation, PresentationState};
use crate::registry::Catalogue;
use crate::wire::proto::identity::v1;
use crate::wire::record::timestamp;

pub(super) fn id(field: &str, text: &str) -> Result<uuid::Uuid> {
    text.parse().map_err(|_| Error::invalid_field(field, "FORMAT", "must be a UUID"))
}

/// The kind of document that a request names; protobuf's enums are open, so that a catalogue may know more than the proto.
pub(super) fn document_type(catalogue: &Catalogue, field: &str, value: i32) -> Result<DocumentType, Violation> {
    if value == 0 {
        return Err(Violation::new(field, "REQUIRED", "a document type is required"));
    }
    let kind = u8::try_from(value).ok().map(DocumentType).filter(|kind| catalogue.document(*kind).is_some());
    kind.ok_or_else(|| {
        let is_known = |kind: &v1::DocumentType| {
            u8::try_from(*kind as i32).is_ok_and(|kind| catalogue.document(DocumentType(kind)).is_some())
        };
        let all = (1..=i32::from(u8::MAX)).filter_map(|value| v1::DocumentType::try_from(value).ok());
        let known: Vec<&str> = all.filter(is_known).map(|kind| kind.as_str_name()).collect();
        Violation::new(
            field,
            "UNKNOWN_VALUE",
            format_args!("no such document type; the types are {}", known.join(", ")),
        )
    })
}

/// The kind of document in a request to link one; all violations are reported at once.
pub(super) fn document_to_link(catalogue: &Catalogue, request: &v1::LinkDocumentRequest) -> Result<DocumentType> {
    let person = PersonalId::from_field("personal_id", &request.personal_id);
    let kind = document_type(catalogue, "document_type", request.document_type);
    let is_long = request.document_number.len() > limits::TEXT_BYTES_MAX;
    let too_long = || Violation::new("document_number", "TOO_LONG", "at most 512 bytes");
    match (person, kind, is_long) {
        (Ok(_), Ok(kind), false) => Ok(kind),
        (person, kind, is_long) => {
            let bad = [person.err(), kind.err(), is_long.then(too_long)];
            Err(Error::invalid(bad.into_iter().flatten().collect::<Vec<_>>()))
        }
    }
}

fn link_state(state: LinkState) -> v1::LinkState {
    match state {
        LinkState::Pending => v1::LinkState::Pending,
        LinkState::Linked => v1::LinkState::Linked,
        LinkState::Lapsed => v1::LinkState::Lapsed,
        LinkState::Suspended => v1::LinkState::Suspended,
        LinkState::Revoked => v1::LinkState::Revoked,
        LinkState::Unlinked => v1::LinkState::Unlinked,
        LinkState::Refused => v1::LinkState::Refused,
    }
}

pub(super) fn account(account: &Account) -> v1::Account {
    let level = match account.level {
        Level::One => v1::AccountLevel::One,
        Level::Two => v1::AccountLevel::Two,
    };
    v1::Account {
        personal_id: account.person.as_str().to_owned(),
        level: level.into(),
        guardian_personal_id: account.guardian.map(|guardian| guardian.as_str().to_owned()).unwrap_or_default(),
        opened_at: timestamp(account.opened_at),
    }
}

pub(super) fn link(link: &Link, now: Timestamp) -> v1::Link {
    let (state, reason) = link.state_at(now);
    v1::Link {
        link_id: link.id.to_string(),
        personal_id: link.person.as_str().to_owned(),
        document_type: link.document_type.0.into(),
        document_number: link.document_number.clone(),
        state: link_state(state).into(),
        state_reason: reason.to_owned(),
        record_id: link.record_id.to_hex(),
        record_version: link.record_version,
        matched_by: link.matched_by.as_str().to_owned(),
        linked_at: timestamp(link.linked_at),
        updated_at: timestamp(link.updated_at),
        document_valid_until: timestamp(link.valid_until),
    }
}

fn guardian(actor: &Actor) -> String {
    actor.guardian().map(|guardian| guardian.as_str().to_owned()).unwrap_or_default()
}

pub(super) fn event(event: &LinkEvent) -> v1::LinkEvent {
    v1::LinkEvent {
        sequence: event.sequence,
        at: timestamp(event.at),
        state: link_state(event.state).into(),
        reason: event.reason.clone(),
        actor: event.actor.as_str().to_owned(),
        guardian_personal_id: guardian(&event.actor),
        record_version: event.record_version,
    }
}

pub(super) fn presentation(presentation: &Presentation, now: Timestamp) -> v1::Presentation {
    let state = match presentation.state_at(now) {
        PresentationState::Open => v1::PresentationState::Open,
        PresentationState::Used => v1::PresentationState::Used,
        PresentationState::Expired => v1::PresentationState::Expired,
        PresentationState::Cancelled => v1::PresentationState::Cancelled,
    };
    v1::Presentation {
        presentation_id: presentation.id.to_string(),
        agency: presentation.agency.to_string(),
        document_types: presentation.document_types.iter().map(|kind| kind.0.into()).collect(),
        state: state.into(),
        created_at: timestamp(presentation.created_at),
        expires_at: timestamp(presentation.expires_at),
        used_at: presentation.used_at.and_then(timestamp),
        created_by: presentation.created_by.as_str().to_owned(),
        guardian_personal_id: guardian(&presentation.created_by),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_bad_fields_of_a_request_are_told_at_once_and_what_would_be_right() {
        let request = v1::LinkDocumentRequest {
            personal_id: "0421".into(),
            document_type: 99,
            document_number: "x".repeat(limits::TEXT_BYTES_MAX + 1),
        };
        let refused = document_to_link(&Catalogue::built_in(), &request).expect_err("three bad fields");
        let bad: Vec<_> = refused.violations.kept().iter().map(|bad| format!("{} {}", bad.field, bad.rule)).collect();
        assert_eq!(bad, ["personal_id FORMAT", "document_type UNKNOWN_VALUE", "document_number TOO_LONG"]);
        assert_eq!(
            refused.violations.kept()[1].message,
            "no such document type; the types are DOCUMENT_TYPE_HEALTH_INSURANCE_CARD, DOCUMENT_TYPE_DRIVER_LICENCE, \
             DOCUMENT_TYPE_VEHICLE_REGISTRATION"
        );
        let good =
            v1::LinkDocumentRequest { personal_id: "042185990002".into(), document_type: 1, ..Default::default() };
        assert_eq!(document_to_link(&Catalogue::built_in(), &good).expect("good"), DocumentType(1));
    }
}
