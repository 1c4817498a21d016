//! Every name in a scenario's file is checked against what exists: variables, fields of messages, callers, reasons, paths of answers. A step with a
//! misspelt name would fail for the wrong reason, or always pass.

use std::collections::BTreeMap;

use prost_reflect::MessageDescriptor;
use serde_json::Value;

use super::expect::{Expect, Matcher, WantedViolation};
use super::file::{Names, Reading, join};
use super::paths;
use super::story::Call;
use super::vars::{self, Vars, named, named_in};
use super::verdicts::Verdicts;
use crate::api::status::code_named;
use crate::base::name::{no_such, with_nearest};
use crate::base::time::Date;
use crate::base::{PersonalId, Reason};
use crate::wire::typed;

impl Reading<'_> {
    /// The constants; a circle of them has no value. The day is any: which one it is, is known when the scenario runs.
    pub(super) fn vars(&mut self, constants: &BTreeMap<String, Value>) {
        for name in constants.keys() {
            self.new_name(&format!("vars.{name}"), name);
        }
        for (name, lacks) in Vars::beginning(Date::constant(2026, 1, 1)).define(constants).err().into_iter().flatten() {
            let what = match lacks.is_empty() {
                true => format!("constants have at most {} bytes together", vars::BYTES_MAX),
                false => format!("is made from {lacks}, which does not exist or is made from it in turn"),
            };
            self.flaw(&format!("vars.{name}"), what);
        }
        self.defined.extend(constants.keys().cloned());
    }

    /// Whether a name can be given to a variable.
    pub(super) fn new_name(&mut self, path: &str, name: &str) {
        if vars::OF_RUN.contains(&name) || self.is_of_days(name) {
            self.flaw(path, format!("{name} is set by itself"));
        }
    }

    pub(super) fn is_of_days(&self, name: &str) -> bool {
        vars::of_days(name, Date::constant(2026, 1, 1)).is_some()
    }

    /// Each variable that a call uses is set by then.
    pub(super) fn uses(&mut self, path: &str, call: &Call) {
        let Call { caller, body, headers, expect, .. } = call;
        let mut used = named(body);
        used.extend(named_in(caller));
        used.extend(headers.values().flat_map(|value| named_in(value)));
        used.extend(expect.named());
        for name in used {
            if vars::OF_RUN.contains(&&*name) || self.is_of_days(&name) || self.defined.contains(&name) {
                continue;
            }
            let known: Vec<&str> =
                self.defined.iter().map(String::as_str).chain(vars::OF_RUN).chain(["today", "year"]).collect();
            let problem = with_nearest(format!("${{{name}}} is not set by then"), &name, known);
            self.flaw(path, problem);
        }
    }

    /// A message in its JSON form: a name that its type has not would be refused when it is sent, and so would a value of another kind.
    pub(super) fn message_of(&mut self, path: &str, json: &Value, message: &MessageDescriptor) {
        let mut found = Vec::new();
        paths::wrong_parts(path, json, message, &mut found);
        found.into_iter().for_each(|(path, problem)| self.flaw(&path, problem));
    }

    pub(super) fn message(&mut self, path: &str, json: &Value, message: &str) {
        if let Some(message) = typed::pool().get_message_by_name(message) {
            self.message_of(path, json, &message);
        }
    }

    /// The caller: an agency, or a citizen.
    pub(super) fn caller(&mut self, path: &str, caller: &str) {
        match caller.strip_prefix("citizen-") {
            _ if caller == "operator" || caller.is_empty() => {}
            Some(id) if !id.contains("${") && PersonalId::parse(id).is_none() => {
                self.flaw(path, "a citizen has a personal ID of twelve digits: citizen-042090990001");
            }
            Some(_) => {}
            None => self.agency(path, caller),
        }
    }

    pub(super) fn agency(&mut self, path: &str, key: &str) {
        let Some(Names { agencies, .. }) = self.server else { return };
        if !key.contains("${") && key != "citizen" && !agencies.iter().any(|agency| agency == key) {
            let known: Vec<&str> = agencies.iter().map(String::as_str).chain(["citizen-…"]).collect();
            self.flaw(path, no_such("agency", key, &known));
        }
    }

    /// The variables that a call sets, from paths that its answer can have.
    pub(super) fn saves(&mut self, path: &str, call: &Call) {
        for (name, from) in &call.save {
            let at = join(&join(path, "save"), name);
            self.new_name(&at, name);
            self.answer_path(&at, &call.method, from);
            self.defined.insert(name.clone());
        }
    }

    pub(super) fn answer_path(&mut self, at: &str, method: &str, path: &str) {
        if let Some(Err(problem)) = typed::method(method).map(|method| paths::check(&method, path)) {
            self.flaw(at, format!("{path}: {problem}"));
        }
    }

    pub(super) fn expect(&mut self, path: &str, value: Option<&Value>, method: &str) -> Expect {
        let mut expect = Expect::default();
        let Some(map) = self.object(path, value) else { return expect };
        self.known(path, map, &["code", "reason", "violations", "verdicts", "status_lists", "fields"]);
        if let Some(code) = map.get("code") {
            expect.code = code.as_str().unwrap_or_default().to_owned();
            if expect.code != "OK" && code_named(&expect.code).is_none() {
                self.flaw(&join(path, "code"), "is not a gRPC code: OK, NOT_FOUND, FAILED_PRECONDITION, …");
            }
        }
        if let Some(reason) = map.get("reason") {
            let reason = reason.as_str().unwrap_or_default().to_owned();
            let known: Vec<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
            // A refusal of the framework itself has its code as reason.
            if !known.contains(&&*reason) && code_named(&reason).is_none() {
                self.flaw(
                    &join(path, "reason"),
                    with_nearest("no such reason: docs/errors.md lists them".into(), &reason, known),
                );
            }
            expect.reason = Some(reason);
        }
        if let Some(violations) = map.get("violations") {
            expect.violations = self.violations(&join(path, "violations"), violations);
        }
        expect.status_lists = match map.get("status_lists") {
            None => false,
            Some(Value::Bool(true)) if map.contains_key("verdicts") => true,
            Some(_) => {
                self.flaw(&join(path, "status_lists"), "takes true, beside verdicts in which status lists count");
                false
            }
        };
        if let Some(verdicts) = map.get("verdicts") {
            expect.verdicts = self.verdicts(&join(path, "verdicts"), verdicts, expect.status_lists, method);
        }
        for (field, value) in self.object(&join(path, "fields"), map.get("fields")).into_iter().flatten() {
            let at = join(&join(path, "fields"), field);
            self.answer_path(&at, method, field);
            match Matcher::read(value) {
                Ok(matcher) => expect.fields.push((field.clone(), matcher)),
                Err(problem) => self.flaw(&at, problem),
            }
        }
        expect
    }

    fn verdicts(&mut self, path: &str, value: &Value, has_lists: bool, method: &str) -> Option<Verdicts> {
        if typed::method(method).is_some_and(|method| !paths::has_records(&method.output())) {
            self.flaw(path, "an answer of this method has no records that could be verified");
        }
        let read = Verdicts::read(value, has_lists);
        if let (Some(Names { record_types, .. }), Ok(Verdicts::ByType(by_type))) = (self.server, &read) {
            let known: Vec<&str> = record_types.iter().map(String::as_str).collect();
            for name in by_type.keys().filter(|name| !known.contains(&name.as_str())) {
                self.flaw(&join(path, name), no_such("record type", name, &known));
            }
        }
        let flawed = |(below, problem): (String, String)| {
            self.flaw(&if below.is_empty() { path.to_owned() } else { join(path, &below) }, problem);
        };
        read.map_err(flawed).ok()
    }

    fn violations(&mut self, path: &str, value: &Value) -> Vec<WantedViolation> {
        let items = value.as_array().filter(|items| !items.is_empty()).cloned().unwrap_or_default();
        if items.is_empty() {
            self.flaw(path, "a list of bad fields is wanted, each with field, rule or both");
        }
        let mut wanted = Vec::new();
        for (at, item) in items.iter().enumerate() {
            let at = format!("{path}[{at}]");
            let Some(map) = self.object(&at, Some(item)) else { continue };
            self.known(&at, map, &["field", "rule"]);
            let mut text = |name: &str| map.get(name).map(|given| self.text(&join(&at, name), Some(given)));
            let one = WantedViolation { field: text("field"), rule: text("rule") };
            if one == WantedViolation::default() {
                self.flaw(&at, "a bad field has a field, a rule or both");
            }
            wanted.push(one);
        }
        wanted
    }
}
