//! Citizens: consent and take it back, link documents and end links, present documents and are read by whom they chose.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::client::{Client, GIVEN_UP, Outcome};
use super::disk::lock;
use super::reader::{BANK_PURPOSE, PERSON, disclosed};
use super::registrar::version;
use super::run::Run;

/// All is well with this citizen, whose documents are linked.
pub const HAPPY: &str = "042090990001";
/// Another citizen who consents now and then.
pub const CONSENTING: &str = "042086990020";
/// Has documents, and links to none of them in the beginning.
const UNLINKED: &str = "042185990002";

const CARD: &str = "DOCUMENT_TYPE_HEALTH_INSURANCE_CARD";
const GRANT: &str = "access.v1.ConsentService/GrantConsent";
const WITHDRAW: &str = "access.v1.ConsentService/WithdrawConsent";
const LIST_CONSENTS: &str = "access.v1.ConsentService/ListConsents";
const LINK: &str = "identity.v1.LinkService/LinkDocument";
const UNLINK: &str = "identity.v1.LinkService/UnlinkDocument";
const LIST_LINKS: &str = "identity.v1.LinkService/ListLinks";
const PRESENT: &str = "identity.v1.PresentationService/CreatePresentation";
const REDEEM: &str = "identity.v1.PresentationService/RedeemPresentation";
/// Longer than any run moves the clock.
const TTL_SECONDS: u32 = 80 * 86_400;
/// How long an agency may repeat a redemption, in milliseconds, with a margin.
const REPEATS_MS: i64 = 55_000;

/// Consents to what the bank reads, withdraws, consents again, and repeats old withdrawals, which must end nothing newer.
pub async fn consents(run: Arc<Run>, person: &'static str, works: usize) {
    let client = Client::new(format!("consents-{}", &person[8..]), &run);
    let who = format!("demo-citizen-{person}");
    let mut ended: Vec<String> = Vec::new();
    let mut granted: Option<String> = None;
    know(&run, person, Some(false));
    for _ in 0..works {
        client.pause(200, 3_000).await;
        let (repeats_old, means_another) = {
            let mut dice = lock(&client.dice);
            (!ended.is_empty() && dice.happens(350), dice.happens(150))
        };
        if means_another {
            others(&client, person).await;
        } else if repeats_old {
            let id = lock(&client.dice).pick(&ended).clone();
            let body = json!({ "personalId": person, "consentId": id });
            if client.call(&who, WITHDRAW, body).await.is_ok() {
                run.sometimes.met("an old withdrawal is repeated");
            }
        } else if let Some(id) = granted.take() {
            know(&run, person, None);
            let (answer, attempts) =
                client.call_counted(&who, WITHDRAW, json!({ "personalId": person, "consentId": id })).await;
            if let Err(reason) = answer {
                run.log.check(reason == GIVEN_UP, || format!("a withdrawal is refused: {reason}"));
                return;
            }
            client.settle(attempts).await;
            ended.push(id);
            know(&run, person, Some(false));
        } else {
            know(&run, person, None);
            let body = json!({
                "personalId": person, "agency": "bank", "purpose": BANK_PURPOSE, "recordTypes": [PERSON], "ttlSeconds": TTL_SECONDS,
            });
            let (answer, attempts) = client.call_counted(&who, GRANT, body).await;
            if let Err(reason) = answer {
                run.log.check(reason == GIVEN_UP, || format!("a consent is refused: {reason}"));
                return;
            }
            client.settle(attempts).await;
            know(&run, person, Some(true));
        }
        // What the list says is what holds: of consents that were granted by several attempts, the newest.
        let Ok(listed) = client.call(&who, LIST_CONSENTS, json!({ "personalId": person })).await else { return };
        let holds = listed["consents"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|consent| consent["agency"] == "bank" && consent["state"] == "CONSENT_STATE_GRANTED");
        granted = holds.and_then(|consent| Some(consent["consentId"].as_str()?.to_owned()));
        if let Some(id) = &granted {
            lock(&run.facts).consents.entry(person.to_owned()).or_default().id.clone_from(id);
        }
        let known = lock(&run.facts).consents[person].holds;
        run.log.check(known == Some(granted.is_some()), || {
            format!("a consent should hold: {known:?}, and the list says {}", granted.is_some())
        });
        if run.is_over() {
            return;
        }
    }
}

fn know(run: &Run, person: &str, holds: Option<bool>) {
    let mut facts = lock(&run.facts);
    let known = facts.consents.entry(person.to_owned()).or_default();
    known.holds = holds;
    known.changes += 1;
}

