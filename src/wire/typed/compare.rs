//! Whether a typed form, as protobuf JSON, says the same as the payload.

use serde_json::{Map, Value};

use super::encode::{Shown, Walk};
use super::{FieldForm, Form, Shape, Table};

/// The path of the first difference between the shown fields and their typed form (protobuf JSON, lowerCamelCase or proto
/// names, default values left out or not); `None` when they say the same.
pub fn difference<'a>(
    form: &Form,
    shown: impl IntoIterator<Item = Shown<'a>>,
    typed: &Map<String, Value>,
) -> Option<String> {
    let table = &form.tables[0];
    let mut seen = Vec::with_capacity(typed.len());
    for (name, value) in shown {
        let mut walk = Walk { bytes: value, at: 0 };
        if let Err(path) = field(form, table, name.as_bytes(), &mut walk, typed, &mut seen) {
            return Some(path);
        }
        if walk.at != value.len() {
            return Some(name.to_owned());
        }
    }
    unexpected(table, typed, &seen)
}

/// Fields of the typed form that the payload does not have, unless they only spell out a default.
fn unexpected(table: &Table, typed: &Map<String, Value>, seen: &[u32]) -> Option<String> {
    typed.iter().find_map(|(key, value)| {
        let field = table.fields.iter().find(|field| field.json_name == *key || field.name == *key);
        let fine = match field {
            Some(field) => seen.contains(&field.number) || is_default(field, value),
            None => false,
        };
        (!fine).then(|| key.clone())
    })
}

fn is_default(field: &FieldForm, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => field.repeated && items.is_empty(),
        _ if field.presence || field.repeated => false,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => match field.shape {
            Shape::Enum(_) => text.ends_with("_UNSPECIFIED"),
            Shape::Integer => text == "0",
            _ => text.is_empty(),
        },
        Value::Object(_) => false,
    }
}

/// Compares one field; `Err` is the path of the difference.
fn field(
    form: &Form,
    table: &Table,
    name: &[u8],
    walk: &mut Walk<'_>,
    typed: &Map<String, Value>,
    seen: &mut Vec<u32>,
) -> Result<(), String> {
    let path = || String::from_utf8_lossy(name).into_owned();
    let field = table.field(name).ok_or_else(path)?;
    // Both spellings at once could say two things; a reader would see either.
    let value = match (typed.get(&field.json_name), typed.get(&field.name)) {
        (Some(_), Some(_)) if field.json_name != field.name => return Err(path()),
        (value, other) => value.or(other),
    };
    seen.push(field.number);
    if !field.repeated {
        return single(form, field, walk, value);
    }
    let empty = Vec::new();
    let items = match value {
        Some(Value::Array(items)) => items,
        None => &empty,
        Some(_) => return Err(path()),
    };
    walk.expect(b'[').ok_or_else(path)?;
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            walk.expect(b',').ok_or_else(path)?;
        }
        single(form, field, walk, Some(item)).map_err(|inner| {
            let rest = inner.strip_prefix(field.name.as_str()).unwrap_or(&inner);
            format!("{}[{at}]{rest}", field.name)
        })?;
    }
    walk.expect(b']').ok_or_else(path)
}

fn single(form: &Form, field: &FieldForm, walk: &mut Walk<'_>, typed: Option<&Value>) -> Result<(), String> {
    let same = match &field.shape {
        Shape::Text => walk.string().is_some_and(|text| match typed {
            Some(Value::String(typed)) => typed.as_bytes() == &*text,
            Some(_) => false,
            None => text.is_empty() && !field.presence,
        }),
        Shape::Integer => walk.integer().is_some_and(|number| match typed {
            Some(Value::Number(typed)) => typed.as_i64() == Some(number),
            Some(Value::String(typed)) => typed.parse() == Ok(number),
            Some(_) => false,
            None => number == 0 && !field.presence,
        }),
        Shape::Boolean => walk.boolean().is_some_and(|flag| match typed {
            Some(Value::Bool(typed)) => *typed == flag,
            Some(_) => false,
            None => !flag && !field.presence,
        }),
        Shape::Enum(values) => {
            walk.string().and_then(|text| values.find(&text)).is_some_and(|(_, number, name)| match typed {
                Some(Value::String(typed)) => typed == name,
                Some(Value::Number(typed)) => typed.as_i64() == Some(i64::from(*number)),
                _ => false,
            })
        }
        Shape::Message(at) => {
            let (Some(Value::Object(typed)), Some(table)) = (typed, form.tables.get(*at)) else {
                return Err(field.name.clone());
            };
            return message(form, table, walk, typed).map_err(|inner| match inner.as_str() {
                "" => field.name.clone(),
                inner => format!("{}.{inner}", field.name),
            });
        }
    };
    if same { Ok(()) } else { Err(field.name.clone()) }
}

fn message(form: &Form, table: &Table, walk: &mut Walk<'_>, typed: &Map<String, Value>) -> Result<(), String> {
    walk.expect(b'{').ok_or_else(String::new)?;
    let mut seen = Vec::with_capacity(typed.len());
    if walk.expect(b'}').is_none() {
        loop {
            let name = walk.string().ok_or_else(String::new)?;
            walk.expect(b':').ok_or_else(String::new)?;
            field(form, table, &name, walk, typed, &mut seen)?;
            if walk.expect(b'}').is_some() {
                break;
            }
            walk.expect(b',').ok_or_else(String::new)?;
        }
    }
    unexpected(table, typed, &seen).map_or(Ok(()), Err)
}
