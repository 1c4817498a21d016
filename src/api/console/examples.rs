//! Calls to try from the console's page: one that is answered, one that is refused, one that streams.

use serde_json::{Value, json};

use super::facts::Facts;

/// A call to try.
pub(super) struct Example {
    /// Its heading, in English.
    pub(super) title: &'static str,
    pub(super) method: &'static str,
    /// The credential; empty where this server accepts tokens only.
    pub(super) credential: String,
    pub(super) request: String,
}

/// The examples for a world.
pub(super) fn examples(facts: &Facts) -> Vec<Example> {
    let person = |at: usize| facts.personas.get(at).map(|persona| persona.personal_id.clone()).unwrap_or_default();
    let record_type = facts.registries.first().and_then(|registry| registry.record_types.first());
    let demo = |name: String| if facts.accepts_demo { format!("demo-{name}") } else { String::new() };
    let example = |title, method, caller: &str, request: Value| Example {
        title,
        method,
        credential: demo(caller.to_owned()),
        request: request.to_string(),
    };
    let links = json!({ "personal_id": person(0) });
    vec![
        example(
            "An agency fetches a record for its purpose",
            "lienthong.exchange.v1.ExchangeService/FetchRecords",
            "one-stop",
            json!({
                "personal_id": person(0), "record_types": record_type.into_iter().collect::<Vec<_>>(),
                "purpose": "one_stop.verify_documents",
            }),
        ),
        example(
            "The operator sees a person as a whole",
            "lienthong.province.v1.ProvinceService/GetPerson",
            "operator",
            json!({ "personal_id": person(0) }),
        ),
        example(
            "A citizen lists their own links",
            "lienthong.identity.v1.LinkService/ListLinks",
            &format!("citizen-{}", person(0)),
            links.clone(),
        ),
        example(
            "Another citizen may not, and is told why",
            "lienthong.identity.v1.LinkService/ListLinks",
            &format!("citizen-{}", person(1)),
            links,
        ),
        example(
            "A stream of accepted changes, which stays open",
            "lienthong.province.v1.ProvinceService/WatchChanges",
            "operator",
            json!({}),
        ),
    ]
}