/// Withdraws consents that are not the bank's: one to another agency, which was just given, and one of another citizen. The first ends itself alone, and
/// the second is none of theirs.
async fn others(client: &Client, person: &str) {
    let (run, who) = (&client.run, format!("demo-citizen-{person}"));
    let given = json!({
        "personalId": person, "agency": "hospital", "purpose": "health.admission", "recordTypes": [PERSON], "ttlSeconds": TTL_SECONDS,
    });
    let (granted, attempts) = client.call_counted(&who, GRANT, given).await;
    let id = match granted {
        Ok(answer) => answer["consent"]["consentId"].clone(),
        Err(reason) => return run.log.check(reason == GIVEN_UP, || format!("a consent is refused: {reason}")),
    };
    client.settle(attempts).await;
    match client.call(&who, WITHDRAW, json!({ "personalId": person, "consentId": id })).await {
        Ok(answer) => {
            let ended = &answer["consent"];
            run.log.check(ended["consentId"] == id && ended["agency"] == "hospital", || {
                format!("the withdrawal of {id} has ended {ended}")
            });
            run.sometimes.met("a consent to another agency is withdrawn");
        }
        Err(reason) => return run.log.check(reason == GIVEN_UP, || format!("a withdrawal is refused: {reason}")),
    }
    let theirs = {
        let facts = lock(&run.facts);
        facts
            .consents
            .iter()
            .find(|(of, known)| *of != person && !known.id.is_empty())
            .map(|(_, known)| known.id.clone())
    };
    let Some(theirs) = theirs else { return };
    match client.call(&who, WITHDRAW, json!({ "personalId": person, "consentId": theirs })).await {
        Ok(_) => run.log.violated("a citizen has withdrawn somebody else's consent"),
        Err(reason) if reason == GIVEN_UP => {}
        Err(reason) => {
            run.log.check(reason == "NOT_FOUND", || format!("somebody else's consent is refused as {reason}"));
            run.sometimes.met("somebody else's consent is not to be withdrawn");
        }
    }
}

/// Links a document and ends the link again.
pub async fn links(run: Arc<Run>, works: usize) {
    let client = Client::new("links", &run);
    let who = format!("demo-citizen-{UNLINKED}");
    let mut linked: Option<String> = None;
    for _ in 0..works {
        client.pause(300, 4_000).await;
        let (outcome, attempts) = match &linked {
            None => client.call_counted(&who, LINK, json!({ "personalId": UNLINKED, "documentType": CARD })).await,
            Some(id) => client.call_counted(&who, UNLINK, json!({ "personalId": UNLINKED, "linkId": id })).await,
        };
        // A repetition finds what an earlier attempt did.
        let is_done = match &outcome {
            Ok(_) => true,
            Err(reason) => {
                (linked.is_none() && reason == "ALREADY_LINKED") || (linked.is_some() && reason == "LINK_NOT_ACTIVE")
            }
        };
        if let Err(reason) = outcome
            && !is_done
        {
            run.log.check(reason == GIVEN_UP, || format!("a link is refused: {reason}"));
            return;
        }
        client.settle(attempts).await;
        let Ok(listed) = client.call(&who, LIST_LINKS, json!({ "personalId": UNLINKED })).await else { return };
        let found = listed["links"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|link| link["documentType"] == CARD && link["state"] == "LINK_STATE_LINKED");
        let found = found.and_then(|link| Some(link["linkId"].as_str()?.to_owned()));
        run.log.check(found.is_some() != linked.is_some(), || {
            format!(
                "a link was acknowledged as {}, and the list says otherwise",
                if linked.is_none() { "made" } else { "ended" }
            )
        });
        run.sometimes.met(if linked.is_none() { "a link is made" } else { "a link is ended" });
        linked = found;
        if run.is_over() {
            return;
        }
    }
}

/// Presents a document; the agency redeems the code, over and over where it does not know what came of it.
pub async fn presents(run: Arc<Run>, works: usize) {
    let (client, agency) = (Client::new("presents", &run), Client::new("redeems", &run));
    let who = format!("demo-citizen-{HAPPY}");
    for _ in 0..works {
        client.pause(500, 5_000).await;
        let jumps = run.jumps();
        let body = json!({ "personalId": HAPPY, "agency": "one-stop", "documentTypes": [CARD], "ttlSeconds": 900 });
        let code = match client.call(&who, PRESENT, body).await {
            Ok(answer) => answer["code"].as_str().unwrap_or_default().to_owned(),
            Err(reason) if reason == GIVEN_UP => return,
            Err(reason) => return run.log.violated(format!("a document cannot be presented: {reason}")),
        };
        redeem(&agency, &code, jumps).await;
        if run.is_over() {
            return;
        }
    }
}

/// Redeems a code that was made after so many jumps of the clock.
async fn redeem(agency: &Client, code: &str, jumps: u64) {
    let run = &agency.run;
    let began = run.log.elapsed_ms();
    let body = json!({ "code": code });
    let mut answers: Vec<Value> = Vec::new();
    // A second answer is asked for even where the first arrived.
    for _ in 0..200 {
        let outcome = agency.try_call("demo-one-stop", REDEEM, body.clone()).await;
        let is_in_time = run.log.elapsed_ms() - began < REPEATS_MS && run.jumps() == jumps;
        match outcome {
            Outcome::Answered(answer) => {
                disclosed(agency, HAPPY, &answer);
                answers.push(answer);
                if answers.len() == 2 {
                    break;
                }
            }
            Outcome::Refused(reason) => {
                run.log.check(!is_in_time, || format!("a redemption is repeated in time, and refused: {reason}"));
                break;
            }
            Outcome::Unknown(_) => {}
        }
        agency.pause(100, 1_000).await;
        if run.is_over() {
            return;
        }
    }
    if let [first, second] = &answers[..] {
        let records = |answer: &Value| -> BTreeSet<(String, u64)> {
            let records = answer["records"].as_array().into_iter().flatten();
            records.map(|record| (record["recordId"].to_string(), version(record))).collect()
        };
        run.log.check(records(first) == records(second), || "a repeated redemption got other records".into());
        run.sometimes.met("a redemption is repeated with the same answer");
    }
    if answers.is_empty() {
        return;
    }
    match agency.call("demo-hospital", REDEEM, body).await {
        Ok(_) => run.log.violated("a code that was used is redeemed by another agency"),
        Err(reason) if reason == GIVEN_UP => {}
        Err(_) => run.sometimes.met("a used code is refused to another agency"),
    }
}
