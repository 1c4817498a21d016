//! The limits on keys and values.

use crate::base::{Error, Reason, Result};

/// Longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 1_024;
/// Largest value, in bytes.
pub const VALUE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Refuses a look-up key that is longer than any stored one.
pub(super) fn check_key(key: &[u8]) -> Result<()> {
    if key.len() <= KEY_BYTES_MAX {
        return Ok(());
    }
    Err(Error::new(Reason::InvalidRequest, format!("a key has at most {KEY_BYTES_MAX} bytes")))
}
