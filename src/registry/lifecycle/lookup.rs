//! How a rule between records finds those that it cannot name by their natural keys: by what the registry's index says of them.

use std::sync::Arc;

use crate::base::PersonalId;
use crate::trust::Object;

/// What the index is asked for, of the type that the rule asks about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// Records that name this person, of a type that is not the register of people.
    Person(PersonalId),
    /// People who have this number, or had it: superseded numbers, old ones.
    Number(String),
    /// Records in force that name the one with this natural key, of a type whose lifecycle is [`found_by`](super::Lifecycle::found_by) it.
    Naming(String),
}

/// What a rule asks the index for, about a version.
pub type Lookups = Arc<dyn Fn(&Object) -> Vec<Lookup> + Send + Sync>;

/// Most records that one question of a rule finds; further ones are not looked at.
pub const FOUND_MAX: usize = 32;
