//! The evidence of access: who asked for what about whom, when and why, in an append-only ledger.
//!
//! One entry for each call and each personal ID of the citizen whom it names, refusals too. An entry holds no payload and no personal ID: a citizen appears in it as a keyed
//! pseudonym. The entries about one pseudonym are numbered without gaps and each names the leaf hash of the one before, so
//! that a list which leaves one out, or two histories for one citizen, can be proved to be wrong.
//!
//! ```text
//! record ─▶ queue ─▶ writer: number, chain, encode ─▶ ledger: one append, with its index rows ─▶ answers
//!                      ▲ entries queued during a commit form the next batch
//! ```

mod chain;
mod claim;
mod entry;
mod log;
pub mod stored;
#[cfg(test)]
mod tests;
mod writer;

pub use claim::CompletenessClaim;
pub use entry::{EvidenceEntry, EvidencePosition, EvidencedRecord, Kind};
pub use log::{Access, AccessPage, EvidenceLog};
pub use writer::Recorded;

/// A citizen's pseudonym in the ledger.
pub type Subject = [u8; 32];
