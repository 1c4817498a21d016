//! The sessions of a scenario's file: one, or several with names, of which some begin from others. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::file::{Reading, join};
use super::story::{Session, Step};
use crate::base::limits::SESSION_DEPTH_MAX;
use crate::base::name::no_such;

/// Most sessions of a scenario: all of them may begin from one another.
const SESSIONS_MAX: usize = SESSION_DEPTH_MAX as usize;
/// The field of CreateSessionRequest that names the session to begin from: here by its name in the file.
const FROM: &str = "from_session";
const REQUEST: &str = "lienthong.simulation.v1.CreateSessionRequest";

/// The name of the session that a request begins from.
fn from(request: &Value) -> Option<&str> {
    request.get(FROM).map(|from| from.as_str().unwrap_or_default())
}

impl Reading<'_> {
    /// The sessions of a scenario, each behind the one that it begins from.
    pub(super) fn sessions(&mut self, map: &Map<String, Value>) -> Vec<Session> {
        if !map.contains_key("sessions") {
            let request = map.get("session").cloned().unwrap_or_else(|| json!({}));
            self.message("session", &request, REQUEST);
            let line = self.placed.line_of("session").unwrap_or(1);
            return vec![Session { name: String::new(), line, from: None, request }];
        }
        if map.contains_key("session") {
            self.flaw("session", "a scenario has one session, or several in `sessions`, and not both");
        }
        let named = self.object("sessions", map.get("sessions")).cloned().unwrap_or_default();
        if !(1..=SESSIONS_MAX).contains(&named.len()) {
            self.flaw("sessions", format!("a scenario has 1 to {SESSIONS_MAX} sessions with names"));
        }
        for (name, request) in &named {
            let path = join("sessions", name);
            if name.is_empty() {
                self.flaw("sessions", "a session has a name");
            }
            self.message(&path, request, REQUEST);
            if let Some(from) = from(request).filter(|from| !named.contains_key(*from)) {
                let known: Vec<&str> = named.keys().map(String::as_str).collect();
                self.flaw(&join(&path, FROM), no_such("session", from, &known));
            }
        }
        self.in_order(&named)
    }

    /// Sessions in an order in which they can begin. Those of a circle cannot.
    fn in_order(&mut self, named: &Map<String, Value>) -> Vec<Session> {
        let mut ordered: Vec<Session> = Vec::new();
        let mut waiting: BTreeMap<&String, &Value> = named.iter().collect();
        loop {
            let before = waiting.len();
            waiting.retain(|name, request| {
                let place = from(request).map(|from| ordered.iter().position(|one| one.name == from));
                let is_ready = place != Some(None);
                if is_ready {
                    let mut request = (*request).clone();
                    if let Value::Object(fields) = &mut request {
                        fields.remove(FROM);
                    }
                    let line = self.placed.line_of(&join("sessions", name)).unwrap_or(1);
                    ordered.push(Session { name: (*name).clone(), line, from: place.flatten(), request });
                }
                !is_ready
            });
            if waiting.len() == before {
                break;
            }
        }
        for (name, request) in waiting {
            let mut chain = vec![name.as_str()];
            while let Some((next, _)) =
                named.get(chain[chain.len() - 1]).and_then(from).and_then(|from| named.get_key_value(from))
            {
                let is_circle = chain.contains(&next.as_str());
                chain.push(next);
                if is_circle {
                    let problem = format!(
                        "sessions begin from one another in a circle ({}): one of them has to begin from the province, without from_session",
                        chain.join(" from ")
                    );
                    self.flaw(&format!("sessions.{name}.{FROM}"), problem);
                    break;
                }
            }
            // A step in it has a session, whatever becomes of that.
            ordered.push(Session { name: name.clone(), line: 1, from: None, request: request.clone() });
        }
        ordered
    }

    /// The session in which a step runs, by its index.
    pub(super) fn session_of(&mut self, path: &str, value: Option<&Value>) -> usize {
        let names: Vec<String> = self.sessions.iter().map(|session| session.name.clone()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
        let at = join(path, "in");
        match (value, &names[..]) {
            (None, []) => 0,
            (Some(_), []) => {
                self.flaw(&at, "the scenario has one session; `sessions` gives several, each with a name");
                0
            }
            (None, names) => {
                self.flaw(
                    path,
                    format!(
                        "the scenario has several sessions: `in` says in which a step runs, {}",
                        names.join(" or ")
                    ),
                );
                0
            }
            (Some(name), names) => {
                let name = name.as_str().unwrap_or_default();
                let found = names.iter().position(|known| *known == name);
                if found.is_none() {
                    self.flaw(&at, no_such("session", name, names));
                }
                found.unwrap_or_default()
            }
        }
    }

    /// Every session is run in, or another that is begins from it: one that is not is a name misspelt in a step, or forgotten.
    pub(super) fn all_sessions_are_used(&mut self, steps: &[Step]) {
        let mut used: BTreeSet<usize> = steps.iter().flat_map(Step::sessions).collect();
        // Each is behind the one that it begins from.
        for (at, session) in self.sessions.iter().enumerate().rev() {
            if used.contains(&at) {
                used.extend(session.from);
            }
        }
        // Those that cannot begin, and still say from which, were refused for that.
        let is_unused =
            |at: &usize, one: &Session| !used.contains(at) && !one.name.is_empty() && from(&one.request).is_none();
        let unused = self.sessions.iter().enumerate().filter(|(at, one)| is_unused(at, one));
        for path in unused.map(|(_, session)| join("sessions", &session.name)).collect::<Vec<_>>() {
            self.flaw(&path, "no step runs in this session");
        }
    }
}
