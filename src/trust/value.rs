//! The values that a record's payload is made of, with builders and typed getters.
//!
//! A payload is read and written by every sector's rules, so reading a field must be one short call, and a missing
//! field and a field of another type must look the same to a rule: `None`. There is no null and no float: absence
//! means unknown, and money and identifiers are strings.

use std::fmt;

/// One value of a payload.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// A text in NFC; money, dates and identifiers too.
    String(String),
    /// A whole number within ±(2⁵³−1).
    Integer(i64),
    /// True or false.
    Bool(bool),
    /// Values in their order.
    Array(Vec<Value>),
    /// Named values.
    Object(Object),
}

/// Named values, sorted by name, each name once. Names are ASCII snake_case, so that byte order is the order of
/// RFC 8785.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Object {
    fields: Vec<(String, Value)>,
}

impl Object {
    /// An object without fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces a field; for building an object in one expression.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.insert(name, value);
        self
    }

    /// Adds or replaces a field when there is a value; absence means unknown.
    #[must_use]
    pub fn with_optional(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Adds or replaces a field; returns the previous value.
    pub fn insert(&mut self, name: impl Into<String> + AsRef<str>, value: impl Into<Value>) -> Option<Value> {
        let value = value.into();
        match self.position(name.as_ref()) {
            Ok(at) => Some(std::mem::replace(&mut self.fields[at].1, value)),
            Err(at) => {
                self.fields.insert(at, (name.into(), value));
                None
            }
        }
    }

    /// Takes a field out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.position(name).ok().map(|at| self.fields.remove(at).1)
    }

    /// A field by its name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.position(name).ok().map(|at| &self.fields[at].1)
    }

    /// A field by its name, to change it.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.position(name).ok().map(|at| &mut self.fields[at].1)
    }

    /// Whether a field is there.
    pub fn contains(&self, name: &str) -> bool {
        self.position(name).is_ok()
    }

    /// A text field.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_text()
    }

    /// A number field.
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.get(name)?.as_integer()
    }

    /// A true-or-false field.
    pub fn boolean(&self, name: &str) -> Option<bool> {
        self.get(name)?.as_bool()
    }

    /// A nested object.
    pub fn object(&self, name: &str) -> Option<&Object> {
        self.get(name)?.as_object()
    }

    /// An array field.
    pub fn array(&self, name: &str) -> Option<&[Value]> {
        self.get(name)?.as_array()
    }

    /// A value inside nested objects: `holder.personal_id`. Steps into an array are its indices: `owners.0.name`.
    pub fn path(&self, path: &str) -> Option<&Value> {
        let mut names = path.split('.');
        let mut value = self.get(names.next()?)?;
        for name in names {
            value = match value {
                Value::Object(object) => object.get(name)?,
                Value::Array(items) => items.get(name.parse::<usize>().ok()?)?,
                _ => return None,
            };
        }
        Some(value)
    }

    /// A text inside nested objects: `holder.personal_id`.
    pub fn text_at(&self, path: &str) -> Option<&str> {
        self.path(path)?.as_text()
    }

    /// The fields in order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The names in their order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.fields.iter().map(|(name, _)| name.as_str())
    }

    /// How many fields.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Adds a field that sorts after all others; for the parser, which has checked that.
    pub(super) fn push_sorted(&mut self, name: String, value: Value) {
        debug_assert!(self.fields.last().is_none_or(|(last, _)| *last < name));
        self.fields.push((name, value));
    }

    fn position(&self, name: &str) -> Result<usize, usize> {
        self.fields.binary_search_by(|(other, _)| other.as_str().cmp(name))
    }
}

impl FromIterator<(String, Value)> for Object {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(fields: I) -> Self {
        let mut object = Self::new();
        for (name, value) in fields {
            object.insert(name, value);
        }
        object
    }
}

impl IntoIterator for Object {
    type Item = (String, Value);
    type IntoIter = std::vec::IntoIter<(String, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.fields.into_iter()
    }
}

impl Value {
    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// The number, if it is one.
    pub fn as_integer(&self) -> Option<i64> {
        if let Self::Integer(number) = self { Some(*number) } else { None }
    }

    /// True or false, if it is that.
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(truth) = self { Some(*truth) } else { None }
    }

    /// The items, if it is an array.
    pub fn as_array(&self) -> Option<&[Value]> {
        if let Self::Array(items) = self { Some(items) } else { None }
    }

    /// The object, if it is one.
    pub fn as_object(&self) -> Option<&Object> {
        if let Self::Object(object) = self { Some(object) } else { None }
    }
}

/// Payloads hold names and personal IDs, which never reach logs: `Debug` shows the shape only.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(_) => f.write_str("String(…)"),
            Self::Integer(_) => f.write_str("Integer(…)"),
            Self::Bool(_) => f.write_str("Bool(…)"),
            Self::Array(items) => f.debug_list().entries(items).finish(),
            Self::Object(object) => object.fmt(f),
        }
    }
}

/// Shows the names and the types, never the values.
impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

macro_rules! value_from {
    ($($type:ty => |$value:ident| $made:expr;)*) => {
        $(impl From<$type> for Value {
            fn from($value: $type) -> Self {
                $made
            }
        })*
    };
}

value_from! {
    &str => |text| Value::String(text.to_owned());
    String => |text| Value::String(text);
    &String => |text| Value::String(text.clone());
    bool => |truth| Value::Bool(truth);
    i64 => |number| Value::Integer(number);
    i32 => |number| Value::Integer(number.into());
    u32 => |number| Value::Integer(number.into());
    u16 => |number| Value::Integer(number.into());
    u8 => |number| Value::Integer(number.into());
    Object => |object| Value::Object(object);
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Self::Array(items.into_iter().map(Into::into).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Object {
        Object::new()
            .with("number", "AB 1")
            .with("holder", Object::new().with("personal_id", "042185990002").with("age", 41))
            .with("owners", vec![Object::new().with("name", "Lan")])
            .with_optional("note", None::<&str>)
            .with("valid", true)
    }

    #[test]
    fn getters_read_fields_by_name_type_and_path() {
        let object = sample();
        assert_eq!(object.text("number"), Some("AB 1"));
        assert_eq!(object.integer("number"), None);
        assert_eq!(object.boolean("valid"), Some(true));
        assert_eq!(object.text_at("holder.personal_id"), Some("042185990002"));
        assert_eq!(object.path("holder.age").and_then(Value::as_integer), Some(41));
        assert_eq!(object.text_at("owners.0.name"), Some("Lan"));
        assert_eq!(object.path("owners.1.name"), None);
        assert_eq!(object.path("number.x"), None);
        assert_eq!(object.path(""), None);
        assert!(!object.contains("note"));
    }

    #[test]
    fn fields_are_sorted_and_unique() {
        let mut object = sample();
        assert_eq!(object.names().collect::<Vec<_>>(), ["holder", "number", "owners", "valid"]);
        assert_eq!(object.insert("number", "x"), Some(Value::from("AB 1")));
        assert_eq!(object.remove("valid"), Some(Value::Bool(true)));
        assert_eq!(object.len(), 3);
    }

    #[test]
    fn debug_hides_values() {
        let shown = format!("{:?}", sample());
        assert!(shown.contains("personal_id") && !shown.contains("042185990002") && !shown.contains("41"), "{shown}");
    }
}
