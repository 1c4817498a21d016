//! Ledgers: append-only logs over a store, with one signed checkpoint for each batch and a proof for every entry.
//!
//! Issuer logs, the record ledger and the evidence ledger are the same machinery (RFC 6962 tree, C2SP tlog-tiles and
//! tlog-checkpoint). All rows of a log are written in one atomic batch of the store, together with the rows that the
//! caller derives from its index in the log: entries, tiles, the signed note of the new size, and the head, which is
//! replaced only if it still is the one that the batch grew from. So two checkpoints of one size cannot exist, and
//! after a crash the old head is in force, and the same indices are used again.
//!
//! ```text
//! append ─▶ queue ─▶ sequencer: hash, sign once, commit ─▶ head is published ─▶ callers are answered
//!                                   ▲ what queued meanwhile is the next batch
//! ```
//!
//! A [`Log`] is read from the store by whoever opens it: heads, proofs, entries. Its one [`Sequencer`] appends, under a lease (`lease`)
//! where several processes may open the store. A log in another process follows the stored head (`follow`), and accepts it only if the
//! stored leaves lead to it.

pub mod rows;
pub mod segment;
pub mod tile;
pub mod tree;

mod cache;
mod checkpoint;
mod clock;
mod continuing;
mod follow;
mod lease;
mod load;
mod log;
mod order;
mod pause;
mod read;
mod sequencer;
mod stored;
mod tended;
#[cfg(test)]
mod tests;
mod writing;

pub use cache::TileCache;
pub use checkpoint::{NoteKeys, note_keys_of};
pub use clock::{ClockBehind, LogClock, Monotone, Skew};
pub use continuing::continue_log;
pub use lease::LEASE;
pub use log::{Appended, Entry, Head, Log};
pub use pause::Pause;
pub use rows::LogId;
pub use sequencer::Sequencer;
pub use stored::StoredLog;
pub use tended::{is_stopped, stopped};

/// Longest entry, in bytes: the 16-bit length prefix of entry bundles (C2SP tlog-tiles).
pub const ENTRY_BYTES_MAX: usize = u16::MAX as usize;
