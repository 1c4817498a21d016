//! Answers given lately, for questions asked again.
//!
//! A page is what the registry says at one size of its log, and says again until the log grows: every change of a record is a
//! statement more. A page that is kept under the size that was published when its reading began can be older than that
//! size, never newer than the next; so whoever asks after a submission was answered, and so after the log had
//! grown, is answered from the store.

use quick_cache::sync::Cache;

use super::port::{Page, Query, Selector};

/// Pages kept; a page of one citizen takes a few KiB.
const PAGES_MAX: usize = 2_048;
/// Longer pages are read anew each time.
const RECORDS_MAX: usize = 16;

/// The answers given lately; bounded.
pub(super) struct Recent {
    pages: Cache<Query, (u64, Page)>,
}

impl Recent {
    pub(super) fn new() -> Self {
        Self { pages: Cache::new(PAGES_MAX) }
    }

    /// The answer to `query` while the log has `log_size` statements, if it was given before.
    pub(super) fn find(&self, query: &Query, log_size: u64) -> Option<Page> {
        self.pages.get(query).filter(|(size, _)| *size == log_size).map(|(_, page)| page)
    }

    /// Keeps an answer whose reading began when the log had `log_size` statements.
    pub(super) fn keep(&self, query: Query, log_size: u64, page: &Page) {
        let is_small = page.records.len() <= RECORDS_MAX && page.next.is_none();
        if is_small && matches!(query.selector, Selector::Person(_) | Selector::Key(_)) {
            self.pages.insert(query, (log_size, page.clone()));
        }
    }
}
