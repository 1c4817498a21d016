//! Typed forms: a payload's canonical JSON as the protobuf message that people read, and whether the two say the same.
//!
//! A record type's message has a field for each payload field, with the same name. The one mechanism for all types walks the
//! payload's bytes along tables made of the descriptors: strings, whole numbers and booleans stand for themselves, a closed
//! set is an enum (`"female"` is `SEX_FEMALE`), an object a message, a list a repeated field. No type needs code of its own.
//!
//! The typed form is never what is verified: the payload's bytes are.

mod compare;
mod encode;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use prost_reflect::{Cardinality, DescriptorPool, EnumDescriptor, Kind, MessageDescriptor};

use super::DESCRIPTORS;

pub use compare::difference;
pub use encode::{Shown, encode};

/// All descriptors, for reflection at run time.
pub static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(DESCRIPTORS).unwrap_or_else(|error| unreachable!("our own descriptors are broken: {error}"))
});

/// Why a payload has no typed form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TypedError {
    /// The bytes are not canonical JSON as the walk needs it.
    #[error("the payload cannot be read at {0}")]
    Unreadable(String),
    /// The payload has a field, or an enum a value, that the message lacks.
    #[error("the typed form has no place for {0}")]
    Unknown(String),
    /// The payload holds another kind of value than the message.
    #[error("{0} is of another kind than in the typed form")]
    Kind(String),
    /// There is no such message.
    #[error("no message {0}")]
    NoMessage(String),
}

/// The tables of one message and of every message that it reaches; index 0 is the message itself.
#[derive(Debug)]
pub struct Form {
    tables: Vec<Table>,
}

#[derive(Debug, Default)]
struct Table {
    /// Sorted by name.
    fields: Vec<FieldForm>,
}

#[derive(Debug)]
struct FieldForm {
    name: String,
    json_name: String,
    number: u32,
    repeated: bool,
    /// Whether the default value is written too (`optional`).
    presence: bool,
    shape: Shape,
}

#[derive(Debug)]
enum Shape {
    Text,
    Integer,
    Boolean,
    Enum(EnumForm),
    /// Position in [`Form::tables`].
    Message(usize),
}

#[derive(Debug)]
struct EnumForm {
    /// Payload text, number, name in the proto; sorted by payload text.
    values: Vec<(String, i32, String)>,
}

impl EnumForm {
    fn new(descriptor: &EnumDescriptor) -> Self {
        let prefix = upper_snake(descriptor.name());
        let mut values: Vec<_> = descriptor
            .values()
            .filter(|value| value.number() != 0)
            .map(|value| {
                let text = value.name().strip_prefix(&prefix).and_then(|rest| rest.strip_prefix('_'));
                (text.unwrap_or(value.name()).to_ascii_lowercase(), value.number(), value.name().to_owned())
            })
            .collect();
        values.sort();
        Self { values }
    }

    fn find(&self, text: &[u8]) -> Option<&(String, i32, String)> {
        let at = self.values.binary_search_by(|(name, _, _)| name.as_bytes().cmp(text)).ok()?;
        self.values.get(at)
    }
}

impl Form {
    /// The form of a message by its full name: `lienthong.registry.land.v1.Parcel`.
    pub fn new(message: &str) -> Result<Self, TypedError> {
        let descriptor = POOL.get_message_by_name(message).ok_or_else(|| TypedError::NoMessage(message.to_owned()))?;
        let mut form = Self { tables: Vec::new() };
        form.add(&descriptor, &mut BTreeMap::new())?;
        Ok(form)
    }

    fn add(&mut self, message: &MessageDescriptor, known: &mut BTreeMap<String, usize>) -> Result<usize, TypedError> {
        if let Some(at) = known.get(message.full_name()) {
            return Ok(*at);
        }
        let at = self.tables.len();
        known.insert(message.full_name().to_owned(), at);
        self.tables.push(Table::default());
        let mut fields = Vec::new();
        for field in message.fields() {
            let shape = match field.kind() {
                Kind::String => Shape::Text,
                Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 => Shape::Integer,
                Kind::Bool => Shape::Boolean,
                Kind::Enum(values) => Shape::Enum(EnumForm::new(&values)),
                Kind::Message(inner) => Shape::Message(self.add(&inner, known)?),
                _ => return Err(TypedError::Kind(field.full_name().to_owned())),
            };
            fields.push(FieldForm {
                name: field.name().to_owned(),
                json_name: field.json_name().to_owned(),
                number: field.number(),
                repeated: field.cardinality() == Cardinality::Repeated,
                presence: field.supports_presence(),
                shape,
            });
        }
        fields.sort_by(|a, b| a.name.cmp(&b.name));
        self.tables[at].fields = fields;
        Ok(at)
    }
}

impl Table {
    fn field(&self, name: &[u8]) -> Option<&FieldForm> {
        let at = self.fields.binary_search_by(|field| field.name.as_bytes().cmp(name)).ok()?;
        self.fields.get(at)
    }
}

/// The forms of a set of record types, by record type.
#[derive(Debug, Default)]
pub struct Forms {
    by_type: BTreeMap<String, Form>,
}

impl Forms {
    /// The forms of (record type, message name) pairs.
    pub fn new<'a>(types: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, TypedError> {
        let by_type = types
            .into_iter()
            .map(|(record_type, message)| Ok((record_type.to_owned(), Form::new(message)?)))
            .collect::<Result<_, TypedError>>()?;
        Ok(Self { by_type })
    }

    /// The form of a record type.
    pub fn get(&self, record_type: &str) -> Option<&Form> {
        self.by_type.get(record_type)
    }
}

/// `LandUseKind` → `LAND_USE_KIND`, as buf's ENUM_VALUE_PREFIX wants it.
fn upper_snake(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for (at, letter) in name.chars().enumerate() {
        if at > 0 && letter.is_ascii_uppercase() {
            text.push('_');
        }
        text.push(letter.to_ascii_uppercase());
    }
    text
}

#[cfg(test)]
mod tests;
