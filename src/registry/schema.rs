//! A record type as data: its fields, its rules across fields, its key, its people and organisations, and its validity.
//!
//! One mechanism serves all sectors; a sector's file only fills this in. Everything here is pure: `today` is passed in.

use std::fmt;
use std::sync::Arc;

use crate::base::text::{folded_key, is_invisible};
use crate::base::time::Date;
use crate::base::{OrganisationCode, PartialDate, PersonalId, Timestamp, Violations};
use crate::trust::{Object, Operation, Value};
use unicode_normalization::UnicodeNormalization as _;

pub use super::fact::{Fact, Says, Stated};
pub use super::label::Label;
use super::lifecycle::Lifecycle;
pub use super::reference::{Reference, Through};
use super::rule::{Field, Findings, check_fields};
use super::viewed::Viewed;
use super::{Name, basis};

/// The meaning of a record's status for a party that relies on the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// In force.
    Active,
    /// Not in force for now.
    Suspended,
    /// Ended for good.
    Ended,
}

/// First and last day of a record's validity, from its payload; `None`: from its issue, without end.
pub type Days = (Option<Date>, Option<Date>);

/// Rules across fields. Fields that broke their own rule may be absent or odd here: read them as optional.
pub type Check = Arc<dyn Fn(&Object, Date, &mut Findings<'_>) + Send + Sync>;

/// The validity of a payload by its own dates.
pub type Validity = Arc<dyn Fn(&Object) -> Days + Send + Sync>;

/// One type of record.
#[derive(Clone)]
pub struct RecordType {
    /// `land.parcel.v1`: registry, noun, version.
    pub name: Name,
    /// The registry that issues it.
    pub registry: Name,
    /// The full name of its typed message: `lienthong.registry.land.v1.Parcel`. Records of a type without one travel as
    /// `google.protobuf.Struct`.
    pub message: Option<String>,
    /// Its number in storage keys: never changed, never reused.
    pub ordinal: u8,
    /// The label of its records.
    pub label: Label,
    /// The heading of its records in the view of a person.
    pub heading: Heading,
    /// The field that identifies an entry.
    pub natural_key: String,
    /// Converts a natural key as people write it to the one form that is hashed: separators dropped, capitals.
    pub key_form: KeyForm,
    /// Paths of the personal IDs that a record is about; `*` means every item of a list. The natural key is left
    /// out when it is the personal ID itself.
    pub parties: Vec<String>,
    /// The organisations that a record is about.
    pub organisations: Organisations,
    /// The fields by which people are found, if it is the register of people.
    pub people: Option<People>,
    /// The records that lead to it, if it names nobody itself.
    pub found_through: Option<Through>,
    /// Its fields that name other records.
    pub references: Vec<Reference>,
    /// Its place in the views of other things than people.
    pub viewed: Viewed,
    /// The kind of document under which citizens link it to their accounts, if they can.
    pub document: Option<Document>,
    /// Its statements about people, of which it is the source.
    pub facts: Vec<Fact>,
    /// Its fields.
    pub fields: Vec<Field>,
    /// Rules across fields.
    pub check: Check,
    /// Every value of `status`, and its meaning; the first is the ordinary one, which needs no reason.
    pub statuses: Vec<(String, State)>,
    /// The allowed changes of its records.
    pub lifecycle: Lifecycle,
    /// Its validity.
    pub days: Validity,
}

impl fmt::Debug for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// How a natural key is converted to the form that is hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyForm {
    /// Unchanged.
    AsWritten,
    /// In small letters: geohashes.
    Lower,
    /// Without separators, in capitals: plates, serials, card numbers.
    Compact,
}

