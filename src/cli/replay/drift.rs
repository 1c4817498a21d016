//! The differences between recorded and present answers, field by field; and the noise, fields that are named as such and never guessed.

use serde_json::Value;

use super::super::output::Failure;

/// Most differences that are told of one call.
const TOLD_MAX: usize = 20;
/// Longest value that is told, in characters.
const VALUE_CHARS_MAX: usize = 120;

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference {
    /// Its path: `records[0].verdict`.
    pub(super) path: String,
    /// The recorded value; `None`: none.
    pub(super) recorded: Option<String>,
    /// The present value.
    pub(super) now: Option<String>,
}

/// A field that may differ, with all that is below it: `requestId`, `records[].signed`, or of one method alone
/// `ExchangeService/FetchRecords:evidence`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Noise {
    pub(super) text: String,
    method: Option<String>,
    path: String,
    /// How many differences it covered.
    pub(super) hits: u64,
}

impl Noise {
    /// Reads one.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let (method, path) = match text.split_once(':') {
            Some((method, path)) => (Some(method.to_owned()), path),
            None => (None, text),
        };
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '[' | ']');
        if path.is_empty() || !path.chars().all(fits) || method.as_deref() == Some("") {
            let message = format!("{text:?} names no field: give a path like records[].signed, or METHOD:PATH");
            return Err(Failure::with_code(message, 2));
        }
        Ok(Self { text: text.to_owned(), method, path: path.to_owned(), hits: 0 })
    }

    fn covers(&self, method: &str, path: &str) -> bool {
        let is_of =
            self.method.as_ref().is_none_or(|suffix| method == suffix || method.ends_with(&format!(".{suffix}")));
        let plain = without_indices(path);
        let below = plain.strip_prefix(&self.path).or_else(|| path.strip_prefix(&self.path));
        is_of && below.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    }
}

/// `records[0].signed` as `records[].signed`.
fn without_indices(path: &str) -> String {
    let mut out = String::new();
    let mut is_index = false;
    for c in path.chars() {
        is_index &= c != ']';
        if !is_index {
            out.push(c);
        }
        is_index |= c == '[';
    }
    out
}

/// The differences between two values, without the noise.
pub(super) fn differences(method: &str, recorded: &Value, now: &Value, noise: &mut [Noise]) -> Vec<Difference> {
    let mut found = Vec::new();
    walk(String::new(), Some(recorded), Some(now), &mut |path, recorded, now| {
        if let Some(noise) = noise.iter_mut().find(|noise| noise.covers(method, &path)) {
            noise.hits += 1;
        } else if found.len() < TOLD_MAX {
            found.push(Difference { path, recorded: recorded.map(told), now: now.map(told) });
        }
    });
    found
}

fn told(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(VALUE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn walk(
    path: String,
    recorded: Option<&Value>,
    now: Option<&Value>,
    tell: &mut impl FnMut(String, Option<&Value>, Option<&Value>),
) {
    match (recorded, now) {
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            let added = after.keys().filter(|name| !before.contains_key(*name));
            for name in before.keys().chain(added) {
                let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                walk(below, before.get(name), after.get(name), tell);
            }
        }
        (Some(Value::Array(before)), Some(Value::Array(after))) => {
            for at in 0..before.len().max(after.len()) {
                walk(format!("{path}[{at}]"), before.get(at), after.get(at), tell);
            }
        }
        (recorded, now) if recorded == now => {}
        (recorded, now) => tell(path, recorded, now),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const METHOD: &str = "lienthong.exchange.v1.ExchangeService/FetchRecords";

    fn paths(before: &Value, after: &Value, noise: &mut [Noise]) -> Vec<String> {
        differences(METHOD, before, after, noise).into_iter().map(|difference| difference.path).collect()
    }

    #[test]
    fn a_difference_is_named_by_its_path() {
        let before = json!({ "a": 1, "records": [{ "x": "y", "z": [1, 2] }, { "x": "y" }], "gone": null });
        let after = json!({ "a": 1, "records": [{ "x": "n", "z": [1] }, { "x": "y" }, {}], "new": true });
        assert_eq!(paths(&before, &after, &mut []), ["gone", "records[0].x", "records[0].z[1]", "records[2]", "new"]);
        assert_eq!(paths(&before, &before, &mut []), Vec::<String>::new());
        let found = differences(METHOD, &json!({ "a": "ä".repeat(200) }), &json!({}), &mut []);
        assert_eq!(found[0].now, None);
        assert!(found[0].recorded.as_ref().is_some_and(|told| told.ends_with('…')));
    }

    #[test]
    fn noise_covers_what_it_names_and_is_counted() {
        let before = json!({ "requestId": "a", "records": [{ "signed": { "proof": 1 }, "signedBy": 1 }] });
        let after = json!({ "requestId": "b", "records": [{ "signed": { "proof": 2 }, "signedBy": 2 }] });
        let mut noise = ["requestId", "records[].signed", "records[1]", "LinkService/ListLinks:records"]
            .map(|text| Noise::parse(text).expect(text));
        assert_eq!(paths(&before, &after, &mut noise), ["records[0].signedBy"]);
        assert_eq!(noise.map(|noise| noise.hits), [1, 1, 0, 0]);
        let mut of_method = [Noise::parse("ExchangeService/FetchRecords:records[0]").expect("a path")];
        assert_eq!(paths(&before, &after, &mut of_method), ["requestId"]);
        for bad in ["", "a b", "x:", ":x", "*"] {
            Noise::parse(bad).expect_err(bad);
        }
    }
}
