//! Wire formats: generated messages, their codec, and the conversions between messages, typed forms, JSON and values.
//!
//! Nothing here decides anything: the API above uses it, and no rule or use case names it.

pub mod codec;
pub mod delivered;
pub mod mask;
pub mod payload;
pub mod proto;
pub mod ready;
pub mod record;
pub mod schema_messages;
pub mod typed;

/// The compiled descriptor set of all protos, comments included: reflection and typed forms read it.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

#[cfg(test)]
mod tests;
