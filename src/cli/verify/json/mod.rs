//! The JSON that `verify` reads: files of other people's making, as large as an export of a province.
//!
//! Its own reader, because a library's reads a record of several kilobytes into a map first, keeps the last of two equal names, and
//! holds a file whole; docs/performance.md says what that costs. It needs no other module, so that the fuzzers compile it alone
//! (`fuzz/src/properties.rs`, `json`).

mod cursor;
mod stream;
mod tree;

pub use cursor::{Broken, Cursor};
pub use stream::{Flaw, JsonStream};
pub use tree::{Members, Tree};
