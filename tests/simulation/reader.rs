//! Agencies that read: each answer is held to what was acknowledged before, and leaves evidence that is looked for at the end.

use std::sync::Arc;

use serde_json::{Value, json};

use super::citizen::{CONSENTING, HAPPY};
use super::client::{Client, GIVEN_UP, Outcome};
use super::disk::lock;
use super::registrar::{DISPUTED, member, version};
use super::run::Run;

/// Fetching records.
pub const FETCH: &str = "exchange.v1.ExchangeService/FetchRecords";
/// What the bank may read by consent.
pub const BANK_PURPOSE: &str = "bank.know_your_customer";
/// The record type that it reads.
pub const PERSON: &str = "resident.person.v1";

/// Notes that an answer disclosed records, and the head that it names. Gives its request id.
pub fn disclosed(client: &Client, person: &str, answer: &Value) {
    let run = &client.run;
    run.sometimes.met("records are disclosed");
    let request_id = answer["requestId"].as_str().unwrap_or_default().to_owned();
    run.log.check(!request_id.is_empty(), || "records were disclosed without a request id".into());
    lock(&run.facts).disclosures.insert((person.to_owned(), request_id));
    let index: u64 = answer["evidence"]["index"].as_str().and_then(|index| index.parse().ok()).unwrap_or_default();
    let head = run.heads.note(&client.name, answer["evidence"]["checkpoint"].as_str().unwrap_or_default());
    run.log.check(head.is_some_and(|head| head.size > index), || {
        "the evidence of a disclosure is not under its checkpoint".into()
    });
    for record in answer["records"].as_array().into_iter().flatten() {
        run.log.check(record["verdict"] == "VALID", || format!("a record was delivered as {}", record["verdict"]));
    }
}

/// The one-stop centre: reads citizens' documents and memberships.
pub async fn one_stop(run: Arc<Run>, registrars: u64, works: usize) {
    let client = Client::new("one-stop", &run);
    for _ in 0..works {
        client.pause(50, 1_500).await;
        let reads_member = lock(&client.dice).happens(600);
        if reads_member {
            let id = {
                let mut dice = lock(&client.dice);
                member(dice.below(registrars), dice.below(4))
            };
            fetch_membership(&client, &id).await;
        } else {
            let person = *lock(&client.dice).pick(&[HAPPY, CONSENTING, DISPUTED]);
            let body = json!({ "personalId": person, "recordTypes": [PERSON], "purpose": "one_stop.verify_documents" });
            match client.call("demo-one-stop", FETCH, body).await {
                Ok(answer) => disclosed(&client, person, &answer),
                Err(reason) if reason == GIVEN_UP => {}
                Err(reason) => run.log.violated(format!("a citizen's own record is refused: {reason}")),
            }
        }
        if run.is_over() {
            return;
        }
    }
}

/// Fetches a membership, and compares it with what was acknowledged before the call.
async fn fetch_membership(client: &Client, id: &str) {
    let run = &client.run;
    let before = lock(&run.facts).memberships.get(id).cloned();
    let body = json!({
        "personalId": id, "recordTypes": ["social_insurance.membership.v1"], "purpose": "one_stop.process_dossier",
    });
    let shown = match client.call("demo-one-stop", FETCH, body).await {
        Ok(answer) => {
            disclosed(client, id, &answer);
            let missing = answer["missing"]
                .as_array()
                .is_some_and(|missing| missing.iter().any(|missing| missing["reason"] == "MISSING_REASON_UNREACHABLE"));
            if missing {
                return;
            }
            answer["records"].get(0).map_or(0, version)
        }
        Err(reason) if reason == "RECORD_NOT_FOUND" => 0,
        Err(reason) if reason == GIVEN_UP => return,
        Err(reason) => return run.log.violated(format!("a membership is refused: {reason}")),
    };
    let wanted = before.map_or(0, |known| known.version);
    run.log.check(shown >= wanted, || format!("version {wanted} was acknowledged, and the exchange shows {shown}"));
}

/// The bank: reads by consent alone.
pub async fn bank(run: Arc<Run>, works: usize) {
    let client = Client::new("bank", &run);
    for _ in 0..works {
        client.pause(100, 2_500).await;
        let person = *lock(&client.dice).pick(&[HAPPY, CONSENTING]);
        let body = json!({ "personalId": person, "recordTypes": [PERSON], "purpose": BANK_PURPOSE });
        let consent = || lock(&run.facts).consents.get(person).cloned().unwrap_or_default();
        let before = consent();
        let outcome = client.try_call("demo-bank", FETCH, body).await;
        let is_same = before == consent();
        match outcome {
            Outcome::Answered(answer) => {
                disclosed(&client, person, &answer);
                run.log.check(!is_same || before.holds != Some(false), || {
                    "records were disclosed without a consent".into()
                });
            }
            Outcome::Refused(reason) if reason == "CONSENT_MISSING" => {
                run.sometimes.met("a read is refused for lack of consent");
                run.log.check(!is_same || before.holds != Some(true), || {
                    "a consent that was granted does not hold".into()
                });
            }
            Outcome::Refused(reason) => run.log.violated(format!("the bank is refused: {reason}")),
            Outcome::Unknown(_) => {}
        }
        if run.is_over() {
            return;
        }
    }
}
