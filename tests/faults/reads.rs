//! Faults of registries' answers: each is caught by a verifier, or reported.

use std::time::{Duration, Instant};

use serde_json::json;

use super::common::gateway;
use super::common::sessions::{CITIZEN, PURPOSE, base};
use super::{FETCH, add, heal, list, outcome, person};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_of_a_registrys_answers_is_caught_or_told() {
    let gateway = gateway().start().await;
    let outside = base(&gateway.channel);
    for (fault, expected) in [
        ("PAYLOAD_CHANGED", "PAYLOAD_MISMATCH"),
        ("OTHER_ISSUER", "ISSUER_MISMATCH"),
        ("COMPROMISED_KEY", "REVOKED_NO_POE"),
        ("OTHER_PROOF", "INCLUSION"),
        ("ISSUED_IN_FUTURE", "ISSUED_IN_FUTURE"),
        ("NOT_CANONICAL", "NON_CANONICAL"),
        // It verifies, but it is not about the citizen.
        ("OTHER_RECORD", "RECORD_NOT_VERIFIED"),
        ("UNAVAILABLE", "REGISTRY_UNAVAILABLE"),
        ("EXHAUSTED", "RATE_LIMITED"),
        ("INTERNAL", "INTERNAL"),
        ("BROKEN_OFF", "REGISTRY_UNAVAILABLE"),
    ] {
        let session = outside.create(json!({})).await;
        assert_eq!(outcome(&session).await, "VALID", "{fault}: before");
        let matching = json!({ "registry": "driver_licence", "personalId": CITIZEN });
        add(&session, json!({ "match": matching, "read": format!("READ_FAULT_{fault}") })).await;
        assert_eq!(outcome(&session).await, expected, "{fault}");
        let other = json!({ "personal_id": CITIZEN, "record_types": ["health_insurance.card.v1"], "purpose": PURPOSE });
        let other = session.ask("demo-one-stop", FETCH, other).await;
        assert_eq!(other["records"][0]["verdict"], "VALID", "{fault}: of another registry");
        assert_eq!(outcome(&outside).await, "VALID", "{fault}: outside");
        assert_eq!(heal(&session).await["healed"], 1);
        assert_eq!(outcome(&session).await, "VALID", "{fault}: healed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_version_is_an_older_one_that_still_verifies() {
    let gateway = gateway().start().await;
    let session = base(&gateway.channel).create(json!({})).await;
    let (version, _) = session.religion().await;
    assert_eq!(version, 1, "nobody changed it yet");
    add(&session, json!({ "read": "READ_FAULT_STALE_VERSION" })).await;
    assert_eq!(person(&session).await, Ok((json!("VALID"), json!("1"))));
    assert_eq!(list(&session).await[0].get("counts"), Some(&json!({})), "it did nothing: there is no older version");
    heal(&session).await;
    session.convert(version, "Phật giáo").await;
    assert_eq!(person(&session).await, Ok((json!("VALID"), json!((version + 1).to_string()))));
    add(&session, json!({ "match": { "personalId": CITIZEN }, "read": "READ_FAULT_STALE_VERSION" })).await;
    // It has no error: only its status tells that there is a newer one.
    assert_eq!(person(&session).await, Ok((json!("VALID"), json!(version.to_string()))));
    heal(&session).await;
    assert_eq!(person(&session).await, Ok((json!("VALID"), json!((version + 1).to_string()))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_registry_costs_its_own_part_of_the_answer() {
    let gateway = gateway().start().await;
    let session = base(&gateway.channel).create(json!({})).await;
    add(&session, json!({ "match": { "registry": "driver_licence" }, "readDelay": { "fixed": "0.4s" } })).await;
    let begun = Instant::now();
    assert_eq!(outcome(&session).await, "VALID");
    assert!(begun.elapsed() >= Duration::from_millis(400), "{:?}", begun.elapsed());
    let begun = Instant::now();
    assert!(person(&session).await.is_ok(), "of another registry");
    assert!(begun.elapsed() < Duration::from_millis(400), "{:?}", begun.elapsed());
}
