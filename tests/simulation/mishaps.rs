//! Mishaps: what goes wrong on the network, and by the world's own rules of faults, while fate is busy with the machine.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use lienthong::simulation::faults::{Action, StateAction};
use lienthong::trust::note::Checkpoint;
use serde_json::{Value, json};

use super::citizen::HAPPY;
use super::client::{Client, GIVEN_UP, Outcome};
use super::dice::Dice;
use super::disk::lock;
use super::faults;
use super::reader::{FETCH, PERSON, disclosed};
use super::registrar::{self, member};
use super::run::Run;
use super::weather::NetWeather;

const ADD: &str = "simulation.v1.FaultService/AddFaults";
const LIST: &str = "simulation.v1.FaultService/ListFaults";
const FEEDS: &str = "province.v1.ProvinceService/ListFeeds";
const CALLS: &str = "simulation.v1.JournalService/ListCalls";
const REMOVE: &str = "simulation.v1.FaultService/RemoveFault";
/// No registrar has this number: its members are made while a log is paused.
const OWN: u64 = 9_000;
/// Who may be cut off.
const CLIENTS: [&str; 10] =
    ["registrar-0", "registrar-1", "one-stop", "bank", "bulk", "follower", "redeems", "links", "tester", "witness"];
/// The logs that may pause, or show an old head.
const LOGS: [&str; 3] = ["records", "evidence", "social_insurance"];

/// What may go wrong.
#[derive(Debug, Clone, Copy)]
enum Mishap {
    Cuts,
    CutOff,
    SlowNetwork,
    Rule,
}

/// How often each does, against the others.
const MISHAPS: &[(u64, Mishap)] =
    &[(10, Mishap::Cuts), (10, Mishap::CutOff), (6, Mishap::SlowNetwork), (60, Mishap::Rule)];

/// Lets things go wrong until the run ends.
#[allow(clippy::disallowed_methods, reason = "the runtime's time is the simulated one")]
pub async fn happen(run: Arc<Run>) {
    let (tester, mut dice) = (Client::new("faults", &run), Dice::new(run.seed, "mishaps", 0));
    let mut number = 0;
    while !run.is_ending() {
        tokio::time::sleep(dice.ms(300, 3_000)).await;
        number += 1;
        let mishap = dice.weighed(MISHAPS);
        run.log.note("mishap", format!("{mishap:?}"));
        let lasts = dice.ms(2_000, 9_000);
        match mishap {
            Mishap::Cuts => {
                lock(&run.network.weather).cuts_per_mille = 5 + dice.below(60);
                tokio::time::sleep(lasts).await;
                lock(&run.network.weather).cuts_per_mille = 0;
            }
            Mishap::CutOff => {
                run.sometimes.met("a client is cut off for a while");
                let client = (*dice.pick(&CLIENTS)).to_owned();
                lock(&run.network.weather).cut_off.insert(client.clone());
                tokio::time::sleep(lasts).await;
                lock(&run.network.weather).cut_off.remove(&client);
            }
            Mishap::SlowNetwork => {
                lock(&run.network.weather).is_slow = true;
                tokio::time::sleep(lasts).await;
                lock(&run.network.weather).is_slow = false;
            }
            Mishap::Rule => {
                let action = drawn(&mut dice);
                run.log.note("mishap", action.as_str());
                let shows_old = action == Action::State(StateAction::OldCheckpoint);
                if shows_old {
                    run.set_shows_old_heads(true);
                }
                let log = *dice.pick(&LOGS);
                by_rule(&tester, number, &action, log, lasts).await;
                if shows_old {
                    // A call that was answered under the rule may still be on its way.
                    tokio::time::sleep(Duration::from_secs(13)).await;
                    run.set_shows_old_heads(false);
                }
            }
        }
    }
    end(&run);
}

/// An action of those that may be thrown at the province itself. Of those that take the longest to be seen more are thrown.
fn drawn(dice: &mut Dice) -> Action {
    let actions = faults::all(dice).into_iter().filter(faults::is_for_all);
    let weight = |action: &Action| if matches!(action, Action::Call(_)) { 4 } else { 5 };
    let actions: Vec<_> = actions.map(|action| (weight(&action), action)).collect();
    let mut drawn = dice.below(actions.iter().map(|(weight, _)| weight).sum());
    let found = actions.into_iter().find(|(weight, _)| {
        let is_it = drawn < *weight;
        drawn = drawn.saturating_sub(*weight);
        is_it
    });
    found.expect("one of them").1
}

/// The network is itself again.
pub fn end(run: &Run) {
    *lock(&run.network.weather) = NetWeather::default();
}

