//! An agency that keeps a registry: submits changes until they are acknowledged, and reads them back.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::client::{Client, GIVEN_UP, Outcome};
use super::disk::lock;
use super::facts::{Acknowledged, DisputedCard};
use super::run::Run;

const AGENCY: &str = "demo-social-insurance";
const SUBMIT: &str = "registry.v1.RegistryService/SubmitChanges";
const READ: &str = "registry.v1.RegistryService/GetRecords";
const MEMBERSHIP: &str = "social_insurance.membership.v1";
const CARD: &str = "health_insurance.card.v1";
/// Records that one registrar keeps.
const RECORDS: u64 = 4;
/// Two registrars change a membership of this number.
const RACED: u64 = 8_000;
/// The citizen about whose name registries disagree now and then.
pub const DISPUTED: &str = "042080990007";
/// What their card may say: the code of the discrepancy, the field of its holder, what everybody else has on record, and what nobody else has.
pub const DISPUTES: [(&str, &str, &str, &str); 3] = [
    ("NAME_DIFFERS", "full_name", "Võ Văn Dũng", "Người Khác"),
    ("BIRTH_DATE_DIFFERS", "birth_date", "1980-06-17", "1979-06-17"),
    ("SEX_DIFFERS", "sex", "male", "female"),
];

/// The personal ID of a membership's holder.
pub fn member(registrar: u64, number: u64) -> String {
    format!("0421{registrar:04}{number:04}")
}

/// A change of a membership: what it says now, and the version that it follows.
pub fn membership(id: &str, version: u64, status: &str) -> Value {
    let operation = if version == 0 { "OPERATION_CREATE" } else { "OPERATION_UPDATE" };
    json!({
        "recordType": MEMBERSHIP, "operation": operation, "expectedVersion": version.to_string(),
        "payload": { "personal_id": id, "status": status },
    })
}

/// The payload of a record that a registry showed its owner.
pub fn payload(record: &Value) -> Option<Value> {
    let whole = record["record"]["whole"]["payload"].as_str()?;
    serde_json::from_slice(&STANDARD.decode(whole).ok()?).ok()
}

/// The version of a record in protobuf JSON.
pub fn version(record: &Value) -> u64 {
    record["version"].as_str().and_then(|version| version.parse().ok()).unwrap_or_default()
}

/// Keeps memberships of its own, to the end of its work.
pub async fn memberships(run: Arc<Run>, number: u64, works: usize) {
    let client = Client::new(format!("registrar-{number}"), &run);
    for work in 0..works {
        client.pause(50, 1_200).await;
        let reads = lock(&client.dice).happens(350);
        if reads {
            let at = lock(&client.dice).below(RECORDS);
            read(&client, &member(number, at)).await;
        } else {
            submit(&client, number, work).await;
        }
        if run.is_over() {
            return;
        }
    }
}

async fn submit(client: &Client, number: u64, work: usize) {
    let run = &client.run;
    let (first, count) = {
        let mut dice = lock(&client.dice);
        (dice.below(RECORDS), 1 + dice.below(2))
    };
    let ids: Vec<String> = (first..first + count).map(|at| member(number, at % RECORDS)).collect();
    let changes: Vec<(String, u64, &str)> = {
        let facts = lock(&run.facts);
        let change = |id: &String| match facts.memberships.get(id) {
            None => (id.clone(), 0, "active"),
            Some(known) if known.says == "active" => (id.clone(), known.version, "preserved"),
            Some(known) => (id.clone(), known.version, "active"),
        };
        ids.iter().map(change).collect()
    };
    let wanted: Vec<Value> = changes.iter().map(|(id, version, status)| membership(id, *version, status)).collect();
    let body =
        json!({ "registry": "social_insurance", "requestId": format!("{}-{work:06}", client.name), "changes": wanted });
    let was_behind = run.is_clock_behind();
    match client.call(AGENCY, SUBMIT, body).await {
        Ok(answer) => {
            run.sometimes.met("a change is acknowledged");
            run.log.check(!(was_behind && run.is_clock_behind()), || {
                "a change was acknowledged by a clock of days ago".into()
            });
            let receipts = answer["receipts"].as_array().cloned().unwrap_or_default();
            for ((id, before, status), receipt) in changes.into_iter().zip(&receipts) {
                let version = version(receipt);
                run.log.check(version == before + 1, || format!("version {version} was acknowledged after {before}"));
                let mut facts = lock(&run.facts);
                facts.memberships.insert(id, Acknowledged { version, says: status.into() });
                facts.changes.insert((receipt["recordId"].as_str().unwrap_or_default().to_owned(), version));
            }
            run.log.check(receipts.len() == wanted.len(), || "a submission was acknowledged in part".into());
        }
        Err(reason) if reason == GIVEN_UP => {}
        Err(reason) => run.log.violated(format!("a change that follows what was acknowledged is refused: {reason}")),
    }
}

/// Creates a membership once; says whether that was acknowledged.
pub async fn create(client: &Client, id: &str) -> bool {
    let body = json!({
        "registry": "social_insurance", "requestId": format!("create-{id}"), "changes": [membership(id, 0, "active")],
    });
    let Outcome::Answered(answer) = client.try_call(AGENCY, SUBMIT, body).await else { return false };
    let mut facts = lock(&client.run.facts);
    let says = Acknowledged { version: version(&answer["receipts"][0]), says: "active".into() };
    facts.memberships.insert(id.to_owned(), says);
    true
}

/// Asks for a membership that is not to be: gives the reason for which it was refused, and none if it was not.
pub async fn refused(client: &Client, id: &str) -> Option<String> {
    let body = json!({
        "registry": "social_insurance", "requestId": format!("refused-{id}"), "changes": [membership(id, 0, "active")],
    });
    client.call(AGENCY, SUBMIT, body).await.err()
}

