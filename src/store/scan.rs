//! A scan: a range of one space, a direction and a limit.

use std::ops::Bound;

use super::size::check_key;
use super::space::Space;
use crate::base::Result;

/// The rows to read. Bounds are always the lower and the upper one; `reverse` only reverses the order of the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// The space.
    pub space: Space,
    /// The lower bound.
    pub from: Bound<Vec<u8>>,
    /// The upper bound.
    pub to: Bound<Vec<u8>>,
    /// Whether the highest key comes first.
    pub reverse: bool,
    /// Most rows in the result.
    pub limit: usize,
}

impl Scan {
    /// All rows whose key begins with `prefix`, ascending, without limit; an empty prefix selects the whole space.
    pub fn prefix(space: Space, prefix: &[u8]) -> Self {
        let from = if prefix.is_empty() { Bound::Unbounded } else { Bound::Included(prefix.to_vec()) };
        Self { space, from, to: after_prefix(prefix), reverse: false, limit: usize::MAX }
    }

    /// The rows from `from` (included) up to `to` (not included), ascending, without limit.
    pub fn range(space: Space, from: impl Into<Vec<u8>>, to: impl Into<Vec<u8>>) -> Self {
        let (from, to) = (Bound::Included(from.into()), Bound::Excluded(to.into()));
        Self { space, from, to, reverse: false, limit: usize::MAX }
    }

    /// At most `limit` rows.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Highest key first.
    #[must_use]
    pub fn reverse(mut self) -> Self {
        self.reverse = !self.reverse;
        self
    }

    /// Continues after `key`, the last one of the previous page: above it, or below it in a reverse scan.
    #[must_use]
    pub fn after(mut self, key: impl Into<Vec<u8>>) -> Self {
        let bound = Bound::Excluded(key.into());
        if self.reverse {
            self.to = bound;
        } else {
            self.from = bound;
        }
        self
    }

    /// Continues at `key`, which is included.
    #[must_use]
    pub fn starting_at(mut self, key: impl Into<Vec<u8>>) -> Self {
        let bound = Bound::Included(key.into());
        if self.reverse {
            self.to = bound;
        } else {
            self.from = bound;
        }
        self
    }

    /// Refuses bounds longer than any key; every adapter checks first.
    pub fn check(&self) -> Result<()> {
        let bounds = [&self.from, &self.to].into_iter();
        let keys = bounds.filter_map(|bound| match bound {
            Bound::Included(key) | Bound::Excluded(key) => Some(key),
            Bound::Unbounded => None,
        });
        keys.filter(|key| !key.is_empty()).try_for_each(|key| check_key(key))
    }

    /// Whether no key can match: some engines reject such ranges.
    pub fn is_empty(&self) -> bool {
        let (Bound::Included(from) | Bound::Excluded(from)) = &self.from else { return self.limit == 0 };
        let both_included = matches!((&self.from, &self.to), (Bound::Included(_), Bound::Included(_)));
        let empty = match &self.to {
            Bound::Unbounded => false,
            Bound::Included(to) | Bound::Excluded(to) => from > to || (from == to && !both_included),
        };
        empty || self.limit == 0
    }
}

/// The end of a prefix: the prefix with its last byte below 255 incremented; unbounded if there is none.
fn after_prefix(prefix: &[u8]) -> Bound<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return Bound::Excluded(end);
        }
    }
    Bound::Unbounded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_before_its_successor() {
        assert_eq!(after_prefix(b"ab"), Bound::Excluded(b"ac".to_vec()));
        assert_eq!(after_prefix(b"a\xff"), Bound::Excluded(b"b".to_vec()));
        assert_eq!(after_prefix(b"\xff\xff"), Bound::Unbounded);
        assert_eq!(after_prefix(b""), Bound::Unbounded);
    }

    #[test]
    fn empty_ranges_are_seen() {
        let scan = |from: &str, to: &str| Scan::range(Space::Meta, from, to);
        assert!(scan("b", "a").is_empty());
        assert!(scan("a", "a").is_empty());
        assert!(!scan("a", "b").is_empty());
        assert!(scan("a", "b").limit(0).is_empty());
        assert!(!Scan::prefix(Space::Meta, b"").is_empty());
        assert!(scan("a", "c").after("c").is_empty());
    }
}
