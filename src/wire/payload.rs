//! Payloads as callers send them: protobuf's JSON structs, read into the values that can be signed.

use prost_types::value::Kind as Json;

use crate::base::{Path, Violations, limits};
use crate::trust::{Object, Value};

/// A payload object from protobuf's JSON struct: whole numbers only, no nulls, names of snake_case ASCII, bounded depth.
pub fn object(path: &Path<'_>, fields: prost_types::Struct, depth: usize, violations: &mut Violations) -> Object {
    let mut object = Object::new();
    for (name, value) in fields.fields {
        let fits = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !fits || name.is_empty() || name.len() > 64 {
            violations.add(path, "NAME", "field names are snake_case ASCII of at most 64 characters");
            continue;
        }
        if let Some(value) = value_of(&Path::Field(path, &name), value, depth, violations) {
            object.insert(name, value);
        }
    }
    object
}

fn value_of(path: &Path<'_>, value: prost_types::Value, depth: usize, violations: &mut Violations) -> Option<Value> {
    let mut refuse = |rule, message: &str| {
        violations.add(path, rule, message);
        None
    };
    if depth >= limits::PAYLOAD_DEPTH_MAX {
        return refuse("TOO_DEEP", "a payload nests at most 8 levels");
    }
    match value.kind {
        None | Some(Json::NullValue(_)) => refuse("NULL", "leave the field out if its value is unknown"),
        Some(Json::BoolValue(flag)) => Some(Value::Bool(flag)),
        Some(Json::StringValue(text)) => Some(Value::String(text)),
        Some(Json::NumberValue(number)) => {
            const LARGEST: f64 = 9_007_199_254_740_991.0;
            if number.fract() != 0.0 || number.abs() > LARGEST {
                return refuse("NUMBER", "whole numbers within ±(2⁵³−1) only; money and codes are strings");
            }
            Some(Value::Integer(number as i64))
        }
        Some(Json::ListValue(list)) => {
            // Once an item is refused the list is too: the rest is looked at for what is wrong with it, and not kept.
            let mut items = Some(Vec::new());
            for (at, item) in list.values.into_iter().enumerate() {
                match (value_of(&Path::Item(path, at), item, depth + 1, violations), &mut items) {
                    (Some(item), Some(items)) => items.push(item),
                    _ => items = None,
                }
            }
            items.map(Value::Array)
        }
        Some(Json::StructValue(fields)) => Some(Value::Object(object(path, fields, depth + 1, violations))),
    }
}
