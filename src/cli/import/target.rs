//! The record type that rows become: its fields, as the server's `Describe` gives them.

use std::sync::Arc;

use serde_json::Value;

use crate::base::name::no_such;
use crate::cli::output::Failure;
use crate::registry::Catalogue;
use crate::registry::pattern::Pattern;
use crate::registry::rule::Rule;
use crate::registry::schema_file::field_at;
use crate::wire::proto::registry::v1::{RecordTypeDescription, RegistryDescription};

/// Whether a text has the form that a field wants.
pub(super) type Fits = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// The kind of a field's values.
#[derive(Clone)]
pub(super) enum Kind {
    Text,
    /// A text of a form: plates, serials, amounts, areas.
    Formed(Fits),
    PersonalId,
    Date,
    Month,
    PartialDate,
    Integer,
    Boolean,
    /// One of these.
    Choice(Vec<String>),
}

/// One field that holds a value.
#[derive(Clone)]
pub(super) struct Field {
    /// `owners[].full_name`.
    pub(super) path: String,
    pub(super) kind: Kind,
    pub(super) is_required: bool,
    /// Its labels, in Vietnamese and English.
    pub(super) labels: Vec<String>,
}

/// A record type.
pub(super) struct Target {
    pub(super) registry: String,
    pub(super) log_origin: String,
    pub(super) record_type: String,
    pub(super) natural_key: String,
    pub(super) fields: Vec<Field>,
}

impl Target {
    /// The record type of a registry that is meant: the one that is named, or its only one.
    pub(super) fn choose(registry: &RegistryDescription, wanted: Option<&str>) -> Result<Self, Failure> {
        let names: Vec<&str> = registry.record_types.iter().map(|of| of.record_type.as_str()).collect();
        let is_meant =
            |name: &str, wanted: &str| name == wanted || name.split('.').nth(1).is_some_and(|noun| noun == wanted);
        let found = match wanted {
            Some(wanted) => registry.record_types.iter().find(|of| is_meant(&of.record_type, wanted)),
            None if names.len() == 1 => registry.record_types.first(),
            None => {
                let message = format!(
                    "the registry {} has several record types: --record-type {}",
                    registry.registry,
                    names.join(" or ")
                );
                return Err(Failure::with_code(message, 2));
            }
        };
        let missing = || Failure::new(no_such("record type", wanted.unwrap_or_default(), &names));
        Self::of(registry, found.ok_or_else(missing)?)
    }

    fn of(registry: &RegistryDescription, of: &RecordTypeDescription) -> Result<Self, Failure> {
        let schema: Value = serde_json::from_str(&of.json_schema)
            .map_err(|error| Failure::new(format!("the schema of {} cannot be read: {error}", of.record_type)))?;
        let mut fields = Vec::new();
        walk(&schema, &Above { path: "", is_required: true, labels: &[] }, &Catalogue::built_in(), &mut fields);
        Ok(Self {
            registry: registry.registry.clone(),
            log_origin: registry.log_origin.clone(),
            record_type: of.record_type.clone(),
            natural_key: of.natural_key.first().cloned().unwrap_or_default(),
            fields,
        })
    }

    /// The field that a path in a mapping leads to: `owners[0].full_name`, `uses[].code`.
    pub(super) fn field(&self, path: &str) -> Option<&Field> {
        let plain = without_numbers(path);
        self.fields.iter().find(|field| field.path == plain)
    }
}

/// `owners[].full_name` of `owners[0].full_name`.
pub(super) fn without_numbers(path: &str) -> String {
    let mut plain = String::with_capacity(path.len());
    let mut is_within = false;
    for c in path.chars() {
        if !(is_within && c.is_ascii_digit()) {
            plain.push(c);
        }
        is_within = c == '[' || (is_within && c != ']');
    }
    plain
}

/// The position of a schema in its document.
struct Above<'a> {
    path: &'a str,
    is_required: bool,
    /// The labels of the object around it, in Vietnamese and English.
    labels: &'a [String],
}

/// The fields under a schema, `$ref` free as the server exports it.
fn walk(schema: &Value, above: &Above<'_>, built_in: &Catalogue, fields: &mut Vec<Field>) {
    let Above { path, is_required, labels: around } = *above;
    let own: Vec<String> =
        ["x-title-vi", "title"].iter().filter_map(|key| schema[*key].as_str()).map(str::to_owned).collect();
    match schema["type"].as_str() {
        Some("object") => {
            let required: Vec<&str> =
                schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            for (name, of) in schema["properties"].as_object().into_iter().flatten() {
                let under = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                let is_required = is_required && required.contains(&name.as_str());
                // The record's own name says nothing of its fields.
                let labels = if path.is_empty() { &[][..] } else { &own };
                walk(of, &Above { path: &under, is_required, labels }, built_in, fields);
            }
        }
        Some("array") => {
            let mut items = schema["items"].clone();
            for (key, label) in ["x-title-vi", "title"].iter().zip(&own) {
                items[*key] = label.as_str().into();
            }
            walk(&items, &Above { path: &format!("{path}[]"), is_required, labels: around }, built_in, fields);
        }
        _ => {
            let mut labels = own.clone();
            // "Họ và tên chủ xe", "Owner full name": what two objects have.
            if let ([vi, en], [around_vi, around_en]) = (&own[..], around) {
                labels.extend([format!("{vi} {around_vi}"), format!("{around_en} {en}")]);
            }
            fields.push(Field { path: path.to_owned(), kind: kind(schema, built_in), is_required, labels });
        }
    }
}

fn kind(schema: &Value, built_in: &Catalogue) -> Kind {
    let form = |name: &str| {
        let (record_type, path) = name.split_once('/')?;
        match field_at(&built_in.record_type(record_type)?.fields, path)? {
            Rule::Form(form) => {
                let form = form.clone();
                Some(Kind::Formed(Arc::new(move |text: &str| form.fits(text))))
            }
            _ => None,
        }
    };
    let choices = |values: &Vec<Value>| values.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    match (schema["type"].as_str(), schema["format"].as_str()) {
        (Some("integer"), _) => Kind::Integer,
        (Some("boolean"), _) => Kind::Boolean,
        (_, Some("date")) => Kind::Date,
        (_, Some("month")) => Kind::Month,
        (_, Some("partial-date")) => Kind::PartialDate,
        (_, Some("personal-id")) => Kind::PersonalId,
        (_, Some(name)) => form(name).unwrap_or(Kind::Text),
        _ => match (schema["enum"].as_array(), schema["pattern"].as_str().map(Pattern::new)) {
            (Some(values), _) => Kind::Choice(choices(values)),
            (_, Some(Ok(pattern))) => Kind::Formed(Arc::new(move |text: &str| pattern.is_match(text))),
            _ => Kind::Text,
        },
    }
}
