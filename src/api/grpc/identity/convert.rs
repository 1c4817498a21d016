//! Between identity's values and the messages that carry them.

use crate::access::Actor;
use crate::base::{Error, Result, Timestamp, Violation};
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
    kind.ok_or_else(|| Violation::new(field, "UNKNOWN_VALUE", "no such document type"))
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
