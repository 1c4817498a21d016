//! What may be recorded, and from when on.

use lienthong::wire::proto::simulation::v1 as proto;
use lienthong::wire::proto::simulation::v1::export_recording_response::Part;
use lienthong::wire::proto::simulation::v1::journal_service_client::JournalServiceClient;
use serde_json::json;
use tonic::Code;

use super::common::dynamic::Call;
use super::common::sessions::{PURPOSE, World, base};
use super::common::{as_agency, gateway, reason};
use super::{fetch, journal};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_neither_fill_a_journal_nor_keep_a_session_from_being_recorded() {
    let started = gateway().start().await;
    let base = base(&started.channel);
    let session = base.create(json!({ "seed": "7" })).await;
    let as_stranger = async |world: Option<&World>| {
        let method = "lienthong.trust.v1.TrustService/GetTrustAnchor".to_owned();
        let call = Call { headers: Vec::new(), body: "{}".into(), method };
        let call = match world {
            Some(world) => call.with("x-lienthong-session", world.id()),
            None => call,
        };
        call.make(&started.channel).await.expect("anyone may")
    };
    as_stranger(Some(&session)).await;
    let started_at = journal(&session, "StartRecording", json!({})).await;
    assert_eq!(started_at["bytesMax"], "67108864");
    fetch(&session, "demo-one-stop", PURPOSE).await.expect("fetched");
    for _ in 0..100 {
        as_stranger(Some(&session)).await;
        as_stranger(None).await;
    }
    fetch(&session, "demo-one-stop", PURPOSE).await.expect("fetched");
    let of_caller = json!({ "filter": { "caller": "one-stop" }, "exactly": "2" });
    let counted = journal(&session, "VerifyCalls", of_caller).await;
    assert_eq!(counted["holds"], true, "what strangers called pushed nothing out: {counted}");
    let all = journal(&session, "ListCalls", json!({ "page_size": 500 })).await;
    assert!(all["forgotten"].as_str().is_some_and(|count| count != "0"), "an anchor has kilobytes");
    assert_eq!(journal(&session, "StopRecording", json!({})).await.get("isFull"), None);
    // The recorded calls are counted together with the written ones.
    let facts = base.sessions("GetSession", json!({ "session_id": session.id() })).await;
    let bytes: u64 = facts["session"]["bytes"].as_str().expect("bytes").parse().expect("a number");
    assert!(bytes > 100_000, "{facts}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_session_is_recorded_and_only_from_its_first_call() {
    let started = gateway().start().await;
    let base = base(&started.channel);
    let start = "simulation.v1.JournalService/StartRecording";
    let impossible = (Code::FailedPrecondition, "RECORDING_IMPOSSIBLE".to_owned());
    assert_eq!(base.refused("demo-operator", start, json!({})).await, impossible);
    let session = base.create(json!({})).await;
    session.now().await;
    assert_eq!(session.refused("demo-operator", start, json!({})).await, impossible);
    let denied = (Code::PermissionDenied, "ROLE_NOT_ALLOWED".to_owned());
    for method in ["StartRecording", "ListCalls", "ResetJournal"] {
        let method = format!("simulation.v1.JournalService/{method}");
        assert_eq!(session.refused("demo-one-stop", &method, json!({})).await, denied);
    }
    // An id is chosen to replay, and never shared.
    let taken = json!({ "session_id": session.id() });
    let create = "simulation.v1.SessionService/CreateSession";
    let invalid = (Code::InvalidArgument, "INVALID_REQUEST".to_owned());
    assert_eq!(base.refused("demo-operator", create, taken.clone()).await, invalid);
    assert_eq!(base.refused("demo-operator", create, json!({ "session_id": "mine" })).await, invalid);
    base.sessions("DeleteSession", taken.clone()).await;
    assert_eq!(base.create(taken).await.id(), session.id());
}

/// A replay begins from the province: what a session has from elsewhere, it could not have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_did_not_begin_as_the_province_is_not_recorded() {
    let started = gateway().start().await;
    let base = base(&started.channel);
    let start = "simulation.v1.JournalService/StartRecording";
    let why = async |session: &World| {
        let refused = session.call("demo-operator", start, json!({})).await.expect_err("it cannot be replayed");
        assert_eq!(reason(&refused), (Code::FailedPrecondition, "RECORDING_IMPOSSIBLE".to_owned()));
        refused.message().to_owned()
    };
    let first = base.create(json!({ "seed": "7" })).await;
    let nested = base.create(json!({ "seed": "7", "from_session": first.id() })).await;
    let said = why(&nested).await;
    assert!(said.contains("began from another session"), "{said}");
    journal(&first, "StartRecording", json!({})).await;

    let faults = "simulation.v1.FaultService";
    let rule = json!({ "fault_id": "busy-hour", "match": { "methods": ["GetWorld"] }, "go_away": {} });
    base.ask("demo-operator", &format!("{faults}/AddFaults"), json!({ "faults": [rule.clone()] })).await;
    let inherits = base.create(json!({ "seed": "7" })).await;
    let said = why(&inherits).await;
    assert!(said.contains("busy-hour"), "{said}");
    base.ask("demo-operator", &format!("{faults}/RemoveFault"), json!({ "fault_id": "busy-hour" })).await;
    let clean = base.create(json!({ "seed": "7" })).await;
    journal(&clean, "StartRecording", json!({})).await;
    // In the session the rule is a recorded call like any other.
    clean.ask("demo-operator", &format!("{faults}/AddFaults"), json!({ "faults": [rule] })).await;
    journal(&clean, "StopRecording", json!({})).await;
}

/// The heading names the personas whose faults held, also where those of the province had been ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heading_names_the_faults_with_which_its_session_began() {
    let started = gateway().start().await;
    let base = base(&started.channel);
    let heading = async |wanted: serde_json::Value| {
        let session = base.create(wanted).await;
        base.sessions("ResetSession", json!({ "session_id": session.id() })).await;
        journal(&session, "StartRecording", json!({})).await;
        let mut request = as_agency("operator", proto::ExportRecordingRequest {});
        request.metadata_mut().insert("x-lienthong-session", session.id().parse().expect("ASCII"));
        let mut client = JournalServiceClient::new(started.channel.clone());
        let mut parts = client.export_recording(request).await.expect("streams").into_inner();
        match parts.message().await.expect("a part").expect("the first").part {
            Some(Part::Heading(heading)) => heading,
            other => panic!("first comes the heading: {other:?}"),
        }
    };
    let ids = |heading: &proto::RecordingHeading| heading.persona_faults.clone().expect("named").personal_ids;
    let all = heading(json!({ "metadata_faults": true })).await;
    assert_eq!((ids(&all).len(), all.metadata_faults, all.resets), (12, true, 1));
    let one = heading(json!({ "persona_faults": { "personal_ids": ["042090990201"] } })).await;
    assert_eq!((ids(&one), one.metadata_faults), (vec!["042090990201".to_owned()], false));
    base.ask("demo-operator", "simulation.v1.FaultService/Heal", json!({ "personas": true })).await;
    assert_eq!(ids(&heading(json!({})).await), Vec::<String>::new());
}
