//! The published test vectors, as tests read them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use lienthong::base::Timestamp;
use serde_json::Value;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

/// The committed files.
pub fn files() -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(folder()).expect("the folder of vectors");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let json = paths.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let name = |path: &PathBuf| path.file_name().expect("a name").to_string_lossy().into_owned();
    json.map(|path| (name(&path), std::fs::read_to_string(&path).expect("text"))).collect()
}

/// Those of one format.
pub fn vectors(format: &str) -> Vec<Value> {
    let all = files().into_values().map(|text| serde_json::from_str::<Value>(&text).expect("JSON"));
    let found: Vec<Value> = all.filter(|vector| vector["format"] == format).collect();
    assert!(found.len() > 10, "vectors of {format}");
    found
}

/// A member that is text.
pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} is text: {value}"))
}

/// A member that is a list.
pub fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().unwrap_or_else(|| panic!("{name} is a list: {value}"))
}

/// The time of a vector's verification.
pub fn at(vector: &Value) -> Timestamp {
    let at: jiff::Timestamp = text(vector, "at").parse().expect("a time");
    Timestamp(at.as_millisecond())
}
