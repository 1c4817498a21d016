//! Exit codes of `verify` beside those of verdicts.

/// A file cannot be read, or is not what `verify` reads.
pub(super) const EXIT_FILE: u8 = 3;
/// A file holds no record.
pub(super) const EXIT_NO_RECORDS: u8 = 4;
