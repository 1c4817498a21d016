//! The tables: for each message of a payload, its fields by name, with number and kind. Made once.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use prost_reflect::{EnumDescriptor, Kind, MessageDescriptor};

/// What a field's value becomes on the wire.
#[derive(Debug)]
pub(super) enum Target {
    Text,
    Integer,
    Bool,
    /// Payload texts and their numbers, sorted by text.
    Enum(Vec<(String, i32)>),
    /// Position of a nested message's table.
    Message(usize),
}

/// One field.
#[derive(Debug)]
pub(super) struct Entry {
    pub name: String,
    pub number: u32,
    pub repeated: bool,
    pub target: Target,
}

/// The tables of all messages that a payload can be made of.
#[derive(Debug, Default)]
pub(super) struct Tables {
    by_name: BTreeMap<String, usize>,
    tables: Vec<Vec<Entry>>,
}

impl Tables {
    pub(super) fn get() -> &'static Self {
        static TABLES: OnceLock<Tables> = OnceLock::new();
        TABLES.get_or_init(|| {
            let mut tables = Self::default();
            for message in super::pool().all_messages() {
                // Payload messages live in the packages of the sectors; services' messages there do no harm.
                if message.package_name().starts_with("lienthong.registry.") {
                    tables.add(&message);
                }
            }
            tables
        })
    }

    pub(super) fn message(&self, name: &str) -> Option<&[Entry]> {
        self.by_name.get(name).map(|at| self.at(*at))
    }

    pub(super) fn at(&self, position: usize) -> &[Entry] {
        self.tables.get(position).map_or(&[], Vec::as_slice)
    }

    fn add(&mut self, message: &MessageDescriptor) -> usize {
        if let Some(at) = self.by_name.get(message.full_name()) {
            return *at;
        }
        let at = self.tables.len();
        self.by_name.insert(message.full_name().to_owned(), at);
        self.tables.push(Vec::new());
        let mut entries = Vec::new();
        for field in message.fields() {
            let target = match field.kind() {
                Kind::String => Target::Text,
                Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 => Target::Integer,
                Kind::Bool => Target::Bool,
                Kind::Enum(kind) => Target::Enum(payload_values(&kind)),
                Kind::Message(nested) => Target::Message(self.add(&nested)),
                _ => continue, // no payload holds such a value
            };
            let (name, number, repeated) = (field.name().to_owned(), field.number(), field.is_list());
            entries.push(Entry { name, number, repeated, target });
        }
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        self.tables[at] = entries;
        at
    }
}

/// The payload text of each value but the unset one: the name behind the enum's prefix, in small letters.
pub(super) fn payload_values(kind: &EnumDescriptor) -> Vec<(String, i32)> {
    let zero = kind.values().find(|value| value.number() == 0);
    let prefix = zero.map(|value| value.name().trim_end_matches("UNSPECIFIED").to_owned()).unwrap_or_default();
    let named = kind.values().filter(|value| value.number() != 0);
    let mut values: Vec<(String, i32)> = named
        .map(|value| (value.name().strip_prefix(&prefix).unwrap_or(value.name()).to_lowercase(), value.number()))
        .collect();
    values.sort();
    values
}
