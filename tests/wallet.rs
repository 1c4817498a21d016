//! A linked document in a wallet, from the account to the verifier: issued, presented, checked against the status list, and found to be out of
//! date once the registry has a newer version. Through gRPC, HTTP and the command line.

#![allow(clippy::disallowed_methods, reason = "tests measure and wait by the machine's time")]

mod common;

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use common::dynamic::Call;
use common::process::{Serving, run};
use common::until::until_answered;
use serde_json::{Value, json};
use tonic::transport::{Channel, Endpoint};

const CITIZEN: &str = "042185990002";
const ASKED: [&str; 4] = ["--nonce", "n-4f1c", "--audience", "https://bank.example.vn"];

async fn ask(channel: &Channel, caller: &str, method: &str, body: Value) -> Result<Value, tonic::Status> {
    let headers = vec![("authorization".to_owned(), format!("Bearer demo-{caller}"))];
    Call { headers, body: body.to_string(), method: format!("lienthong.{method}") }.make(channel).await
}

async fn ask_as_citizen(channel: &Channel, method: &str, body: Value) -> Result<Value, tonic::Status> {
    ask(channel, &format!("citizen-{CITIZEN}"), &format!("identity.v1.{method}"), body).await
}

/// Runs the program, expects this exit code, returns its output.
fn expect(folder: &Path, code: i32, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}{said}");
    text
}

fn present(folder: &Path, show: &str) {
    let arguments =
        [&["wallet", "present", "credential.json", "--key", "wallet.pem", "--show", show][..], &ASKED].concat();
    std::fs::write(folder.join("presentation.txt"), expect(folder, 0, &arguments)).expect("written");
}

fn verify(folder: &Path, code: i32, file: &str, further: &[&str]) -> String {
    expect(folder, code, &[&["verify", file], further].concat())
}

/// The contents of a credential's disclosures.
fn fields(credential: &str) -> Value {
    let read = |part: &str| -> Option<(String, Value)> {
        let parts: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()?;
        Some((parts[1].as_str()?.to_owned(), parts[2].clone()))
    };
    credential.split('~').skip(1).filter_map(read).collect::<serde_json::Map<_, _>>().into()
}

