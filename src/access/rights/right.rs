//! Agencies, purposes and rights as values: agency × purpose × record type × fields, and on which basis.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use crate::base::AgencyId;

/// One agency. Its systems call under its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agency {
    /// `one-stop`; in credentials, rights and the evidence ledger.
    pub key: AgencyId,
    /// Its name in English.
    pub name: String,
    /// Its name in Vietnamese.
    pub name_vi: String,
    /// Whether it is a private party, which needs a consent for everything (Law 91/2025).
    pub private_party: bool,
    /// The registries that it owns.
    pub registries: Vec<String>,
}

/// A purpose for which records may be requested: a right and a consent are for one purpose each (Law 91/2025).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purpose {
    /// `one_stop.verify_documents`: field of work, dot, action.
    pub key: Arc<str>,
    /// In words.
    pub description: String,
    /// Its position in the file, as an offset in bytes.
    pub(super) at: usize,
}

/// Some fields of a record type, sorted; cheap to copy and to compare.
#[derive(Debug, Clone)]
pub struct FieldNames(Arc<Named>);

#[derive(Debug, PartialEq, Eq)]
struct Named {
    digest: u64,
    names: Vec<String>,
}

impl FieldNames {
    /// These fields.
    pub fn new(mut names: Vec<String>) -> Self {
        names.sort_unstable();
        let mut hasher = DefaultHasher::new();
        names.hash(&mut hasher);
        Self(Arc::new(Named { digest: hasher.finish(), names }))
    }

    /// Their names.
    pub fn names(&self) -> &[String] {
        &self.0.names
    }
}

impl PartialEq for FieldNames {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Eq for FieldNames {}

impl Hash for FieldNames {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.digest.hash(state);
    }
}

/// The fields that a right covers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Fields {
    /// Every field: the whole record is disclosed.
    All,
    /// These fields; the others stay hidden behind their commitments.
    Only(FieldNames),
}

/// The basis on which an agency may read.
///
/// A duty by law ([`Basis::Duty`]) needs no permission. A service that a citizen requests ([`Basis::Service`]) may use the data that
/// the agency has a right to, unless the citizen has refused. Everything else, and whatever a private party does, needs a consent
/// ([`Basis::Consent`]); silence is not consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// A duty by law: the citizen's refusal does not matter.
    Duty,
    /// A service at the citizen's request: a refusal blocks it.
    Service,
    /// The citizen's consent for this purpose and record type.
    Consent,
}

impl Basis {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Duty, Self::Service, Self::Consent];

    /// `duty`, `service` or `consent`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Duty => "duty",
            Self::Service => "service",
            Self::Consent => "consent",
        }
    }
}

/// The rights of one agency for one purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RightSet {
    /// The purpose.
    pub purpose: Arc<str>,
    /// The basis.
    pub basis: Basis,
    /// The law that they are based on.
    pub legal_basis: String,
    /// The record types, and which of their fields.
    pub read: Vec<(String, Fields)>,
}

impl RightSet {
    /// The fields of a record type; `None` without a right.
    pub fn fields(&self, record_type: &str) -> Option<&Fields> {
        self.read.iter().find(|(name, _)| name == record_type).map(|(_, fields)| fields)
    }
}
