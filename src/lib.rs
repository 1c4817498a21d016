//! Lienthong: a province's digital-identity and records exchange, as a simulator that behaves like the real thing.
//!
//! The modules in reading order; each imports only from those above it, which `tests/layers.rs` enforces.

pub mod access;
pub mod base;
pub mod cli;
pub mod console;
pub mod exchange;
pub mod identity;
pub mod ledger;
pub mod registry;
pub mod server;
pub mod simulation;
pub mod store;
pub mod trust;
pub mod wire;
