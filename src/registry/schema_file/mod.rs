//! A registry as a file: YAML with everything that the built-in sectors define in code, so that an agency's database joins without programming.
//!
//! ```text
//! text ─▶ values with their lines (bounded) ─▶ fields, rules, lifecycle ─▶ Sector ─▶ Catalogue, as a built-in one
//!              every flaw with line, path and rule, all at once
//! ```
//!
//! Fields are JSON Schema 2020-12, rules are CEL: common standards, of which each keyword is compiled into a
//! [`Rule`](super::rule::Rule) or refused. No schema engine runs when a record is checked. [`export`](mod@export) writes any record type the same
//! way, and a test checks that an exported type, read again, is the same. [`plan`] lists the changes of a new version of a file, and
//! refuses those that stored records would not survive.

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
pub use place::{Placed, line_of, path_of};
pub use record_type::DOCUMENT_FIRST;
pub use text::FORMATS;
