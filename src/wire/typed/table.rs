//! The tables: for each message of a payload, its fields by name, with number and kind. Made once.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use prost_reflect::{EnumDescriptor, Kind, MessageDescriptor};

use super::pool::pool;

/// The wire type of a field's value.
#[derive(Debug)]
pub(crate) enum Target {
    Text,
    Integer,
    Bool,
    /// The values that it may have.
    Enum(EnumValues),
    /// Position of a nested message's table.
    Message(usize),
}

/// The values of an enum.
#[derive(Debug)]
pub(crate) struct EnumValues {
    /// All but the unset one, sorted by their text in a payload.
    values: Vec<EnumValue>,
    /// The name of the unset one.
    pub zero: String,
}

/// One value of an enum.
#[derive(Debug)]
pub(crate) struct EnumValue {
    /// In a payload: the name after the enum's prefix, in lower case.
    text: String,
    /// In the proto, and in protobuf's JSON.
    pub name: String,
    pub number: i32,
}

/// One field.
#[derive(Debug)]
pub(crate) struct Entry {
    pub name: String,
    pub number: u32,
    pub repeated: bool,
    /// Whether its absence and its default are told apart.
    pub presence: bool,
    pub target: Target,
}

/// The fields of one message.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// Sorted by name.
    entries: Vec<Entry>,
    /// Names in protobuf's JSON with the field's position, in the order of the fields' numbers.
    json_names: Vec<(String, usize)>,
}

impl Table {
    /// A field by its name in payloads, and its position.
    pub(crate) fn find(&self, name: &str) -> Option<(usize, &Entry)> {
        let at = self.entries.binary_search_by(|entry| entry.name.as_str().cmp(name)).ok()?;
        Some((at, self.entries.get(at)?))
    }

    /// A field by either spelling of its name, and its position. Encoders write fields in the order of their numbers, so the search
    /// begins after the field found before, whose position is kept in `last`.
    pub(crate) fn find_spelt(&self, name: &str, last: &mut usize) -> Option<(usize, &Entry)> {
        let (before, behind) = self.json_names.split_at_checked(*last)?;
        for (step, (json_name, position)) in behind.iter().chain(before).enumerate() {
            let entry = self.entries.get(*position)?;
            if json_name == name || entry.name == name {
                *last = (*last + step + 1) % self.json_names.len();
                return Some((*position, entry));
            }
        }
        None
    }
}

impl EnumValues {
    /// A value by its text in a payload.
    pub(crate) fn find(&self, text: &str) -> Option<&EnumValue> {
        let at = self.values.binary_search_by(|value| value.text.as_str().cmp(text)).ok()?;
        self.values.get(at)
    }

    fn of(kind: &EnumDescriptor) -> Self {
        let zero = kind.values().find(|value| value.number() == 0).map(|value| value.name().to_owned());
        let zero = zero.unwrap_or_default();
        let prefix = zero.trim_end_matches("UNSPECIFIED");
        let named = kind.values().filter(|value| value.number() != 0);
        let mut values: Vec<EnumValue> = named
            .map(|value| EnumValue {
                text: value.name().strip_prefix(prefix).unwrap_or(value.name()).to_lowercase(),
                name: value.name().to_owned(),
                number: value.number(),
            })
            .collect();
        values.sort_by(|one, other| one.text.cmp(&other.text));
        Self { values, zero }
    }
}

/// The tables of all messages that a payload can be made of.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    by_name: BTreeMap<String, usize>,
    tables: Vec<Table>,
}

impl Tables {
    pub(crate) fn get() -> &'static Self {
        static TABLES: OnceLock<Tables> = OnceLock::new();
        TABLES.get_or_init(|| {
            let mut tables = Self::default();
            for message in pool().all_messages() {
                // Payload messages live in the packages of the sectors; services' messages there do no harm.
                if message.package_name().starts_with("lienthong.registry.") {
                    tables.add(&message);
                }
            }
            tables
        })
    }

    pub(crate) fn message(&self, name: &str) -> Option<&Table> {
        self.by_name.get(name).map(|at| self.at(*at))
    }

    pub(crate) fn at(&self, position: usize) -> &Table {
        static NONE: Table = Table { entries: Vec::new(), json_names: Vec::new() };
        self.tables.get(position).unwrap_or(&NONE)
    }

    fn add(&mut self, message: &MessageDescriptor) -> usize {
        if let Some(at) = self.by_name.get(message.full_name()) {
            return *at;
        }
        let at = self.tables.len();
        self.by_name.insert(message.full_name().to_owned(), at);
        self.tables.push(Table::default());
        let mut entries = Vec::new();
        for field in message.fields() {
            let target = match field.kind() {
                Kind::String => Target::Text,
                Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 => Target::Integer,
                Kind::Bool => Target::Bool,
                Kind::Enum(kind) => Target::Enum(EnumValues::of(&kind)),
                Kind::Message(nested) => Target::Message(self.add(&nested)),
                _ => continue, // no payload holds such a value
            };
            let (name, number, repeated) = (field.name().to_owned(), field.number(), field.is_list());
            let presence = field.supports_presence();
            entries.push((field.json_name().to_owned(), Entry { name, number, repeated, presence, target }));
        }
        entries.sort_by(|(_, one), (_, other)| one.name.cmp(&other.name));
        let table = &mut self.tables[at];
        for (position, (json_name, entry)) in entries.into_iter().enumerate() {
            table.json_names.push((json_name, position));
            table.entries.push(entry);
        }
        table.json_names.sort_by_key(|(_, position)| table.entries[*position].number);
        at
    }
}
