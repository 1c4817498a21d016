//! Messages as JSON with personal and secret data masked: every field with the option `debug_redact`, and everything below it.
//!
//! A mask shows only whether two values are equal, among those masked under one key: it is a keyed hash of 32 bits, which fits many a
//! value, and the key is random.

use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, ReflectMessage as _, Value};
use prost_types::value::Kind as Json;

use crate::base::id::to_hex;
use crate::base::{Entropy, Result, Seed};
use crate::wire::typed::pool;

/// Masks values under a key of its own.
#[derive(Debug, Clone)]
pub struct Mask(Seed);

/// The full names of the fields that are masked.
static MASKED: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let messages = pool().all_messages();
    let fields = messages.flat_map(|message| message.fields().collect::<Vec<_>>());
    fields.filter(is_marked).map(|field| field.full_name().to_owned()).collect()
});

fn is_marked(field: &FieldDescriptor) -> bool {
    let options = field.options();
    options.get_field_by_name("debug_redact").is_some_and(|value| value.as_bool() == Some(true))
}

/// Whether a field is masked.
pub fn is_masked(field: &FieldDescriptor) -> bool {
    MASKED.contains(field.full_name())
}

impl Mask {
    /// A mask with a random key.
    pub fn random(entropy: &dyn Entropy) -> Result<Self> {
        let mut key = [0; 32];
        entropy.fill(&mut key)?;
        Ok(Self(Seed::from_bytes(key)))
    }

    /// An encoded message of a type as JSON; `None`: it cannot be read.
    pub fn json(&self, type_name: &str, encoded: &[u8]) -> Option<prost_types::Struct> {
        let described = pool().get_message_by_name(type_name)?;
        let message = DynamicMessage::decode(described, encoded).ok()?;
        match self.message(&message) {
            Json::StructValue(object) => Some(object),
            // A type with a JSON form of its own.
            other => Some(prost_types::Struct { fields: [("value".to_owned(), of(other))].into() }),
        }
    }

    fn message(&self, message: &DynamicMessage) -> Json {
        let name = message.descriptor().full_name().to_owned();
        if name.starts_with("google.protobuf.") {
            // What has no JSON form (a timestamp beyond year 9999) is shown as its mask: null would make all of them equal.
            return serde_json::to_value(message).map_or_else(|_| self.without_json(message), of_serde);
        }
        let fields = message.fields().map(|(field, value)| {
            let masked = if is_masked(&field) { self.hidden(value) } else { self.value(&field.kind(), value) };
            (field.json_name().to_owned(), of(masked))
        });
        Json::StructValue(prost_types::Struct { fields: fields.collect() })
    }

    /// A field's value, masked: of a list each item.
    fn hidden(&self, value: &Value) -> Json {
        match value {
            Value::List(items) => list(items.iter().map(|item| self.hidden(item))),
            Value::String(text) => self.pseudonym(text.as_bytes()),
            Value::Bytes(bytes) => self.pseudonym(bytes),
            // Maps have no order of their own, their JSON has.
            Value::Message(message) => match serde_json::to_value(message) {
                Ok(json) => self.pseudonym(json.to_string().as_bytes()),
                Err(_) => self.without_json(message),
            },
            Value::Map(entries) => {
                let sorted: BTreeMap<String, String> = entries
                    .iter()
                    .map(|(key, value)| (format!("{key:?}"), format!("{:?}", self.hidden(value))))
                    .collect();
                self.pseudonym(format!("{sorted:?}").as_bytes())
            }
            other => self.pseudonym(format!("{other:?}").as_bytes()),
        }
    }

    /// The mask of a message that has no JSON form: of its fields by number, each masked.
    fn without_json(&self, message: &DynamicMessage) -> Json {
        let fields: BTreeMap<u32, String> =
            message.fields().map(|(field, value)| (field.number(), format!("{:?}", self.hidden(value)))).collect();
        self.pseudonym(format!("fields/{fields:?}").as_bytes())
    }

    fn pseudonym(&self, value: &[u8]) -> Json {
        Json::StringValue(format!("~{}", to_hex(&self.0.keyed_hash(&[value])[..4])))
    }

    fn value(&self, kind: &Kind, value: &Value) -> Json {
        match value {
            Value::Bool(flag) => Json::BoolValue(*flag),
            Value::I32(number) => Json::NumberValue(f64::from(*number)),
            Value::U32(number) => Json::NumberValue(f64::from(*number)),
            Value::I64(number) => Json::StringValue(number.to_string()),
            Value::U64(number) => Json::StringValue(number.to_string()),
            Value::F32(number) => Json::NumberValue(f64::from(*number)),
            Value::F64(number) => Json::NumberValue(*number),
            Value::String(text) => Json::StringValue(text.clone()),
            Value::Bytes(bytes) => Json::StringValue(base64_simd::STANDARD.encode_to_string(bytes)),
            Value::EnumNumber(number) => {
                let name = kind.as_enum().and_then(|of| of.get_value(*number).map(|value| value.name().to_owned()));
                name.map_or(Json::NumberValue(f64::from(*number)), Json::StringValue)
            }
            Value::Message(message) => self.message(message),
            Value::List(items) => list(items.iter().map(|item| self.value(kind, item))),
            Value::Map(entries) => {
                let content = kind.as_message().map(|entry| entry.map_entry_value_field().kind());
                let entry = |(key, value): (&MapKey, &Value)| {
                    let key = match key {
                        MapKey::String(text) => text.clone(),
                        MapKey::Bool(flag) => flag.to_string(),
                        MapKey::I32(number) => number.to_string(),
                        MapKey::I64(number) => number.to_string(),
                        MapKey::U32(number) => number.to_string(),
                        MapKey::U64(number) => number.to_string(),
                    };
                    (key, of(self.value(content.as_ref().unwrap_or(kind), value)))
                };
                Json::StructValue(prost_types::Struct { fields: entries.iter().map(entry).collect() })
            }
        }
    }
}

fn of(kind: Json) -> prost_types::Value {
    prost_types::Value { kind: Some(kind) }
}

fn list(items: impl Iterator<Item = Json>) -> Json {
    Json::ListValue(prost_types::ListValue { values: items.map(of).collect() })
}

fn of_serde(value: serde_json::Value) -> Json {
    match value {
        serde_json::Value::Null => Json::NullValue(0),
        serde_json::Value::Bool(flag) => Json::BoolValue(flag),
        serde_json::Value::Number(number) => Json::NumberValue(number.as_f64().unwrap_or_default()),
        serde_json::Value::String(text) => Json::StringValue(text),
        serde_json::Value::Array(items) => list(items.into_iter().map(of_serde)),
        serde_json::Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| (name, of(of_serde(value))));
            Json::StructValue(prost_types::Struct { fields: fields.collect() })
        }
    }
}

#[cfg(test)]
mod tests;
