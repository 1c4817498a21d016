//! Lienthong: a province's digital-identity and records exchange, as a simulator that behaves like the real thing.
//!
//! The modules in reading order; each imports only from those above it, which `tests/layers.rs` enforces.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests measure and wait by the machine's time"))]

// The test world, which unit tests share with integration tests: it names this crate as those do.
#[cfg(test)]
extern crate self as lienthong;
#[cfg(test)]
#[path = "../tests/world/mod.rs"]
pub(crate) mod world;

// Values that everything shares: ids, time, text, the one error.
pub mod base;
// Signed records: canonical JSON, commitments, trees, checkpoints, the verifier.
pub mod trust;
// The storage port and its adapters.
pub mod store;
// Append-only logs over a store: tiles, checkpoints, proofs.
pub mod ledger;
// The sectoral registries behind one contract.
pub mod registry;
// Agencies, rights, purposes, consents, the access log.
pub mod access;
// Accounts, links of documents, presentations.
pub mod identity;
// Records for agencies, for a purpose, with evidence.
pub mod exchange;
// The shared layer: every accepted version, one view of a person.
pub mod province;
// Accepted changes for agencies that cannot hold a stream.
pub mod webhook;
// The logs as outsiders see them: served, audited, witnessed.
pub mod transparency;
// Synthetic people, personas, faults.
pub mod simulation;
// Keys, and what is published of them.
pub mod keys;
// Generated messages and the conversions to and from them.
pub mod wire;
// Transport above the use cases: admission, gRPC services, HTTP routes, console.
pub mod api;
// Everything assembled and served.
pub mod server;
// The command line.
pub mod cli;
