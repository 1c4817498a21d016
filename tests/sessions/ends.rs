//! The end of a session: what calls in it are told, and what the end does to those in progress.

use serde_json::json;
use tonic::Code;

use super::common::dynamic::Call;
use super::common::sessions::base;
use super::common::{self, gateway, reason};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_is_not_there_is_refused_by_name() {
    let started = gateway().start().await;
    let base = base(&started.channel);
    let gone = (Code::NotFound, "SESSION_UNKNOWN".to_owned());
    let session = base.create(json!({ "ttl": "1s" })).await;
    session.religion().await;
    for id in ["00112233445566778899aabbccddeeff", "x", "", &session.id().to_uppercase()] {
        let refused = base.at(id).refused("demo-operator", "simulation.v1.SimulationService/GetWorld", json!({})).await;
        assert_eq!(refused, gone, "{id}");
    }
    // It ends by itself.
    let world = "simulation.v1.SimulationService/GetWorld";
    while session.call("demo-operator", world, json!({})).await.map_err(|status| reason(&status)) != Err(gone.clone()) {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let listed = base.sessions("ListSessions", json!({})).await;
    assert_eq!(listed.get("sessions"), None);
    for method in ["GetSession", "ResetSession", "GetSessionDiff"] {
        let method = format!("simulation.v1.SessionService/{method}");
        assert_eq!(base.refused("demo-operator", &method, json!({ "session_id": session.id() })).await, gone);
    }
    base.sessions("DeleteSession", json!({ "session_id": session.id() })).await;
    // Only the operator creates one, and its settings are checked.
    let create = "simulation.v1.SessionService/CreateSession";
    let denied = base.refused("demo-one-stop", create, json!({})).await;
    assert_eq!(denied, (Code::PermissionDenied, "ROLE_NOT_ALLOWED".into()));
    let invalid = (Code::InvalidArgument, "INVALID_REQUEST".to_owned());
    for bad in [
        json!({ "ttl": "86401s" }),
        json!({ "ttl": "0s" }),
        json!({ "ttl": "-1s" }),
        json!({ "label": "của 042090990001" }),
        json!({ "label": "a\nb" }),
        json!({ "request_id": "short" }),
        json!({ "persona_faults": { "personal_ids": ["042090990001"] } }),
    ] {
        assert_eq!(base.refused("demo-operator", create, bad.clone()).await, invalid, "{bad}");
    }
    assert_eq!(base.refused("demo-operator", create, json!({ "from_session": session.id() })).await, gone);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_watches_the_health_in_a_session_hears_of_its_end() {
    use tonic_health::pb::health_client::HealthClient;
    use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus};
    let started = gateway().start().await;
    let base = base(&started.channel);
    for (method, service) in [("DeleteSession", ""), ("ResetSession", ""), ("DeleteSession", "no.such.Service")] {
        let session = base.create(json!({})).await;
        let mut request = tonic::Request::new(HealthCheckRequest { service: service.into() });
        request.metadata_mut().insert("x-lienthong-session", session.id().parse().expect("ASCII"));
        let mut watched = HealthClient::new(started.channel.clone()).watch(request).await.expect("begins").into_inner();
        let is_known = service.is_empty();
        let first = if is_known { ServingStatus::Serving } else { ServingStatus::ServiceUnknown };
        assert_eq!(watched.message().await.expect("a status").expect("one").status(), first);
        base.sessions(method, json!({ "session_id": session.id() })).await;
        if is_known {
            let last = watched.message().await.expect("a status").expect("one");
            assert_eq!(last.status(), ServingStatus::NotServing);
        }
        let end = watched.message().await.expect_err("the end");
        assert_eq!(reason(&end), (Code::NotFound, "SESSION_UNKNOWN".into()), "{method} {service}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_session_ends_what_is_slow_in_it() {
    let started = gateway().start().await;
    let base = base(&started.channel);
    let add = "simulation.v1.FaultService/AddFaults";
    let dripping = (json!({ "drip": { "bytes": 1, "every": "2s" } }), "GetWorld");
    let delayed = (json!({ "delay": { "fixed": "50s" } }), "GetClock");
    for (end, (action, method)) in
        [("DeleteSession", &dripping), ("ResetSession", &dripping), ("DeleteSession", &delayed)]
    {
        let session = base.create(json!({})).await;
        let mut fault = action.clone();
        fault["match"] = json!({ "methods": [method] });
        session.ask("demo-operator", add, json!({ "faults": [fault] })).await;
        let call = Call {
            headers: Vec::new(),
            body: "{}".into(),
            method: format!("lienthong.simulation.v1.SimulationService/{method}"),
        };
        let call = call.with("authorization", "Bearer demo-operator").with("grpc-timeout", "60S");
        let (call, channel) = (call.with("x-lienthong-session", session.id()), started.channel.clone());
        let slow = tokio::spawn(async move { call.make(&channel).await });
        let has_begun = async || {
            let listed = session.ask("demo-operator", "simulation.v1.FaultService/ListFaults", json!({})).await;
            let faults = listed["faults"].as_array().cloned().unwrap_or_default();
            faults.iter().any(|fault| fault["counts"]["active"] == 1).then_some(())
        };
        common::until::until_answered("the slow call has begun", has_begun).await;
        base.sessions(end, json!({ "session_id": session.id() })).await;
        let ended = tokio::time::timeout(std::time::Duration::from_secs(20), slow).await.expect("it ends soon");
        let refused = ended.expect("no panic").expect_err("it was cut");
        match *method {
            "GetClock" => assert_eq!(reason(&refused), (Code::NotFound, "SESSION_UNKNOWN".into())),
            _ => assert_eq!(refused.code(), Code::Internal, "{refused}"),
        }
    }
}
