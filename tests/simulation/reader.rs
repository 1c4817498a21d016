//! Agencies that read, one citizen or many, and views of a person by the dozen: each answer is held to what was acknowledged before, and every disclosure
//! leaves evidence that is looked for at the end.

use std::sync::Arc;

use futures::future::join_all;
use serde_json::{Value, json};

use super::audit::discrepancies;
use super::citizen::{CONSENTING, HAPPY};
use super::client::{Client, GIVEN_UP, Outcome};
use super::disk::lock;
use super::registrar::{DISPUTED, DISPUTES, member, version};
use super::run::Run;

/// Fetching records.
pub const FETCH: &str = "exchange.v1.ExchangeService/FetchRecords";
/// Fetching the records of many.
const BULK: &str = "exchange.v1.ExchangeService/BulkFetchRecords";
/// What the province knows of a person.
const VIEW: &str = "province.v1.ProvinceService/GetPerson";
/// Views that are asked for at once: more than the gateway serves at a time.
const VIEWS: usize = 24;
/// Citizens who never consent to anything.
const OTHERS: [&str; 12] = [
    "042185990002",
    "042075990003",
    "042188990004",
    "042092990005",
    "042080990007",
    "042182990008",
    "042078990009",
    "042087990014",
    "042089990015",
    "042070990018",
    "042190990019",
    "042089990021",
];
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
pub async fn fetch_membership(client: &Client, id: &str) {
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

/// The bank, for many customers at once: one outcome for each, in the order asked. A stream that ends well has brought all of them.
pub async fn bulk(run: Arc<Run>, works: usize) {
    let client = Client::new("bulk", &run);
    for _ in 0..works {
        client.pause(500, 4_000).await;
        let mut people: Vec<&str> = OTHERS.iter().copied().filter(|_| lock(&client.dice).happens(600)).collect();
        for consents in [HAPPY, CONSENTING] {
            let at = lock(&client.dice).below(people.len() as u64 + 1) as usize;
            people.insert(at, consents);
        }
        let consent = |person: &str| lock(&run.facts).consents.get(person).cloned();
        let before: Vec<_> = people.iter().map(|person| consent(person)).collect();
        let body = json!({ "personalIds": people, "recordTypes": [PERSON], "purpose": BANK_PURPOSE });
        let mut messages = match client.open("demo-bank", BULK, body).await {
            Ok(messages) => messages,
            Err(Outcome::Refused(reason)) => return run.log.violated(format!("a bulk fetch is refused: {reason}")),
            Err(Outcome::Answered(_) | Outcome::Unknown(_)) => continue,
        };
        let mut came = 0;
        loop {
            match messages.next().await {
                Ok(Some(message)) => {
                    let index = message["index"].as_u64().unwrap_or_default() as usize;
                    run.log.check(index == came && came < people.len(), || {
                        format!("citizen {index} came as the {came}th")
                    });
                    let Some(person) = people.get(came) else { return };
                    // Whether the consent held at that citizen's turn is known where nothing changed from the call's beginning to now.
                    let known = before[came].clone().filter(|before| consent(person).as_ref() == Some(before));
                    outcome_of_one(&client, person, &message, known.and_then(|known| known.holds));
                    came += 1;
                }
                Ok(None) => {
                    run.log.check(came == people.len(), || {
                        format!("a bulk fetch of {} citizens ended well after {came}", people.len())
                    });
                    run.sometimes.met("a bulk fetch brings everybody's outcome");
                    break;
                }
                // It broke off, and says so: what came before that stands.
                Err(_) => break,
            }
        }
        if run.is_over() {
            return;
        }
    }
}

/// One citizen's outcome of a bulk fetch; `holds` is whether they consented, where that is known. Nobody else ever did.
fn outcome_of_one(client: &Client, person: &str, message: &Value, holds: Option<bool>) {
    let run = &client.run;
    let is_stranger = OTHERS.contains(&person);
    if let Some(found) = message.get("found") {
        disclosed(client, person, found);
        run.log.check(!is_stranger && holds != Some(false), || "a bulk fetch disclosed without a consent".into());
    } else {
        let code = message["refused"]["code"].as_str().unwrap_or_default();
        run.log.check(code != "CONSENT_MISSING" || holds != Some(true), || {
            "a consent that was granted does not hold in a bulk fetch".into()
        });
    }
}

/// An operator's program that looks at a person by the dozen: whatever else goes on, what is answered lists what registries disagree about.
pub async fn views(run: Arc<Run>, works: usize) {
    let client = Client::new("viewer", &run);
    for _ in 0..works {
        client.pause(800, 5_000).await;
        let known = || {
            let facts = lock(&run.facts);
            (facts.card_turns, facts.card.clone())
        };
        let before = known();
        let body = json!({ "personalId": DISPUTED });
        let calls = (0..VIEWS).map(|_| client.try_call("demo-operator", VIEW, body.clone()));
        let outcomes = join_all(calls).await;
        let mut answered = 0;
        for outcome in outcomes {
            match outcome {
                Outcome::Answered(answer) => {
                    answered += 1;
                    let listed = discrepancies(&answer);
                    if let (turns, Some(card)) = &before
                        && turns % 2 == 0
                        && before == known()
                    {
                        for (code, ..) in DISPUTES {
                            run.log.check(card.disputed.contains(code) == listed.contains_key(code), || {
                                format!("a card causes {:?}, and a view lists {listed:?}", card.disputed)
                            });
                        }
                    }
                }
                Outcome::Refused(reason) => return run.log.violated(format!("a view is refused: {reason}")),
                Outcome::Unknown(_) => {}
            }
        }
        if answered == VIEWS {
            run.sometimes.met("more views at once than are served at a time");
        }
        if run.is_over() {
            return;
        }
    }
}
