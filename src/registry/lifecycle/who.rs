//! Authors of changes: the agency that owns the registry, which alone submits, or the registry itself when the day comes.
//!
//! Other agencies and courts make many of the decisions that a registry records. The basis of the change names them; the owner writes it.

use std::fmt;

use super::super::basis::{FIELD, SYSTEM};
use super::super::rule::Findings;
use crate::trust::Object;

/// Authors of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// The agency that owns the registry, by a submission.
    Owner,
    /// The initial data of a world: the history of its records, changes by time rules included.
    World,
}

/// Allowed authors of a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Who {
    /// The registry's owner, and time rules.
    #[default]
    Anybody,
    /// The owner alone: no time rule makes it.
    Owner,
    /// Time rules alone.
    System,
}

impl Who {
    /// The names in a schema file.
    pub const NAMED: [(&'static str, Self); 2] = [("owner", Self::Owner), ("system", Self::System)];
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::NAMED.iter().find(|(_, who)| who == self).map_or("", |(name, _)| name))
    }
}

/// Whether a payload's basis names the registry itself as the author of the change.
pub fn is_of_system(payload: &Object) -> bool {
    let author = payload.object(FIELD).and_then(|basis| basis.text("authority"));
    author.is_some_and(|author| author.eq_ignore_ascii_case(SYSTEM))
}

/// Adds a basis in the name of the registry itself, which nobody submits.
pub fn check_basis(payload: &Object, found: &mut Findings<'_>) {
    if is_of_system(payload) {
        let says = "`system` is the authority of the changes that the registry makes itself: name the one that issued the document";
        found.add("basis.authority", "AUTHOR", says);
    }
}
