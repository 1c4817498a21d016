//! Time rules: changes that a record undergoes when a day comes, as data of the record type.
//!
//! A rule names its records, the day from which it counts, and their values afterwards. The registry keeps an index of
//! the days on which its records are due, and the world's clock makes due changes under its own name ([`SYSTEM`]). A state that merely follows from a
//! date, like the lapse of a card, needs no rule: it is derived on reading.

use std::fmt;

use jiff::Span;

use super::source::Source;
use crate::base::time::Date;
use crate::registry::basis::{FIELD, SYSTEM};
use crate::registry::rule::date_at;
use crate::trust::{Object, Value};

/// The records that a rule matches: a condition on one of their fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// One of these texts.
    OneOf(Vec<String>),
    /// An integer from the first to the second.
    Within(i64, i64),
}

/// How long after its first day a record is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// So many days.
    Days(i16),
    /// So many months.
    Months(i16),
    /// So many years.
    Years(i16),
}

/// The day from which a rule counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// From a day that it states.
    Day(Date),
    /// From the day of its issue.
    Issue,
}

/// A change that time makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeRule {
    /// Its name, the reason code of the change: `points_restored`.
    pub name: String,
    /// Conditions on the fields of the records that it matches.
    pub when: Vec<(String, When)>,
    /// The fields that state the first day: the first of them that a record has counts.
    pub since: Vec<String>,
    /// Whether a record with none of them counts from the day of its issue; otherwise the rule does not match it.
    pub or_issue: bool,
    /// How long after that day.
    pub after: After,
    /// The values that the record has afterwards.
    pub sets: Vec<(String, Value)>,
    /// The fields that are removed.
    pub clears: Vec<String>,
    /// The source of the rule.
    pub source: Source,
}

impl TimeRule {
    /// A rule that counts from `since`, a field with a date.
    pub fn new(name: &str, since: &str, after: After, source: Source) -> Self {
        let (name, since) = (name.into(), vec![since.into()]);
        let (when, sets, clears) = (Vec::new(), Vec::new(), Vec::new());
        Self { name, when, since, or_issue: false, after, sets, clears, source }
    }

    /// The same for records whose field has one of these texts.
    #[must_use]
    pub fn when(mut self, field: &str, values: &[&str]) -> Self {
        self.when.push((field.into(), When::OneOf(values.iter().map(|value| (*value).into()).collect())));
        self
    }

    /// The same for records whose field is within these bounds.
    #[must_use]
    pub fn within(mut self, field: &str, from: i64, to: i64) -> Self {
        self.when.push((field.into(), When::Within(from, to)));
        self
    }

    /// The same, counting from the day of issue where a record does not state the day.
    #[must_use]
    pub fn or_issue(self) -> Self {
        Self { or_issue: true, ..self }
    }

    /// The same, which leaves this in a field.
    #[must_use]
    pub fn sets(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.sets.push((field.into(), value.into()));
        self
    }

    /// The same, which leaves nothing in these fields.
    #[must_use]
    pub fn clears(mut self, fields: &[&str]) -> Self {
        self.clears.extend(fields.iter().map(|field| (*field).into()));
        self
    }

    /// The day from which a payload counts; `None`: the rule does not match it.
    pub fn since(&self, payload: &Object) -> Option<Since> {
        let has = |(field, when): &(String, When)| match when {
            When::OneOf(texts) => payload.text_at(field).is_some_and(|text| texts.iter().any(|one| one == text)),
            When::Within(from, to) => {
                payload.path(field).and_then(Value::as_integer).is_some_and(|number| (*from..=*to).contains(&number))
            }
        };
        if !self.when.iter().all(has) {
            return None;
        }
        let stated = self.since.iter().find_map(|field| date_at(payload, field)).map(Since::Day);
        stated.or(self.or_issue.then_some(Since::Issue))
    }

    /// The payload after the change of `day`: its basis names the system as author.
    pub fn apply(&self, mut payload: Object, day: Date) -> Object {
        self.clears.iter().for_each(|field| drop(payload.remove(field)));
        for (field, value) in &self.sets {
            payload.insert(field.as_str(), value.clone());
        }
        let basis = Object::new()
            .with("document_number", format!("{}/{day}", self.name))
            .with("issued_on", day.to_string())
            .with("authority", SYSTEM)
            .with("reason_code", self.name.as_str());
        payload.insert(FIELD, basis);
        payload
    }

