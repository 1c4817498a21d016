//! Rights as data: agencies, roles, purposes, what each agency may read for which purpose, and who may call which method.
//!
//! ```text
//! file ─▶ rows, with positions ────▶ checked together ─▶ Rights, prepared for look-ups ─▶ RightsBook: the snapshot in force
//!             every flaw with its line and rule                                              │
//!                      admission: may this caller call this method? ◀────────────────────────┤
//!                      the decision: which fields, on which basis? ◀─────────────────────────┘
//! ```
//!
//! The embedded file (`default.toml`) has the rights of the seeded province, and is the start for a file of one's own. Whatever no row names is
//! refused.

mod book;
mod check;
mod flaw;
mod key;
mod vocabulary;
mod load;
mod method;
mod read;
mod right;
mod schemas;
mod sets;
mod table;
#[cfg(test)]
mod tests;
mod who;

pub use book::RightsBook;
pub use flaw::{FLAWS_MAX, Flaw, Flaws};
pub use load::{EMBEDDED, bytes, embedded, read};
pub use method::{MethodId, Word};
pub use right::{Agency, Basis, FieldNames, Fields, Purpose, RightSet};
pub use schemas::{SchemaFlaw, embedded_for};
pub use table::{Readable, Right, Rights};
