//! Assembly: one process that opens the store, seeds the world, wires every part and serves.
//!
//! [`Gateway::open`](gateway::Gateway::open) makes everything but sockets; the caller owns those, and the signal to end.

pub mod config;
pub mod listen;
pub mod panic;
pub mod shutdown;
pub mod world;

pub use config::{Config, Storage};
