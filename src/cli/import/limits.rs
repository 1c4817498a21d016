//! The limits on files to import, checked before memory is spent. docs/limits.md lists them.

/// Largest file, in bytes.
pub(super) const FILE_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Largest decompressed size of an XLSX file, in bytes: all of its parts together.
pub(super) const UNFOLDED_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;
/// Largest decompressed size of its shared strings, in bytes: they are held in memory.
pub(super) const STRINGS_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Longest row of a CSV file, in bytes, about.
pub(super) const ROW_BYTES_MAX: usize = 1024 * 1024;
/// Longest cell, in characters: Excel's own limit.
pub(super) const CELL_CHARS_MAX: usize = 32_767;
/// Most columns.
pub(super) const COLUMNS_MAX: usize = 512;
/// Most rows.
pub(super) const ROWS_MAX: u64 = 2_000_000;
/// Rows in one call.
pub(super) const BATCH_ROWS: usize = 1_000;
/// Bytes of cells in one call, about: a message of 4 MiB has room for their names.
pub(super) const BATCH_BYTES: usize = 1024 * 1024;
/// Calls at once.
pub(super) const CALLS: usize = 3;
