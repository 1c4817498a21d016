//! The documents that an ID can stand for: which registry issues them, and where they stand at a moment.

use crate::base::Timestamp;
use crate::registry::{self, RecordType, State};
use crate::trust::{Object, Operation};

/// A kind of document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DocumentType {
    /// Health insurance card.
    HealthInsuranceCard,
    /// Driver's licence.
    DriverLicence,
    /// Vehicle registration.
    VehicleRegistration,
}

impl DocumentType {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::HealthInsuranceCard, Self::DriverLicence, Self::VehicleRegistration];

    /// The record type that it is.
    pub fn record_type(self) -> &'static RecordType {
        match self {
            Self::HealthInsuranceCard => &registry::health_insurance::CARD,
            Self::DriverLicence => &registry::driver_licence::LICENCE,
            Self::VehicleRegistration => &registry::vehicle::REGISTRATION,
        }
    }

    /// The agency that owns the issuing registry, and so has the word on links of it.
    pub fn issuing_agency(self) -> &'static str {
        registry::sector(self.record_type().registry).map_or("", |sector| sector.agency)
    }

    /// The kind that a record type is, if it is a document.
    pub fn of_record_type(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.record_type().name == name)
    }

    /// Where the payload names its holder.
    pub fn holder(self, payload: &Object) -> Option<&Object> {
        match self {
            Self::HealthInsuranceCard | Self::DriverLicence => payload.object("holder"),
            Self::VehicleRegistration => payload.object("owner"),
        }
    }

    /// The document's number as its registry writes it.
    pub fn number(self, payload: &Object) -> &str {
        payload.text(self.record_type().natural_key).unwrap_or_default()
    }

    /// The number in rows; never changed.
    pub fn code(self) -> u8 {
        match self {
            Self::HealthInsuranceCard => 1,
            Self::DriverLicence => 2,
            Self::VehicleRegistration => 3,
        }
    }

    /// Reads [`Self::code`].
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| i64::from(kind.code()) == code)
    }
}

/// Where a document stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// In force.
    Valid,
    /// Its validity ended.
    Expired,
    /// Not in force for now; the registry's own word.
    Suspended(String),
    /// Ended for good; the registry's own word.
    Revoked(String),
}

/// Where a document stands at `now`, whose last change was `operation` and whose validity ends at `valid_until`.
pub fn standing(
    kind: DocumentType,
    operation: Operation,
    valid_until: Timestamp,
    payload: &Object,
    now: Timestamp,
) -> Standing {
    let status = payload.text("status").unwrap_or_default().to_owned();
    match kind.record_type().state(payload) {
        _ if operation == Operation::Revoke => Standing::Revoked(status),
        Some(State::Ended) => Standing::Revoked(status),
        Some(State::Suspended) => Standing::Suspended(status),
        _ if valid_until <= now => Standing::Expired,
        _ => Standing::Valid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_documents_standing_follows_from_status_operation_and_time() {
        use DocumentType::{DriverLicence, HealthInsuranceCard, VehicleRegistration};
        use Operation::{Create, Revoke, Update};
        let word = |text: &str| text.to_owned();
        let cases = [
            (HealthInsuranceCard, Create, "active", 11, Standing::Valid),
            (HealthInsuranceCard, Create, "active", 10, Standing::Expired),
            (DriverLicence, Update, "suspended", 11, Standing::Suspended(word("suspended"))),
            (DriverLicence, Update, "revoked", 9, Standing::Revoked(word("revoked"))),
            (VehicleRegistration, Update, "stolen", 11, Standing::Suspended(word("stolen"))),
            (VehicleRegistration, Update, "plate_kept", 11, Standing::Revoked(word("plate_kept"))),
            (VehicleRegistration, Revoke, "active", 11, Standing::Revoked(word("active"))),
        ];
        for (kind, operation, status, valid_until, expected) in cases {
            let payload = Object::new().with("status", status);
            let found = standing(kind, operation, Timestamp(valid_until), &payload, Timestamp(10));
            assert_eq!(found, expected, "{kind:?} {operation:?} {status}");
        }
    }
}
