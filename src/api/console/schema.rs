//! The schema of the API for scripts of a page: methods, messages and enums by name, as JSON: the content of the descriptors without the parts that a page
//! does not need.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use crate::wire::DESCRIPTORS;

/// The schema, for all pages.
pub(super) static SCHEMA: LazyLock<String> = LazyLock::new(|| of(&pool()).to_string());

/// Our protos, and those of the details of errors.
fn pool() -> DescriptorPool {
    let mut pool = DescriptorPool::new();
    for set in [DESCRIPTORS, tonic_types::pb::FILE_DESCRIPTOR_SET] {
        pool.decode_file_descriptor_set(set).expect("the build compiled these descriptors");
    }
    pool
}

fn of(pool: &DescriptorPool) -> Value {
    let mut methods = BTreeMap::new();
    let mut waiting: Vec<MessageDescriptor> =
        pool.all_messages().filter(|message| message.package_name() == "google.rpc").collect();
    for service in pool.services() {
        for method in service.methods().filter(|method| !method.is_client_streaming()) {
            let (input, output) = (method.input(), method.output());
            let described = json!({ "input": input.full_name(), "output": output.full_name(), "stream": method.is_server_streaming() });
            methods.insert(format!("{}/{}", service.full_name(), method.name()), described);
            waiting.extend([input, output]);
        }
    }
    let (mut messages, mut enums, mut seen) = (Map::new(), Map::new(), BTreeSet::new());
    while let Some(message) = waiting.pop() {
        if !seen.insert(message.full_name().to_owned()) {
            continue;
        }
        let fields: Vec<Value> = message.fields().map(|field| described(&field)).collect();
        messages.insert(message.full_name().to_owned(), fields.into());
        for field in message.fields() {
            match field.kind() {
                Kind::Message(message) => waiting.push(message),
                Kind::Enum(of) => {
                    let values = of.values().map(|value| (value.name().to_owned(), value.number().into()));
                    enums.insert(of.full_name().to_owned(), Value::Object(values.collect()));
                }
                _ => {}
            }
        }
    }
    json!({ "methods": methods, "messages": messages, "enums": enums })
}

fn described(field: &FieldDescriptor) -> Value {
    let (kind, of) = match field.kind() {
        Kind::Message(message) => ("message", Some(message.full_name().to_owned())),
        Kind::Enum(of) => ("enum", Some(of.full_name().to_owned())),
        Kind::Double => ("double", None),
        Kind::Float => ("float", None),
        Kind::Int32 => ("int32", None),
        Kind::Int64 => ("int64", None),
        Kind::Uint32 => ("uint32", None),
        Kind::Uint64 => ("uint64", None),
        Kind::Sint32 => ("sint32", None),
        Kind::Sint64 => ("sint64", None),
        Kind::Fixed32 => ("fixed32", None),
        Kind::Fixed64 => ("fixed64", None),
        Kind::Sfixed32 => ("sfixed32", None),
        Kind::Sfixed64 => ("sfixed64", None),
        Kind::Bool => ("bool", None),
        Kind::String => ("string", None),
        Kind::Bytes => ("bytes", None),
    };
    let mut described =
        json!({ "name": field.name(), "json": field.json_name(), "number": field.number(), "kind": kind });
    if let Some(of) = of {
        described["type"] = of.into();
    }
    for (name, holds) in [("repeated", field.is_list()), ("map", field.is_map())] {
        if holds {
            described[name] = true.into();
        }
    }
    described
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_that_a_method_may_bring_is_described() {
        let schema: Value = serde_json::from_str(&SCHEMA).expect("JSON");
        let fetch = &schema["methods"]["lienthong.exchange.v1.ExchangeService/FetchRecords"];
        assert_eq!(fetch["input"], "lienthong.exchange.v1.FetchRecordsRequest");
        assert_eq!(schema["methods"]["lienthong.province.v1.ProvinceService/WatchChanges"]["stream"], true);
        for type_name in ["google.rpc.Status", "google.rpc.ErrorInfo", "google.rpc.BadRequest", "google.protobuf.Any"] {
            assert!(schema["messages"][type_name].is_array(), "{type_name}");
        }
        for (name, fields) in schema["messages"].as_object().expect("messages") {
            for field in fields.as_array().expect("a list") {
                let known = match field["kind"].as_str() {
                    Some("message") => schema["messages"].get(field["type"].as_str().expect("a type")),
                    Some("enum") => schema["enums"].get(field["type"].as_str().expect("a type")),
                    _ => Some(&Value::Null),
                };
                assert!(known.is_some(), "{name}: {field}");
            }
        }
    }
}
