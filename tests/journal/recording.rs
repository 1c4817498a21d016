//! What may be recorded, and from when on.

use serde_json::json;
use tonic::Code;

use super::common::dynamic::Call;
use super::common::gateway;
use super::common::sessions::{PURPOSE, World, base};
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
