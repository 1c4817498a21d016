//! The page cache: a registry's pages, keyed by query and log size.
//!
//! A page is valid for one size of the log, because every change of a record appends a statement. A page is stored under the size that
//! was published before it was read, so its content is never older than its key. A caller whose submission was answered asks at a
//! larger size, finds no page under it, and reads the store.

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::port::{Page, Query, Selector};
use crate::base::CacheUse;
use crate::trust::Disclosure;

/// Pages for which the cache allocates room at first.
const PAGES_EXPECTED: usize = 256;
/// Approximate bytes of a page without its records, and of a record without its payload: two notes, a path, a statement.
const BYTES_EACH: usize = 512;
const RECORD_BYTES: usize = 2 * 1024;
/// Longer pages are read anew each time.
const RECORDS_MAX: usize = 16;

/// The pages of recent queries, bounded by their bytes.
pub(super) struct PageCache {
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

impl PageCache {
    pub(super) fn new(bytes_max: u64) -> Self {
        Self { pages: Cache::with_weighter(PAGES_EXPECTED, bytes_max, ByBytes) }
    }

    /// Its fill level.
    pub(super) fn usage(&self) -> CacheUse {
        CacheUse {
            bytes: self.pages.weight(),
            bytes_max: self.pages.capacity(),
            hits: self.pages.hits(),
            misses: self.pages.misses(),
        }
    }

    /// The page for `query` at `log_size` statements, if it is cached.
    pub(super) fn find(&self, query: &Query, log_size: u64) -> Option<Page> {
        self.pages.get(query).filter(|(size, _)| *size == log_size).map(|(_, page)| page)
    }

    /// Keeps an answer whose reading began when the log had `log_size` statements.
    pub(super) fn keep(&self, query: Query, log_size: u64, page: &Page) {
        let is_small = page.records.len() <= RECORDS_MAX && page.next.is_none();
        if is_small && matches!(query.selector, Selector::Person(_) | Selector::Organisation(_) | Selector::Key(_)) {
            self.pages.insert(query, (log_size, page.clone()));
        }
    }
}
