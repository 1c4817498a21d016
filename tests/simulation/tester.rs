//! A tester with sessions: what is changed in one is never seen in the province, nor the other way round, nor after its end. Some sessions' keys are
//! compromised: what those sign is delivered to nobody, there or elsewhere. Some are reset, and then have other keys and logs.

use std::sync::Arc;

use serde_json::{Value, json};

use super::citizen::HAPPY;
use super::client::{Client, GIVEN_UP, Outcome};
use super::disk::lock;
use super::misled::Misled;
use super::reader::{FETCH, PERSON, disclosed};
use super::registrar::{member, membership};
use super::run::Run;
use super::side_by_side;

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

/// Creates, uses and deletes sessions, two at a time.
pub async fn sessions(run: Arc<Run>, works: usize) {
    let client = Client::new("tester", &run);
    for work in 0..works {
        client.pause(500, 5_000).await;
        let Some(first) = created(&client, &format!("session-{work:04}")).await else { return };
        let Some(second) = created(&client, &format!("second-{work:04}")).await else { return };
        side_by_side::compared(&client, [&first, &second], work as u64).await;
        for (id, number) in [first, second].into_iter().zip(2 * work as u64..) {
            one(&client, &id, number).await;
            if run.is_over() {
                return;
            }
        }
    }
}

/// A new session, in which the rules end that the province had when it began; `None` if the run is over.
async fn created(client: &Client, request: &str) -> Option<String> {
    let run = &client.run;
    let wanted = json!({ "requestId": request, "ttl": "3600s" });
    let id = match client.call("demo-operator", "simulation.v1.SessionService/CreateSession", wanted).await {
        Ok(answer) => answer["session"]["sessionId"].as_str().unwrap_or_default().to_owned(),
        Err(reason) => {
            run.log.check(reason == GIVEN_UP, || format!("a session cannot be created: {reason}"));
            return None;
        }
    };
    let healed = client.within(&id).call("demo-operator", "simulation.v1.FaultService/Heal", json!({})).await;
    if let Err(reason) = healed {
        run.log.check(reason == "SESSION_UNKNOWN" || reason == GIVEN_UP, || {
            format!("the rules of a session cannot be ended: {reason}")
        });
    }
    (!run.is_over()).then_some(id)
}

/// One session, to its end. A session ends with the process, so whatever it is asked may be refused because it is gone.
async fn one(client: &Client, id: &str, number: u64) {
    let run = &client.run;
    let session = client.within(id);
    let (inside, outside) = (member(OWN, number), member(OWN + 1, number));
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
    let origin = own_origin(&session, id).await;
    let (is_stolen, is_misled, is_reset) = {
        let mut dice = lock(&client.dice);
        (dice.happens(200), dice.happens(800), dice.happens(300))
    };
    if is_stolen {
        key_is_stolen(client, id, &inside).await;
    } else if is_misled {
        Misled { session: &client.within(id).among_forgeries(), member: &inside }.meets_some().await;
    }
    if is_reset {
        reset(client, id, &inside, origin).await;
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

/// The origin of a session's record ledger, which is its own; `None` if that is not to be known.
async fn own_origin(session: &Client, id: &str) -> Option<String> {
    let asked =
        session.try_call("demo-one-stop", "trust.v1.LedgerService/GetCheckpoint", json!({ "log": "records" })).await;
    let Outcome::Answered(answer) = asked else { return None };
    let run = &session.run;
    let head = run.heads.note(&session.name, answer["checkpoint"].as_str().unwrap_or_default())?;
    run.log.check(head.origin.contains(id), || "a session shows a head that is not its own".into());
    Some(head.origin)
}

/// From now on a registry of the session signs with a key that the session's anchor calls compromised: its records are refused, everybody else's are not,
/// and the province knows nothing of it.
async fn key_is_stolen(client: &Client, id: &str, inside: &str) {
    let run = &client.run;
    let session = client.within(id).among_forgeries();
    let fault = json!({ "match": { "registry": "social_insurance" }, "read": "READ_FAULT_COMPROMISED_KEY" });
    let add = json!({ "faults": [fault] });
    match session.try_call("demo-operator", "simulation.v1.FaultService/AddFaults", add).await {
        Outcome::Answered(_) => {}
        Outcome::Refused(reason) => {
            return run.log.check(reason == "SESSION_UNKNOWN", || format!("a rule of a session is refused: {reason}"));
        }
        Outcome::Unknown(_) => return,
    }
    let fetch = |person: &str, record_type: &str, purpose: &str| json!({ "personalId": person, "recordTypes": [record_type], "purpose": purpose });
    let member = fetch(inside, "social_insurance.membership.v1", "one_stop.process_dossier");
    match session.try_call("demo-one-stop", FETCH, member).await {
        Outcome::Answered(answer) => {
            let delivered = answer["records"].get(0).is_some();
            run.log.check(!delivered, || "a record under a compromised key is delivered".into());
        }
        Outcome::Unknown(reason) if reason == "REVOKED_NO_POE" => {
            run.sometimes.met("what a compromised key signed is refused");
        }
        Outcome::Refused(_) | Outcome::Unknown(_) => {}
    }
    // Another registry's record, in the same session and outside.
    let own = fetch(HAPPY, PERSON, "one_stop.verify_documents");
    for caller in [&session, client] {
        match caller.try_call("demo-one-stop", FETCH, own.clone()).await {
            Outcome::Answered(answer) if caller.name == client.name => disclosed(client, HAPPY, &answer),
            Outcome::Answered(_) => {}
            Outcome::Refused(reason) => {
                run.log.check(reason == "SESSION_UNKNOWN" && caller.name != client.name, || {
                    format!("a stolen key of one registry has another's record refused: {reason}")
                })
            }
            Outcome::Unknown(reason) => run.log.check(reason != "REVOKED_NO_POE", || {
                "a stolen key of one registry makes another's record doubtful".into()
            }),
        }
    }
}

/// A session that is reset has lost what was changed in it, and signs with other keys in other logs.
async fn reset(client: &Client, id: &str, inside: &str, before: Option<String>) {
    let run = &client.run;
    let session = client.within(id);
    let asked =
        client.call("demo-operator", "simulation.v1.SessionService/ResetSession", json!({ "sessionId": id })).await;
    if let Err(reason) = asked {
        return run.log.check(reason == "SESSION_UNKNOWN" || reason == GIVEN_UP, || {
            format!("a session cannot be reset: {reason}")
        });
    }
    let shows = shows(&session, inside).await;
    run.log.check(shows != Some(true), || "a session that was reset shows what was changed in it".into());
    let after = own_origin(&session, id).await;
    if let (Some(before), Some(after)) = (before, after) {
        run.log.check(before != after, || format!("a session that was reset goes on in the log {after}"));
        run.sometimes.met("a session that is reset has other logs");
    }
}
