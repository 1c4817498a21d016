//! A scenario's file: read whole and checked before anything is called, each flaw with its line.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::expect::{Expect, Matcher};
use super::vars::{named, put_in};
use crate::api::admission::SESSION;
use crate::base::name::{comparable_end, methods_meant, no_such, with_nearest};
use crate::registry::schema_file;
use crate::simulation::faults::duration;
use crate::wire::typed;

/// The largest file.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Most steps of a scenario, those of parallel ones counted.
const STEPS_MAX: usize = 500;
/// Most bytes of the constants, each with those that it is made of.
const VARS_BYTES_MAX: usize = 1024 * 1024;
/// How deep steps may stand in one another.
const DEPTH_MAX: usize = 4;
/// The longest time to wait for what comes eventually.
const WITHIN_MAX: Duration = Duration::from_secs(120);

/// The metadata that a scenario's session and callers have.
const OWN_METADATA: [&str; 2] = ["authorization", SESSION];
const SIMULATION: &str = "lienthong.simulation.v1.SimulationService";

/// A scenario.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scenario {
    pub(super) name: String,
    /// The fields of CreateSessionRequest.
    pub(super) session: Value,
    pub(super) vars: BTreeMap<String, Value>,
    pub(super) steps: Vec<Step>,
}

/// A step.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) action: Action,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Action {
    /// One call.
    Call(Call),
    /// Steps at the same time.
    Parallel(Vec<Step>),
    /// A call that is repeated until it is as expected.
    Eventually(Duration, Call),
}

/// A call with its expectations.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    /// `lienthong.identity.v1.LinkService/LinkDocument`.
    pub(super) method: String,
    /// Whose demo credential: `one-stop`, `citizen-042…`; may have variables.
    pub(super) caller: String,
    pub(super) body: Value,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) expect: Expect,
    /// Variables to set, each from a path of the answer.
    pub(super) save: BTreeMap<String, String>,
}

/// The flaws of a file: line and problem.
pub(super) type Flaws = Vec<(usize, String)>;

/// Reads a file.
pub(super) fn read(path: &Path) -> Result<Scenario, Flaws> {
    let whole = |problem: String| vec![(1, problem)];
    let mut text = String::new();
    let file = File::open(path).map_err(|error| whole(error.to_string()))?;
    let read = file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(|error| whole(error.to_string()))?;
    if read as u64 > FILE_BYTES_MAX {
        return Err(whole(format!("is too large: at most {FILE_BYTES_MAX} bytes are read")));
    }
    parse(&text)
}

/// Reads a text.
pub(super) fn parse(text: &str) -> Result<Scenario, Flaws> {
    let json = schema_file::message_json(text)
        .map_err(|flaws| vec![(flaws.kept.first().map_or(1, |flaw| flaw.line), flaws.to_string())])?;
    let mut reading = Reading { text, flaws: Vec::new(), steps: 0, names: Vec::new() };
    let scenario = reading.scenario(&json);
    if reading.flaws.is_empty() { Ok(scenario) } else { Err(reading.flaws) }
}

struct Reading<'a> {
    text: &'a str,
    flaws: Flaws,
    steps: usize,
    names: Vec<String>,
}

