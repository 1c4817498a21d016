//! Runs scenarios: each in sessions of its own, all at the same time.

#![allow(clippy::disallowed_methods, reason = "whoever runs scenarios waits by the machine's time")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures::future::{BoxFuture, join_all};
use serde_json::{Value, json};
use tonic::transport::Channel;

use super::expect::{unmet, unmet_violations};
use super::story::{Action, Call, Scenario, Session, Step};
use super::unmet::Unmet;
use super::vars::{Vars, put_in, put_in_text};
use super::world::World;
use crate::base::Timestamp;

/// How often something is asked for that comes eventually.
const EVERY: Duration = Duration::from_millis(50);
/// Longest label of a session, in characters.
const LABEL_CHARS_MAX: usize = 100;
const SESSIONS: &str = "lienthong.simulation.v1.SessionService";

/// The outcome of a scenario.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) name: String,
    pub(super) steps: usize,
    pub(super) took: Duration,
    /// The step that failed, and the reason.
    pub(super) failed: Option<Failed>,
}

/// A step that was not as expected.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) step: String,
    pub(super) line: usize,
    pub(super) unmet: Vec<Unmet>,
}

/// Runs a scenario over a channel; `operator` is the credential that begins its sessions.
pub(super) async fn run(scenario: Scenario, channel: Channel, operator: String) -> Outcome {
    let begun = Instant::now();
    let outside = World { channel, operator, session: String::new() };
    let mut running = Running { scenario: &scenario, outside, worlds: BTreeMap::new(), steps: 0 };
    let told = running.tell().await;
    let ended = running.end().await;
    let (steps, failed) = (running.steps, told.and(ended).err());
    Outcome { steps, took: begun.elapsed(), failed, name: scenario.name }
}

/// A scenario while it runs.
struct Running<'a> {
    scenario: &'a Scenario,
    outside: World,
    /// The sessions that have begun, by their indices.
    worlds: BTreeMap<usize, World>,
    /// How many steps were as expected.
    steps: usize,
}

/// The variables that steps set.
type Set = BTreeMap<String, Value>;

