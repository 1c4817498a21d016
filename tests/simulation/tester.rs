//! A tester with sessions: what is changed in one is never seen in the province, nor the other way round, nor after its end.

use std::sync::Arc;

use serde_json::{Value, json};

use super::client::{Client, GIVEN_UP, Outcome};
use super::disk::lock;
use super::registrar::{member, membership};
use super::run::Run;

const AGENCY: &str = "demo-social-insurance";
const SUBMIT: &str = "registry.v1.RegistryService/SubmitChanges";
const READ: &str = "registry.v1.RegistryService/GetRecords";
/// No registrar has this number: its members are the tester's.
const OWN: u64 = 7_000;

fn of(id: &str) -> Value {
    json!({ "registry": "social_insurance", "recordTypes": ["social_insurance.membership.v1"], "personalId": id })
}

/// Whether a read shows a record; `None` if nobody knows.
async fn shows(client: &Client, id: &str) -> Option<bool> {
    match client.try_call(AGENCY, READ, of(id)).await {
        Outcome::Answered(answer) => Some(answer["records"].get(0).is_some()),
        Outcome::Refused(reason) if reason == "RECORD_NOT_FOUND" => Some(false),
        Outcome::Refused(_) | Outcome::Unknown(_) => None,
    }
}

/// Creates, uses and deletes sessions.
pub async fn sessions(run: Arc<Run>, works: usize) {
    let client = Client::new("tester", &run);
    for work in 0..works {
        client.pause(500, 5_000).await;
        let wanted = json!({ "requestId": format!("session-{work:04}"), "ttl": "3600s" });
        let created = match client.call("demo-operator", "simulation.v1.SessionService/CreateSession", wanted).await {
            Ok(answer) => answer["session"]["sessionId"].as_str().unwrap_or_default().to_owned(),
            Err(reason) if reason == GIVEN_UP => return,
            Err(reason) => return run.log.violated(format!("a session cannot be created: {reason}")),
        };
        one(&client, &created, work as u64).await;
        if run.is_over() {
            return;
        }
    }
}

/// One session, to its end. A session ends with the process, so whatever it is asked may be refused because it is gone.
async fn one(client: &Client, id: &str, work: u64) {
    let run = &client.run;
    let session = client.within(id);
    let (inside, outside) = (member(OWN, work), member(OWN + 1, work));
    lock(&run.facts).of_sessions.insert(inside.clone());
    let changes = |id: &str| json!({ "registry": "social_insurance", "requestId": format!("of-{id}"), "changes": [membership(id, 0, "active")] });
    match session.call(AGENCY, SUBMIT, changes(&inside)).await {
        Ok(_) => {}
        Err(reason) => {
            return run.log.check(reason == "SESSION_UNKNOWN" || reason == GIVEN_UP, || {
                format!("a session refuses a change: {reason}")
            });
        }
    }
    // The province changes after the session began.
    match client.call(AGENCY, SUBMIT, changes(&outside)).await {
        Ok(_) => {}
        Err(reason) => return run.log.check(reason == GIVEN_UP, || format!("a change is refused: {reason}")),
    }
    let seen = (shows(&session, &inside).await, shows(&session, &outside).await);
    run.log.check(seen.0 != Some(false), || "a session does not show its own change".into());
    run.log.check(seen.1 != Some(true), || "a session shows what the province was told after it began".into());
    run.log.check(shows(client, &inside).await != Some(true), || "the province shows a session's change".into());
    if seen.0 == Some(true) {
        run.sometimes.met("a session changes what the province does not show");
    }
    match session.try_call("demo-one-stop", "trust.v1.LedgerService/GetCheckpoint", json!({ "log": "records" })).await {
        Outcome::Answered(answer) => {
            let head = run.heads.note(&session.name, answer["checkpoint"].as_str().unwrap_or_default());
            run.log.check(head.is_some_and(|head| head.origin.contains(id)), || {
                "a session shows a head that is not its own".into()
            });
        }
        Outcome::Refused(_) | Outcome::Unknown(_) => {}
    }
    let delete = json!({ "sessionId": id });
    match client.call("demo-operator", "simulation.v1.SessionService/DeleteSession", delete).await {
        Ok(_) => {}
        Err(reason) => {
            return run.log.check(reason == "SESSION_UNKNOWN" || reason == GIVEN_UP, || {
                format!("a session cannot be deleted: {reason}")
            });
        }
    }
    match session.try_call(AGENCY, READ, of(&inside)).await {
        Outcome::Answered(_) => run.log.violated("a deleted session is served"),
        Outcome::Refused(reason) => {
            run.log.check(reason == "SESSION_UNKNOWN", || format!("a deleted session is refused as {reason}"));
            run.sometimes.met("a deleted session is refused");
        }
        Outcome::Unknown(_) => {}
    }
}
