//! A batch: conditions and writes, committed atomically.

use bytes::Bytes;

use super::size::{KEY_BYTES_MAX, VALUE_BYTES_MAX};
use super::space::Space;
use crate::base::{Error, Result};

/// A condition on the state just before the batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The space of the row.
    pub space: Space,
    /// The row's key.
    pub key: Bytes,
    /// The row's required value; `None`: the row must not exist.
    pub expected: Option<Bytes>,
}

/// The caller's knowledge about a row that it writes. Rows are counted, and a claim saves the count a look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// The row may exist or not: the store looks it up.
    Unknown,
    /// The row does not exist yet.
    Absent,
    /// The row exists.
    Present,
}

/// A write of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The space of the row.
    pub space: Space,
    /// The row's key.
    pub key: Bytes,
    /// The new value; `None` deletes the row, which need not exist.
    pub value: Option<Bytes>,
    /// The caller's knowledge about the row just before this write.
    pub before: Before,
}

/// Conditions and writes of one commit. Of two writes to one key, the later stays.
///
/// ```
/// use lienthong::store::{Batch, Space};
/// let batch = Batch::new()
///     .require_absent(Space::Record, "a")
///     .put(Space::Record, "a", "first version")
///     .put(Space::RecordIndex, "by-name/a", "");
/// assert_eq!(batch.writes().len(), 2);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    conditions: Vec<Condition>,
    writes: Vec<Write>,
}

impl Batch {
    /// An empty batch, which always succeeds.
    pub fn new() -> Self {
        Self::default()
    }

    /// Requires that there is no row at `key`.
    #[must_use]
    pub fn require_absent(mut self, space: Space, key: impl Into<Bytes>) -> Self {
        self.conditions.push(Condition { space, key: key.into(), expected: None });
        self
    }

    /// Requires that the row at `key` has exactly this value.
    #[must_use]
    pub fn require_value(mut self, space: Space, key: impl Into<Bytes>, expected: impl Into<Bytes>) -> Self {
        self.conditions.push(Condition { space, key: key.into(), expected: Some(expected.into()) });
        self
    }

    /// Requires the result of an earlier read: `require_value` for a row, `require_absent` for none.
    #[must_use]
    pub fn require(self, space: Space, key: impl Into<Bytes>, found: Option<Bytes>) -> Self {
        match found {
            Some(value) => self.require_value(space, key, value),
            None => self.require_absent(space, key),
        }
    }

    /// Writes a row, new or not.
    #[must_use]
    pub fn put(mut self, space: Space, key: impl Into<Bytes>, value: impl Into<Bytes>) -> Self {
        self.push_put(space, key, value);
        self
    }

    /// Deletes a row, if there is one.
    #[must_use]
    pub fn delete(mut self, space: Space, key: impl Into<Bytes>) -> Self {
        self.push_delete(space, key);
        self
    }

    /// Appends the conditions and writes of `other`.
    #[must_use]
    pub fn merge(mut self, mut other: Batch) -> Self {
        if self.is_empty() {
            return other;
        }
        self.conditions.append(&mut other.conditions);
        self.writes.append(&mut other.writes);
        self
    }

    /// [`Batch::put`] for loops.
    pub fn push_put(&mut self, space: Space, key: impl Into<Bytes>, value: impl Into<Bytes>) {
        self.push(space, key.into(), Some(value.into()), Before::Unknown);
    }

    /// Writes a row that the caller knows to be absent just before: counted without a look-up. A false claim is a bug in the
    /// caller: the memory adapter refuses it, and on disk `lienthong store check` finds the wrong count.
    pub fn push_insert(&mut self, space: Space, key: impl Into<Bytes>, value: impl Into<Bytes>) {
        self.push(space, key.into(), Some(value.into()), Before::Absent);
    }

    /// Writes a row that the caller knows to be present just before; a false claim is a bug, as in [`Batch::push_insert`].
    pub fn push_update(&mut self, space: Space, key: impl Into<Bytes>, value: impl Into<Bytes>) {
        self.push(space, key.into(), Some(value.into()), Before::Present);
    }

    /// [`Batch::delete`] for loops.
    pub fn push_delete(&mut self, space: Space, key: impl Into<Bytes>) {
        self.push(space, key.into(), None, Before::Unknown);
    }

    fn push(&mut self, space: Space, key: Bytes, value: Option<Bytes>, before: Before) {
        self.writes.push(Write { space, key, value, before });
    }

    /// The conditions, in the order stated.
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// The writes, in the order stated.
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// The conditions and the writes, for an adapter.
    pub fn into_parts(self) -> (Vec<Condition>, Vec<Write>) {
        (self.conditions, self.writes)
    }

    /// Whether it demands and writes nothing.
    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty() && self.writes.is_empty()
    }

    /// Refuses keys and values beyond the port's limits; every adapter checks before it queues the batch.
    pub fn check_sizes(&self) -> Result<()> {
        let keys = self.conditions.iter().map(|c| &c.key).chain(self.writes.iter().map(|w| &w.key));
        for key in keys {
            if key.is_empty() || key.len() > KEY_BYTES_MAX {
                return Err(Error::bug(format!("a storage key of {} bytes", key.len())));
            }
        }
        match self.writes.iter().filter_map(|w| w.value.as_ref()).find(|v| v.len() > VALUE_BYTES_MAX) {
            Some(value) => Err(Error::bug(format!("a stored value of {} bytes", value.len()))),
            None => Ok(()),
        }
    }
}