/// Issues a credential; the proof is for the name that CreateNonce gives, or for this one.
async fn issue(channel: &Channel, folder: &Path, named: Option<&str>) -> Value {
    let account = json!({ "personal_id": CITIZEN });
    let document = json!({ "personal_id": CITIZEN, "document_type": "DOCUMENT_TYPE_HEALTH_INSURANCE_CARD" });
    let link = ask_as_citizen(channel, "LinkService/LinkDocument", document).await.expect("linked");
    let link = link["link"]["linkId"].as_str().expect("an id").to_owned();
    let nonce = ask_as_citizen(channel, "CredentialService/CreateNonce", account.clone()).await.expect("a nonce");
    let (nonce, audience) = (nonce["nonce"].as_str().expect("text"), nonce["audience"].as_str().expect("text"));
    expect(folder, 0, &["wallet", "key", "wallet.pem"]);
    expect(folder, 1, &["wallet", "key", "wallet.pem"]);
    let proof = |nonce: &str, audience: &str| {
        let proof =
            expect(folder, 0, &["wallet", "prove", "--key", "wallet.pem", "--nonce", nonce, "--audience", audience]);
        json!({ "personal_id": CITIZEN, "link_id": link, "proof": proof.trim() })
    };
    let issue = "CredentialService/IssueCredential";
    for bad in [
        proof("another", audience),
        proof(nonce, "another"),
        json!({ "personal_id": CITIZEN, "link_id": link, "proof": "x" }),
    ] {
        let refused = ask_as_citizen(channel, issue, bad).await.expect_err("a bad proof");
        assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    }
    let mut stranger = proof(nonce, audience);
    stranger["link_id"] = json!("01890000-0000-7000-8000-000000000000");
    let refused = ask_as_citizen(channel, issue, stranger).await.expect_err("no such link");
    assert_eq!(refused.code(), tonic::Code::NotFound);
    let used = ask_as_citizen(channel, issue, proof(nonce, audience)).await.expect_err("a nonce serves once");
    assert_eq!(used.code(), tonic::Code::InvalidArgument);
    let nonce = ask_as_citizen(channel, "CredentialService/CreateNonce", account).await.expect("another nonce");
    let nonce = nonce["nonce"].as_str().expect("text");
    ask_as_citizen(channel, issue, proof(nonce, named.unwrap_or(audience))).await.expect("issued")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_linked_document_lives_in_a_wallet_until_something_newer_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let serving = Serving::start(folder, &["--population", "0", "--anchor", "anchor.json"]);
    let channel = Endpoint::from_shared(format!("http://{}", serving.grpc)).expect("an address");
    let channel = channel.connect().await.expect("it accepts");
    let issued = issue(&channel, folder, None).await;
    std::fs::write(folder.join("credential.json"), issued.to_string()).expect("written");
    let credential = issued["credential"].as_str().expect("text");
    let status = issued["statusUri"].as_str().expect("text");
    assert_eq!(issued["vct"], "urn:lienthong:vct:health_insurance.card.v1");
    assert!(status.ends_with("/status/health_insurance/health_insurance.card.v1"), "{status}");

    // as it was issued; presented whole, in part, with nothing shown
    verify(folder, 0, "credential.json", &[]);
    verify(folder, 27, "credential.json", &ASKED);
    for show in ["card_number,holder,valid_until", "", "status"] {
        present(folder, show);
        let unknown = ["wallet", "present", "credential.json", "--key", "wallet.pem", "--show", "plate"];
        expect(folder, 1, &[&unknown[..], &ASKED].concat());
        let report = verify(folder, 0, "presentation.txt", &ASKED);
        for check in ["credential_signature", "disclosures", "key_binding", "record_agreement", "ledger_inclusion"] {
            assert!(report.contains(&format!("pass     {check}")), "{check}: {report}");
        }
    }
    for (field, other) in [
        ("vct", json!("urn:lienthong:vct:land.certificate.v1")),
        ("recordType", json!("land.certificate.v1")),
        ("recordId", json!("00".repeat(16))),
        ("version", json!("2")),
        ("statusIndex", json!(99)),
        ("statusUri", json!("https://elsewhere.example/status")),
        ("expiresAt", json!("2099-01-01T00:00:00Z")),
    ] {
        let mut beside = issued.clone();
        beside[field] = other;
        std::fs::write(folder.join("beside.json"), beside.to_string()).expect("written");
        let report = verify(folder, 19, "beside.json", &[]);
        assert!(report.contains("FAIL     frame"), "{field}: {report}");
    }
    expect(folder, 0, &["wallet", "key", "other.pem"]);
    expect(folder, 1, &[&["wallet", "present", "credential.json", "--key", "other.pem"][..], &ASKED].concat());
    std::fs::write(folder.join("tail.txt"), format!("{credential}hello")).expect("written");
    verify(folder, 16, "tail.txt", &[]);
    verify(folder, 27, "presentation.txt", &["--nonce", "other", "--audience", ASKED[3]]);
    verify(folder, 27, "presentation.txt", &["--nonce", ASKED[1], "--audience", "https://other.example.vn"]);
    let text = std::fs::read_to_string(folder.join("presentation.txt")).expect("there");
    let stray = text.replacen('~', "~WyJzIiwibiIsInYiXQ~", 1);
    std::fs::write(folder.join("stray.txt"), stray).expect("written");
    verify(folder, 10, "stray.txt", &ASKED);

    // the status list: over HTTP, as a file, not to be had, not of this world
    let report = verify(folder, 0, "presentation.txt", &["--status", status]);
    assert!(report.contains("latest and valid"), "{report}");
    let asked = json!({ "record_type": "health_insurance.card.v1" });
    let list = ask(&channel, "one-stop", "trust.v1.StatusService/GetStatusList", asked.clone()).await.expect("a list");
    std::fs::write(folder.join("list.json"), list.to_string()).expect("written");
    verify(folder, 0, "credential.json", &["--status", "list.json"]);
    verify(folder, 35, "credential.json", &["--status", "http://127.0.0.1:9/status/a/b"]);
    std::fs::write(folder.join("no-list.txt"), "e30.e30.AA").expect("written");
    verify(folder, 35, "credential.json", &["--status", "no-list.txt"]);
    verify(folder, 3, "credential.json", &["--status", "missing.txt"]);
    http(status).await;

    // the registry suspends the card: the wallet's version is superseded, and the new one suspended
    let mut payload = fields(credential);
    payload["status"] = json!("suspended");
    payload["status_reason"] = json!("chưa đóng phí");
    let change = json!({
        "record_type": "health_insurance.card.v1", "operation": "OPERATION_UPDATE",
        "expected_version": issued["version"], "payload": payload,
    });
    let submission = json!({ "registry": "health_insurance", "request_id": "suspend-0001", "changes": [change] });
    ask(&channel, "operator", "registry.v1.RegistryService/SubmitChanges", submission).await.expect("accepted");
    // A list is published at most once a second.
    until_answered("a newer list", async || {
        let newer = ask(&channel, "one-stop", "trust.v1.StatusService/GetStatusList", asked.clone()).await.ok()?;
        (newer != list).then_some(())
    })
    .await;
    verify(folder, 26, "presentation.txt", &["--status", status]);
    verify(folder, 0, "credential.json", &["--status", "list.json"]); // the old list can't know
    let read = json!({
        "registry": "health_insurance",
        "record_types": ["health_insurance.card.v1"],
        "natural_key": { "record_type": "health_insurance.card.v1", "values": [payload["card_number"]] },
    });
    let now = ask(&channel, "operator", "registry.v1.RegistryService/GetRecords", read).await.expect("records");
    std::fs::write(folder.join("now.json"), now.to_string()).expect("written");
    verify(folder, 25, "now.json", &["--status", status]);
    verify(folder, 34, "now.json", &["--status", "list.json"]);
}

