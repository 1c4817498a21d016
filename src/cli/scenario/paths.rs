//! Paths of messages, checked against the protos: a field that does not exist would always be found absent. Pure.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor};
use serde_json::Value;

use crate::base::name::no_such;

/// Messages whose JSON form is anything at all.
const ANYTHING: [&str; 4] =
    ["google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.ListValue", "google.protobuf.Any"];
/// The package of messages whose JSON form is a text or a number.
const WELL_KNOWN: &str = "google.protobuf.";
/// The list of all messages of an answer.
const ANSWERS: &str = "answers";

/// The shape that an answer can have at a path.
#[derive(Clone)]
enum Shape {
    One(Kind),
    List(Kind),
    Map(Kind),
    Anything,
}

impl Shape {
    fn of(field: &FieldDescriptor) -> Self {
        match field.kind() {
            Kind::Message(entry) if field.is_map() => Self::Map(entry.map_entry_value_field().kind()),
            kind if field.is_list() => Self::List(kind),
            kind => Self::one(kind),
        }
    }

    fn one(kind: Kind) -> Self {
        match &kind {
            Kind::Message(message) if ANYTHING.contains(&message.full_name()) => Self::Anything,
            _ => Self::One(kind),
        }
    }
}

/// Whether an answer of a method can have something at a path as [`at`](super::expect::at) reads it; the error says what there is instead.
pub(super) fn check(method: &MethodDescriptor, path: &str) -> Result<(), String> {
    let path = path.strip_prefix('.').unwrap_or(path);
    let of_all = path.strip_prefix(ANSWERS).filter(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
    match of_all {
        Some(rest) => walk(Shape::List(Kind::Message(method.output())), rest),
        None => walk(Shape::One(Kind::Message(method.output())), path),
    }
}

fn walk(shape: Shape, path: &str) -> Result<(), String> {
    let path = path.strip_prefix('.').unwrap_or(path);
    if path.is_empty() || matches!(shape, Shape::Anything) {
        return Ok(());
    }
    if let Some((index, rest)) = path.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let is_index = index == "*" || !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit());
        return match shape {
            Shape::List(kind) if is_index => walk(Shape::one(kind), rest),
            Shape::List(_) => Err(format!("[{index}] is not an index: a number, or *")),
            _ => Err(format!("[{index}] follows a value that is not a list")),
        };
    }
    let (name, rest) = path.split_at(path.find(['.', '[']).unwrap_or(path.len()));
    match shape {
        Shape::List(_) if name == "length" && rest.is_empty() => Ok(()),
        Shape::List(_) => Err(format!("{name} follows a list: write [*].{name} for its items, or length")),
        Shape::Map(kind) => walk(Shape::one(kind), rest),
        Shape::One(Kind::Message(message)) if !message.full_name().starts_with(WELL_KNOWN) => {
            let field = message.get_field_by_name(name).ok_or_else(|| no_such_field(name, &message))?;
            walk(Shape::of(&field), rest)
        }
        _ => Err(format!("{name} follows a value that has no fields")),
    }
}

fn no_such_field(name: &str, message: &MessageDescriptor) -> String {
    let known: Vec<String> = message.fields().map(|field| field.name().to_owned()).collect();
    no_such("field", name, &known.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The fields of a message in JSON that its type has not, each with its path below `path` and what there is instead.
pub(super) fn unknown_fields(path: &str, json: &Value, message: &MessageDescriptor, found: &mut Vec<(String, String)>) {
    let Value::Object(map) = json else { return };
    if message.full_name().starts_with(WELL_KNOWN) {
        return;
    }
    for (name, value) in map {
        let path = format!("{path}.{name}");
        let field = message.get_field_by_name(name).or_else(|| message.get_field_by_json_name(name));
        match field {
            None => found.push((path, no_such_field(name, message))),
            Some(field) if field.is_map() => {}
            Some(field) => {
                let Kind::Message(inner) = field.kind() else { continue };
                match value {
                    Value::Array(items) => {
                        for (at, item) in items.iter().enumerate() {
                            unknown_fields(&format!("{path}[{at}]"), item, &inner, found);
                        }
                    }
                    one => unknown_fields(&path, one, &inner, found),
                }
            }
        }
    }
}
