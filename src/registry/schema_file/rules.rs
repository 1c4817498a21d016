//! Rules in CEL: those across the fields of a record, and those between two versions of one.

use std::sync::Arc;

use super::super::basis;
use super::super::cel::{Kind, Outcome, Program, Variable};
use super::super::label::Label;
use super::super::lifecycle::{CrossRule, Mark, Needs, Source};
use super::super::rule::{Field, Findings};
use super::map::{At, Map};
use super::path::field_at;
use crate::base::time::Date;
use crate::trust::Object;

/// Most rules of a record type, of each kind.
const RULES_MAX: usize = 50;
/// Longest id of a rule.
const ID_BYTES_MAX: usize = 40;

/// A rule across the fields of a record.
#[derive(Debug, Clone)]
pub struct FieldsRule {
    /// Its id, UPPER_SNAKE: the rule of the violation.
    pub id: String,
    /// The field that it concerns.
    pub field: String,
    /// Whether a payload that breaks it is accepted and flagged.
    pub is_warning: bool,
    /// The requirement, and its source.
    pub says: Label,
    program: Program,
}

impl FieldsRule {
    /// Adds the violations of a payload to `findings`. `are_sound`: every field keeps its own rule, so that absent fields are allowed to be absent.
    fn check(&self, payload: &Object, today: &str, are_sound: bool, findings: &mut Findings<'_>) {
        match self.program.run(&[Variable::Object(payload), Variable::Text(today)]) {
            Outcome::Is(true) => {}
            Outcome::Is(false) => findings.say(&self.field, &self.id, &self.says, self.is_warning),
            // A rule that cannot be evaluated does not hold, because an error in CEL is not `true`.
            Outcome::Absent if are_sound => {
                findings.say(&self.field, &self.id, &unevaluated(&self.says), self.is_warning);
            }
            Outcome::Absent => {}
            // No valid record has a number too large to compute with.
            Outcome::Failed => findings.say(&self.field, &self.id, &self.says, false),
        }
    }
}

/// The parts that every rule has.
struct Rule {
    id: String,
    field: String,
    says: Label,
    source: Source,
    program: Program,
}

/// The rules across fields of `list`.
pub(super) fn across_fields(list: &At<'_>, fields: &[Field]) -> Option<Vec<FieldsRule>> {
    let variables = [("self", Kind::of(fields)), ("today", Kind::Text)];
    let mut rules: Vec<FieldsRule> = Vec::new();
    for map in maps(list)? {
        map.only(&["id", "level", "field", "rule", "message", "source"]);
        let is_warning = match map.get("level") {
            None => false,
            Some(level) => match level.text() {
                Some("warning") => true,
                Some("error") | None => false,
                Some(_) => {
                    level.flaw("LEVEL", "a level is `error` or `warning`");
                    false
                }
            },
        };
        let Some(rule) = read(&map, fields, &variables) else { continue };
        let Rule { id, field, says, source, program } = rule;
        if rules.iter().any(|other| other.id == id) {
            map.flaw("DUPLICATE", format_args!("the id {id} is another rule's"));
        }
        rules.push(FieldsRule { id, field, is_warning, says: with_source(says, &source), program });
    }
    Some(rules)
}

/// The rules between two versions of `list`.
pub(super) fn between_versions(list: &At<'_>, fields: &[Field]) -> Option<Vec<CrossRule>> {
    let kind = Kind::of(fields);
    let variables = [("self", kind.clone()), ("oldSelf", kind), ("today", Kind::Text)];
    let mut rules: Vec<CrossRule> = Vec::new();
    for map in maps(list)? {
        map.only(&["id", "field", "rule", "otherwise", "message", "source"]);
        let otherwise = map.get("otherwise").map_or(Some(Needs::Never), |at| needs(&at));
        let (Some(rule), Some(otherwise)) = (read(&map, fields, &variables), otherwise) else { continue };
        if rules.iter().any(|other| other.name == rule.id) {
            map.flaw("DUPLICATE", format_args!("the id {} is another rule's", rule.id));
        }
        let (program, says_vi) = (rule.program, Some(rule.says.vi));
        let rule = CrossRule::new(rule.id, &rule.field, &rule.says.en, rule.source, move |step| {
            let today = step.today.to_string();
            let variables = [Variable::Object(step.after), Variable::Object(step.before), Variable::Text(&today)];
            match program.run(&variables) {
                Outcome::Is(true) => None,
                Outcome::Is(false) | Outcome::Absent => Some(otherwise.clone()),
                Outcome::Failed => Some(Needs::Never),
            }
        });
        rules.push(CrossRule { says_vi, ..rule });
    }
    Some(rules)
}

