//! The people whose numbers are remembered.

use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::base::PersonalId;
use crate::registry::numbers::Numbers;

/// People that are remembered.
const REMEMBERED_MAX: usize = 100_000;

/// What is remembered.
pub(super) struct People {
    /// With the size of the registry's log as of which it holds.
    pub(super) remembered: Cache<PersonalId, (u64, Arc<Numbers>)>,
}

impl People {
    pub(super) fn new() -> Self {
        Self { remembered: Cache::new(REMEMBERED_MAX) }
    }
}
