//! Paths of messages, checked against the protos: a field that does not exist would always be found absent. Pure.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor};
use serde_json::{Value, json};

use super::vars::named;
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

/// What of a message in JSON its type would refuse: names of fields and of enumerations' values, and values of another kind, each with its path below
/// `path` and the problem. Values with variables are known later.
pub(super) fn wrong_parts(path: &str, json: &Value, message: &MessageDescriptor, found: &mut Vec<(String, String)>) {
    let Value::Object(map) = json else {
        if named(json).is_empty() {
            found.push((path.to_owned(), format!("a mapping with fields of {} is wanted", message.full_name())));
        }
        return;
    };
    for (name, value) in map {
        let path = format!("{path}.{name}");
        let field = message.get_field_by_name(name).or_else(|| message.get_field_by_json_name(name));
        let Some(field) = field else {
            found.push((path, no_such_field(name, message)));
            continue;
        };
        let inner = match field.kind() {
            Kind::Message(inner) if !field.is_map() && !inner.full_name().starts_with(WELL_KNOWN) => Some(inner),
            _ => None,
        };
        match (inner, field.is_list(), value) {
            (Some(inner), true, Value::Array(items)) => {
                for (at, item) in items.iter().enumerate() {
                    wrong_parts(&format!("{path}[{at}]"), item, &inner, found);
                }
            }
            (Some(inner), false, Value::Object(_)) => wrong_parts(&path, value, &inner, found),
            _ => found.extend(wrong_value(&field, name, value).map(|problem| (path, problem))),
        }
    }
}

/// The problem with the value of a field that has no fields of its own.
fn wrong_value(field: &FieldDescriptor, name: &str, value: &Value) -> Option<String> {
    if let Kind::Enum(values) = field.kind() {
        let given = match value {
            Value::Array(items) => &items[..],
            one => std::slice::from_ref(one),
        };
        let given = given.iter().filter_map(Value::as_str).filter(|name| !name.contains("${"));
        if let Some(unknown) = given.into_iter().find(|name| values.get_value_by_name(name).is_none()) {
            let known: Vec<String> = values.values().map(|value| value.name().to_owned()).collect();
            return Some(no_such("value", unknown, &known.iter().map(String::as_str).collect::<Vec<_>>()));
        }
    }
    if !named(value).is_empty() {
        return None;
    }
    let alone = DynamicMessage::deserialize(field.parent_message().clone(), &json!({ name: value }));
    alone.err().map(|error| format!("is not a value of this field: {error}"))
}

/// Whether a message can have signed records or a credential in it, anywhere.
pub(super) fn has_records(message: &MessageDescriptor) -> bool {
    const SIGNED: [&str; 2] = ["lienthong.trust.v1.SignedRecord", "lienthong.identity.v1.IssueCredentialResponse"];
    let (mut seen, mut waiting) = (Vec::new(), vec![message.clone()]);
    while let Some(message) = waiting.pop() {
        if SIGNED.contains(&message.full_name()) {
            return true;
        }
        if !seen.contains(&message) {
            waiting.extend(message.fields().filter_map(|field| field.kind().as_message().cloned()));
            seen.push(message);
        }
    }
    false
}
