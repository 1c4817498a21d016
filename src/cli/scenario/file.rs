//! A scenario's file: read whole and checked before anything is called, each flaw with its line.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::expect::Matcher;
use super::story::{Action, Call, Scenario, Session, Step};
use crate::api::admission::SESSION;
use crate::base::name::{comparable_end, methods_meant, no_such, with_nearest};
use crate::base::time::duration;
use crate::registry::schema_file::{FLAWS_MAX, Placed};
use crate::wire::typed;

/// The largest file.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Most steps of a scenario, those of parallel ones counted.
const STEPS_MAX: usize = 500;
/// How deep steps may nest.
const DEPTH_MAX: usize = 4;
/// The longest time to wait for what comes eventually.
const WITHIN_MAX: Duration = Duration::from_secs(120);

/// The metadata that a scenario's session and callers have.
const OWN_METADATA: [&str; 2] = ["authorization", SESSION];
const SIMULATION: &str = "lienthong.simulation.v1.SimulationService";

/// The flaws of a file: line and problem.
pub(super) type Flaws = Vec<(usize, String)>;

/// Names of the intended server.
pub(super) struct Names {
    /// The keys of its agencies.
    pub(super) agencies: Vec<String>,
    pub(super) record_types: Vec<String>,
}

/// Reads a file; what only a server can know is held against its names, where those are known.
pub(super) fn read(path: &Path, server: Option<&Names>) -> Result<Scenario, Flaws> {
    let whole = |problem: String| vec![(1, problem)];
    let mut text = String::new();
    let file = File::open(path).map_err(|error| whole(error.to_string()))?;
    let read = file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(|error| whole(error.to_string()))?;
    if read as u64 > FILE_BYTES_MAX {
        return Err(whole(format!("is too large: at most {FILE_BYTES_MAX} bytes are read")));
    }
    parse(&text, server)
}

/// Reads a text.
pub(super) fn parse(text: &str, server: Option<&Names>) -> Result<Scenario, Flaws> {
    let placed = Placed::message(text)
        .map_err(|flaws| vec![(flaws.kept.first().map_or(1, |flaw| flaw.line), flaws.to_string())])?;
    let json = placed.json();
    let mut reading = Reading {
        placed,
        server,
        flaws: Vec::new(),
        left_out: 0,
        steps: 0,
        names: BTreeSet::new(),
        sessions: Vec::new(),
        defined: BTreeSet::new(),
    };
    let scenario = reading.scenario(&json);
    let mut flaws = reading.flaws;
    flaws.sort_by_key(|(line, _)| *line);
    if reading.left_out > 0 {
        flaws.push((1, format!("{} more flaws are left out", reading.left_out)));
    }
    if flaws.is_empty() { Ok(scenario) } else { Err(flaws) }
}

pub(super) struct Reading<'a> {
    pub(super) placed: Placed,
    /// The names of the server, where they are known.
    pub(super) server: Option<&'a Names>,
    flaws: Flaws,
    /// How many flaws there are beyond those.
    left_out: usize,
    steps: usize,
    names: BTreeSet<String>,
    /// The sessions, in the order of their indices.
    pub(super) sessions: Vec<Session>,
    /// The variables that are set by then.
    pub(super) defined: BTreeSet<String>,
}

