//! The holder of a document, and the person meant, through the API: exact matches are linked, near ones wait for the issuer with the reason, and a
//! search names the differences.

#![allow(clippy::disallowed_methods, reason = "tests measure and wait by the machine's time")]

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::dynamic::Call;
use common::{gateway, reason};
use serde_json::{Value, json};
use tonic::transport::Channel;

/// A persona with an account of level 2, renamed for these tests.
const MY: &str = "042185990002";
const NAME: &str = "Trần Thị Mỹ Hoà";
const BORN: &str = "1985-07-09";
/// Another person of the same name, born in another year.
const OTHER: &str = "042191880001";

async fn call(channel: &Channel, credential: &str, method: &str, body: Value) -> Result<Value, String> {
    let headers = vec![("authorization".to_owned(), format!("Bearer demo-{credential}"))];
    let call = Call { headers, body: body.to_string(), method: format!("lienthong.{method}") };
    call.make(channel).await.map_err(|status| reason(&status).1)
}

/// Puts a record into its registry; its version follows the stored one.
async fn put(channel: &Channel, agency: &str, record_type: &str, payload: Value) {
    let registry = record_type.split('.').next().expect("a registry");
    let body = json!({"registry": registry, "records": [{"record_type": record_type, "payload": payload}]});
    let answer = call(channel, agency, "registry.v1.RegistryService/PutRecords", body).await.expect("put");
    let effect = answer["outcomes"][0]["effect"].as_str().expect("an effect");
    assert!(matches!(effect, "PUT_EFFECT_CREATED" | "PUT_EFFECT_UPDATED"), "{answer}");
}

fn person(number: &str, name: &str, born: &str, sex: &str) -> Value {
    json!({
        "personal_id": number, "full_name": name, "birth_date": born, "sex": sex,
        "nationality": "VN", "life_status": "alive", "status": "active",
    })
}

/// The persona under the name of these tests.
async fn rename(channel: &Channel) {
    let key = json!({"record_type": "resident.person.v1", "values": [MY]});
    let body = json!({"registry": "resident", "natural_key": key});
    let read = call(channel, "police", "registry.v1.RegistryService/GetRecords", body).await.expect("read");
    let payload = read["records"][0]["record"]["whole"]["payload"].as_str().expect("a payload");
    let mut payload: Value = serde_json::from_slice(&STANDARD.decode(payload).expect("base64")).expect("JSON");
    payload["full_name"] = json!(NAME);
    payload["basis"] = json!({
        "document_number": "12/QĐ", "issued_on": "2025-07-01", "authority": "UBND phường Thành Sen",
        "reason_code": "civil_status_change",
    });
    put(channel, "police", "resident.person.v1", payload).await;
}

