//! `serve --discrepancies`: disagreements of the registries are shown to readers, and the ground truth has the true values.

#![allow(clippy::disallowed_methods, reason = "processes are waited for by the machine's time")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::dynamic::Call;
use common::process::{Serving, run};
use common::reason;
use serde_json::{Value, json};
use tonic::transport::Channel;

async fn call(channel: &Channel, credential: &str, method: &str, body: Value) -> Result<Value, String> {
    let headers = vec![("authorization".to_owned(), format!("Bearer demo-{credential}"))];
    let call = Call { headers, body: body.to_string(), method: format!("lienthong.{method}") };
    call.make(channel).await.map_err(|status| reason(&status).1)
}

fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of[name].as_str().unwrap_or_default()
}

/// The codes of the discrepancies that the view of a person has.
async fn seen(channel: &Channel, number: &str) -> BTreeSet<String> {
    let body = json!({"personal_id": number});
    let view = call(channel, "operator", "province.v1.ProvinceService/GetPerson", body).await.expect("a person");
    let all = view["person"]["discrepancies"].as_array().cloned().unwrap_or_default();
    all.iter().map(|one| text(one, "code").to_owned()).collect()
}

/// The present names of a record's holder or owners.
async fn record(channel: &Channel, truth: &Value) -> Value {
    let record_type = text(truth, "record_type");
    let registry = record_type.split('.').next().unwrap_or_default();
    let key = json!({"record_type": record_type, "values": [truth["key"]]});
    let body = json!({"registry": registry, "natural_key": key});
    let read = call(channel, "operator", "registry.v1.RegistryService/GetRecords", body).await.expect("read");
    read["records"][0].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_disagreement_shows_where_it_is_looked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = ["--population", "2500", "--discrepancies", "0.5", "--ground-truth", "truth.jsonl"];
    let serving = Serving::start(folder.path(), &arguments);
    let channel = Channel::from_shared(format!("http://{}", serving.grpc)).expect("an address").connect_lazy();
    let lines = std::fs::read_to_string(folder.path().join("truth.jsonl")).expect("truths");
    assert!(!folder.path().join("truth.jsonl.part").exists());
    let mut by_kind: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in lines.lines() {
        let truth: Value = serde_json::from_str(line).expect("JSON");
        by_kind.entry(text(&truth, "kind").to_owned()).or_default().push(truth);
    }
    // The discrepancies in the view of the person; another position of the tone mark and a year alone are none: they agree.
    let in_the_view = [
        ("old_name", Some("NAME_DIFFERS")),
        ("tone_placement", None),
        ("twins_confused", Some("NAME_DIFFERS")),
        ("first_of_january", None),
        ("year_only", None),
        ("day_month_swapped", Some("BIRTH_DATE_DIFFERS")),
        ("old_address", Some("RESIDENCE_DIFFERS")),
        ("sex_wrong", Some("SEX_DIFFERS")),
        ("owner_died", Some("OWNER_DECEASED")),
    ];
    // A record with no number, or another person's, leads to nobody: linking and searching report it.
    let elsewhere =
        ["old_number", "older_than_id", "digit_wrong", "person_twice", "two_people_one_number", "owner_moved"];
    let known: BTreeSet<&str> = in_the_view.iter().map(|(kind, _)| *kind).chain(elsewhere).collect();
    assert_eq!(by_kind.keys().map(String::as_str).collect::<BTreeSet<_>>(), known);
    for (kind, code) in in_the_view {
        let truth = by_kind[kind]
            .iter()
            .find(|truth| match text(truth, "record_type") {
                // The operator's view has no judicial records.
                "judicial.record.v1" => false,
                record_type => kind != "owner_died" || record_type == "land.certificate.v1",
            })
            .unwrap_or(&by_kind[kind][0]);
        let found = seen(&channel, text(truth, "personal_id")).await;
        assert!(code.is_none_or(|code| found.contains(code)), "{truth}: {found:?}");
        let record = record(&channel, truth).await.to_string();
        assert!(record.len() > 10, "{truth}");
    }
    let moved = by_kind["owner_moved"].iter().find(|truth| text(truth, "record_type") == "land.certificate.v1");
    if let Some(truth) = moved {
        assert!(seen(&channel, text(truth, "personal_id")).await.contains("MOVED_OUT"), "{truth}");
    }
    for kind in ["old_number", "older_than_id", "digit_wrong", "person_twice"] {
        let truth = &by_kind[kind][0];
        let number = text(truth, "personal_id");
        let named = record(&channel, truth).await.to_string();
        assert!(!named.is_empty(), "{truth}");
        seen(&channel, number).await;
    }
    let shared = &by_kind["two_people_one_number"][0];
    let query = json!({"old_id_number": shared["written"]});
    let found = call(&channel, "police", "province.v1.ProvinceService/SearchPeople", query).await.expect("searched");
    assert_eq!(found["people"].as_array().map_or(0, Vec::len), 2, "{shared}");

    // The truth about one world is not replaced by that about another.
    let other = ["population", "generate", "--data-dir", "other", "--population", "5", "--ground-truth", "truth.jsonl"];
    let refused = run(folder.path(), &other);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("truth.jsonl exists already"), "{said}");
    assert!(!folder.path().join("other").exists(), "a refused start changes nothing");
}
