//! Faults as a client meets them: each action at the right call and nowhere else, on the wire and through the public API.

#![allow(clippy::disallowed_methods, reason = "clients wait by the machine's time")]

#[path = "../common/mod.rs"]
mod common;
mod calls;
mod commands;
mod reads;
mod states;
mod streams;

use common::sessions::{CITIZEN, PURPOSE, World, base};
use common::{gateway, reason};
use serde_json::{Value, json};
use tonic::Code;

const WORLD: &str = "simulation.v1.SimulationService/GetWorld";
const FETCH: &str = "exchange.v1.ExchangeService/FetchRecords";
const LICENCE: &str = "driver_licence.licence.v1";

async fn add(world: &World, fault: Value) -> Value {
    world.ask("demo-operator", "simulation.v1.FaultService/AddFaults", json!({ "faults": [fault] })).await
}

async fn refused(world: &World, fault: Value) -> (Code, String) {
    let body = json!({ "faults": [fault] });
    world.refused("demo-operator", "simulation.v1.FaultService/AddFaults", body).await
}

async fn heal(world: &World) -> Value {
    world.ask("demo-operator", "simulation.v1.FaultService/Heal", json!({})).await
}

async fn list(world: &World) -> Vec<Value> {
    let listed = world.ask("demo-operator", "simulation.v1.FaultService/ListFaults", json!({ "pageSize": 500 })).await;
    listed["faults"].as_array().cloned().unwrap_or_default()
}

/// Fetches the citizen's licence, unverified or not.
async fn fetch(world: &World) -> Result<Value, tonic::Status> {
    let body = json!({ "personal_id": CITIZEN, "record_types": [LICENCE], "purpose": PURPOSE });
    world.call("demo-one-stop", FETCH, body).await
}

/// The result for the citizen's licence: `VALID`, or the reason why it is missing, or the code of the call.
async fn outcome(world: &World) -> String {
    match fetch(world).await {
        Err(status) => reason(&status).1,
        Ok(answer) => {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            match answer["records"][0]["verdict"].as_str() {
                Some(verdict) => verdict.to_owned(),
                None => text(&answer["missing"][0]["code"]) + &text(&answer["missing"][0]["reason"]),
            }
        }
    }
}

