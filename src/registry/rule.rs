//! Field rules: the allowed values of a payload, and the one walk that checks a payload against them.
//!
//! The walk names every bad field at once, by its full path, refuses fields that no rule knows, and never repeats a
//! value: payloads are personal data and error texts travel.

use std::fmt;
use std::sync::Arc;

use super::codes::{AsOf, Carries, CodeList, Standing};
pub use super::findings::Findings;
use super::form::is_plain_text;
pub use super::form::{Form, Origin};
use super::label::Label;
use super::pattern::Pattern;
use crate::base::text::{end_within, is_in_other_letters, name_is_valid};
use crate::base::time::Date;
use crate::base::{PartialDate, Path, PersonalId, legacy, misread};
use crate::trust::{Object, Value};

/// Longest text where a rule names no other limit, in characters.
pub const TEXT_CHARS_MAX: usize = 200;

/// The rule of a value.
#[derive(Debug, Clone)]
pub enum Rule {
    /// A personal ID, 12 digits.
    PersonalId,
    /// A person's name.
    Name,
    /// A text of at most this many characters, not blank at its ends.
    Text(usize),
    /// A civil date, `YYYY-MM-DD`.
    Date,
    /// A month, `YYYY-MM`.
    Month,
    /// A date that may be known to the year or month only.
    PartialDate,
    /// One of a closed set; an enum in the typed form.
    OneOf(Vec<String>),
    /// One of a published list of codes; a string in the typed form.
    Code(Vec<String>),
    /// A code of a list that changes with time; a string in the typed form.
    Listed(Listed),
    /// A text of a form that a function knows.
    Form(Form),
    /// A whole number, bounds included.
    Integer(i64, i64),
    /// True or false.
    Boolean,
    /// A nested object.
    Object(Vec<Field>),
    /// Values of one rule, from 1 to this many: an empty list is written by leaving the field out.
    List(Box<Rule>, usize),
    /// The same, each value once.
    Set(Box<Rule>, usize),
}

/// A code list, and the day for which a code is looked up in it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The list.
    pub list: Arc<CodeList>,
    /// The day to which the record refers.
    pub as_of: AsOf,
    /// The form of every code, where the list does not have them all.
    pub form: Option<Form>,
}

/// One field of an object.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its name: snake_case ASCII, the same in payload and typed form.
    pub name: String,
    /// The rule of its value.
    pub rule: Rule,
    /// Whether it is required.
    pub required: bool,
    /// Whether it is specially protected (Law 91/2025): religion, ethnicity, convictions.
    pub sensitive: bool,
    /// Its label, where its schema has one.
    pub title: Option<Label>,
    /// Its description, where its schema has one; that of a typed message is the comment in its proto.
    pub description: Option<Label>,
}

impl Field {
    /// A required field.
    pub fn required(name: &str, rule: Rule) -> Self {
        Self { name: name.into(), rule, required: true, sensitive: false, title: None, description: None }
    }

    /// An optional field.
    pub fn optional(name: &str, rule: Rule) -> Self {
        Self { required: false, ..Self::required(name, rule) }
    }

    /// The same, specially protected.
    #[must_use]
    pub fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }
}

impl Rule {
    /// [`Rule::OneOf`] of these.
    pub fn one_of(values: &[&str]) -> Self {
        Self::OneOf(owned(values))
    }

    /// [`Rule::Code`] of these.
    pub fn code(values: &[&str]) -> Self {
        Self::Code(owned(values))
    }

    /// [`Rule::Listed`]: the codes of the built-in list `name`, as they are on a day.
    pub fn listed(name: &str, as_of: AsOf) -> Self {
        let list = super::codes::list(name).unwrap_or_else(|| panic!("no built-in code list is called {name}"));
        Self::Listed(Listed { list, as_of, form: None })
    }

    /// The same, where every code, known or not, has a form.
    pub fn listed_in_form(name: &str, as_of: AsOf, fits: fn(&str) -> bool, says: &str) -> Self {
        match Self::listed(name, as_of) {
            Self::Listed(listed) => Self::Listed(Listed {
                form: Some(Form { fits: Arc::new(fits), normal: None, says: says.into(), origin: Origin::Function }),
                ..listed
            }),
            other => other,
        }
    }