/// A message about a rule that reads a field which the record does not have.
fn unevaluated(says: &Label) -> Label {
    let vi = format!("{}{}", says.vi, UNEVALUATED_VI);
    Label { vi, en: format!("{} (undecided: a field that the rule reads is absent)", says.en) }
}

const UNEVALUATED_VI: &str = " (không kiểm tra được: thiếu một trường mà quy tắc cần)";

/// A message with the source of the rule, if that is more than our certainty.
fn with_source(says: Label, source: &Source) -> Label {
    match source.text.as_str() {
        "" => says,
        text => Label { vi: format!("{} ({text})", says.vi), en: format!("{} ({source})", says.en) },
    }
}

fn maps<'a>(list: &At<'a>) -> Option<Vec<Map<'a>>> {
    let items = list.items()?;
    if items.len() > RULES_MAX {
        list.flaw("COUNT", format_args!("a record type has at most {RULES_MAX} rules of a kind"));
        return None;
    }
    Some(items.iter().filter_map(At::map).collect())
}

fn read(map: &Map<'_>, fields: &[Field], variables: &[(&str, Kind)]) -> Option<Rule> {
    let (id, field, rule) = (map.need("id"), map.need("field"), map.need("rule"));
    let (message, source) = (map.need("message"), map.need("source"));
    let (id, says, source) = (identifier(&id?), message?.label(), written(&source?));
    let field = field?;
    let name = field.text()?;
    if field_at(fields, name).is_none() {
        field.flaw("FIELD", "the schema has no such field");
    }
    let rule = rule?;
    let text = rule.text()?;
    let program = match Program::compile(text, variables) {
        Ok(program) => program,
        Err(error) => {
            rule.flaw("CEL", error);
            return None;
        }
    };
    Some(Rule { id: id?, field: name.to_owned(), says: says?, source: source?, program })
}

fn identifier(at: &At<'_>) -> Option<String> {
    let text = at.text()?;
    let fits = text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.len() <= ID_BYTES_MAX
        && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    if !fits {
        at.flaw("NAME", format_args!("an id is upper-case letters, digits and `_`, at most {ID_BYTES_MAX}"));
        return None;
    }
    Some(text.to_owned())
}

/// The source of a rule: `law: Law 36/2024, art. 36`, or `assumption`.
pub(super) fn written(at: &At<'_>) -> Option<Source> {
    let text = at.text()?;
    let (mark, place) = text.split_once(": ").unwrap_or((text, ""));
    let marks = [Mark::Law, Mark::Press, Mark::Code, Mark::Memory, Mark::Assumption];
    let found = marks.into_iter().find(|known| known.as_str() == mark);
    if found.is_none() {
        at.flaw("SOURCE", "a source begins with law, press, code, memory or assumption: `law: Law 36/2024, art. 36`");
    }
    Some(Source { mark: found?, text: place.to_owned() })
}

/// The requirement of a change: `free`, `basis`, `never`, or the reasons of which its basis gives one.
pub(super) fn needs(at: &At<'_>) -> Option<Needs> {
    use super::node::Data;
    match &at.node.data {
        Data::List(_) => {
            let reasons = at.texts()?;
            let says = "reasons are 2 to 40 lower-case letters, digits and `_`, a letter first, at least one";
            if reasons.is_empty() || !reasons.iter().all(|reason| basis::is_reason(reason)) {
                at.flaw("NEEDS", says);
            }
            Some(Needs::Basis(reasons))
        }
        Data::Text(text) if text == "free" => Some(Needs::Nothing),
        Data::Text(text) if text == "basis" => Some(Needs::Basis(Vec::new())),
        Data::Text(text) if text == "never" => Some(Needs::Never),
        _ => {
            at.flaw("NEEDS", "`free`, `basis`, `never`, or a list of reasons of which the basis gives one");
            None
        }
    }
}

/// The check of a payload against rules.
pub(super) fn check(rules: Arc<[FieldsRule]>) -> impl Fn(&Object, Date, &mut Findings<'_>) + Send + Sync {
    move |payload, today, findings| {
        if !rules.is_empty() {
            let (today, are_sound) = (today.to_string(), findings.is_clean());
            rules.iter().for_each(|rule| rule.check(payload, &today, are_sound, findings));
        }
    }
}
