//! Faults: what goes wrong, when and for whom, as rules that a world holds, and for nobody else.
//!
//! A rule is what it is about ([`Match`]), whose [`Turn`] it is, and an [`Action`]. There are three points at which one acts, each on the
//! production path, where it costs a look at an empty list while no rule is about it:
//!
//! ```text
//!  client ──▶ admission ──▶ use cases ──▶ Faulty ──▶ registry ──▶ log, clock, store
//!              CallAction                 ReadAction               StateAction
//! ```
//!
//! What a client meets is what it would meet if a network, a registry or a disk misbehaved. A world's rules come with its citizens (personas,
//! and citizens who were created like one) or are added while it runs; these end with the process.

mod action;
mod check;
pub mod kept;
mod registry;
mod rule;
mod rules;
mod standing;
mod store;
mod tamper;
mod text;

pub use action::{
    ALWAYS, Action, After, CallAction, DELAY_MAX, Delay, ReadAction, Refusal, Refused, ResetCode, SIGMA_MILLI_MAX,
    SKEW_MS_MAX, StateAction,
};
pub use check::{Known, check, check_bounds};
pub use registry::Faulty;
pub use rule::{Match, Rule, Turn};
pub use rules::{ADDED_MAX, FaultedCall, NewRule, Rules, Table};
pub use standing::{Counts, Source, Standing, Strike};
pub use store::FaultyStore;
pub use tamper::{FaultKeys, Forge, compromised_key, compromised_record, forge_with, is_for_faults};
pub use text::{FORMS, action};

#[cfg(test)]
mod tests;