impl Running<'_> {
    async fn tell(&mut self) -> Result<(), Failed> {
        let scenario = self.scenario;
        let mut today = None;
        // Those that begin from the province begin together.
        for (at, _) in scenario.sessions.iter().enumerate().filter(|(_, session)| session.from.is_none()) {
            today = today.or(Some(self.begin(at).await?));
        }
        let mut vars = Vars::beginning(today.unwrap_or_default().date());
        vars.define(&scenario.vars).map_err(|undefined| {
            let names = undefined.into_keys().collect::<Vec<_>>().join(", ");
            Failed::of("the constants", 1, "variables", "values", format!("none for {names}"))
        })?;
        for step in &scenario.steps {
            for at in self.due(step) {
                self.begin(at).await?;
            }
            vars.extend(self.step(step, vars.clone()).await?);
            self.steps += 1;
        }
        Ok(())
    }

    /// The sessions that have to begin before a step, each behind the one that it begins from.
    fn due(&self, step: &Step) -> BTreeSet<usize> {
        let mut due = BTreeSet::new();
        for session in step.sessions() {
            let mut next = Some(session);
            while let Some(at) = next.filter(|at| !self.worlds.contains_key(at)) {
                due.insert(at);
                next = self.scenario.sessions[at].from;
            }
        }
        due
    }

    /// Begins a session; what its clock shows.
    async fn begin(&mut self, at: usize) -> Result<Timestamp, Failed> {
        let session = &self.scenario.sessions[at];
        let mut request = session.request.clone();
        if let Value::Object(map) = &mut request {
            let label: String = [self.scenario.name.as_str(), &session.name].join(" ");
            let label: String = label.trim_end().chars().take(LABEL_CHARS_MAX).collect();
            map.entry("label").or_insert_with(|| label.into());
            map.entry("ttl").or_insert_with(|| "600s".into());
            if let Some(from) = session.from.and_then(|from| self.worlds.get(&from)) {
                map.insert("from_session".into(), from.session.clone().into());
            }
        }
        let made = self.outside.own(&format!("{SESSIONS}/CreateSession"), &request).await;
        let made = made.map_err(|found| Failed::of(&session.begins(), session.line, "code", "OK", found))?;
        let id = made["session"]["session_id"].as_str().unwrap_or_default().to_owned();
        self.worlds.insert(at, World { session: id, ..self.outside.clone() });
        Ok(made["session"]["clock"]["now"].as_str().and_then(Timestamp::parse).unwrap_or_default())
    }

    /// Ends the sessions that have begun, all of them; the first that could not be ended.
    async fn end(&self) -> Result<(), Failed> {
        let mut ended = Ok(());
        for (at, world) in self.worlds.iter().rev() {
            let session = &self.scenario.sessions[*at];
            let body = json!({ "session_id": world.session });
            let deleted = self.outside.own(&format!("{SESSIONS}/DeleteSession"), &body).await;
            let deleted = deleted.map_err(|found| Failed::of(&session.ends(), session.line, "code", "OK", found));
            ended = ended.and(deleted.map(drop));
        }
        ended
    }

    /// Runs a step; the variables that it sets.
    fn step<'a>(&'a self, step: &'a Step, vars: Vars) -> BoxFuture<'a, Result<Set, Failed>> {
        Box::pin(async move {
            let failed = |unmet| Failed { step: step.name.clone(), line: step.line, unmet };
            match &step.action {
                Action::Call(call) => self.call(call, vars).await.map_err(failed),
                Action::Parallel(steps) => {
                    let all = join_all(steps.iter().map(|step| self.step(step, vars.clone()))).await;
                    let mut set = Set::new();
                    for one in all {
                        set.extend(one?);
                    }
                    Ok(set)
                }
                Action::Eventually(within, call) => {
                    let until = Instant::now() + *within;
                    let mut nearest: Option<Vec<Unmet>> = None;
                    loop {
                        match self.call(call, vars.clone()).await {
                            Ok(set) => return Ok(set),
                            // A refusal in between says less of what is missing than an answer that came before it.
                            Err(unmet) if nearest.is_none() || has_answer(&unmet) => nearest = Some(unmet),
                            Err(_) => {}
                        }
                        if let Some(unmet) = nearest.take_if(|_| Instant::now() >= until) {
                            return Err(failed(unmet));
                        }
                        tokio::time::sleep(EVERY).await;
                    }
                }
            }
        })
    }

    /// Makes a call and compares its answer with the expected one; returns the variables that it sets.
    async fn call(&self, call: &Call, mut vars: Vars) -> Result<Set, Vec<Unmet>> {
        let unmet_of = |what: &str, expected: String, found: String| vec![Unmet { what: what.into(), expected, found }];
        let unset = |name: String| unmet_of("variables", name, "it is not".into());
        let world = self
            .worlds
            .get(&call.session)
            .ok_or_else(|| unmet_of("the session", "one that has begun".into(), "it has not".into()))?;
        vars.set("session", world.session.clone().into());
        vars.set("request_id", uuid::Uuid::now_v7().to_string().into());
        let body = put_in(&call.body, &vars).map_err(unset)?;
        let caller = put_in_text(&call.caller, &vars).map_err(unset)?;
        let mut headers = BTreeMap::new();
        for (name, value) in &call.headers {
            headers.insert(name.clone(), put_in_text(value, &vars).map_err(unset)?);
        }
        let mut expect = call.expect.clone();
        expect.put_in(&vars).map_err(unset)?;
        let asked = world.asked(&call.method, &caller, &body, &headers).await;
        let answer = asked.map_err(|found| unmet_of("the request", "one that can be made".into(), found))?;
        if answer.code != expect.code {
            return Err(unmet_of("code", expect.code, answer.words()));
        }
        if let Some(reason) = expect.reason.filter(|reason| *reason != answer.reason) {
            return Err(unmet_of("reason", reason, answer.words()));
        }
        let json = answer.json();
        let mut found = unmet(&json, &expect.fields);
        found.extend(unmet_violations(&expect.violations, &answer.violations));
        if let Some(wanted) = &expect.verdicts {
            match world.verdicts(&answer, expect.status_lists).await {
                Ok(judged) => found.extend(wanted.unmet(&judged)),
                Err(why) => found.extend(unmet_of("verdicts", "records that can be verified".into(), why)),
            }
        }
        if !found.is_empty() {
            return Err(found);
        }
        let saved = call.save.iter().map(|(name, path)| (name.clone(), super::expect::at(&json, path)));
        Ok(saved.collect())
    }
}

impl Failed {
    fn of(step: &str, line: usize, what: &str, expected: &str, found: String) -> Self {
        let unmet = vec![Unmet { what: what.into(), expected: expected.into(), found }];
        Self { step: step.to_owned(), line, unmet }
    }
}

/// Whether a call was answered with the expected code, and something else was not as expected.
fn has_answer(unmet: &[Unmet]) -> bool {
    unmet.iter().all(|unmet| !["code", "the request"].contains(&unmet.what.as_str()))
}

impl Session {
    /// Its beginning, as reports name it.
    fn begins(&self) -> String {
        if self.name.is_empty() { "the session begins".into() } else { format!("the session {} begins", self.name) }
    }

    /// Its end.
    fn ends(&self) -> String {
        if self.name.is_empty() { "the session ends".into() } else { format!("the session {} ends", self.name) }
    }
}
