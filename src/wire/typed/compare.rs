//! Whether the JSON form of a typed message says what the shown fields of a record say.
//!
//! The JSON is of other people's making (grpcurl, other languages), so every form that protobuf's JSON mapping allows is
//! read: both spellings of names, enums by name or number, numbers as texts, defaults present or not.

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::Value as Json;

use super::Path;
use super::table::payload_values;
use crate::trust::{Object, Value};

type Same = Result<(), String>;

/// `Err` with the path at which the two differ.
pub(super) fn message(message: &MessageDescriptor, shown: &Object, typed: &Json) -> Same {
    object(message, shown, typed, &Path::Root)
}

fn object(message: &MessageDescriptor, shown: &Object, typed: &Json, path: &Path<'_>) -> Same {
    let Some(typed) = typed.as_object() else { return Err(path.to_string()) };
    for name in typed.keys() {
        let known = message.fields().any(|field| field.name() == name || field.json_name() == name);
        if !known {
            return Err(Path::Field(path, name).to_string());
        }
    }
    for name in shown.names() {
        if message.get_field_by_name(name).is_none() {
            return Err(Path::Field(path, name).to_string());
        }
    }
    for field in message.fields() {
        let at = Path::Field(path, field.name());
        let snake = typed.get(field.name());
        let camel = typed.get(field.json_name()).filter(|_| field.json_name() != field.name());
        let said = match (snake, camel) {
            (Some(_), Some(_)) => return Err(at.to_string()),
            (one, other) => one.or(other).filter(|said| !said.is_null()),
        };
        match (shown.get(field.name()), said) {
            (None, None) => {}
            (None, Some(said)) if is_default(&field, said) => {}
            (None, Some(_)) => return Err(at.to_string()),
            (Some(value), Some(said)) => field_value(&field, value, said, &at)?,
            (Some(value), None) => {
                // A field without presence is left out when it is its default.
                let default = matches!(value, Value::Integer(0) | Value::Bool(false)) && !field.supports_presence();
                if !default {
                    return Err(at.to_string());
                }
            }
        }
    }
    Ok(())
}

/// Whether a present JSON value means "absent": encoders that emit defaults write these.
fn is_default(field: &FieldDescriptor, said: &Json) -> bool {
    if field.is_list() {
        return said.as_array().is_some_and(Vec::is_empty);
    }
    if field.supports_presence() {
        return false;
    }
    match (field.kind(), said) {
        (Kind::String, Json::String(text)) => text.is_empty(),
        (Kind::Bool, said) => said == &Json::Bool(false),
        (Kind::Enum(kind), Json::String(name)) => kind.get_value(0).is_some_and(|zero| zero.name() == name),
        (_, Json::String(number)) => number == "0",
        (_, said) => said.as_i64() == Some(0),
    }
}

fn field_value(field: &FieldDescriptor, value: &Value, said: &Json, path: &Path<'_>) -> Same {
    if !field.is_list() {
        return one_value(field, value, said, path);
    }
    let (Some(items), Some(said)) = (value.as_array(), said.as_array()) else { return Err(path.to_string()) };
    for (at, (item, said)) in items.iter().zip(said).enumerate() {
        one_value(field, item, said, &Path::Item(path, at))?;
    }
    if items.len() == said.len() { Ok(()) } else { Err(Path::Item(path, items.len().min(said.len())).to_string()) }
}

fn one_value(field: &FieldDescriptor, value: &Value, said: &Json, path: &Path<'_>) -> Same {
    let same = match (field.kind(), value) {
        (Kind::Message(nested), Value::Object(shown)) => return object(&nested, shown, said, path),
        (Kind::Enum(kind), Value::String(text)) => enum_value(&kind, said)
            .is_some_and(|number| payload_values(&kind).iter().any(|(name, of)| name == text && *of == number)),
        (Kind::String, Value::String(text)) => said.as_str() == Some(text),
        (Kind::Bool, Value::Bool(truth)) => said.as_bool() == Some(*truth),
        (Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64, Value::Integer(number)) => {
            said.as_i64().or_else(|| said.as_str()?.parse().ok()) == Some(*number)
        }
        _ => false,
    };
    if same { Ok(()) } else { Err(path.to_string()) }
}

fn enum_value(kind: &EnumDescriptor, said: &Json) -> Option<i32> {
    match said {
        Json::String(name) => kind.get_value_by_name(name).map(|value| value.number()),
        said => i32::try_from(said.as_i64()?).ok(),
    }
}
