//! The file of rights as rows: its keys and their types, with the position of every value. The meaning of the rows is checked
//! afterwards (`check.rs`).
//!
//! The form is TOML 1.0, read by a library; `default.toml` in this folder shows and explains every key.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::flaw::{Findings, shown};

const TEXT_CHARS_MAX: usize = 300;

/// A value and its offset in bytes.
#[derive(Debug, Clone)]
pub(super) struct Placed<T> {
    pub(super) at: usize,
    pub(super) value: T,
}

pub(super) type Text = Placed<String>;

/// `[[agency]]`.
pub(super) struct AgencyRow {
    pub(super) key: Text,
    pub(super) name: Text,
    pub(super) name_vi: Text,
    pub(super) private_party: bool,
}

/// `[[purpose]]`.
pub(super) struct PurposeRow {
    pub(super) key: Text,
    pub(super) description: Text,
}

/// `[[fields]]`.
pub(super) struct FieldsRow {
    pub(super) key: Text,
    pub(super) of: Text,
    pub(super) names: Vec<Text>,
}

/// The fields of a right: a list of the file, `all`, or the names themselves.
pub(super) enum FieldsChoice {
    Key(Text),
    Names(usize, Vec<Text>),
}

/// `[[right]]`.
pub(super) struct RightRow {
    pub(super) at: usize,
    pub(super) agency: Text,
    pub(super) purpose: Text,
    pub(super) basis: Text,
    pub(super) legal_basis: Text,
    pub(super) read: Vec<(Text, FieldsChoice)>,
}

/// `[[method]]`.
pub(super) struct MethodRow {
    pub(super) callers: Vec<Text>,
    pub(super) names: Vec<Text>,
}

/// The whole file.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) format: Option<Text>,
    pub(super) roles: Vec<(Text, Vec<Text>)>,
    pub(super) agencies: Vec<AgencyRow>,
    pub(super) purposes: Vec<PurposeRow>,
    pub(super) fields: Vec<FieldsRow>,
    pub(super) rights: Vec<RightRow>,
    pub(super) methods: Vec<MethodRow>,
}

/// Reads the rows of a text. A text that is not TOML has no rows.
pub(super) fn rows(text: &str, found: &mut Findings) -> Rows {
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let at = error.span().map_or(text.len(), |span| span.start);
        found.error(at, "SYNTAX", || error.message().to_owned());
    }
    let mut rows = Rows::default();
    if !errors.is_empty() {
        return rows;
    }
    let known = ["format", "roles", "agency", "purpose", "fields", "right", "method"];
    let mut file = Table { table: document.get_ref(), at: 0, what: "the file", found };
    file.only(&known);
    rows.format = file.text("format");
    if let Some(roles) = file.table("roles") {
        rows.roles = roles.entries().into_iter().map(|(key, value)| (key, texts(value, roles.found))).collect();
    }
    rows.agencies = file.each("[[agency]]", "agency", agency);
    rows.purposes = file.each("[[purpose]]", "purpose", purpose);
    rows.fields = file.each("[[fields]]", "fields", fields);
    rows.rights = file.each("[[right]]", "right", right);
    rows.methods = file.each("[[method]]", "method", method);
    rows
}

fn agency(mut row: Table<'_, '_>) -> Option<AgencyRow> {
    row.only(&["key", "name", "name_vi", "private_party"]);
    let (key, name, name_vi) = (row.text("key"), row.text("name"), row.text("name_vi"));
    let private_party = row.flag("private_party");
    Some(AgencyRow { key: key?, name: name?, name_vi: name_vi?, private_party })
}

fn purpose(mut row: Table<'_, '_>) -> Option<PurposeRow> {
    row.only(&["key", "description"]);
    let (key, description) = (row.text("key"), row.text("description"));
    Some(PurposeRow { key: key?, description: description? })
}

fn fields(mut row: Table<'_, '_>) -> Option<FieldsRow> {
    row.only(&["key", "of", "names"]);
    let (key, of, names) = (row.text("key"), row.text("of"), row.texts("names"));
    Some(FieldsRow { key: key?, of: of?, names: names? })
}

fn right(mut row: Table<'_, '_>) -> Option<RightRow> {
    row.only(&["agency", "purpose", "basis", "legal_basis", "read"]);
    let (agency, purpose) = (row.text("agency"), row.text("purpose"));
    let (basis, legal_basis) = (row.text("basis"), row.text("legal_basis"));
    let at = row.at;
    let Some(table) = row.table("read") else {
        row.missing("read");
        return None;
    };
    let choices = table.entries().into_iter().filter_map(|(record_type, value)| {
        let choice = match value.get_ref() {
            DeValue::String(key) => FieldsChoice::Key(Placed { at: value.span().start, value: key.to_string() }),
            DeValue::Array(names) => FieldsChoice::Names(value.span().start, texts_of(names, table.found)),
            other => {
                wrong_type(table.found, value.span(), "a list's key, \"all\" or a list of fields", other);
                return None;
            }
        };
        Some((record_type, choice))
    });
    let read = choices.collect();
    Some(RightRow { at, agency: agency?, purpose: purpose?, basis: basis?, legal_basis: legal_basis?, read })
}

