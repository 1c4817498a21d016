//! The reckoning: when nothing is broken any more, everything that clients were told is looked for, by the public API alone, before and after one
//! more restart.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lienthong::base::Timestamp;
use lienthong::trust::merkle::{hash_leaf, verify_inclusion};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::citizen::{CONSENTING, HAPPY};
use super::client::{Client, GIVEN_UP, Outcome};
use super::disk::lock;
use super::follower;
use super::machine::Machine;
use super::registrar::{self, DISPUTED, DISPUTES, payload};
use super::run::Run;

/// The longest time that the province takes to accept what registries issued before.
const LOOKS_MAX: usize = 200;

/// Holds the province to everything that is known of it.
pub async fn all(run: &Arc<Run>, machine: &Arc<Mutex<Machine>>) {
    let auditor = Client::new("audit", run);
    follows(&auditor).await;
    everything(&auditor).await;
    if run.is_over() {
        return;
    }
    machine.lock().await.stop().await;
    machine.lock().await.must_start().await;
    run.log.note("run", "the same after one more start");
    everything(&auditor).await;
    machine.lock().await.stop().await;
}

async fn everything(auditor: &Client) {
    let run = &auditor.run;
    let members: Vec<String> = lock(&run.facts).memberships.keys().cloned().collect();
    for id in members {
        registrar::read(auditor, &id).await;
    }
    registrar::read_raced(auditor).await;
    let hidden: Vec<String> = lock(&run.facts).of_sessions.iter().cloned().collect();
    for id in hidden {
        registrar::read(auditor, &id).await; // nobody was acknowledged one outside
    }
    follower::all_came(auditor).await;
    evidence(auditor).await;
    for person in [DISPUTED, HAPPY, CONSENTING] {
        conflicts(auditor, person).await;
    }
    for log in ["records", "evidence", "social_insurance", "health_insurance", "resident"] {
        let newest = run.heads.newest(&format!("lienthong/H27/{log}"));
        let Ok(answer) =
            auditor.call("demo-one-stop", "trust.v1.LedgerService/GetCheckpoint", json!({ "log": log })).await
        else {
            return;
        };
        let Some(head) = run.heads.note(&auditor.name, answer["checkpoint"].as_str().unwrap_or_default()) else {
            return;
        };
        run.log.check(head.size >= newest, || format!("{log} had {newest} entries, and has {}", head.size));
    }
}

/// Every feed follows again.
async fn follows(auditor: &Client) {
    for _ in 0..LOOKS_MAX {
        if let Outcome::Answered(answer) =
            auditor.try_call("demo-operator", "province.v1.ProvinceService/ListFeeds", json!({})).await
        {
            let mut feeds = answer["feeds"].as_array().into_iter().flatten();
            if feeds.all(|feed| feed["state"] == "FEED_STATE_FOLLOWING") {
                return;
            }
        }
        auditor.pause(500, 500).await;
    }
    auditor.run.log.violated("the province does not follow its registries, and nothing is broken");
}

/// A number of protobuf JSON.
fn number(value: &Value) -> u64 {
    value.as_str().and_then(|text| text.parse().ok()).or_else(|| value.as_u64()).unwrap_or_default()
}

/// The auditor at work, while things go wrong: reads access logs, and finds in each what was disclosed before.
pub async fn at_work(run: Arc<Run>, works: usize) {
    let client = Client::new("auditor", &run);
    for _ in 0..works {
        client.pause(300, 2_500).await;
        let person = *lock(&client.dice).pick(&[HAPPY, CONSENTING, DISPUTED]);
        if are_listed(&client, person).await {
            run.sometimes.met("an access log is read while things go wrong");
        }
        if run.is_over() {
            return;
        }
    }
}

/// Every disclosure that a client got is in its citizen's access log, whose entries are counted without a gap and lie in the evidence ledger.
async fn evidence(auditor: &Client) {
    let people: BTreeSet<String> =
        lock(&auditor.run.facts).disclosures.iter().map(|(person, _)| person.clone()).collect();
    for person in people {
        if !are_listed(auditor, &person).await {
            return;
        }
    }
}

/// Reads a citizen's access log, and finds in it what was disclosed before. Says whether the log could be read.
async fn are_listed(auditor: &Client, person: &str) -> bool {
    let run = &auditor.run;
    let disclosures = lock(&run.facts).disclosures.clone();
    let Some(listed) = accesses(auditor, person).await else { return false };
    for (_, request_id) in disclosures.iter().filter(|(of, _)| *of == person) {
        run.log.check(listed.contains(request_id), || format!("the disclosure {request_id} has no evidence"));
    }
    true
}

/// The ids of the calls in a citizen's access log, each checked.
async fn accesses(auditor: &Client, person: &str) -> Option<BTreeSet<String>> {
    let run = &auditor.run;
    let (mut ids, mut token, mut expected) = (BTreeSet::new(), String::new(), None);
    loop {
        let body = json!({ "personalId": person, "pageSize": 500, "pageToken": token });
        let answer = match auditor.call("demo-auditor", "access.v1.AccessLogService/ListAccesses", body).await {
            Ok(answer) => answer,
            Err(reason) => {
                run.log.check(reason == GIVEN_UP, || format!("an access log is refused: {reason}"));
                return None;
            }
        };
        let claim = &answer["completeness"];
        let head = run.heads.note(&auditor.name, claim["checkpoint"].as_str().unwrap_or_default())?;
        for access in answer["accesses"].as_array().into_iter().flatten() {
            let sequence = number(&access["subjectSequence"]);
            let wanted = expected.unwrap_or_else(|| number(&claim["count"]));
            run.log.check(sequence == wanted, || {
                format!("entry {wanted} of an access log is missing: {sequence} stands there")
            });
            expected = Some(wanted.saturating_sub(1));
            let entry = STANDARD.decode(access["entry"].as_str().unwrap_or_default()).unwrap_or_default();
            let path = access["path"].as_array().into_iter().flatten();
            let path: Vec<[u8; 32]> =
                path.filter_map(|hash| STANDARD.decode(hash.as_str()?).ok()?.try_into().ok()).collect();
            let index = number(&access["ledgerIndex"]);
            let proved = verify_inclusion(&hash_leaf(&entry), index, head.size, &path, &head.root);
            run.log.check(proved.is_ok(), || format!("entry {index} is not in the evidence ledger"));
            ids.insert(access["requestId"].as_str().unwrap_or_default().to_owned());
        }
        token = answer["nextPageToken"].as_str().unwrap_or_default().to_owned();
        if token.is_empty() {
            run.log.check(expected.unwrap_or_else(|| number(&claim["count"])) == 0, || {
                "an access log does not go back to its first entry".into()
            });
            return Some(ids);
        }
    }
}

