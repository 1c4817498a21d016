//! The simulated province: who lives there, what its registries hold, and what goes wrong for whom.
//!
//! Everything here is synthetic and follows from a seed and a date. It meets the rest of the system as a registry's
//! operator would: as records to submit, and as a registry that answers.

pub mod census;
pub mod clock;
pub mod creation;
pub mod discrepancy;
pub mod document;
pub mod examples;
pub mod faults;
pub mod geography;
pub mod history;
pub mod journal;
pub mod legacy_file;
pub mod names;
pub mod personas;
pub mod population;
pub mod samples;
pub mod session;