/// The list's headers, and that a copy which is still valid is not sent again.
async fn http(uri: &str) {
    let uri = uri.to_owned();
    let asking = tokio::task::spawn_blocking(move || {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let header = |answer: &ureq::http::Response<ureq::Body>, name: &str| {
            answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
        };
        let first = agent.get(&uri).call().expect("answers");
        assert_eq!(header(&first, "content-type"), "application/statuslist+jwt");
        assert_eq!(header(&first, "cache-control"), "public, max-age=60");
        let tag = header(&first, "etag");
        let again = agent.get(&uri).header("if-none-match", &tag).call().expect("answers");
        assert_eq!((again.status().as_u16(), header(&again, "etag")), (304, tag));
        for missing in ["/status/land/health_insurance.card.v1", "/status/land/x.y.v1"] {
            let base = uri.split("/status/").next().expect("a base");
            assert_eq!(agent.get(format!("{base}{missing}")).call().expect("answers").status().as_u16(), 404);
        }
    });
    asking.await.expect("asked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_issuer_of_a_credential_leads_to_its_keys() {
    const URL: &str = "https://lienthong.example.vn/base";
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let serving = Serving::start(folder, &["--population", "0", "--anchor", "anchor.json", "--public-url", URL]);
    let channel = Endpoint::from_shared(format!("http://{}", serving.grpc)).expect("an address");
    let channel = channel.connect().await.expect("it accepts");
    let issued = issue(&channel, folder, Some(URL)).await;
    std::fs::write(folder.join("credential.json"), issued.to_string()).expect("written");
    verify(folder, 0, "credential.json", &[]);
    let part = |number: usize| -> Value {
        let token = issued["credential"].as_str().and_then(|text| text.split('.').nth(number)).expect("a part");
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).expect("base64url")).expect("JSON")
    };
    let (header, claims) = (part(0), part(1));
    assert_eq!(claims["iss"], format!("{URL}/lienthong/H27/health_insurance"));
    // by the draft, the well-known part is between host and path; here the console is asked instead of the host
    let iss = claims["iss"].as_str().expect("text");
    let path = iss.strip_prefix("https://lienthong.example.vn").expect("the host");
    let console = serving.console.as_deref().expect("a console");
    let address = format!("http://{console}/.well-known/jwt-vc-issuer{path}");
    let asking = tokio::task::spawn_blocking(move || {
        let mut answer = ureq::get(&address).call().expect("answers");
        answer.body_mut().read_to_string().expect("text")
    });
    let found: Value = serde_json::from_str(&asking.await.expect("asked")).expect("JSON");
    assert_eq!(found["issuer"], claims["iss"], "identical, or a verifier has to refuse it");
    let keys = found["jwks"]["keys"].as_array().expect("keys");
    assert!(keys.iter().any(|key| key["kid"] == header["kid"]), "{keys:?}");
}