fn licence(number: u32, holder: Value) -> Value {
    json!({
        "licence_number": format!("4201850{number:05}"), "holder": holder, "points": 12, "status": "active",
        "classes": [{"code": "A1", "issued_on": "2015-06-01"}],
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_nearly_somebodys_waits_for_the_issuer_with_the_reason() {
    let started = gateway().start().await;
    let channel = &started.channel;
    rename(channel).await;
    let holder = |number: &str, name: &str, born: &str, sex: &str| {
        let mut holder = json!({"full_name": name, "birth_date": born});
        for (field, value) in [("personal_id", number), ("sex", sex)].into_iter().filter(|(_, value)| !value.is_empty())
        {
            holder[field] = json!(value);
        }
        holder
    };
    let (linked, pending) = (|| ("LINK_STATE_LINKED", ""), |why| ("LINK_STATE_PENDING", why));
    let refused = |why| ("", why);
    // the number, the name, the birth date and the sex on a licence → the link's state and reason, or the refusal
    let cases = [
        (("", NAME, "1985", ""), linked()),
        ((MY, NAME, BORN, "male"), pending("SEX_DIFFERS")),
        ((MY, "Trần Thị Mĩ Hoà", BORN, ""), pending("NAME_SPELLING_DIFFERS")),
        (("", "Trần Thị Mĩ Hòa", BORN, ""), pending("NAME_SPELLING_DIFFERS")),
        (("", "Trần Mỹ Hoà", BORN, ""), pending("MIDDLE_NAME_MISSING")),
        (("", NAME, "1985-09-07", ""), pending("DAY_AND_MONTH_SWAPPED")),
        ((MY, NAME, "1985-09-07", ""), pending("DAY_AND_MONTH_SWAPPED")),
        (("", NAME, "1985-07-08", ""), pending("BIRTH_DATE_DIGIT_DIFFERS")),
        (("042185990007", NAME, BORN, ""), pending("NUMBER_DIGIT_DIFFERS")),
        (("", "Tran Thi My Hoa", BORN, ""), pending("NAME_MARKS_MISSING")),
        (("", NAME, BORN, ""), linked()),
        ((MY, NAME, BORN, "female"), linked()),
        (("", "Trần Mĩ Hoà", BORN, ""), refused("RECORD_NOT_FOUND")),
        (("", NAME, BORN, "male"), refused("RECORD_NOT_FOUND")),
        (("", NAME, "1991", ""), refused("RECORD_NOT_FOUND")),
    ];
    for (at, ((number, name, born, sex), expected)) in cases.into_iter().enumerate() {
        let payload = licence(at as u32, holder(number, name, born, sex));
        let document = payload["licence_number"].clone();
        put(channel, "police", "driver_licence.licence.v1", payload).await;
        let body =
            json!({"personal_id": MY, "document_type": "DOCUMENT_TYPE_DRIVER_LICENCE", "document_number": document});
        let answer = call(channel, &format!("citizen-{MY}"), "identity.v1.LinkService/LinkDocument", body).await;
        let found = match &answer {
            Ok(answer) => {
                let text = |name: &str| answer["link"][name].as_str().unwrap_or_default();
                (text("state"), text("stateReason"))
            }
            Err(reason) => ("", reason.as_str()),
        };
        assert_eq!(found, expected, "case {at}: {name} {born} {sex}");
    }

    // Once another person has the name and the year, the year alone does not decide.
    put(channel, "police", "resident.person.v1", person(OTHER, NAME, "1985-01-30", "female")).await;
    let payload = licence(90, holder("", NAME, "1985", ""));
    let document = payload["licence_number"].clone();
    put(channel, "police", "driver_licence.licence.v1", payload).await;
    let body = json!({"personal_id": MY, "document_type": "DOCUMENT_TYPE_DRIVER_LICENCE", "document_number": document});
    let answer = call(channel, &format!("citizen-{MY}"), "identity.v1.LinkService/LinkDocument", body).await;
    let link = &answer.expect("pending")["link"];
    assert_eq!((&link["state"], &link["stateReason"]), (&json!("LINK_STATE_PENDING"), &json!("BIRTH_YEAR_NOT_UNIQUE")));
    started.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_finds_who_is_nearly_meant_and_says_how() {
    let started = gateway().start().await;
    let channel = &started.channel;
    rename(channel).await;
    let numbers = |answer: &Value| -> Vec<(String, String)> {
        let text = |person: &Value, name: &str| person[name].as_str().unwrap_or_default().to_owned();
        let people = answer["people"].as_array().cloned().unwrap_or_default();
        people.iter().map(|person| (text(person, "personalId"), text(person, "differs"))).collect()
    };
    let search = async |query: Value| {
        let answer = call(channel, "one-stop", "province.v1.ProvinceService/SearchPeople", query).await;
        numbers(&answer.expect("searched"))
    };
    for (name, born, differs) in [
        ("Trần Thị Mỹ Hòa", BORN, ""),
        ("tran thi my hoa", "1985", ""),
        ("Trần Thị Mĩ Hoà", BORN, "NAME_SPELLING_DIFFERS"),
        ("Trần Thị Mĩ Hoà", "", "NAME_SPELLING_DIFFERS"),
        ("Trần Mỹ Hoà", BORN, "MIDDLE_NAME_MISSING"),
        (NAME, "1985-09-07", "DAY_AND_MONTH_SWAPPED"),
        (NAME, "1985-07-08", "BIRTH_DATE_DIGIT_DIFFERS"),
    ] {
        let found = search(json!({"name": {"full_name": name, "birth_date": born}})).await;
        assert_eq!(found, [(MY.to_owned(), differs.to_owned())], "{name} {born}");
    }
    let found = search(json!({"parts": {"name": "Mĩ Hoà", "birth_year": 1985}})).await;
    assert_eq!(found, [(MY.to_owned(), "NAME_SPELLING_DIFFERS".to_owned())]);
    for nobody in [
        json!({"name": {"full_name": "Trần Mĩ Hoà", "birth_date": BORN}}),
        json!({"name": {"full_name": NAME, "birth_date": "1995-07-08"}}),
        json!({"personal_id": "042185990007"}),
        json!({"parts": {"name": "Mĩ Hoà", "birth_year": 1986}}),
    ] {
        assert_eq!(search(nobody.clone()).await, [], "{nobody}");
    }
    started.end().await;
}
