//! The standing of a document for which an ID can be presented. The catalogue of registries lists the documents.

use crate::base::{Error, Reason, Result, Timestamp};
use crate::registry::answer::VerifiedRecord;
use crate::registry::{RecordType, State};
use crate::trust::{Object, Operation};

pub use crate::registry::DocumentType;

/// The standing of a document at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// In force.
    Valid,
    /// Its validity ended.
    Expired,
    /// Temporarily not in force; the registry's status.
    Suspended(String),
    /// Permanently ended; the registry's status.
    Revoked(String),
}

/// The standing of a verified record at `now`.
pub(super) fn standing_of(record_type: &RecordType, record: &VerifiedRecord, now: Timestamp) -> Standing {
    standing(record_type, record.statement.operation, record.statement.valid_until, &record.payload, now)
}

/// The standing at `now` of a document whose last change was `operation` and whose validity ends at `valid_until`.
pub fn standing(
    record_type: &RecordType,
    operation: Operation,
    valid_until: Timestamp,
    payload: &Object,
    now: Timestamp,
) -> Standing {
    let status = payload.text("status").unwrap_or_default().to_owned();
    match record_type.state(payload) {
        _ if operation == Operation::Revoke => Standing::Revoked(status),
        Some(State::Ended) => Standing::Revoked(status),
        Some(State::Suspended) => Standing::Suspended(status),
        _ if valid_until <= now => Standing::Expired,
        _ => Standing::Valid,
    }
}

/// Refuses a document that is not in force.
pub(super) fn require_in_force(record_type: &RecordType, standing: Standing) -> Result<()> {
    let (reason, message) = match standing {
        Standing::Valid => return Ok(()),
        Standing::Expired => (Reason::DocumentExpired, "the document's validity has ended".to_owned()),
        Standing::Suspended(status) => {
            (Reason::DocumentSuspended, format!("the registry says that the document is {status}"))
        }
        Standing::Revoked(status) => {
            (Reason::DocumentRevoked, format!("the registry says that the document is {status}"))
        }
    };
    Err(Error::new(reason, message).with_subject("document", &*record_type.name))
}

/// The error for a document that the registry does not have, and for another person's.
pub(super) fn no_document(record_type: &RecordType, document: &str) -> Error {
    let message = match document {
        "" => {
            "the registry has no such document under this person's personal ID; one that carries none is found by its document_number"
        }
        _ => "the registry has no such document for this person",
    };
    Error::new(Reason::RecordNotFound, message).with_subject("record", &*record_type.name)
}

/// The error for a document with the person's number and another holder.
pub(super) fn mismatch(record_type: &RecordType) -> Error {
    Error::new(Reason::HolderMismatch, "the document's holder is not the account's")
        .with_subject("document", &*record_type.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Catalogue;
    use crate::registry::driver_licence::LICENCE;
    use crate::registry::health_insurance::CARD;
    use crate::registry::vehicle::REGISTRATION;

    #[test]
    fn a_documents_standing_follows_from_status_operation_and_time() {
        let catalogue = Catalogue::built_in();
        use Operation::{Create, Revoke, Update};
        let word = |text: &str| text.to_owned();
        let cases = [
            (CARD, Create, "active", 11, Standing::Valid),
            (CARD, Create, "active", 10, Standing::Expired),
            (LICENCE, Update, "suspended", 11, Standing::Suspended(word("suspended"))),
            (LICENCE, Update, "revoked", 9, Standing::Revoked(word("revoked"))),
            (REGISTRATION, Update, "stolen", 11, Standing::Suspended(word("stolen"))),
            (REGISTRATION, Update, "plate_kept", 11, Standing::Revoked(word("plate_kept"))),
            (REGISTRATION, Revoke, "active", 11, Standing::Revoked(word("active"))),
        ];
        for (name, operation, status, valid_until, expected) in cases {
            let payload = Object::new().with("status", status);
            let record_type = catalogue.record_type(name).expect("a type");
            let found = standing(record_type, operation, Timestamp(valid_until), &payload, Timestamp(10));
            assert_eq!(found, expected, "{name} {operation:?} {status}");
        }
    }
}