/// The citizen's person record, as an agency fetches it: its verdict and version, or why it is missing.
async fn person(world: &World) -> Result<(Value, Value), String> {
    let body = json!({ "personal_id": CITIZEN, "record_types": ["resident.person.v1"], "purpose": PURPOSE });
    let answer = world.call("demo-one-stop", FETCH, body).await.map_err(|status| reason(&status).1)?;
    let record = &answer["records"][0];
    match record["verdict"].as_str() {
        Some(_) => Ok((record["verdict"].clone(), record["version"].clone())),
        None => Err(answer["missing"][0]["code"].as_str().unwrap_or_default().to_owned()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_that_could_never_act_is_refused_with_the_field_and_a_hint() {
    let gateway = gateway().start().await;
    let outside = base(&gateway.channel);
    let session = outside.create(json!({})).await;
    let status = json!({ "code": "UNAVAILABLE" });
    for (fault, field, says) in [
        (json!({ "match": { "methods": ["FetchRecord"] }, "status": status }), "match.methods[0]", "FetchRecords"),
        (json!({ "match": { "methods": ["LinkServices/*"] }, "status": status }), "match.methods[0]", "no such method"),
        (
            json!({ "match": { "methods": ["FaultService/Heal"] }, "status": status }),
            "match.methods[0]",
            "always be ended",
        ),
        (json!({ "match": { "agency": "banc" }, "status": status }), "match.agency", "bank"),
        (json!({ "match": { "registry": "land" }, "status": status }), "match.registry", "does not belong"),
        (json!({ "match": { "registry": "lnd" }, "read": 9 }), "match.registry", "land"),
        (
            json!({ "match": { "registry": "land", "recordType": LICENCE }, "read": 9 }),
            "match.record_type",
            "driver_licence",
        ),
        (json!({ "match": { "agency": "bank" }, "read": 9 }), "match.agency", "does not see the caller"),
        (json!({ "match": { "personalId": "1" }, "read": 9 }), "match.personal_id", "12 digits"),
        (json!({ "match": { "log": "record" }, "old_checkpoint": {} }), "match.log", "records"),
        (json!({ "old_checkpoint": {} }), "match.log", "registry's name"),
        (json!({ "halted_feed": {} }), "match.registry", "name of a registry"),
        (json!({ "turn": { "nth": 1 }, "full_disk": {} }), "turn", "for as long as"),
        (json!({ "turn": { "nth": 3, "every": 2 }, "status": status }), "turn.nth", "never act"),
        (json!({ "turn": { "probability": 1.5 }, "status": status }), "turn.probability", "0 to 1"),
        (
            json!({ "turn": { "from": "2027-01-01T00:00:00Z", "until": "2026-01-01T00:00:00Z" }, "status": status }),
            "turn.until",
            "not later",
        ),
        (json!({ "turn": { "ttl": "-1s" }, "status": status }), "turn.ttl", "is not a duration"),
        (json!({ "faultId": "a b", "status": status }), "fault_id", "characters"),
        (json!({ "faultId": CITIZEN, "status": status }), "fault_id", "no personal ID"),
        (json!({ "status": { "code": "UNAVAILABEL" } }), "status.code", "UNAVAILABLE"),
        (json!({ "status": { "reason": "RATE_LIMITED", "code": "ABORTED" } }), "status.code", "RESOURCE_EXHAUSTED"),
        (json!({ "status": {} }), "status.code", "required"),
        (json!({ "delay": { "fixed": "61s" } }), "delay.fixed", "at most 60 s"),
        (json!({ "delay": { "uniform": { "low": "2s", "high": "1s" } } }), "delay.uniform", "from low to high"),
        (json!({ "delay": {} }), "delay", "how long"),
        (json!({ "cut": {} }), "cut.after", "messages or bytes"),
        (json!({ "drip": {} }), "drip.every", "required"),
        (json!({ "match": { "registry": "land" }, "clock_skew": {} }), "clock_skew.by", "not 0"),
        (json!({ "match": {} }), "action", "what happens"),
    ] {
        let body = json!({ "faults": [{ "go_away": {} }, fault] });
        let wrong = session.call("demo-operator", "simulation.v1.FaultService/AddFaults", body).await.expect_err(field);
        assert_eq!(reason(&wrong), (Code::InvalidArgument, "INVALID_REQUEST".into()), "{fault}");
        assert!(wrong.message().contains(&format!("faults[1].{field}")), "{fault}: {}", wrong.message());
        assert!(wrong.message().contains(says), "{fault}: {}", wrong.message());
        assert!(list(&session).await.iter().all(|fault| fault["ofCitizen"] == true), "nothing is half done");
    }
    let named = json!({ "faultId": "mine", "go_away": {} });
    add(&session, named.clone()).await;
    assert_eq!(refused(&session, named.clone()).await, (Code::AlreadyExists, "ALREADY_EXISTS".into()));
    let remove = "simulation.v1.FaultService/RemoveFault";
    session.ask("demo-operator", remove, json!({ "faultId": "mine" })).await;
    let gone = session.refused("demo-operator", remove, json!({ "faultId": "mine" })).await;
    assert_eq!(gone, (Code::NotFound, "NOT_FOUND".into()));
    // False signatures last longer than any fault.
    let needs_session = (Code::FailedPrecondition, "FAULT_NEEDS_SESSION".to_owned());
    for fault in [
        json!({ "read": "READ_FAULT_OTHER_ISSUER" }),
        json!({ "match": { "registry": "land" }, "clock_skew": { "by": "1s" } }),
        json!({ "match": { "log": "records" }, "equivocating_log": {} }),
    ] {
        assert_eq!(refused(&outside, fault.clone()).await, needs_session, "{fault}");
    }
    let role = session.refused("demo-bank", "simulation.v1.FaultService/Heal", json!({})).await;
    assert_eq!(role, (Code::PermissionDenied, "ROLE_NOT_ALLOWED".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_begins_with_the_rules_of_its_province_and_keeps_its_own() {
    let gateway = gateway().start().await;
    let outside = base(&gateway.channel);
    add(
        &outside,
        json!({ "faultId": "of-base", "match": { "methods": ["GetWorld"] }, "status": { "code": "ABORTED" } }),
    )
    .await;
    let session = outside.create(json!({})).await;
    let aborted = (Code::Aborted, "FAULT_INJECTED".to_owned());
    heal(&outside).await;
    assert!(outside.call("demo-bank", WORLD, json!({})).await.is_ok());
    assert_eq!(session.refused("demo-bank", WORLD, json!({})).await, aborted);
    heal(&session).await;
    assert!(session.call("demo-bank", WORLD, json!({})).await.is_ok());
    outside.sessions("ResetSession", json!({ "session_id": session.id() })).await;
    assert_eq!(session.refused("demo-bank", WORLD, json!({})).await, aborted, "as it began");
    // Persons whose faults are part of them.
    let slow = json!({ "personas": true });
    assert_eq!(session.ask("demo-operator", "simulation.v1.FaultService/Heal", slow).await["healed"], 13);
    assert_eq!(list(&session).await.len(), 0);
}
