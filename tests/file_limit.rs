//! A limit on the size of files: a write beyond it is refused and reported, as on a full disk, and ends no process.

#![allow(clippy::disallowed_methods, reason = "tests measure and wait by the machine's time")]
#![cfg(unix)]

mod common;

use common::process::{Serving, limited, program};
use common::sessions::base;
use common::{as_agency, reason};
use lienthong::wire::proto::exchange::v1::FetchRecordsRequest;
use lienthong::wire::proto::exchange::v1::exchange_service_client::ExchangeServiceClient;
use serde_json::json;
use tonic::Code;
use tonic::transport::Endpoint;

/// Exit code of a server when the store takes no more changes.
const EXIT_STORE: i32 = 74;
/// Calls that leave evidence; one of them is beyond the limit.
const CALLS: usize = 500;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_beyond_the_limit_is_refused_and_ends_the_run_in_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = ["--population", "0", "--data-dir", "data"];
    let mut seeding = Serving::start(folder.path(), &arguments);
    seeding.signal("TERM");
    assert_eq!(seeding.wait().0, Some(0));
    // 8 blocks of 512 bytes: room for the small files of a start
    let mut serving = Serving::start_as(limited("-f 8"), folder.path(), &arguments);
    let endpoint = Endpoint::from_shared(format!("http://{}", serving.grpc)).expect("an address");
    let mut exchange = ExchangeServiceClient::new(endpoint.connect().await.expect("it accepts"));
    let mut refused = None;
    for _ in 0..CALLS {
        let request = FetchRecordsRequest {
            personal_id: "042090990001".into(),
            record_types: vec!["vehicle.registration.v1".into()],
            purpose: "one_stop.verify_documents".into(),
            ..Default::default()
        };
        if let Err(status) = exchange.fetch_records(as_agency("one-stop", request)).await {
            refused = Some(status);
            break;
        }
    }
    let refused = refused.expect("a file has its full size");
    assert_eq!(reason(&refused), (Code::Unavailable, "STORAGE_UNAVAILABLE".into()), "{refused}");
    assert_eq!(serving.wait().0, Some(EXIT_STORE), "it ends by itself, and no signal ends it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_host_ends_with_the_same_code() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = ["--population", "0", "--data-dir", "data"];
    let names = ["social_insurance"];
    let mut seeding = Serving::start_host(program(), folder.path(), &names, &arguments);
    seeding.signal("TERM");
    assert_eq!(seeding.wait().0, Some(0));
    let mut serving = Serving::start_host(limited("-f 8"), folder.path(), &names, &arguments);
    let endpoint = Endpoint::from_shared(format!("http://{}", serving.grpc)).expect("an address");
    let channel = endpoint.connect().await.expect("it accepts");
    let mut refused = None;
    for number in 0..CALLS {
        let change = json!({
            "recordType": "social_insurance.membership.v1", "operation": "OPERATION_CREATE",
            "payload": { "personal_id": format!("0421{number:08}"), "status": "active" },
        });
        let request_id = format!("membership-{number:08}");
        let body = json!({ "registry": "social_insurance", "requestId": request_id, "changes": [change] });
        let submit = "registry.v1.RegistryService/SubmitChanges";
        if let Err(status) = base(&channel).call("demo-social-insurance", submit, body).await {
            refused = Some(status);
            break;
        }
    }
    let refused = refused.expect("a file has its full size");
    assert_eq!(reason(&refused), (Code::Unavailable, "STORAGE_UNAVAILABLE".into()), "{refused}");
    assert_eq!(serving.wait().0, Some(EXIT_STORE), "it ends by itself, and no signal ends it");
}
