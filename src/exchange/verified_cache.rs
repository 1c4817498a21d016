//! The verified cache: records whose verdict is VALID.
//!
//! A registry that is asked for a record twice returns the same bytes, and the same bytes lead to the same verdict. So a verified record is kept with
//! its derived forms: the redacted one and, once an answer was sent, its encoding. A cached record is used only if the registry's present
//! answer and the proof from the record ledger are byte for byte those that were verified, the verifier still has the same anchor, and the verdict
//! does not depend on the time that has passed since. A record is cached at its second use: of a million citizens most are asked for once in a long
//! while, and caching all their records costs more than it saves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::access::Fields;
use crate::base::{CacheUse, RecordId, Timestamp};
use crate::registry::answer::Answer;
use crate::registry::port::RegistryRecord;
use crate::trust::verify::Verifier;
use crate::trust::{Disclosure, LogProof, Statement, TrustAnchor};

use super::record::CheckedRecord;

/// Records for which the cache allocates its table.
const RECORDS_EXPECTED: usize = 1_024;
/// Average weight of a record, in bytes: twice a record of 2 KiB with two proofs, and once more encoded.
const BYTES_EACH: usize = 8 * 1024;

/// Slots of the filter that notices second uses, of four bytes each.
const SEEN_MAX: usize = 65_536;

/// The type's ordinal, the record, and the fields that may be disclosed.
type Key = (u8, RecordId, Fields);

/// A bounded cache of records that passed their checks.
pub(super) struct VerifiedCache {
    records: Cache<Key, Arc<Entry>, ByBytes>,
    seen: Seen,
}

struct Entry {
    given: Arc<RegistryRecord>,
    proof: Option<Arc<LogProof>>,
    statement: Statement,
    anchor: Arc<TrustAnchor>,
    checked: Arc<CheckedRecord>,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, Arc<Entry>> for ByBytes {
    fn weight(&self, _: &Key, entry: &Arc<Entry>) -> u64 {
        let payload = match &entry.given.record.disclosure {
            Disclosure::Whole { payload, .. } => payload.len(),
            Disclosure::Partial { .. } => 0,
        };
        (BYTES_EACH + 3 * payload) as u64
    }
}

impl VerifiedCache {
    pub(super) fn new(bytes_max: u64) -> Self {
        let seen = Seen::new((bytes_max as usize / BYTES_EACH).min(SEEN_MAX));
        Self { records: Cache::with_weighter(RECORDS_EXPECTED, bytes_max, ByBytes), seen }
    }

    /// Hits, misses and weight.
    pub(super) fn usage(&self) -> CacheUse {
        CacheUse {
            bytes: self.records.weight(),
            bytes_max: self.records.capacity(),
            hits: self.records.hits(),
            misses: self.records.misses(),
        }
    }

    /// The checked record for `answer`, if checking it again would give the same result.
    pub(super) fn find(
        &self,
        answer: &Answer,
        proof: Option<&Arc<LogProof>>,
        fields: &Fields,
        verifier: &Verifier,
        now: Timestamp,
    ) -> Option<Arc<CheckedRecord>> {
        let found = &answer.record;
        let entry = self.records.get(&(answer.record_type.ordinal, found.record_id, fields.clone()))?;
        let same = Arc::ptr_eq(&entry.anchor, &verifier.anchor())
            && (Arc::ptr_eq(&entry.given, found) || entry.given == *found)
            && same_proof(entry.proof.as_ref(), proof)
            && verifier.is_timely(&entry.statement, now)
            && answer.has_asked_key();
        same.then(|| entry.checked.clone())
    }

    /// Caches a record whose verdict is VALID, if this is its second use.
    pub(super) fn keep(
        &self,
        given: Arc<RegistryRecord>,
        proof: Option<Arc<LogProof>>,
        statement: Statement,
        fields: &Fields,
        verifier: &Verifier,
        checked: &Arc<CheckedRecord>,
    ) {
        if checked.verdict.is_valid() && self.seen.again(given.record_id) {
            let key = (checked.record_type.ordinal, given.record_id, fields.clone());
            let entry = Entry { given, proof, statement, anchor: verifier.anchor(), checked: checked.clone() };
            self.records.insert(key, Arc::new(entry));
        }
    }
}

/// A lossy filter of recently used records: each record has one slot, which holds the last record noted in it.
struct Seen(Box<[AtomicU32]>);

impl Seen {
    fn new(places: usize) -> Self {
        Self(std::iter::repeat_with(AtomicU32::default).take(places.max(1)).collect())
    }

    /// Notes a use, and returns whether the slot held this record already. Two records may collide, which costs a cache entry.
    fn again(&self, record: RecordId) -> bool {
        let [a, b, c, d, e, f, g, h, ..] = record.0; // ids are as good as random
        let place = u32::from_be_bytes([a, b, c, d]) as usize % self.0.len();
        let mark = u32::from_be_bytes([e, f, g, h]);
        self.0[place].swap(mark, Ordering::Relaxed) == mark
    }
}

/// Usually both are the same allocation, and no bytes are compared.
fn same_proof(one: Option<&Arc<LogProof>>, other: Option<&Arc<LogProof>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other) || one == other,
        (one, other) => one.is_none() && other.is_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_known_again_until_another_takes_its_place() {
        let seen = Seen::new(2);
        let id = |place: u8, mark: u8| RecordId([0, 0, 0, place, mark, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        let asked = [id(0, 1), id(1, 1), id(0, 1), id(2, 2), id(2, 2), id(0, 1), id(1, 1)];
        assert_eq!(asked.map(|id| seen.again(id)), [false, false, true, false, true, false, true]);
        assert!(!Seen::new(0).again(id(0, 1)));
    }
}
