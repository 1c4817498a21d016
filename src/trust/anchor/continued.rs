//! The head of another log with which a log began, and which it continues.

use crate::trust::merkle::Hash;

/// The head with which a log took over from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Continued {
    /// The origin of the log that is continued.
    pub origin: String,
    /// The number of its entries, which are the first ones of this log.
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
