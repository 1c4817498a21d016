//! The effect of a statement that was accepted: on the status lists, and on the row of the version before.

use bytes::Bytes;

use super::status::StatusChange;

/// What an accepted statement does, unless it is a duplicate.
pub(super) struct Accepted {
    /// Its effect on the status lists.
    pub(super) status: StatusChange,
    /// The row of the version that it replaces; `None` for the first version of a record.
    pub(super) replaced: Option<Replaced>,
}

/// The row of a replaced version.
pub(super) enum Replaced {
    Stored(Bytes),
    /// That of an earlier statement in the batch, by its index.
    InBatch(usize),
}
