//! A registry as a file: YAML that says what the built-in sectors say in code, so that any agency's database joins without a program.
//!
//! ```text
//! text ─▶ values with their lines (bounded) ─▶ fields, rules, lifecycle ─▶ Sector ─▶ Catalogue, as a built-in one
//!              every flaw with line, path and rule, all at once
//! ```
//!
//! Fields are JSON Schema 2020-12, rules are CEL: the field's own standards, of which each keyword is compiled into a
//! [`Rule`](super::rule::Rule) or refused. No schema engine runs when a record is checked. [`export`](mod@export) writes any record type the same
//! way, and a test holds that what is exported and read again is the same type. [`plan`] says what a new version of a file changes, and
//! refuses what would unmake stored records.

mod code_lists;
pub mod export;
mod fields;
mod file;
mod flaw;
mod known;
mod map;
mod node;
mod path;
mod place;
pub mod plan;
mod record_type;
mod references;
mod rules;
mod samples;
mod states;
pub mod yaml;
#[cfg(test)]
mod tests;
mod text;
mod time;

pub use file::load;
pub use flaw::{FLAWS_MAX, Flaw, Flaws};
pub use node::{FILE_BYTES_MAX, json, message_json};
pub use path::field_at;
pub use place::{line_of, path_of};
pub use record_type::DOCUMENT_FIRST;
pub use text::FORMATS;
