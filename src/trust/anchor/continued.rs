//! What a log continues: the head of another log, with which it began.

use crate::trust::merkle::Hash;

/// The head with which a log took over from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Continued {
    /// The origin of the log that is continued.
    pub origin: String,
    /// How many of its entries are the first of this log.
    pub size: u64,
    /// The root hash over them.
    pub root: Hash,
}

impl Continued {
    /// Whether a head can be of a log that continues with this one.
    pub fn allows(&self, size: u64, root: &Hash) -> bool {
        size > self.size || (size == self.size && *root == self.root)
    }
}
