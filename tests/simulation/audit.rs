//! The reckoning: when nothing is broken any more, everything that clients were told is looked for, by the public API alone, before and after one
//! more restart.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lienthong::trust::merkle::{hash_leaf, verify_inclusion};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::client::{Client, GIVEN_UP, Outcome};
use super::disk::lock;
use super::follower;
use super::machine::Machine;
use super::registrar::{self, DISPUTED, payload};
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
    for person in [DISPUTED, super::citizen::HAPPY] {
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

/// Every disclosure that a client got is in its citizen's access log, whose entries are counted without a gap and lie in the evidence ledger.
async fn evidence(auditor: &Client) {
    let run = &auditor.run;
    let disclosures = lock(&run.facts).disclosures.clone();
    let people: BTreeSet<String> = disclosures.iter().map(|(person, _)| person.clone()).collect();
    for person in people {
        let Some(listed) = accesses(auditor, &person).await else { return };
        let of_person = disclosures.iter().filter(|(of, _)| *of == person);
        for (_, request_id) in of_person {
            run.log.check(listed.contains(request_id), || format!("the disclosure {request_id} has no evidence"));
        }
    }
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

/// Whether registries disagree about a name, counted from the registries themselves, is what the province says.
async fn conflicts(auditor: &Client, person: &str) {
    let run = &auditor.run;
    let Ok(described) = auditor.call("demo-operator", "registry.v1.RegistryService/Describe", json!({})).await else {
        return;
    };
    let (mut registered, mut names) = (None, Vec::new());
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
                    true => registered = payload["full_name"].as_str().map(str::to_lowercase),
                    false => named(&payload, person, &mut names),
                }
            }
        }
    }
    let differing = names.iter().filter(|name| Some(*name) != registered.as_ref()).count();
    let asked =
        auditor.call("demo-operator", "province.v1.ProvinceService/GetPerson", json!({ "personalId": person })).await;
    let Ok(answer) = asked else { return };
    let listed = names_that_differ(&answer);
    run.log.check(listed == differing, || {
        format!("{differing} records name a person otherwise, and the province lists {listed}")
    });
    if person == DISPUTED {
        run.sometimes.met(if differing > 0 { "registries disagree" } else { "registries agree again" });
    }
}

/// How many other names than the registered one a view of a person lists.
pub fn names_that_differ(answer: &Value) -> usize {
    let mut listed = answer["person"]["discrepancies"].as_array().into_iter().flatten();
    let claims = listed.find(|one| one["code"] == "NAME_DIFFERS").and_then(|one| Some(one["claims"].as_array()?.len()));
    claims.map_or(0, |claims| claims - 1)
}

/// The names that a payload has for a person, wherever in it.
fn named(value: &Value, person: &str, names: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if fields.get("personal_id").is_some_and(|id| id == person)
                && let Some(name) = fields.get("full_name").and_then(Value::as_str)
            {
                names.push(name.to_lowercase());
            }
            fields.values().for_each(|inner| named(inner, person, names));
        }
        Value::Array(items) => items.iter().for_each(|inner| named(inner, person, names)),
        _ => {}
    }
}
