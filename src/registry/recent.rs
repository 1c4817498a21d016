//! Answers given lately, for questions asked again.
//!
//! A page is what the registry says at one size of its log, and says again until the log grows: every change of a record is a
//! statement more. A page that is kept under the size that was published when its reading began can be older than that
//! size, never newer than the next; so whoever asks after a submission was answered, and so after the log had
//! grown, is answered from the store.

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::port::{Page, Query, Selector};
use crate::base::CacheUse;
use crate::trust::Disclosure;

/// Pages that the cache makes room for before any come.
const PAGES_EXPECTED: usize = 256;
/// About what a page takes beside its records, and a record beside its payload: two notes, a path, a statement.
const BYTES_EACH: usize = 512;
const RECORD_BYTES: usize = 2 * 1024;
/// Longer pages are read anew each time.
const RECORDS_MAX: usize = 16;

/// The answers given lately; bounded.
pub(super) struct Recent {
    pages: Cache<Query, (u64, Page), ByBytes>,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Query, (u64, Page)> for ByBytes {
    fn weight(&self, _: &Query, (_, page): &(u64, Page)) -> u64 {
        let payload = |disclosure: &Disclosure| match disclosure {
            Disclosure::Whole { payload, .. } => payload.len(),
            Disclosure::Partial { .. } => 0,
        };
        let records = page.records.iter().map(|found| RECORD_BYTES + payload(&found.record.disclosure));
        (BYTES_EACH + records.sum::<usize>()) as u64
    }
}

impl Recent {
    pub(super) fn new(bytes_max: u64) -> Self {
        Self { pages: Cache::with_weighter(PAGES_EXPECTED, bytes_max, ByBytes) }
    }

    /// How full it is.
    pub(super) fn usage(&self) -> CacheUse {
        CacheUse {
            bytes: self.pages.weight(),
            bytes_max: self.pages.capacity(),
            hits: self.pages.hits(),
            misses: self.pages.misses(),
        }
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