impl KeyForm {
    /// All of them, by their names in schema files.
    pub const ALL: [(&'static str, Self); 3] =
        [("as_written", Self::AsWritten), ("lower", Self::Lower), ("compact", Self::Compact)];

    /// Its name in schema files.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, form)| *form == self).map_or("as_written", |(name, _)| name)
    }

    /// The hashed form of a key as written.
    pub fn of(self, key: &str) -> String {
        match self {
            Self::AsWritten => vietnamese(key).collect(),
            Self::Lower => vietnamese(key).flat_map(char::to_lowercase).collect(),
            Self::Compact => compact(key),
        }
    }
}

/// A heading in the view of a person, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)] // the names say it
pub enum Heading {
    Person,
    Household,
    Documents,
    Land,
    Vehicles,
    Insurance,
    Business,
    Judicial,
    CivilStatus,
}

impl Heading {
    /// All of them, in their order.
    pub const ALL: [Self; 9] = [
        Self::Person,
        Self::Household,
        Self::Documents,
        Self::Land,
        Self::Vehicles,
        Self::Insurance,
        Self::Business,
        Self::Judicial,
        Self::CivilStatus,
    ];
}

/// A kind of document that an ID can replace: its number in rows and in `identity.v1.DocumentType`, never changed and never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocumentType(pub u8);

/// A record type as a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its kind.
    pub kind: DocumentType,
    /// The field that names its holder.
    pub holder: String,
}

/// The paths at which a record names organisations.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Organisations {
    /// Paths of their codes, as in [`RecordType::parties`].
    pub paths: Vec<String>,
    /// The field of the legal representative's personal ID, in the register of organisations, whose natural key is the code.
    pub representative: Option<String>,
}

impl Organisations {
    /// Organisations at these paths.
    pub fn at(paths: &[&str]) -> Self {
        Self { paths: paths.iter().map(|path| (*path).into()).collect(), representative: None }
    }

    /// The same, of the register of organisations.
    #[must_use]
    pub fn represented_by(self, field: &str) -> Self {
        Self { representative: Some(field.into()), ..self }
    }

    /// Whether records of the type name organisations at all.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }
}

/// The fields that find a person in addition to the natural key.
#[derive(Debug, Clone)]
pub struct People {
    /// Full name.
    pub name: String,
    /// Birth date, possibly partial.
    pub birth_date: String,
    /// Other numbers that lead to the person: paths as in [`RecordType::parties`].
    pub aliases: Vec<String>,
}

impl RecordType {
    /// Whether the natural key is the personal ID of the person that the record is about.
    pub fn is_keyed_by_person(&self) -> bool {
        self.natural_key == "personal_id"
    }

    /// Adds every violation of `payload` to `violations`, under the path `root`.
    pub fn validate(&self, payload: &Object, today: Date, root: &dyn std::fmt::Display, found: &mut Violations) {
        let mut findings = Findings::new(root, found);
        check_fields(payload, &self.fields, today, &mut findings);
        (self.check)(payload, today, &mut findings);
        basis::check(payload, today, &mut findings);
        let plain = self.statuses.first().map(|(name, _)| name.as_str());
        if payload.text("status") == plain && payload.contains("status_reason") {
            findings.add("status_reason", "NOT_ALLOWED", "the ordinary status takes no reason");
        }
    }

    /// The natural key of a payload, in the form that is hashed.
    pub fn key_of(&self, payload: &Object) -> Option<String> {
        payload.text(&self.natural_key).map(|key| self.key_form.of(key))
    }

