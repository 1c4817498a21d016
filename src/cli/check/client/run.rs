//! Puts a client through its cases, one after another: asks, waits, judges.

#![allow(clippy::disallowed_methods, reason = "a client is measured by the machine's time")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::known::Known;
use super::super::outcome::{Outcome, Wrong};
use super::callback::Callback;
use super::case::{Ask, Case, Seen};
use super::conclusion;
use super::pipe::Pipe;
use super::world::{Met, World};
use crate::cli::output::Failure;

/// The protocol, which every question names.
const PROTOCOL: &str = "lienthong/check/v1";

/// How a client is driven.
pub(super) enum Driver {
    /// Over its stdin and stdout.
    Pipe(Box<Pipe>),
    /// It calls us.
    Callback(Box<Callback>),
}

impl Driver {
    /// Starts the client, or waits for it at an address.
    pub(super) async fn start(command: Vec<String>, callback: Option<SocketAddr>) -> Result<Self, Failure> {
        Ok(match callback {
            None => Self::Pipe(Box::new(Pipe::start(command)?)),
            Some(listen) => Self::Callback(Box::new(Callback::start(listen, command).await?)),
        })
    }

    async fn ask(&mut self, id: &str, question: String, within: Duration) -> Result<Vec<u8>, String> {
        match self {
            Self::Pipe(pipe) => pipe.ask(&question, within).await,
            Self::Callback(callback) => callback.ask(id, question, within).await,
        }
    }

    /// Its last line was not an answer: the next one is not taken for one.
    async fn distrust(&mut self) {
        if let Self::Pipe(pipe) = self {
            pipe.start_anew().await;
        }
    }

    async fn end(self) {
        match self {
            Self::Pipe(pipe) => pipe.end().await,
            Self::Callback(callback) => callback.end().await,
        }
    }
}

/// Runs the cases; `world` is there where one of them makes calls, and ends with them.
pub(super) async fn run(
    cases: Vec<Case>,
    known: &Known,
    mut driver: Driver,
    mut world: Option<World>,
    within: Duration,
) -> Result<Vec<Outcome>, Failure> {
    let mut outcomes = Vec::with_capacity(cases.len());
    let mut trouble = None;
    for case in cases {
        match one(&case, &mut driver, world.as_mut(), within).await {
            Ok((took, judged)) => outcomes.push(Outcome::of(case.about, took, judged, known)),
            Err(failure) => {
                trouble = Some(failure);
                break;
            }
        }
    }
    driver.end().await;
    let ended = match world {
        Some(world) => world.end().await,
        None => Ok(()),
    };
    match trouble {
        Some(failure) => Err(failure),
        None => ended.map(|()| outcomes),
    }
}

/// One case: what came of it. A failure is the server's or ours, never the client's.
async fn one(
    case: &Case,
    driver: &mut Driver,
    world: Option<&mut World>,
    within: Duration,
) -> Result<(Duration, Result<String, Wrong>), Failure> {
    let mut question = json!({ "protocol": PROTOCOL, "id": case.about.id, "kind": case.about.kind });
    let mut within = within;
    let calls = match (&case.ask, world) {
        (Ask::Artefact(members), _) => {
            extend(&mut question, Value::Object(members.clone()));
            None
        }
        (Ask::Call(call), Some(world)) => {
            world.stay().await?;
            extend(&mut question, world.prepare(call).await?);
            within += Duration::from_millis(call.deadline_ms);
            Some((&*world, call))
        }
        (Ask::Call(_), None) => return Err(Failure::new("a call needs a server")),
    };
    let begun = Instant::now();
    let answered = driver.ask(&case.about.id, question.to_string(), within).await;
    let took = begun.elapsed();
    let seen = match calls {
        Some((world, call)) => {
            let Met { calls, paused_ms } = world.settle(call).await?;
            Seen { calls: Some(calls), paused_ms }
        }
        None => Seen::default(),
    };
    let said = match answered {
        Ok(line) => conclusion::read(&line, &case.about.id),
        Err(why) => Err(why),
    };
    if said.is_err() {
        driver.distrust().await;
    }
    let judged = match said {
        Ok(said) => case.judge(&said, seen),
        Err(found) => Err(Wrong { expected: case.expected(), found }),
    };
    Ok((took, judged))
}

fn extend(question: &mut Value, members: Value) {
    if let (Value::Object(question), Value::Object(members)) = (question, members) {
        question.extend(members);
    }
}