    /// [`Rule::Form`]; `says` describes the form.
    pub fn form(fits: impl Fn(&str) -> bool + Send + Sync + 'static, says: &str) -> Self {
        Self::Form(Form { fits: Arc::new(fits), normal: None, says: says.into(), origin: Origin::Function })
    }

    /// [`Rule::Form`] of a text with several spellings: `normal` gives the one that is stored, or nothing for another text.
    pub fn written(normal: fn(&str) -> Option<String>, says: &str) -> Self {
        let fits = move |text: &str| normal(text).is_some_and(|normal| normal == text);
        Self::Form(Form { fits: Arc::new(fits), normal: Some(normal), says: says.into(), origin: Origin::Function })
    }

    /// The text that is stored for `text`, if that is another one.
    pub fn normal(&self, text: &str) -> Option<String> {
        match self {
            Self::Form(Form { normal: Some(normal), .. }) => normal(text).filter(|normal| normal != text),
            _ => None,
        }
    }

    /// [`Rule::Form`] of a text of `min` to `max` characters that `pattern` matches.
    pub fn pattern(pattern: Pattern, min: usize, max: usize) -> Self {
        let says = match pattern.source() {
            "" => format!("a text of {min} to {max} characters without spaces at either end"),
            source => format!("a text of {min} to {max} characters that matches {source}"),
        };
        Self::Form(Form::matching(pattern, min, max, says))
    }

    /// [`Rule::form`] of a function that accepts the texts that `pattern` matches, which schemas use.
    pub fn form_as(fits: fn(&str) -> bool, pattern: &str, says: &str) -> Self {
        let pattern = Pattern::new(pattern).expect("a built-in pattern is one, a test reads it");
        let origin = Origin::Pattern(pattern, 1, TEXT_CHARS_MAX);
        Self::Form(Form { fits: Arc::new(fits), normal: None, says: says.into(), origin })
    }

    /// [`Rule::Object`] of these fields.
    pub fn object(fields: impl Into<Vec<Field>>) -> Self {
        Self::Object(fields.into())
    }

    /// [`Rule::List`] of at most `max`.
    pub fn list(of: Rule, max: usize) -> Self {
        Self::List(Box::new(of), max)
    }

    /// [`Rule::Set`] of at most `max`.
    pub fn set(of: Rule, max: usize) -> Self {
        Self::Set(Box::new(of), max)
    }

    /// The rule in words, for descriptions and violations.
    pub fn says(&self) -> String {
        match self {
            Self::PersonalId => "a personal ID of 12 digits".into(),
            Self::Name => {
                "a person's name, words of Latin letters with single spaces between, at most 100 characters".into()
            }
            Self::Text(max) => {
                format!("a text of 1 to {max} visible characters, without spaces at either end")
            }
            Self::Date => "a date as YYYY-MM-DD".into(),
            Self::Month => "a month as YYYY-MM".into(),
            Self::PartialDate => "a date as YYYY, YYYY-MM or YYYY-MM-DD".into(),
            Self::OneOf(values) | Self::Code(values) => format!("one of {}", values.join(", ")),
            Self::Listed(Listed { list, form, .. }) => {
                let code = if list.carries == Carries::Code { "a code" } else { "a name" };
                let what = form.as_ref().map_or(code, |form| &form.says);
                format!("{what} from the list {} (RegistryService/ListCodes)", list.name)
            }
            Self::Form(form) => form.says.clone(),
            Self::Integer(min, max) => format!("a whole number from {min} to {max}"),
            Self::Boolean => "true or false".into(),
            Self::Object(_) => "an object".into(),
            Self::List(of, max) => format!("1 to {max} values, each {}; left out when there is none", of.says()),
            Self::Set(of, max) => {
                format!("1 to {max} distinct values, each {}; left out when there is none", of.says())
            }
        }
    }
}

fn owned(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

/// The text of a rule within a sentence, made only when it is needed.
struct Said<'a>(&'static str, &'a Rule, &'static str);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.0, self.1.says(), self.2)
    }
}

/// The payload that is walked, and the day of the submission.
struct Walk<'a> {
    payload: &'a Object,
    today: Date,
}

/// Checks `payload`, submitted `today`, against `fields`.
pub fn check_fields(payload: &Object, fields: &[Field], today: Date, findings: &mut Findings<'_>) {
    Walk { payload, today }.object(payload, fields, &Path::Root, findings);
}

