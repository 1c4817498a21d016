//! Derived rows: computed again from their sources, and compared with the stored ones or written in their place.
//!
//! The owner of a derived space walks its sources once and passes each implied row, each once; the same walk serves `lienthong
//! store check` and `lienthong store rebuild`. If every implied row is stored, and the space has as many rows as are implied, then
//! it is exactly what its sources imply, without a second walk over the space itself.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hasher as _};

use bytes::Bytes;

use super::{Batch, Space, Store};
use crate::base::Result;

/// Rows compared or written in one batch.
const ROWS_AT_ONCE: usize = 2_048;

/// Most rows remembered for one fault.
const ROWS_REMEMBERED: usize = 65_536;

/// The findings of a check: the number of each fault in each space. Neither keys nor values, which may be personal data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings(BTreeMap<(Space, &'static str), FaultCount>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct FaultCount {
    count: u64,
    /// The rows, by the hashes of their keys; empty for faults without a row.
    rows: BTreeSet<u64>,
}

impl Findings {
    /// Counts a fault.
    pub fn add(&mut self, space: Space, what: &'static str) {
        self.0.entry((space, what)).or_default().count += 1;
    }

    /// Counts a fault of a row.
    pub fn add_at(&mut self, space: Space, what: &'static str, key: &[u8]) {
        let mut hasher = DefaultHasher::new();
        hasher.write(key);
        let found = self.0.entry((space, what)).or_default();
        found.count += 1;
        if found.rows.len() < ROWS_REMEMBERED {
            found.rows.insert(hasher.finish());
        }
    }

    /// Space, fault and number, in the order of spaces.
    pub fn iter(&self) -> impl Iterator<Item = (Space, &'static str, u64)> + '_ {
        self.0.iter().map(|((space, what), found)| (*space, *what, found.count))
    }

    /// Whether there are no findings.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the findings of `other`.
    pub fn merge(&mut self, other: Self) {
        for (fault, found) in other.0 {
            let mine = self.0.entry(fault).or_default();
            mine.count += found.count;
            mine.rows.extend(found.rows);
        }
    }

    /// The findings that a later check confirms at the same rows: a row that merely changed while it was being compared is not
    /// confirmed.
    #[must_use]
    pub fn confirmed_by(mut self, later: &Self) -> Self {
        self.0.retain(|fault, found| {
            let Some(again) = later.0.get(fault) else { return false };
            let has_rows = !found.rows.is_empty() && !again.rows.is_empty();
            found.rows.retain(|row| again.rows.contains(row));
            if has_rows {
                found.count = found.rows.len() as u64;
            }
            found.count > 0
        });
        self
    }
}

/// The treatment of implied rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Compare them with the stored rows.
    Check,
    /// Write them into spaces that were emptied.
    Rebuild,
    /// Write those that are missing beside the stored ones: of an index that came later than its sources.
    Complete,
}

/// A row that its sources imply.
struct Implied {
    space: Space,
    key: Bytes,
    value: Bytes,
    /// The row from which it is derived, if that may change during a check: a changed source is not compared.
    source: Option<(Space, Bytes, Bytes)>,
}

/// Receives implied rows.
pub struct Derived<'a> {
    store: &'a dyn Store,
    purpose: Purpose,
    /// Whether nobody else writes meanwhile.
    is_quiet: bool,
    waiting: Vec<Implied>,
    /// The number of implied rows of each space.
    implied: BTreeMap<Space, u64>,
    findings: Findings,
}

impl<'a> Derived<'a> {
    /// Receives rows for this purpose. `is_quiet` states that nobody else writes meanwhile, so that rows can be counted too.
    pub fn new(store: &'a dyn Store, purpose: Purpose, is_quiet: bool) -> Self {
        Self { store, purpose, is_quiet, waiting: Vec::new(), implied: BTreeMap::new(), findings: Findings::default() }
    }