/// Reads a membership back: nobody else changes it.
pub async fn read(client: &Client, id: &str) {
    let known = lock(&client.run.facts).memberships.get(id).cloned();
    let Some(shown) = shown(client, id).await else { return };
    client.run.log.check(shown == known, || format!("{known:?} was acknowledged, and {shown:?} is shown"));
}

/// What a registry shows of a membership: `Some(None)` if there is none, `None` if that is not to be known.
async fn shown(client: &Client, id: &str) -> Option<Option<Acknowledged>> {
    let body = json!({ "registry": "social_insurance", "recordTypes": [MEMBERSHIP], "personalId": id });
    let found = match client.call(AGENCY, READ, body).await {
        Ok(answer) => answer["records"].get(0).cloned(),
        Err(reason) if reason == "RECORD_NOT_FOUND" => None,
        Err(reason) if reason == GIVEN_UP => return None,
        Err(reason) => {
            client.run.log.violated(format!("the owner of a registry cannot read it: {reason}"));
            return None;
        }
    };
    Some(found.map(|record| Acknowledged {
        version: version(&record),
        says: payload(&record).and_then(|payload| Some(payload["status"].as_str()?.to_owned())).unwrap_or_default(),
    }))
}

/// Changes a membership that another registrar changes too: of two that follow the same version, one is refused.
pub async fn races(run: Arc<Run>, number: u64, works: usize) {
    let client = Client::new(format!("racer-{number}"), &run);
    let id = member(RACED, 0);
    for work in 0..works {
        client.pause(300, 2_500).await;
        let Some(shown) = shown(&client, &id).await else { return };
        let (version, says) = shown.map_or((0, String::new()), |shown| (shown.version, shown.says));
        let change = membership(&id, version, if says == "active" { "preserved" } else { "active" });
        let request = format!("{}-{work:06}", client.name);
        let body = json!({ "registry": "social_insurance", "requestId": request, "changes": [change] });
        match client.call(AGENCY, SUBMIT, body).await {
            Ok(answer) => {
                let version = self::version(&answer["receipts"][0]);
                let before = lock(&run.facts).raced.insert(version, request.clone());
                run.log.check(before.as_ref().is_none_or(|before| *before == request), || {
                    format!("version {version} was acknowledged to {before:?} and to {request}")
                });
            }
            Err(reason) if reason == GIVEN_UP => return,
            Err(reason) => {
                run.log.check(["VERSION_CONFLICT", "ALREADY_EXISTS"].contains(&&*reason), || {
                    format!("a change is refused: {reason}")
                });
                run.sometimes.met("a change comes too late");
            }
        }
        if run.is_over() {
            return;
        }
    }
}

/// Of the membership for which registrars raced, every version was acknowledged to one of them, and none is missing.
pub async fn read_raced(client: &Client) {
    let raced = lock(&client.run.facts).raced.clone();
    let Some(shown) = shown(client, &member(RACED, 0)).await else { return };
    let version = shown.map_or(0, |shown| shown.version);
    client.run.log.check(raced.keys().copied().eq(1..=version), || {
        format!("versions {:?} were acknowledged, and there are {version}", raced.keys().collect::<Vec<_>>())
    });
}

/// Changes what a card says of its holder and back, so that registries disagree and agree again.
pub async fn disputes(run: Arc<Run>, works: usize) {
    let client = Client::new("card-office", &run);
    let body = json!({ "registry": "health_insurance", "recordTypes": [CARD], "personalId": DISPUTED });
    for work in 0..works {
        client.pause(500, 6_000).await;
        let Ok(answer) = client.call(AGENCY, READ, body.clone()).await else { return };
        let record = &answer["records"][0];
        let Some(mut card) = payload(record) else { return run.log.violated("a card is shown without what it says") };
        let disputed = DISPUTES.iter().filter(|(_, field, _, other)| card["holder"][*field] == **other);
        let shown = DisputedCard { version: version(record), disputed: disputed.map(|(code, ..)| *code).collect() };
        let known = lock(&run.facts).card.clone();
        run.log.check(known.as_ref().is_none_or(|known| *known == shown), || {
            format!("{known:?} was acknowledged of a card, and {shown:?} is shown")
        });
        let (code, field, right, other) = *lock(&client.dice).pick(&DISPUTES);
        let mut next = DisputedCard { version: shown.version + 1, disputed: shown.disputed };
        let is_disputed = next.disputed.remove(code);
        if !is_disputed {
            next.disputed.insert(code);
        }
        card["holder"][field] = json!(if is_disputed { right } else { other });
        card["basis"] = basis(work);
        let change = json!({
            "recordType": CARD, "operation": "OPERATION_UPDATE", "expectedVersion": shown.version.to_string(), "payload": card,
        });
        let body =
            json!({ "registry": "health_insurance", "requestId": format!("dispute-{work:06}"), "changes": [change] });
        lock(&run.facts).card_turns += 1;
        match client.call(AGENCY, SUBMIT, body).await {
            Ok(_) => {
                let mut facts = lock(&run.facts);
                facts.card = Some(next);
                facts.card_turns += 1;
            }
            Err(reason) if reason == GIVEN_UP => return,
            Err(reason) => return run.log.violated(format!("a correction of a card is refused: {reason}")),
        }
        if run.is_over() {
            return;
        }
    }
}

/// The document on which a correction rests.
pub fn basis(number: usize) -> Value {
    json!({
        "document_number": format!("{number}/QĐ"), "issued_on": "2026-01-05", "authority": "Bảo hiểm xã hội tỉnh", "reason_code": "correction",
    })
}