impl Walk<'_> {
    fn object(&self, object: &Object, fields: &[Field], path: &Path<'_>, findings: &mut Findings<'_>) {
        let mut known = 0;
        for field in fields {
            let at = Path::Field(path, &field.name);
            match object.get(&field.name) {
                Some(value) => {
                    known += 1;
                    self.value(value, &field.rule, &at, findings);
                }
                None if field.required => findings.add(at, "REQUIRED", Said("is required: ", &field.rule, "")),
                None => {}
            }
        }
        if known == object.len() {
            return;
        }
        for name in object.names() {
            if !fields.iter().any(|field| field.name == name) {
                // The name of an unknown field is the caller's text: shown only when it is a plausible name.
                let known_shape = name.len() <= 64 && crate::trust::canonical::is_name(name.as_bytes());
                let shown = if known_shape && !name.bytes().any(|b| b.is_ascii_digit()) { name } else { "?" };
                findings.add(Path::Field(path, shown), "UNKNOWN_FIELD", "the record type has no such field");
            }
        }
    }

    fn value(&self, value: &Value, rule: &Rule, path: &Path<'_>, findings: &mut Findings<'_>) {
        let text = value.as_text();
        let holds = match rule {
            Rule::PersonalId => text.is_some_and(|t| PersonalId::parse(t).is_some()),
            Rule::Name => match text.and_then(name_meant) {
                Some((encoding, meant)) => return garbled(encoding, &meant, path, findings),
                None => text.is_some_and(name_is_valid),
            },
            Rule::Text(max) => match text.and_then(text_meant) {
                Some((encoding, meant)) => return garbled(encoding, &meant, path, findings),
                None if text.is_some_and(is_in_other_letters) => return findings.add(path, "FORMAT", LETTERS),
                None => text.is_some_and(|t| is_plain_text(t, *max)),
            },
            Rule::Date => text.is_some_and(|t| date(t).is_some()),
            Rule::Month => text.is_some_and(|t| t.len() == 7 && PartialDate::parse(t).is_some()),
            Rule::PartialDate => text.is_some_and(|t| PartialDate::parse(t).is_some()),
            Rule::OneOf(values) | Rule::Code(values) => text.is_some_and(|t| values.iter().any(|value| value == t)),
            Rule::Listed(listed) => match text.filter(|t| listed.form.as_ref().is_none_or(|form| (form.fits)(t))) {
                Some(text) => return self.listed(text, rule, listed, path, findings),
                None => false,
            },
            Rule::Form(form) => text.is_some_and(|t| (form.fits)(t)),
            Rule::Integer(min, max) => return check_integer(value, *min, *max, path, findings),
            Rule::Boolean => value.as_bool().is_some(),
            Rule::Object(fields) => match value.as_object() {
                Some(object) => return self.object(object, fields, path, findings),
                None => false,
            },
            Rule::List(of, max) => return self.items(value, of, *max, false, path, findings),
            Rule::Set(of, max) => return self.items(value, of, *max, true, path, findings),
        };
        if !holds {
            findings.add(path, failed_rule(value, rule), Said("must be ", rule, ""));
        }
    }

    fn listed(&self, text: &str, rule: &Rule, listed: &Listed, path: &Path<'_>, findings: &mut Findings<'_>) {
        let (first, last) = days_of(&listed.as_of, self.payload, self.today);
        match listed.list.standing(text, first, last) {
            Standing::Known(_) => {}
            Standing::OtherDays(_) => {
                findings.add(path, "NOT_IN_FORCE", "the code may not be used on the day that the record refers to")
            }
            Standing::Unknown if listed.list.is_complete => {
                findings.add(path, "UNKNOWN_VALUE", Said("must be ", rule, ""));
            }
            // A text that is no plausible code is not repeated.
            Standing::Unknown if !is_plain_text(text, TEXT_CHARS_MAX) => {
                findings.add(path, "FORMAT", Said("must be ", rule, ""));
            }
            Standing::Unknown => {
                let list = &listed.list.name;
                let says = format_args!(
                    "is not in the list {list} (RegistryService/ListCodes), which does not have every code"
                );
                findings.warn(path, "UNKNOWN_VALUE", says);
            }
        }
    }

    fn items(&self, value: &Value, of: &Rule, max: usize, once: bool, path: &Path<'_>, findings: &mut Findings<'_>) {
        let Some(items) = value.as_array() else {
            return findings.add(path, "TYPE", "must be a list");
        };
        if items.is_empty() || items.len() > max {
            findings.add(path, "COUNT", format_args!("must have 1 to {max} values; leave it out when there is none"));
        }
        for (at, item) in items.iter().take(max).enumerate() {
            self.value(item, of, &Path::Item(path, at), findings);
            if once && items[..at].contains(item) {
                findings.add(Path::Item(path, at), "DUPLICATE", "is in the list already");
            }
        }
    }
}