    /// The store.
    pub fn store(&self) -> &'a dyn Store {
        self.store
    }

    /// The treatment of the rows.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Whether nobody else writes meanwhile.
    pub fn is_quiet(&self) -> bool {
        self.is_quiet
    }

    /// Begins a space whose rows follow, even if there are none.
    pub fn begin(&mut self, space: Space) {
        self.implied.entry(space).or_default();
    }

    /// Reports a fault of a source.
    pub fn fault(&mut self, space: Space, what: &'static str) {
        self.findings.add(space, what);
    }

    /// Reports a fault of a source's row.
    pub fn fault_at(&mut self, space: Space, what: &'static str, key: &[u8]) {
        self.findings.add_at(space, what, key);
    }

    /// Passes an implied row, once. `source` is the row from which it is derived, if that may change.
    pub async fn row(
        &mut self,
        space: Space,
        key: impl Into<Bytes>,
        value: impl Into<Bytes>,
        source: Option<(Space, Bytes, Bytes)>,
    ) -> Result<()> {
        *self.implied.entry(space).or_default() += 1;
        self.waiting.push(Implied { space, key: key.into(), value: value.into(), source });
        if self.waiting.len() >= ROWS_AT_ONCE { self.flush().await } else { Ok(()) }
    }

    /// Compares or writes the pending rows.
    pub async fn flush(&mut self) -> Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        match self.purpose {
            Purpose::Rebuild => {
                let mut batch = Batch::new();
                for Implied { space, key, value, .. } in waiting {
                    batch.push_put(space, key, value);
                }
                self.store.commit(batch).await
            }
            Purpose::Check | Purpose::Complete => {
                let mut by_space: BTreeMap<Space, Vec<Implied>> = BTreeMap::new();
                for row in waiting {
                    by_space.entry(row.space).or_default().push(row);
                }
                for (space, rows) in by_space {
                    self.compare(space, rows).await?;
                }
                Ok(())
            }
        }
    }

    async fn compare(&mut self, space: Space, rows: Vec<Implied>) -> Result<()> {
        let keys: Vec<Vec<u8>> = rows.iter().map(|row| row.key.to_vec()).collect();
        let found = match self.store.get_many(space, &keys).await {
            Ok(found) => found,
            Err(error) if error.kind() == crate::base::Kind::Corrupt => {
                self.findings.add(space, UNREADABLE);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let mut missing = Batch::new();
        for ((row, key), found) in rows.into_iter().zip(keys).zip(found) {
            let what = match found {
                Some(found) if found == row.value => continue,
                Some(_) => "a row differs from its sources",
                None if self.purpose == Purpose::Complete => {
                    missing.push_put(space, row.key, row.value);
                    continue;
                }
                None => "a row is missing",
            };
            let is_current = match row.source {
                Some((space, key, value)) => self.store.get(space, &key).await? == Some(value),
                None => true,
            };
            if is_current {
                self.findings.add_at(space, what, &key);
            }
        }
        if missing.is_empty() { Ok(()) } else { self.store.commit(missing).await }
    }

    /// Ends the walk and returns the findings. While nobody else writes, each space must have exactly the implied rows.
    pub async fn end(mut self) -> Result<Findings> {
        self.flush().await?;
        for (space, implied) in self.implied {
            if self.is_quiet && self.purpose == Purpose::Check && self.store.count(space) > implied {
                self.findings.add(space, "it has rows without a source");
            }
        }
        Ok(self.findings)
    }
}

/// The fault of rows that cannot be decoded.
pub const UNREADABLE: &str = "rows cannot be read back";

#[cfg(test)]
mod tests {
    use super::super::memory::MemoryStore;
    use super::*;

    #[test]
    fn only_what_is_found_again_at_the_same_row_is_confirmed() {
        let findings = |rows: &[(&'static str, Option<&str>)]| {
            let mut findings = Findings::default();
            for (what, key) in rows {
                match key {
                    Some(key) => findings.add_at(Space::Status, what, key.as_bytes()),
                    None => findings.add(Space::Status, what),
                }
            }
            findings
        };
        let first =
            findings(&[("missing", Some("a")), ("missing", Some("b")), ("other", Some("c")), (UNREADABLE, None)]);
        let later =
            findings(&[("missing", Some("b")), ("missing", Some("d")), ("other", Some("e")), (UNREADABLE, None)]);
        let confirmed = first.clone().confirmed_by(&later);
        assert_eq!(
            confirmed.iter().collect::<Vec<_>>(),
            [(Space::Status, "missing", 1), (Space::Status, UNREADABLE, 1)]
        );
        assert!(first.confirmed_by(&Findings::default()).is_empty());
    }

    #[tokio::test]
    async fn implied_rows_are_written_and_then_agree() {
        let store = MemoryStore::new();
        let give = async |purpose, rows: &[(&'static str, &'static str)]| {
            let mut derived = Derived::new(&store, purpose, true);
            for (key, value) in rows {
                derived.row(Space::RecordIndex, *key, *value, None).await.expect("taken");
            }
            let found = derived.end().await.expect("ends");
            found.iter().map(|(space, what, count)| (space.name(), what, count)).collect::<Vec<_>>()
        };
        let rows = [("a", "1"), ("b", "2"), ("c", "")];
        assert_eq!(give(Purpose::Rebuild, &rows).await, []);
        assert_eq!(give(Purpose::Check, &rows).await, []);
        store.commit(Batch::new().delete(Space::RecordIndex, "b")).await.expect("commits");
        assert_eq!(give(Purpose::Complete, &rows).await, [], "what is missing is written");
        assert_eq!(give(Purpose::Check, &rows).await, []);
        let spoilt = Batch::new().put(Space::RecordIndex, "a", "x").delete(Space::RecordIndex, "b");
        store.commit(spoilt.put(Space::RecordIndex, "d", "").put(Space::RecordIndex, "e", "")).await.expect("commits");
        let found = give(Purpose::Check, &rows).await;
        assert_eq!(
            found,
            [
                ("record_index", "a row differs from its sources", 1),
                ("record_index", "a row is missing", 1),
                ("record_index", "it has rows without a source", 1),
            ]
        );
    }
}