    /// Whether it brings the state field `field` from one state to the other.
    pub fn makes(&self, field: &str, from: &str, to: &str) -> bool {
        let sets = |(of, value): &(String, Value)| of == field && value.as_text() == Some(to);
        let has = |(of, when): &(String, When)| of != field || when.takes(&Value::from(from));
        self.sets.iter().any(sets) && self.when.iter().all(has)
    }

    /// The fields that it names.
    pub fn fields(&self) -> impl Iterator<Item = &String> {
        let named = self.when.iter().map(|(field, _)| field).chain(&self.since);
        named.chain(self.sets.iter().map(|(field, _)| field)).chain(&self.clears)
    }

    /// The change in words, without anything of a record: `points → 12`.
    pub fn effect(&self) -> String {
        let mut words = String::new();
        for (field, value) in &self.sets {
            let separator = if words.is_empty() { "" } else { ", " };
            words.push_str(&format!("{separator}{field} → {}", Plain(value)));
        }
        words
    }
}

impl When {
    fn takes(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::OneOf(texts), Value::String(text)) => texts.contains(text),
            (Self::Within(from, to), Value::Integer(number)) => (from..=to).contains(&number),
            _ => false,
        }
    }

    /// Whether a value can meet both conditions.
    fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::OneOf(one), Self::OneOf(others)) => one.iter().any(|text| others.contains(text)),
            (Self::Within(from, to), Self::Within(low, high)) => from <= high && low <= to,
            _ => false,
        }
    }
}

/// The known facts about a field after some rules.
#[derive(Debug, Clone)]
enum Known {
    Value(Value),
    Absent,
    When(When),
}

/// The known facts about a record after some rules.
type Fields = Vec<(String, Known)>;

/// Most changes that are followed: more than that are taken for an endless cycle of rules.
const FOLLOWED_MAX: usize = 10_000;

/// A record after `rule`, if the rule may match on the day of the one before; a rule that counts from the issue waits for its own time.
fn after(rule: &TimeRule, before: &Fields) -> Option<Fields> {
    let known = |field: &String| before.iter().find(|(of, _)| of == field).map(|(_, known)| known);
    let counts = rule.since.iter().any(|field| !matches!(known(field), Some(Known::Absent)));
    let may_hold = |(field, wanted): &(String, When)| match known(field) {
        Some(Known::Value(value)) => wanted.takes(value),
        Some(Known::When(when)) => when.meets(wanted),
        Some(Known::Absent) => false,
        None => true,
    };
    if !counts || !rule.when.iter().all(may_hold) {
        return None;
    }
    let mut fields = before.clone();
    let mut learn = |field: &String, known: Known| {
        fields.retain(|(of, _)| of != field);
        fields.push((field.clone(), known));
    };
    for (field, wanted) in &rule.when {
        if !matches!(known(field), Some(Known::Value(_))) {
            learn(field, Known::When(wanted.clone()));
        }
    }
    rule.clears.iter().for_each(|field| learn(field, Known::Absent));
    rule.sets.iter().for_each(|(field, value)| learn(field, Known::Value(value.clone())));
    Some(fields)
}

/// The first rule that can trigger itself through others on one day.
pub fn circle(rules: &[TimeRule]) -> Option<&TimeRule> {
    let comes_round = |start: &TimeRule| {
        let mut open: Vec<(usize, Fields)> = after(start, &Fields::new()).map(|left| (1, left)).into_iter().collect();
        let mut followed = 0;
        while let Some((steps, fields)) = open.pop() {
            followed += 1;
            if followed > FOLLOWED_MAX || after(start, &fields).is_some() {
                return true;
            }
            if steps <= rules.len() {
                open.extend(rules.iter().filter_map(|rule| Some((steps + 1, after(rule, &fields)?))));
            }
        }
        false
    };
    rules.iter().find(|rule| comes_round(rule))
}

impl Since {
    /// The day on which a version issued on `issued` is due.
    pub fn due(self, after: After, issued: Date) -> Date {
        match self {
            Self::Day(day) => after.from(day),
            Self::Issue => after.from(issued),
        }
    }
}

impl After {
    /// The day this long after another one; the end of a month where that month is shorter.
    pub fn from(self, day: Date) -> Date {
        day.saturating_add(match self {
            Self::Days(count) => Span::new().days(count),
            Self::Months(count) => Span::new().months(count),
            Self::Years(count) => Span::new().years(count),
        })
    }