const LETTERS: &str =
    "must be written in Latin letters: it has Cyrillic ones, or other ones within a word of Latin letters";

/// The encoding of a person's name that was read in another one, and what it is.
pub fn name_meant(name: &str) -> Option<(&'static str, String)> {
    misread::meant(name).map(|meant| (UTF_8, meant)).or_else(|| legacy::meant(name))
}

/// The same of any text.
pub fn text_meant(text: &str) -> Option<(&'static str, String)> {
    if text.is_ascii() {
        return None;
    }
    misread::meant(text).map(|meant| (UTF_8, meant)).or_else(|| legacy::meant_in_text(text))
}

/// The encoding of today.
const UTF_8: &str = "UTF-8";
/// Most of a text that is said to whoever wrote it, in bytes.
const MEANT_BYTES_MAX: usize = 200;

/// A text of another encoding: what was probably meant is said to whoever wrote it.
pub fn garbled(encoding: &str, meant: &str, path: impl fmt::Display, findings: &mut Findings<'_>) {
    let meant = &meant[..end_within(meant, MEANT_BYTES_MAX)];
    match encoding {
        UTF_8 => findings.add(path, "ENCODING", format_args!("is UTF-8 read as Latin-1: {meant} was probably meant")),
        _ => findings.add(path, "ENCODING", format_args!("is {encoding} read as Unicode: {meant} was probably meant")),
    }
}

/// The first and the last of the days on one of which a code of `payload`, submitted `today`, must hold.
pub fn days_of(as_of: &AsOf, payload: &Object, today: Date) -> (Date, Date) {
    let at = |path: &str| payload.text_at(path).and_then(PartialDate::parse).map_or(today, earliest);
    match as_of {
        AsOf::Today => (today, today),
        AsOf::Since(path) => (at(path), today),
        AsOf::Day(path) => (at(path), at(path)),
        AsOf::Ever => (Date::MIN, today),
    }
}

/// The first day that a partial date can mean.
fn earliest(date: PartialDate) -> Date {
    Date::new(date.year, date.month.unwrap_or(1), date.day.unwrap_or(1)).unwrap_or(Date::MIN)
}

/// The last day that a partial date can mean.
pub fn latest(date: PartialDate) -> Date {
    let month = Date::new(date.year, date.month.unwrap_or(12), 1).map_or(Date::MAX, Date::last_of_month);
    date.full().unwrap_or(month)
}

/// The stable name of the rule that a refused value breaks.
fn failed_rule(value: &Value, rule: &Rule) -> &'static str {
    match (rule, value) {
        (Rule::Text(max), Value::String(text)) if text.chars().count() > *max => "TOO_LONG",
        (Rule::OneOf(_) | Rule::Code(_), Value::String(_)) => "UNKNOWN_VALUE",
        (Rule::Object(_), _) => "TYPE",
        (_, Value::String(_)) => "FORMAT",
        _ => "TYPE",
    }
}

fn check_integer(value: &Value, min: i64, max: i64, path: &Path<'_>, findings: &mut Findings<'_>) {
    let rule = match value.as_integer() {
        Some(number) if (min..=max).contains(&number) => return,
        Some(_) => "OUT_OF_RANGE",
        None => "TYPE",
    };
    findings.add(path, rule, Said("must be ", &Rule::Integer(min, max), ""));
}

/// Reads `YYYY-MM-DD`.
pub fn date(text: &str) -> Option<Date> {
    PartialDate::parse(text)?.full()
}

/// Reads the date field `path` of an object.
pub fn date_at(object: &Object, path: &str) -> Option<Date> {
    date(object.text_at(path)?)
}

#[cfg(test)]
mod tests;
