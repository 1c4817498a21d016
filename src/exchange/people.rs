//! A cache of people's numbers.

use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::base::PersonalId;
use crate::registry::numbers::Numbers;

/// Capacity of the cache, in people.
const REMEMBERED_MAX: usize = 100_000;

/// The numbers of people who were looked up before.
pub(super) struct People {
    /// The numbers, and the size of the resident registry's log when they were read.
    pub(super) remembered: Cache<PersonalId, (u64, Arc<Numbers>)>,
}

impl People {
    pub(super) fn new() -> Self {
        Self { remembered: Cache::new(REMEMBERED_MAX) }
    }
}
