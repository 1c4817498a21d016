//! A creation as it is kept: what the caller is answered, and until that is done the steps that make it so, with every byte that they submit.

use serde::{Deserialize, Serialize};

use crate::registry::Name;
use crate::simulation::document::Record;
use crate::simulation::faults::ReadAction;
use crate::trust::canonical;

/// The citizens of one call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// The one who was asked for, and those without whom their situation is not what it is.
    pub citizens: Vec<MadeCitizen>,
    /// The parts of the world that do not show them yet, as at the time of the answer.
    #[serde(skip)]
    pub lagging: Vec<String>,
}

/// A citizen who was made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeCitizen {
    /// Twelve digits.
    pub personal_id: String,
    /// As registered.
    pub full_name: String,
    /// `YYYY-MM-DD`.
    pub birth_date: String,
    /// `female` or `male`.
    pub sex: String,
    /// The commune of their numbers.
    pub unit_code: String,
    /// Which piece of land in it is theirs.
    pub parcel: u64,
    /// What their situation is called; empty for one who has none.
    pub situation: String,
    /// What a caller meets.
    pub expectation: String,
    /// A command to try.
    pub command: String,
    /// 1 or 2; 0 without an account.
    pub account_level: u8,
    /// A child's guardian.
    pub guardian: Option<String>,
    /// Every record that was made or changed, in its newest version.
    pub records: Vec<MadeRecord>,
    /// The documents that are linked.
    pub links: Vec<MadeLink>,
    /// Whether every consent is refused.
    pub refuses_consents: bool,
    /// What goes wrong when their records are read, and at which of the reads.
    pub fault: Option<(ReadAction, u64)>,
}

/// A record that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeRecord {
    /// The registry's name.
    pub registry: String,
    /// The record type.
    pub record_type: String,
    /// The natural key, as it is written.
    pub key: String,
    /// The newest version.
    pub version: u64,
}

/// A link that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeLink {
    /// Its id; empty until it is there.
    pub id: String,
    /// The document's record type.
    pub record_type: String,
    /// The document's number.
    pub number: String,
}

/// A creation under its request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Creation {
    /// The hash of what was asked for.
    pub content: String,
    /// The answer.
    pub made: Made,
    /// Numbers that belong to it besides those of its citizens.
    pub numbers: Vec<String>,
    /// What is to be done; nothing once it is done.
    pub steps: Vec<Step>,
}

/// A step, which may be repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step {
    /// Changes for one registry.
    Submit { registry: String, changes: Vec<Planned> },
    /// A household gets a member more.
    Join { household_id: String, member: String, relation: String },
    /// A person is married.
    Marry { person: String, spouse: String },
    /// An account is opened.
    Open { person: String, level: u8, guardian: Option<String> },
    /// A document is linked.
    Link { person: String, record_type: String, number: String },
    /// Every consent is refused.
    Refuse { person: String },
    /// All that was written shows.
    Settle,
}

/// A version that is to be submitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Planned {
    pub record_type: String,
    pub version: u64,
    /// Canonical JSON.
    pub payload: String,
}

impl From<&Record<Name>> for Planned {
    fn from(record: &Record<Name>) -> Self {
        let payload = String::from_utf8(canonical::write(&record.payload)).unwrap_or_default();
        Self { record_type: (&record.record_type).into(), version: record.version, payload }
    }
}
