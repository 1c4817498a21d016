//! Variables of a scenario: `${name}` in texts, and values that are one variable.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The variables that a value names.
pub(super) fn named(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => {
            text.split("${").skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name.to_owned()).collect()
        }
        Value::Array(items) => items.iter().flat_map(named).collect(),
        Value::Object(map) => map.values().flat_map(named).collect(),
        _ => Vec::new(),
    }
}

/// A value with the variables put in; the name of one that is not set, if there is one.
pub(super) fn put_in(value: &Value, vars: &BTreeMap<String, Value>) -> Result<Value, String> {
    match value {
        Value::String(text) => {
            if let Some(name) = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'))
                && !name.contains('}')
            {
                return vars.get(name).cloned().ok_or_else(|| name.to_owned());
            }
            put_in_text(text, vars).map(Value::String)
        }
        Value::Array(items) => items.iter().map(|item| put_in(item, vars)).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(name, value)| Ok((name.clone(), put_in(value, vars)?)))
            .collect::<Result<Map<_, _>, _>>()
            .map(Value::Object),
        other => Ok(other.clone()),
    }
}

/// The same for a text.
pub(super) fn put_in_text(text: &str, vars: &BTreeMap<String, Value>) -> Result<String, String> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, behind)) = after.split_once('}') else { break };
        let value = vars.get(name).ok_or_else(|| name.to_owned())?;
        out.push_str(before);
        out.push_str(&value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        rest = behind;
    }
    Ok(out + rest)
}
