//! The gRPC edge: generated messages, the error-to-status table, credentials, page tokens, limits of a call.
//!
//! Wire formats stop here: rules and use cases below and beside know neither tonic nor prost.

pub mod call;
pub mod codec;
pub mod credential;
pub mod edge;
pub mod json;
pub mod page;
pub mod proto;
pub mod rate;
pub mod ready;
pub mod record;
pub mod status;
pub mod streams;
pub mod typed;

pub use call::{Call, Caller};
pub use edge::{Answers, Edge};
pub use page::PageTokens;
pub use streams::OpenStreams;

/// The compiled descriptor set of all protos, comments included: reflection and typed forms read it.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
