//! Tells citizens whom the province knows from numbers that somebody made up.
//!
//! Anybody can write a demo credential of any number. With a number that is nobody's, the caller is a stranger of the network that the call comes
//! from, in its rate and in the log. Somebody is found once and remembered, so that a citizen's calls cost one look-up in the store.

use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::access::People;
use crate::base::{PersonalId, Result};

/// Citizens that are remembered.
const REMEMBERED_MAX: usize = 10_000;

/// The citizens whom a world knows.
pub struct KnownCitizens {
    people: Arc<dyn People>,
    remembered: Cache<PersonalId, ()>,
}

impl KnownCitizens {
    /// Those of `people`.
    pub fn new(people: Arc<dyn People>) -> Self {
        Self { people, remembered: Cache::new(REMEMBERED_MAX) }
    }

    /// Whether the number was found before. A number that was somebody's stays known.
    pub(super) fn remembers(&self, number: PersonalId) -> bool {
        self.remembered.get(&number).is_some()
    }

    /// Whether the province knows who has the number, or had it.
    pub(super) async fn find(&self, number: PersonalId) -> Result<bool> {
        let numbers = self.people.numbers(number).await?;
        let is_known = self.people.knows(&numbers).await?;
        if is_known {
            self.remembered.insert(number, ());
        }
        Ok(is_known)
    }
}