    /// In ISO 8601 notation: `P5Y`.
    pub fn iso(self) -> String {
        match self {
            Self::Days(count) => format!("P{count}D"),
            Self::Months(count) => format!("P{count}M"),
            Self::Years(count) => format!("P{count}Y"),
        }
    }

    /// Reads one of ISO 8601 with one unit, 1 to 9,999 of it.
    pub fn parse(text: &str) -> Option<Self> {
        let (count, unit) = text.strip_prefix('P')?.split_at_checked(text.len().checked_sub(2)?)?;
        let is_number = (1..=4).contains(&count.len()) && count.bytes().all(|byte| byte.is_ascii_digit());
        let count = count.parse().ok().filter(|count| is_number && *count > 0)?;
        match unit {
            "D" => Some(Self::Days(count)),
            "M" => Some(Self::Months(count)),
            "Y" => Some(Self::Years(count)),
            _ => None,
        }
    }
}

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, unit) = match self {
            Self::Days(count) => (count, "day"),
            Self::Months(count) => (count, "month"),
            Self::Years(count) => (count, "year"),
        };
        write!(f, "{count} {unit}{}", if *count == 1 { "" } else { "s" })
    }
}

/// A value in words.
struct Plain<'a>(&'a Value);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::String(text) => f.write_str(text),
            Value::Integer(number) => write!(f, "{number}"),
            Value::Bool(flag) => write!(f, "{flag}"),
            Value::Array(_) | Value::Object(_) => f.write_str("…"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::source::assumption;
    use super::*;

    #[test]
    fn a_rule_speaks_of_some_records_and_counts_from_their_day() {
        let rule = TimeRule::new("points_restored", "last", After::Months(12), assumption())
            .when("status", &["active", "suspended"])
            .within("points", 1, 11)
            .sets("points", 12)
            .clears(&["last"]);
        let licence = |points: i64, status: &str| {
            Object::new().with("points", points).with("status", status).with("last", "2028-02-29").with("kept", true)
        };
        let day = Date::constant(2028, 2, 29);
        assert_eq!(rule.since(&licence(11, "suspended")), Some(Since::Day(day)));
        for other in [licence(0, "active"), licence(12, "active"), licence(8, "revoked"), Object::new()] {
            assert_eq!(rule.since(&other), None);
        }
        let mut silent = licence(1, "active");
        silent.remove("last");
        assert_eq!(rule.since(&silent), None);
        assert_eq!(rule.clone().or_issue().since(&silent), Some(Since::Issue));
        assert_eq!(Since::Day(day).due(rule.after, Date::MIN), Date::constant(2029, 2, 28));
        let after = rule.apply(licence(8, "active"), Date::constant(2029, 2, 28));
        assert_eq!(after.names().collect::<Vec<_>>(), ["basis", "kept", "points", "status"]);
        assert_eq!(after.text_at("basis.document_number"), Some("points_restored/2029-02-28"));
        assert_eq!((after.text_at("basis.authority"), rule.effect().as_str()), (Some("system"), "points → 12"));
    }

    #[test]
    fn rules_that_chase_each_other_are_seen() {
        let rule = |from: &str, to: &str| {
            TimeRule::new("r", "day", After::Days(1), assumption()).when("status", &[from]).sets("status", to)
        };
        assert!(circle(&[rule("a", "b"), rule("b", "a")]).is_some());
        assert!(circle(&[rule("a", "b"), rule("b", "c"), rule("c", "a")]).is_some());
        assert!(circle(&[rule("a", "b"), rule("b", "c")]).is_none(), "there is an end");
        let cleared = rule("a", "b").clears(&["day"]);
        assert!(circle(&[cleared, rule("b", "a")]).is_none(), "the day is gone");
        for sector in crate::registry::Catalogue::built_in().sectors() {
            for of in &sector.record_types {
                assert!(circle(&of.lifecycle.time).is_none(), "{}", of.name);
            }
        }
    }

    #[test]
    fn spans_are_read_as_they_are_written() {
        for after in [After::Days(1), After::Months(12), After::Years(9_999)] {
            assert_eq!(After::parse(&after.iso()), Some(after));
        }
        for other in ["", "P", "PD", "P0D", "P-1D", "P+1D", "P1W", "P1Y2M", "PT1M", "P10000D", "P1é", "1D"] {
            assert_eq!(After::parse(other), None, "{other}");
        }
    }
}