impl Reading<'_> {
    /// Records a flaw at a path; a missing part is reported at its parent.
    pub(super) fn flaw(&mut self, path: &str, problem: impl Into<String>) {
        if self.flaws.len() >= FLAWS_MAX {
            self.left_out += 1;
            return;
        }
        let mut path = path;
        let line = loop {
            match (self.placed.line_of(path), path.rfind(['.', '['])) {
                (Some(line), _) => break line,
                (None, Some(end)) => path = &path[..end],
                (None, None) => break 1,
            }
        };
        self.flaws.push((line, problem.into()));
    }

    pub(super) fn known(&mut self, path: &str, map: &Map<String, Value>, known: &[&str]) {
        for name in map.keys().filter(|name| !known.contains(&name.as_str())) {
            let problem = no_such("field", name, known);
            self.flaw(&join(path, name), problem);
        }
    }

    pub(super) fn text(&mut self, path: &str, value: Option<&Value>) -> String {
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

    pub(super) fn object<'v>(&mut self, path: &str, value: Option<&'v Value>) -> Option<&'v Map<String, Value>> {
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
        self.known("", map, &["scenario", "about", "session", "sessions", "vars", "steps"]);
        let name = self.text("scenario", map.get("scenario"));
        self.text("about", map.get("about"));
        self.sessions = self.sessions(map);
        let vars = self.object("vars", map.get("vars")).cloned().unwrap_or_default().into_iter().collect();
        self.vars(&vars);
        let steps = self.steps("steps", map.get("steps"), 0);
        self.all_sessions_are_used(&steps);
        Scenario { name, sessions: std::mem::take(&mut self.sessions), vars, steps }
    }

    fn steps(&mut self, path: &str, value: Option<&Value>, depth: usize) -> Vec<Step> {
        let Some(Value::Array(items)) = value.filter(|value| value.as_array().is_some_and(|items| !items.is_empty()))
        else {
            self.flaw(path, "a list of steps is required");
            return Vec::new();
        };
        if depth >= DEPTH_MAX {
            self.flaw(path, format!("steps nest at most {DEPTH_MAX} deep"));
            return Vec::new();
        }
        // Steps at the same time know nothing of each other.
        let (is_parallel, before) = (depth > 0, self.defined.clone());
        let (mut steps, mut set) = (Vec::with_capacity(items.len()), before.clone());
        for (at, item) in items.iter().enumerate() {
            if is_parallel {
                set.append(&mut std::mem::replace(&mut self.defined, before.clone()));
            }
            steps.extend(self.step(&format!("{path}[{at}]"), item, depth));
        }
        self.defined.append(&mut set);
        if self.steps > STEPS_MAX {
            self.flaw(path, format!("a scenario has at most {STEPS_MAX} steps"));
        }
        steps
    }

    fn step(&mut self, path: &str, value: &Value, depth: usize) -> Option<Step> {
        self.steps += 1;
        let map = self.object(path, Some(value))?;
        let name = self.text(&join(path, "step"), map.get("step"));
        if !name.is_empty() && !self.names.insert(name.clone()) {
            self.flaw(&join(path, "step"), "another step has this name");
        }
        const KINDS: [&str; 7] = ["call", "clock", "fault", "heal", "parallel", "eventually", "journal"];
        let kinds: Vec<&str> = KINDS.into_iter().filter(|kind| map.contains_key(*kind)).collect();
        let [kind] = kinds[..] else {
            self.flaw(path, format!("a step is one of {}", KINDS.join(", ")));
            return None;
        };
        let line = self.placed.line_of(path).unwrap_or(1);
        let takes: &[&str] = match kind {
            "call" => &["step", "in", "call", "as", "body", "headers", "expect", "save"],
            "parallel" => &["step", kind],
            "eventually" | "heal" => &["step", "in", kind],
            kind => &["step", "in", kind, "expect", "save"],
        };
        self.known(path, map, takes);
        let within = join(path, kind);
        let session = if kind == "parallel" { 0 } else { self.session_of(path, map.get("in")) };
        let action = match kind {
            "call" => Action::Call(self.call(path, map, session)),
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
                Action::Eventually(given.unwrap_or_default(), self.call(&within, inner, session))
            }
            kind => {
                let (method, body) = self.shorthand(&within, kind, map.get(kind)?)?;
                let mut call = self.call_of(path, map, method, body);
                call.session = session;
                self.uses(path, &call);
                self.saves(path, &call);
                if kind == "journal" && !call.expect.fields.iter().any(|(path, _)| path == "holds") {
                    call.expect.fields.push(("holds".into(), Matcher::Is(true.into())));
                }
                Action::Call(call)
            }
        };
        Some(Step { name, line, action })
    }

    /// A step about the session itself, as a call.
    fn shorthand(&mut self, path: &str, kind: &str, value: &Value) -> Option<(String, Value)> {
        match kind {
            "heal" => {
                if *value != Value::Bool(true) {
                    self.flaw(path, "takes true");
                }
                Some(("lienthong.simulation.v1.FaultService/Heal".into(), json!({})))
            }
            "fault" => {
                self.message(path, value, "lienthong.simulation.v1.Fault");
                if let Some(agency) = value.pointer("/match/agency").and_then(Value::as_str) {
                    self.agency(&format!("{path}.match.agency"), agency);
                }
                Some(("lienthong.simulation.v1.FaultService/AddFaults".into(), json!({ "faults": [value] })))
            }
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
                if let Some(Value::String(caller)) = map.get("caller") {
                    self.agency(&join(path, "caller"), caller);
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
                self.message(path, &body, "lienthong.simulation.v1.VerifyCallsRequest");
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

    fn call(&mut self, path: &str, map: &Map<String, Value>, session: usize) -> Call {
        let at = join(path, "call");
        let given = self.text(&at, map.get("call"));
        let method = self.method(&at, &given);
        let body = map.get("body").cloned().unwrap_or_else(|| json!({}));
        let mut call = self.call_of(path, map, method, body);
        call.session = session;
        call.caller = self.text(&join(path, "as"), map.get("as"));
        self.caller(&join(path, "as"), &call.caller);
        self.uses(path, &call);
        self.saves(path, &call);
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
        if let (Some(of), Some(body)) = (typed::method(&method), map.get("body")) {
            self.message_of(&join(path, "body"), body, &of.input());
        }
        let expect = self.expect(&join(path, "expect"), map.get("expect"), &method);
        Call { session: 0, method, caller: "operator".into(), body, headers, expect, save }
    }

    /// The full name of a method.
    fn method(&mut self, path: &str, given: &str) -> String {
        let all: Vec<String> = typed::methods().collect();
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
}

pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
