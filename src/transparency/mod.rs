//! The logs as outsiders see them: served as tiles and proofs, walked by auditors, cosigned by witnesses.
//!
//! A log that signs its own heads proves little to someone who sees it once: it could show everybody another tree. A party that reads
//! all of it ([`audit`]), or remembers its earlier heads ([`witness`]), takes that freedom away. Sources: C2SP tlog-tiles,
//! tlog-checkpoint, tlog-cosignature, tlog-witness, tlog-policy.

pub mod audit;
pub mod client;
pub mod collect;
pub mod file;
pub mod head;
pub mod logs;
pub mod path;
pub mod province;
pub mod source;
pub mod witness;

pub use logs::{Logs, PublicLog};

#[cfg(test)]
pub(crate) mod tests;
