//! What shows a jump at once: open streams, status lists, presentation codes, and credentials in wallets.

use std::path::Path;

use lienthong::trust::status_list::{Status, StatusToken};
use lienthong::wire::proto::province::v1::WatchChangesRequest;
use lienthong::wire::proto::province::v1::province_service_client::ProvinceServiceClient;
use serde_json::{Value, json};
use tonic::Code;
use tonic::transport::Endpoint;

use super::common::process::{Serving, run};
use super::common::{as_agency, gateway};
use super::due::{dated, enter_licence, licence};
use super::{CITIZEN, Client, DAY_S, UNLINKED, time};

const LICENCE: &str = "driver_licence.licence.v1";
const NUMBER: &str = "420150000001";

/// Enters a licence whose points come back in ten days.
async fn enter_pointed(client: &Client) {
    let deducted = json!({ "points": 8, "points_deducted_on": dated(client.now().await, -355), "status": "active" });
    enter_licence(client, NUMBER, deducted).await;
}

/// The statuses of all licences, by a list that the anchor of the moment verifies.
async fn statuses(client: &Client) -> Vec<Status> {
    let anchor = client.anchors().await.pop().expect("a version");
    let list = client.ask("demo-one-stop", "trust.v1.StatusService/GetStatusList", json!({ "record_type": LICENCE }));
    let list = list.await;
    let token = StatusToken::verify(list["token"].as_str().expect("a token"), &anchor).expect("it verifies").list;
    (0..token.count()).map(|index| token.get(index).expect("a status")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_open_across_a_jump_receives_what_time_changed() {
    let started = gateway().start().await;
    let client = Client(started.channel.clone());
    enter_pointed(&client).await;
    let watch = WatchChangesRequest {
        registry: "driver_licence".into(),
        resume_token: "latest".into(),
        ..WatchChangesRequest::default()
    };
    let mut watching = ProvinceServiceClient::new(started.channel.clone());
    let stream = watching.watch_changes(as_agency("operator", watch)).await;
    let mut stream = stream.expect("it watches").into_inner();
    let begun = stream.message().await.expect("open").expect("where it begins");
    assert!(begun.progress.is_some(), "{begun:?}");
    let jump = client.advance(30).await;
    let restored = licence(&client, NUMBER).await;
    let change = stream.message().await.expect("open").expect("a change");
    assert_eq!((change.record_type.as_str(), change.version), (LICENCE, 2), "{jump}");
    assert_eq!(restored["recordId"], change.record_id.as_str());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bits_of_a_status_list_follow_a_jump() {
    let started = gateway().start().await;
    let client = Client(started.channel.clone());
    enter_pointed(&client).await;
    let before = statuses(&client).await;
    client.advance(5).await;
    assert_eq!(statuses(&client).await, before, "nothing was due yet");
    client.advance(25).await;
    let after = statuses(&client).await;
    assert_eq!(after.len(), before.len() + 1, "the new version has a status of its own");
    let changed: Vec<usize> = (0..before.len()).filter(|index| before[*index] != after[*index]).collect();
    let [changed] = changed.as_slice() else { panic!("one version was superseded: {changed:?}") };
    assert_eq!((before[*changed], after[*changed]), (Status::Valid, Status::Superseded));
    assert_eq!(after.last(), Some(&Status::Valid));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_presentation_code_expires_with_the_worlds_time() {
    let started = gateway().start().await;
    let client = Client(started.channel.clone());
    let citizen = format!("demo-citizen-{CITIZEN}");
    let present = async || {
        let wanted = json!({
            "personal_id": CITIZEN, "agency": "one-stop", "document_types": ["DOCUMENT_TYPE_HEALTH_INSURANCE_CARD"],
            "ttl_seconds": 3_600,
        });
        let made = client.ask(&citizen, "identity.v1.PresentationService/CreatePresentation", wanted).await;
        json!({ "code": made["code"] })
    };
    let redeem = "identity.v1.PresentationService/RedeemPresentation";
    let (first, second) = (present().await, present().await);
    let minutes = json!({ "request_id": "fifty-minutes", "by": "3000s" });
    client.operate("AdvanceClock", minutes).await;
    let redeemed = client.ask("demo-one-stop", redeem, first).await;
    assert_eq!(redeemed["records"][0]["verdict"], "VALID", "{redeemed}");
    let minutes = json!({ "request_id": "and-ten-more", "by": "601s" });
    client.operate("AdvanceClock", minutes).await;
    let refused = client.refused("demo-one-stop", redeem, second).await;
    assert_eq!(refused, (Code::FailedPrecondition, "PRESENTATION_EXPIRED".into()));
}

/// Runs the program, expects this exit code, returns its output.
fn expect(folder: &Path, code: i32, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wallets_credential_expires_with_the_worlds_time() {
    const EXPIRED: i32 = 28; // docs/verifying.md
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let serving = Serving::start(folder, &["--population", "0"]);
    let endpoint = Endpoint::from_shared(format!("http://{}", serving.grpc)).expect("an address");
    let client = Client(endpoint.connect().await.expect("it accepts"));
    let citizen = format!("demo-citizen-{UNLINKED}");
    let as_citizen =
        async |method: &str, body: Value| client.ask(&citizen, &format!("identity.v1.{method}"), body).await;
    let document = json!({ "personal_id": UNLINKED, "document_type": "DOCUMENT_TYPE_DRIVER_LICENCE" });
    let link = as_citizen("LinkService/LinkDocument", document).await["link"]["linkId"].clone();
    // In a world that is ahead of the machine, a wallet signs with the world's time.
    client.advance(30).await;
    expect(folder, 0, &["wallet", "key", "wallet.pem"]);
    let issue = async || {
        let asked = as_citizen("CredentialService/CreateNonce", json!({ "personal_id": UNLINKED })).await;
        let (nonce, audience) = (asked["nonce"].as_str().expect("text"), asked["audience"].as_str().expect("text"));
        let now = client.now().await.to_string();
        let prove = ["wallet", "prove", "--key", "wallet.pem", "--nonce", nonce, "--audience", audience, "--at", &now];
        let proof = expect(folder, 0, &prove);
        let wanted = json!({ "personal_id": UNLINKED, "link_id": link, "proof": proof.trim() });
        as_citizen("CredentialService/IssueCredential", wanted).await
    };
    let issued = issue().await;
    std::fs::write(folder.join("credential.json"), issued.to_string()).expect("written");
    let expires_at = time(&issued["expiresAt"]);
    let verify = async |code: i32, file: &str| {
        let anchor = client.ask("demo-bank", "trust.v1.TrustService/GetTrustAnchor", json!({})).await;
        std::fs::write(folder.join("anchor.now"), anchor["anchorJson"].as_str().expect("JSON")).expect("written");
        let now = client.now().await.to_string();
        expect(folder, code, &["verify", file, "--trust", "anchor.now", "--at", &now])
    };
    verify(0, "credential.json").await;
    let days = (expires_at.0 - client.now().await.0) / (DAY_S as i64 * 1_000);
    assert!(days > 1, "it is valid for a while: {expires_at}");
    client.advance(u64::try_from(days - 1).expect("ahead")).await;
    verify(0, "credential.json").await;
    client.advance(2).await;
    assert!(client.now().await >= expires_at);
    let text = verify(EXPIRED, "credential.json").await;
    assert!(text.contains("EXPIRED"), "{text}");
    // The same document gives a new one, which is valid then.
    std::fs::write(folder.join("next.json"), issue().await.to_string()).expect("written");
    verify(0, "next.json").await;
}