/// What registries disagree about, counted from the registries themselves, is what the province says: each code, and how many records cause it.
async fn conflicts(auditor: &Client, person: &str) {
    let run = &auditor.run;
    let Some((registered, others)) = records_about(auditor, person).await else { return };
    let today = async || {
        let answer = auditor.call("demo-operator", "simulation.v1.SimulationService/GetClock", json!({})).await.ok()?;
        Some(Timestamp::parse(answer["clock"]["now"].as_str()?)?.date().to_string())
    };
    let Some(before) = today().await else { return };
    let asked =
        auditor.call("demo-operator", "province.v1.ProvinceService/GetPerson", json!({ "personalId": person })).await;
    let Ok(answer) = asked else { return };
    let Some(after) = today().await else { return };
    let listed = discrepancies(&answer);
    let counted = recount(&registered, &others, &before);
    run.log.check(listed == counted || recount(&registered, &others, &after) == listed, || {
        format!("records about {person} cause {counted:?}, and the province lists {listed:?}")
    });
    if person == DISPUTED {
        for (code, ..) in DISPUTES {
            run.sometimes.met(match (code, counted.contains_key(code)) {
                ("NAME_DIFFERS", true) => "registries disagree about a name",
                ("BIRTH_DATE_DIFFERS", true) => "registries disagree about a birth date",
                ("SEX_DIFFERS", true) => "registries disagree about a sex",
                _ => "registries agree again",
            });
        }
    }
}

/// What the population register says of a person, and what all other records do, wherever they name them.
async fn records_about(auditor: &Client, person: &str) -> Option<(Value, Vec<Value>)> {
    let described = auditor.call("demo-operator", "registry.v1.RegistryService/Describe", json!({})).await.ok()?;
    let (mut registered, mut others) = (Value::Null, Vec::new());
    for registry in described["registries"].as_array().into_iter().flatten() {
        let agency = format!("demo-{}", registry["agency"].as_str().unwrap_or_default());
        for of in registry["recordTypes"].as_array().into_iter().flatten() {
            let body =
                json!({ "registry": registry["registry"], "recordTypes": [of["recordType"]], "personalId": person });
            let Ok(answer) = auditor.call(&agency, "registry.v1.RegistryService/GetRecords", body).await else {
                continue;
            };
            for record in answer["records"].as_array().into_iter().flatten() {
                let Some(payload) = payload(record) else { continue };
                match of["recordType"] == "resident.person.v1" {
                    true => registered = payload,
                    false => mentions(&payload, person, &mut others),
                }
            }
        }
    }
    Some((registered, others))
}

/// How many records cause each discrepancy that a run can cause, by the day on which the province was asked.
fn recount(registered: &Value, others: &[Value], today: &str) -> BTreeMap<String, usize> {
    let of = |code: &str, field: &str, agree: fn(&str, &str) -> bool| {
        let differs = |other: &&Value| match (registered[field].as_str(), other[field].as_str()) {
            (Some(one), Some(other)) => !agree(one, other),
            _ => false,
        };
        (code.to_owned(), others.iter().filter(differs).count())
    };
    // A date that is known in part agrees with every date of that part.
    let dates = |one: &str, other: &str| one.starts_with(other) || other.starts_with(one);
    let expires = registered["card"]["expires_on"].as_str();
    let is_lapsed = registered["life_status"] == "alive" && expires.is_some_and(|expires| expires <= today);
    let counts = [
        of("NAME_DIFFERS", "full_name", |one, other| one.to_lowercase() == other.to_lowercase()),
        of("BIRTH_DATE_DIFFERS", "birth_date", dates),
        of("SEX_DIFFERS", "sex", |one, other| one == other),
        ("CARD_LAPSED".to_owned(), is_lapsed.into()),
    ];
    counts.into_iter().filter(|(_, count)| *count > 0).collect()
}

/// The discrepancies that a view of a person lists: each code, with how many claims stand against the register's own.
pub fn discrepancies(answer: &Value) -> BTreeMap<String, usize> {
    let listed = answer["person"]["discrepancies"].as_array().into_iter().flatten();
    let count = |one: &Value| one["claims"].as_array().map_or(0, |claims| claims.len() - 1);
    listed.map(|one| (one["code"].as_str().unwrap_or_default().to_owned(), count(one))).collect()
}

/// The objects of a payload that are about a person, wherever in it.
fn mentions(value: &Value, person: &str, found: &mut Vec<Value>) {
    match value {
        Value::Object(fields) => {
            if fields.get("personal_id").is_some_and(|id| id == person) {
                found.push(value.clone());
            }
            fields.values().for_each(|inner| mentions(inner, person, found));
        }
        Value::Array(items) => items.iter().for_each(|inner| mentions(inner, person, found)),
        _ => {}
    }
}
