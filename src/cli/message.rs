//! Messages as protobuf JSON, by the descriptors.

use prost::Message;
use prost_reflect::{DynamicMessage, MessageDescriptor, SerializeOptions};
use serde_json::Value;

use super::output::Failure;
use crate::wire::typed::pool;

fn described(name: &str) -> Result<MessageDescriptor, Failure> {
    pool().get_message_by_name(name).ok_or_else(|| Failure::new(format!("no descriptor of {name}")))
}

/// A message of this type as JSON.
pub(super) fn json(name: &str, message: &impl Message) -> Result<Value, Failure> {
    json_of_bytes(name, &message.encode_to_vec())
}

/// An encoded message of this type as JSON.
pub(super) fn json_of_bytes(name: &str, bytes: &[u8]) -> Result<Value, Failure> {
    let message = DynamicMessage::decode(described(name)?, bytes)
        .map_err(|error| Failure::new(format!("a {name} cannot be read: {error}")))?;
    serde_json::to_value(&message).map_err(|error| Failure::new(format!("a {name} cannot be written as JSON: {error}")))
}

/// A message of this type as JSON with the names of the proto.
pub(super) fn json_by_proto_names(name: &str, message: &impl Message) -> Result<Value, Failure> {
    let message = DynamicMessage::decode(described(name)?, &message.encode_to_vec()[..])
        .map_err(|error| Failure::new(format!("a {name} cannot be read: {error}")))?;
    let options = SerializeOptions::new().use_proto_field_name(true);
    message
        .serialize_with_options(serde_json::value::Serializer, &options)
        .map_err(|error| Failure::new(format!("a {name} cannot be written as JSON: {error}")))
}

/// A message of this type from JSON.
pub(super) fn read<M: Message + Default>(name: &str, json: &str) -> Result<M, Failure> {
    let unreadable = |why: String| Failure::new(format!("this is not a {name}: {why}"));
    let mut reading = serde_json::Deserializer::from_str(json);
    let message = DynamicMessage::deserialize(described(name)?, &mut reading);
    let message = message.map_err(|error| unreadable(error.to_string()))?;
    reading.end().map_err(|error| unreadable(error.to_string()))?;
    M::decode(&message.encode_to_vec()[..]).map_err(|error| unreadable(error.to_string()))
}