    /// The holder of the document, from its payload; `None` where the type is no document.
    pub fn holder<'a>(&self, payload: &'a Object) -> Option<&'a Object> {
        payload.object(&self.document.as_ref()?.holder)
    }

    /// The meaning of a payload's status; `None` when it has none.
    pub fn state(&self, payload: &Object) -> Option<State> {
        let status = payload.text("status")?;
        self.statuses.iter().find(|(name, _)| name == status).map(|(_, state)| *state)
    }

    /// Whether its records can name people by their personal IDs.
    pub fn names_people(&self) -> bool {
        self.is_keyed_by_person() || !self.parties.is_empty()
    }

    /// The people that a payload names, each once, in payload order; the natural key too when it is a personal ID.
    pub fn people_of(&self, payload: &Object) -> Vec<PersonalId> {
        let mut people = Vec::new();
        let own = self.is_keyed_by_person().then_some(&self.natural_key);
        for path in own.into_iter().chain(&self.parties) {
            texts_at(payload, path, &mut |text| {
                if let Some(person) = PersonalId::parse(text)
                    && !people.contains(&person)
                {
                    people.push(person);
                }
            });
        }
        people
    }

    /// The statement of a payload about the person whom it names at `about`: the field of the register of people, the value, and its path.
    pub fn stated<'a>(&'a self, payload: &'a Object, about: &'a str) -> impl Iterator<Item = Stated<'a>> {
        let in_force = self.state(payload) == Some(State::Active);
        self.facts.iter().filter(move |fact| fact.about == about).filter_map(move |fact| match &fact.says {
            Says::Path(path) => {
                let value = payload.text_at(path).filter(|_| in_force)?;
                Some(Stated { field: &fact.field, value, path, said: value })
            }
            Says::Status(values) => {
                let status = payload.text("status")?;
                let (_, value) = values.iter().find(|(of, _)| of == status)?;
                Some(Stated { field: &fact.field, value, path: "status", said: status })
            }
        })
    }

    /// The former statements of a record that has ended, for comparison with a register that may still have their values.
    pub fn stated_before<'a>(&'a self, payload: &'a Object, about: &'a str) -> impl Iterator<Item = Stated<'a>> {
        let ended = self.state(payload) == Some(State::Ended);
        self.facts.iter().filter(move |fact| ended && fact.about == about).filter_map(move |fact| match &fact.says {
            Says::Path(path) => {
                let said = payload.text("status").unwrap_or_default();
                Some(Stated { field: &fact.field, value: payload.text_at(path)?, path: "status", said })
            }
            Says::Status(_) => None,
        })
    }

    /// The organisations that a payload names, each once, in payload order.
    pub fn organisations_of(&self, payload: &Object) -> Vec<OrganisationCode> {
        let mut organisations = Vec::new();
        for path in &self.organisations.paths {
            texts_at(payload, path, &mut |text| {
                if let Some(code) = OrganisationCode::parse(text)
                    && !organisations.contains(&code)
                {
                    organisations.push(code);
                }
            });
        }
        organisations
    }

    /// The validity of a payload by its own dates.
    pub fn holds(&self, payload: &Object) -> Holds {
        let (first, last) = (self.days)(payload);
        let until = last.and_then(|day| day.tomorrow().ok()).map(Timestamp::start_of);
        Holds { from: first.map(Timestamp::start_of), until }
    }
}

/// The validity of a version: by default from its issue and without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Holds {
    /// The start of its validity.
    pub from: Option<Timestamp>,
    /// Until when, not included.
    pub until: Option<Timestamp>,
}

impl Holds {
    /// The same, where the change itself gives the start or the end.
    pub fn or(self, from: Option<Timestamp>, until: Option<Timestamp>) -> Self {
        Self { from: from.or(self.from), until: until.or(self.until) }
    }

    /// The interval of a version issued at `issued_at`. A revoked record ends with its revocation.
    pub fn interval(self, operation: Operation, issued_at: Timestamp) -> (Timestamp, Timestamp) {
        let mut until = self.until.unwrap_or(Timestamp::MAX);
        if operation == Operation::Revoke {
            until = until.min(issued_at);
        }
        (self.from.unwrap_or(issued_at).min(until), until)
    }
}

impl People {
    /// Folded name and birth date of a payload.
    pub fn name_key(&self, payload: &Object) -> Option<(String, PartialDate)> {
        let name = folded_key(payload.text(&self.name)?);
        Some((name, PartialDate::parse(payload.text(&self.birth_date)?)?))
    }