fn method(mut row: Table<'_, '_>) -> Option<MethodRow> {
    row.only(&["callers", "names"]);
    let (callers, names) = (row.texts("callers"), row.texts("names"));
    Some(MethodRow { callers: callers?, names: names? })
}

/// A table being read.
struct Table<'t, 'f> {
    table: &'t DeTable<'t>,
    at: usize,
    what: &'static str,
    found: &'f mut Findings,
}

impl<'t> Table<'t, '_> {
    /// Notes unknown keys.
    fn only(&mut self, known: &[&str]) {
        for key in self.table.keys().filter(|key| !known.contains(&&**key.get_ref())) {
            let what = format!("key in {}:", self.what);
            self.found.unknown(key.span().start, &what, key.get_ref(), known.iter().copied());
        }
    }

    fn missing(&mut self, key: &str) {
        let what = self.what;
        self.found.error(self.at, "REQUIRED", || format!("{what} needs {key}"));
    }

    fn required(&mut self, key: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        let value = self.table.get(key);
        if value.is_none() {
            self.missing(key);
        }
        value
    }

    fn text(&mut self, key: &str) -> Option<Text> {
        let value = self.required(key)?;
        match value.get_ref() {
            DeValue::String(text) => Some(Placed { at: value.span().start, value: text.to_string() }),
            other => {
                wrong_type(self.found, value.span(), "a text", other);
                None
            }
        }
    }

    fn texts(&mut self, key: &str) -> Option<Vec<Text>> {
        self.required(key).map(|value| texts(value, self.found))
    }

    fn flag(&mut self, key: &str) -> bool {
        let Some(value) = self.table.get(key) else { return false };
        match value.get_ref() {
            DeValue::Boolean(flag) => *flag,
            other => {
                wrong_type(self.found, value.span(), "true or false", other);
                false
            }
        }
    }

    /// A table in it, if the key exists and is one.
    fn table(&mut self, key: &'static str) -> Option<Table<'t, '_>> {
        let value = self.table.get(key)?;
        let at = value.span().start;
        match value.get_ref() {
            DeValue::Table(table) => Some(Table { table, at, what: key, found: self.found }),
            other => {
                wrong_type(self.found, value.span(), "a table", other);
                None
            }
        }
    }

    fn entries(&self) -> Vec<(Text, &'t Spanned<DeValue<'t>>)> {
        let entry = |(key, value): (&'t Spanned<toml::de::DeString<'t>>, _)| {
            (Placed { at: key.span().start, value: key.get_ref().to_string() }, value)
        };
        self.table.iter().map(entry).collect()
    }

    /// Reads every row of an array of tables.
    fn each<R>(&mut self, what: &'static str, key: &str, read: impl Fn(Table<'_, '_>) -> Option<R>) -> Vec<R> {
        let Some(value) = self.required(key) else { return Vec::new() };
        let DeValue::Array(rows) = value.get_ref() else {
            wrong_type(self.found, value.span(), what, value.get_ref());
            return Vec::new();
        };
        let mut all = Vec::new();
        for row in rows.iter() {
            match row.get_ref() {
                DeValue::Table(table) => {
                    all.extend(read(Table { table, at: row.span().start, what, found: self.found }));
                }
                other => wrong_type(self.found, row.span(), what, other),
            }
        }
        all
    }
}

fn texts(value: &Spanned<DeValue<'_>>, found: &mut Findings) -> Vec<Text> {
    match value.get_ref() {
        DeValue::Array(items) => texts_of(items, found),
        other => {
            wrong_type(found, value.span(), "a list of texts", other);
            Vec::new()
        }
    }
}

fn texts_of(items: &DeArray<'_>, found: &mut Findings) -> Vec<Text> {
    let mut texts: Vec<Text> = Vec::with_capacity(items.len());
    for item in items.iter() {
        match item.get_ref() {
            DeValue::String(text) => texts.push(Placed { at: item.span().start, value: text.to_string() }),
            other => wrong_type(found, item.span(), "a text", other),
        }
    }
    let mut seen = std::collections::HashSet::new();
    texts.retain(|text| {
        let is_new = seen.insert(text.value.clone());
        if !is_new {
            found.error(text.at, "DUPLICATE", || format!("{} is in this list already", shown(&text.value)));
        }
        is_new
    });
    texts
}

fn wrong_type(found: &mut Findings, span: Range<usize>, wanted: &str, given: &DeValue<'_>) {
    found.error(span.start, "TYPE", || format!("must be {wanted}, but is of type {}", given.type_str()));
}

/// Checks a text that people read.
pub(super) fn check_text(text: &Text, found: &mut Findings) {
    if text.value.trim().is_empty()
        || text.value.chars().count() > TEXT_CHARS_MAX
        || text.value.contains(char::is_control)
    {
        found.error(text.at, "FORMAT", || format!("a text of 1 to {TEXT_CHARS_MAX} characters, on one line"));
    }
}