/// Whether a client has seen what an action does to a part of the world, where one can; rules about such a part count nothing.
async fn is_seen(tester: &Client, action: &Action) -> bool {
    let ask = async |method, body, list: &str, holds: fn(&Value) -> bool| {
        let answer = tester.call("demo-operator", method, body).await.unwrap_or_default();
        answer[list].as_array().into_iter().flatten().any(holds)
    };
    match action {
        Action::State(StateAction::HaltedFeed) => {
            ask(FEEDS, json!({}), "feeds", |feed| feed["state"] == "FEED_STATE_HALTED").await
        }
        Action::State(StateAction::FullDisk) => {
            let refused = json!({ "filter": { "outcome": "STORAGE_FULL" }, "pageSize": 1 });
            ask(CALLS, refused, "calls", |_| true).await
        }
        // An old head is compared with the one before the rule.
        Action::State(_) => false,
        // What acts on calls and reads is counted.
        Action::Call(_) | Action::Read(_) => true,
    }
}

/// The size of a log's head as it is shown; `None` if that is not to be known.
async fn shown_size(tester: &Client, log: &str) -> Option<u64> {
    let asked = tester.try_call("demo-one-stop", "trust.v1.LedgerService/GetCheckpoint", json!({ "log": log })).await;
    let Outcome::Answered(answer) = asked else { return None };
    Checkpoint::of_note(answer["checkpoint"].as_str()?.as_bytes()).ok().map(|head| head.size)
}

/// Makes a call that writes to a log, and says whether it was answered.
async fn writes_to(tester: &Client, log: &str, number: u64) -> bool {
    if log != "evidence" {
        return registrar::create(tester, &member(OWN, number)).await;
    }
    let body = json!({ "personalId": HAPPY, "recordTypes": [PERSON], "purpose": "one_stop.verify_documents" });
    let Outcome::Answered(answer) = tester.try_call("demo-one-stop", FETCH, body).await else { return false };
    disclosed(tester, HAPPY, &answer);
    true
}

/// Adds a rule, waits, and ends it. It ends with the process as well; nobody minds. What it does is met where a client saw it, not where the rule stood.
#[allow(clippy::disallowed_methods, reason = "the runtime's time is the simulated one")]
async fn by_rule(tester: &Client, number: u64, action: &Action, log: &str, lasts: Duration) {
    let (run, id, met) = (&tester.run, format!("mishap-{number}"), faults::met(action));
    let mut rule = faults::rule(action, "social_insurance", log);
    rule["faultId"] = json!(id);
    if matches!(action, Action::Read(_)) {
        // Whichever registry is asked, but not every time.
        rule["match"] = json!({});
        rule["turn"] = json!({ "probability": 0.8 });
    }
    let before = match action {
        Action::State(StateAction::OldCheckpoint) => shown_size(tester, log).await,
        _ => None,
    };
    match tester.call("demo-operator", ADD, json!({ "faults": [rule] })).await {
        Ok(_) => {}
        Err(reason) if reason == "ALREADY_EXISTS" || reason == GIVEN_UP => {}
        Err(reason) => return run.log.violated(format!("a rule of faults is refused: {reason}")),
    }
    if *action == Action::State(StateAction::PausedSequencer) {
        // Who writes to the log waits until it goes on.
        let mut call = pin!(writes_to(tester, log, number));
        let waited = tokio::time::timeout(lasts, call.as_mut()).await.is_err();
        remove(tester, &id).await;
        if waited && call.await {
            run.sometimes.met(met);
        }
        return;
    }
    tokio::time::sleep(lasts).await;
    let is_seen = match before {
        Some(before) => shown_size(tester, log).await.is_some_and(|size| size < before),
        None => is_seen(tester, action).await,
    };
    if let Ok(listed) = tester.call("demo-operator", LIST, json!({})).await {
        let mut faults = listed["faults"].as_array().into_iter().flatten();
        let has_acted = faults.any(|fault| {
            let counted = fault["counts"]["hits"].as_str().is_some_and(|hits| hits != "0");
            fault["faultId"] == json!(id) && (counted || matches!(action, Action::State(_)))
        });
        if has_acted && is_seen {
            run.sometimes.met(met);
        }
    }
    remove(tester, &id).await;
}

async fn remove(tester: &Client, id: &str) {
    match tester.call("demo-operator", REMOVE, json!({ "faultId": id })).await {
        Ok(_) => {}
        // The process ended meanwhile, and its rules with it.
        Err(reason) => tester.run.log.note("mishap", format!("the rule is gone: {reason}")),
    }
}