    /// The other numbers of a payload.
    pub fn aliases_of<'a>(&self, payload: &'a Object) -> Vec<&'a str> {
        let mut aliases = Vec::new();
        for path in &self.aliases {
            texts_at(payload, path, &mut |text| aliases.push(text));
        }
        aliases
    }
}

/// Calls `visit` with every text at `path`; `*` in the path is every item of a list.
pub fn texts_at<'a>(object: &'a Object, path: &str, visit: &mut dyn FnMut(&'a str)) {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    if let Some(value) = object.get(name) {
        texts_in(value, rest, visit);
    }
}

fn texts_in<'a>(value: &'a Value, rest: Option<&str>, visit: &mut dyn FnMut(&'a str)) {
    match (value, rest) {
        (Value::String(text), None) => visit(text),
        (Value::Object(object), Some(rest)) => texts_at(object, rest, visit),
        (Value::Array(items), Some(rest)) => {
            let rest = rest.strip_prefix('*').map(|rest| rest.strip_prefix('.'));
            if let Some(rest) = rest {
                items.iter().for_each(|item| texts_in(item, rest, visit));
            }
        }
        _ => {}
    }
}

/// The characters of a key as payloads have them: composed, and `Đ` for its look-alike. Invisible characters, which no payload may have, are left out.
fn vietnamese(key: &str) -> impl Iterator<Item = char> + '_ {
    let letter = |c| match c {
        '\u{d0}' => 'Đ',
        '\u{f0}' => 'đ',
        c => c,
    };
    let key = key.trim_matches(|c| c == ' ' || is_invisible(c));
    key.nfc().filter(|c| !is_invisible(*c)).map(letter)
}

/// Separators that people write in numbers: hyphens and dashes of any keyboard, minus signs and underscores.
fn is_separator(c: char) -> bool {
    matches!(c, '-' | '.' | ' ' | '_' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}')
}

/// A key without separators, in capitals.
pub(super) fn compact(key: &str) -> String {
    vietnamese(key).filter(|c| !is_separator(*c)).flat_map(char::to_uppercase).collect()
}

/// For record types that hold from their issue without end.
pub fn always(_: &Object) -> Days {
    (None, None)
}

/// For record types whose fields have no rule across them.
pub fn no_rule(_: &Object, _: Date, _: &mut Findings<'_>) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_reach_items_of_lists() {
        let owner = |id: &str| Object::new().with("personal_id", id);
        let object = Object::new()
            .with("owners", vec![owner("1"), owner("2"), Object::new()])
            .with("ids", vec!["3", "4"])
            .with("holder", owner("5"));
        let read = |path: &str| {
            let mut found = Vec::new();
            texts_at(&object, path, &mut |text| found.push(text));
            found
        };
        assert_eq!(read("owners.*.personal_id"), ["1", "2"]);
        assert_eq!(read("ids.*"), ["3", "4"]);
        assert_eq!(read("holder.personal_id"), ["5"]);
        assert!(read("holder").is_empty() && read("owners.personal_id").is_empty() && read("ids").is_empty());
    }

    #[test]
    fn keys_compare_without_separators() {
        assert_eq!(compact("38-b1 123.45"), "38B112345");
        assert_eq!(compact("cđ 123456"), "CĐ123456");
        assert_eq!(compact("C\u{d0} 123456"), "CĐ123456");
        assert_eq!(compact("38A\u{2013}123\u{a0}45\u{200b}"), "38A12345");
        assert_eq!(KeyForm::AsWritten.of("990\u{200b}/2026/Lê\u{feff} "), "990/2026/Lê");
        assert_eq!(KeyForm::AsWritten.of("12/2026/Le\u{302}"), "12/2026/Lê");
        assert_eq!(KeyForm::AsWritten.of(" 12/2026/\u{d0}A"), "12/2026/ĐA");
        assert_eq!(KeyForm::Lower.of("W7723FDN0ZG3"), "w7723fdn0zg3");
    }
}