impl Reading<'_> {
    /// Notes a flaw at a path; of what is missing, at what it is missing from.
    fn flaw(&mut self, path: &str, problem: impl Into<String>) {
        let (mut line, mut path) = (schema_file::line_of(self.text, path), path);
        while line == 1
            && let Some(end) = path.rfind(['.', '['])
        {
            path = &path[..end];
            line = schema_file::line_of(self.text, path);
        }
        self.flaws.push((line, problem.into()));
    }

    fn known(&mut self, path: &str, map: &Map<String, Value>, known: &[&str]) {
        for name in map.keys().filter(|name| !known.contains(&name.as_str())) {
            let problem = no_such("field", name, known);
            self.flaw(&join(path, name), problem);
        }
    }

    fn text(&mut self, path: &str, value: Option<&Value>) -> String {
        match value {
            Some(Value::String(text)) if text.chars().any(char::is_control) => {
                self.flaw(path, "has a control character");
                String::new()
            }
            Some(Value::String(text)) if !text.is_empty() => text.clone(),
            _ => {
                self.flaw(path, "a text is required");
                String::new()
            }
        }
    }

    fn object<'v>(&mut self, path: &str, value: Option<&'v Value>) -> Option<&'v Map<String, Value>> {
        match value {
            None => None,
            Some(Value::Object(map)) => Some(map),
            Some(_) => {
                self.flaw(path, "a mapping is wanted");
                None
            }
        }
    }

    fn scenario(&mut self, json: &Value) -> Scenario {
        let empty = Map::new();
        let map = self.object("", Some(json)).unwrap_or(&empty);
        self.known("", map, &["scenario", "about", "session", "vars", "steps"]);
        let name = self.text("scenario", map.get("scenario"));
        self.text("about", map.get("about"));
        let session = map.get("session").cloned().unwrap_or_else(|| json!({}));
        self.object("session", Some(&session));
        let vars = self.object("vars", map.get("vars")).cloned().unwrap_or_default();
        let vars = self.vars(vars.into_iter().collect());
        let steps = self.steps("steps", map.get("steps"), 0);
        Scenario { name, session, vars, steps }
    }

    /// The constants, each with those that it is made of put in; a circle of them has no value.
    fn vars(&mut self, given: BTreeMap<String, Value>) -> BTreeMap<String, Value> {
        let mut done: BTreeMap<String, Value> = BTreeMap::new();
        let (mut left, mut bytes) = (given, 0);
        while !left.is_empty() {
            let ready = |value: &Value| named(value).iter().all(|name| done.contains_key(name));
            let (now, later): (Vec<_>, Vec<_>) = left.into_iter().partition(|(_, value)| ready(value));
            if now.is_empty() {
                for (name, value) in &later {
                    let missing: Vec<String> = named(value).into_iter().filter(|of| !done.contains_key(of)).collect();
                    let what =
                        format!("is made of {}, which is made of it in turn or is not there", missing.join(", "));
                    self.flaw(&format!("vars.{name}"), what);
                }
                return done;
            }
            for (name, value) in now {
                let value = put_in(&value, &done).unwrap_or(Value::Null);
                // One may double another, and so on.
                bytes += value.to_string().len();
                if bytes > VARS_BYTES_MAX {
                    self.flaw(
                        &format!("vars.{name}"),
                        format!("constants have at most {VARS_BYTES_MAX} bytes together"),
                    );
                    return done;
                }
                done.insert(name, value);
            }
            left = later.into_iter().collect();
        }
        done
    }

    fn steps(&mut self, path: &str, value: Option<&Value>, depth: usize) -> Vec<Step> {
        let Some(Value::Array(items)) = value.filter(|value| value.as_array().is_some_and(|items| !items.is_empty()))
        else {
            self.flaw(path, "a list of steps is required");
            return Vec::new();
        };
        if depth >= DEPTH_MAX {
            self.flaw(path, format!("steps stand in one another at most {DEPTH_MAX} deep"));
            return Vec::new();
        }
        let steps = items.iter().enumerate().filter_map(|(at, item)| self.step(&format!("{path}[{at}]"), item, depth));
        let steps = steps.collect();
        if self.steps > STEPS_MAX {
            self.flaw(path, format!("a scenario has at most {STEPS_MAX} steps"));
        }
        steps
    }

    fn step(&mut self, path: &str, value: &Value, depth: usize) -> Option<Step> {
        self.steps += 1;
        let map = self.object(path, Some(value))?;
        let name = self.text(&join(path, "step"), map.get("step"));
        if self.names.contains(&name) {
            self.flaw(&join(path, "step"), "another step has this name");
        }
        self.names.push(name.clone());
        const KINDS: [&str; 7] = ["call", "clock", "fault", "heal", "parallel", "eventually", "journal"];
        let kinds: Vec<&str> = KINDS.into_iter().filter(|kind| map.contains_key(*kind)).collect();
        let [kind] = kinds[..] else {
            self.flaw(path, format!("a step is one of {}", KINDS.join(", ")));
            return None;
        };
        let line = schema_file::line_of(self.text, path);
        let takes: &[&str] = match kind {
            "call" => &["step", "call", "as", "body", "headers", "expect", "save"],
            "parallel" | "eventually" | "heal" => &["step", kind],
            kind => &["step", kind, "expect", "save"],
        };
        self.known(path, map, takes);
        let within = join(path, kind);
        let action = match kind {
            "call" => Action::Call(self.call(path, map)),
            "parallel" => Action::Parallel(self.steps(&within, map.get(kind), depth + 1)),
            "eventually" => {
                let inner = self.object(&within, map.get(kind))?;
                self.known(&within, inner, &["within", "call", "as", "body", "headers", "expect", "save"]);
                let given = inner.get("within").and_then(Value::as_str).and_then(duration);
                let given = given.filter(|within| *within <= WITHIN_MAX);
                if given.is_none() {
                    let most = WITHIN_MAX.as_secs();
                    self.flaw(
                        &join(&within, "within"),
                        format!("a time like 500ms or 5s is required, at most {most}s"),
                    );
                }
                Action::Eventually(given.unwrap_or_default(), self.call(&within, inner))
            }
            kind => {
                let (method, body) = self.shorthand(&within, kind, map.get(kind)?)?;
                let mut call = self.call_of(path, map, method, body);
                if kind == "journal" && !call.expect.fields.iter().any(|(path, _)| path == "holds") {
                    call.expect.fields.push(("holds".into(), Matcher::Is(true.into())));
                }
                Action::Call(call)
            }
        };
        Some(Step { name, line, action })
    }

    /// A step about the session itself, as the call that it is.
    fn shorthand(&mut self, path: &str, kind: &str, value: &Value) -> Option<(String, Value)> {
        match kind {
            "heal" => Some(("lienthong.simulation.v1.FaultService/Heal".into(), json!({}))),
            "fault" => Some(("lienthong.simulation.v1.FaultService/AddFaults".into(), json!({ "faults": [value] }))),
            "journal" => {
                let map = self.object(path, Some(value))?;
                self.known(
                    path,
                    map,
                    &["method", "caller", "outcome", "with_faults", "exactly", "at_least", "at_most"],
                );
                let mut filter = Map::new();
                for name in ["method", "caller", "outcome", "with_faults"] {
                    if let Some(value) = map.get(name) {
                        filter.insert(name.into(), value.clone());
                    }
                }
                if let Some(Value::String(given)) = map.get("method") {
                    filter.insert("method".into(), self.method(&join(path, "method"), given).into());
                }
                let mut body = json!({ "filter": filter });
                for name in ["exactly", "at_least", "at_most"] {
                    if let Some(value) = map.get(name) {
                        body[name] = value.clone();
                    }
                }
                Some(("lienthong.simulation.v1.JournalService/VerifyCalls".into(), body))
            }
            _ => {
                let map = self.object(path, Some(value))?;
                let (word, with) = map.iter().next().filter(|_| map.len() == 1).or_else(|| {
                    self.flaw(path, "a clock is moved in one way: advance, to, next, freeze or resume");
                    None
                })?;
                let request_id = "${request_id}";
                let found = match (word.as_str(), with) {
                    ("advance", Value::String(by)) if duration(by).is_some() => {
                        let seconds = duration(by).unwrap_or_default().as_secs_f64();
                        ("AdvanceClock", json!({ "request_id": request_id, "by": format!("{seconds}s") }))
                    }
                    ("to", Value::String(to)) => ("AdvanceClock", json!({ "request_id": request_id, "to": to })),
                    ("next", Value::String(kind)) => {
                        ("AdvanceToNext", json!({ "request_id": request_id, "kind": kind }))
                    }
                    ("freeze", Value::Bool(true)) => ("FreezeClock", json!({})),
                    ("resume", Value::Bool(true)) => ("ResumeClock", json!({})),
                    _ => {
                        let says = "a clock is moved by advance: 180d, to: a time, next: a kind of work, freeze: true or resume: true";
                        self.flaw(&join(path, word), says);
                        return None;
                    }
                };
                Some((format!("{SIMULATION}/{}", found.0), found.1))
            }
        }
    }

    fn call(&mut self, path: &str, map: &Map<String, Value>) -> Call {
        let at = join(path, "call");
        let given = self.text(&at, map.get("call"));
        let method = self.method(&at, &given);
        let body = map.get("body").cloned().unwrap_or_else(|| json!({}));
        let mut call = self.call_of(path, map, method, body);
        call.caller = self.text(&join(path, "as"), map.get("as"));
        self.body(path, &call);
        call
    }

    fn call_of(&mut self, path: &str, map: &Map<String, Value>, method: String, body: Value) -> Call {
        let texts = |of: &Map<String, Value>| -> BTreeMap<String, String> {
            of.iter()
                .map(|(name, value)| (name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
                .collect()
        };
        let headers = self.object(&join(path, "headers"), map.get("headers")).map(texts).unwrap_or_default();
        for name in headers.keys().filter(|name| OWN_METADATA.iter().any(|own| name.eq_ignore_ascii_case(own))) {
            self.flaw(
                &join(path, "headers"),
                format!("{name} is the runner's: a step calls in its session, as whom `as` names"),
            );
        }
        let save = self.object(&join(path, "save"), map.get("save")).map(texts).unwrap_or_default();
        let expect = self.expect(&join(path, "expect"), map.get("expect"));
        Call { method, caller: "operator".into(), body, headers, expect, save }
    }

    /// The full name of a method.
    fn method(&mut self, path: &str, given: &str) -> String {
        let all: Vec<String> = typed::pool()
            .services()
            .flat_map(|service| {
                let of = service.full_name().to_owned();
                service.methods().map(|method| format!("{of}/{}", method.name())).collect::<Vec<_>>()
            })
            .collect();
        let meant = methods_meant(given, all.iter().map(String::as_str));
        match meant[..] {
            [one] => one.to_owned(),
            [] => {
                let known = all.iter().map(|name| comparable_end(given, name));
                self.flaw(path, with_nearest("no such method".to_owned(), given, known));
                String::new()
            }
            _ => {
                self.flaw(path, format!("can be any of {}: write more of it", meant.join(", ")));
                String::new()
            }
        }
    }

    /// The fields of a request, as far as their names tell.
    fn body(&mut self, path: &str, call: &Call) {
        let Some((service, name)) = call.method.split_once('/') else { return };
        let service = typed::pool().get_service_by_name(service);
        let method = service.and_then(|service| service.methods().find(|method| method.name() == name));
        let (Some(method), Value::Object(map)) = (method, &call.body) else { return };
        let known: Vec<String> = method.input().fields().map(|field| field.name().to_owned()).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        self.known(&join(path, "body"), map, &known);
    }

    fn expect(&mut self, path: &str, value: Option<&Value>) -> Expect {
        let mut expect = Expect { code: "OK".into(), reason: None, verifies: None, fields: Vec::new() };
        let Some(map) = self.object(path, value) else { return expect };
        self.known(path, map, &["code", "reason", "verifies", "fields"]);
        if let Some(code) = map.get("code") {
            expect.code = code.as_str().unwrap_or_default().to_owned();
            if expect.code != "OK" && crate::api::status::code_named(&expect.code).is_none() {
                self.flaw(&join(path, "code"), "is no code of gRPC: OK, NOT_FOUND, FAILED_PRECONDITION, …");
            }
        }
        expect.reason = map.get("reason").map(|reason| reason.as_str().unwrap_or_default().to_owned());
        expect.verifies = map.get("verifies").and_then(Value::as_bool);
        for (field, value) in self.object(&join(path, "fields"), map.get("fields")).into_iter().flatten() {
            match Matcher::read(value) {
                Ok(matcher) => expect.fields.push((field.clone(), matcher)),
                Err(problem) => self.flaw(&join(&join(path, "fields"), field), problem),
            }
        }
        expect
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
