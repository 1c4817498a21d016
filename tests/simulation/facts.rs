//! What clients were told, and so may rely on: the model that every later answer is held to. It knows nothing of how the gateway works.

use std::collections::{BTreeMap, BTreeSet};

/// The newest acknowledged version of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledged {
    /// Its version.
    pub version: u64,
    /// What its status is, or whatever else its writer changes.
    pub says: String,
}

/// A citizen's consent to what the bank may read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConsentFact {
    /// Whether it holds; `None` while the citizen does not know.
    pub holds: Option<bool>,
    /// Incremented by every change, so that a reader knows whether there was one meanwhile.
    pub changes: u64,
    /// The id of the newest that the list had; empty before the first.
    pub id: String,
}

/// A card that says now and then of its holder what nobody else does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputedCard {
    /// Its version.
    pub version: u64,
    /// The codes of the discrepancies that come of it.
    pub disputed: BTreeSet<&'static str>,
}

/// All of it.
#[derive(Debug, Default)]
pub struct Facts {
    /// Memberships of the social insurance, by personal ID.
    pub memberships: BTreeMap<String, Acknowledged>,
    /// Who was acknowledged which version of the membership for which registrars race.
    pub raced: BTreeMap<u64, String>,
    /// Changes of memberships that were acknowledged: (record id, version).
    pub changes: BTreeSet<(String, u64)>,
    /// Those that a session alone has.
    pub of_sessions: BTreeSet<String>,
    /// Calls that disclosed a person's records, with their ids: (personal ID, request id).
    pub disclosures: BTreeSet<(String, String)>,
    /// The consents, by personal ID.
    pub consents: BTreeMap<String, ConsentFact>,
    /// The health-insurance card of the person about whom registries disagree.
    pub card: Option<DisputedCard>,
    /// Incremented before each change of it and after its acknowledgement: while it is odd, nobody knows what it says.
    pub card_turns: u64,
}
