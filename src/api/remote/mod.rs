//! Registries on hosts of their own: the port of a registry as a client of `registry.v1.RegistryService`.
//!
//! | file | what it does |
//! |---|---|
//! | [`registry`] | implements the port, one call for each method |
//! | [`connection`] | one host's connection: credential, deadlines, repetitions, breaker |
//! | [`breaker`] | when a host that fails is left alone for a moment |
//! | `feed` | the stream of changes behind `changes` and `wait_beyond` |
//! | [`message`] | the port's values as messages, and back |
//! | `refusal` | what a host's refusal means to whoever asked |
//! | [`context`] | for whom a call is made |
//! | [`tls`] | TLS towards the hosts |
//!
//! Nothing that a host answers is trusted: readers verify records, and the province verifies batches, as those of an embedded registry. What is checked here
//! is the shape. A host that is slow, down, frozen or lying costs the part of an answer that is its own.

pub mod breaker;
pub mod connection;
pub mod context;
mod feed;
pub mod message;
mod refusal;
pub mod registry;
pub mod tls;

pub use connection::{Connection, Dial, HostAddress};
pub use registry::RemoteRegistry;
