//! Where a record names a person: its holder, its owner, one of its owners, or itself.

use crate::trust::{Object, Value};

/// Where a record names a person of the household, and who that is.
pub(super) fn party_of<'a, T>(payload: &Object, find: impl Fn(&str) -> Option<&'a T>) -> Option<(String, &'a T)> {
    let find = |id: Option<&str>| id.and_then(&find);
    for path in ["holder", "owner"] {
        if let Some(party) = payload.object(path) {
            return Some((path.to_owned(), find(party.text("personal_id"))?));
        }
    }
    if let Some(owners) = payload.array("owners") {
        let ids = owners.iter().map(|owner| owner.as_object().and_then(|owner| owner.text("personal_id")));
        return ids.enumerate().find_map(|(at, id)| Some((format!("owners.{at}"), find(id)?)));
    }
    let is_named = payload.contains("full_name");
    is_named.then(|| find(payload.text("personal_id"))).flatten().map(|facts| (String::new(), facts))
}

/// The object at that place.
pub(super) fn party_mut<'a>(payload: &'a mut Object, path: &str) -> Option<&'a mut Object> {
    let as_object = |value: &'a mut Value| match value {
        Value::Object(object) => Some(object),
        _ => None,
    };
    match path.split_once('.') {
        _ if path.is_empty() => Some(payload),
        None => payload.get_mut(path).and_then(as_object),
        Some((list, at)) => match payload.get_mut(list)? {
            Value::Array(items) => items.get_mut(at.parse::<usize>().ok()?).and_then(as_object),
            _ => None,
        },
    }
}
