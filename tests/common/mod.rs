//! Shared parts of the tests: a gateway in this process, credentials, and the reason of a refusal.
#![allow(dead_code, unused_imports)] // each test target uses a part of it

use lienthong::wire::proto::registry::v1::registry_service_client::RegistryServiceClient;
use lienthong::wire::proto::registry::v1::{Change, Operation, SubmitChangesRequest};
use prost_types::value::Kind;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

pub mod dynamic;
#[path = "../world/gateway.rs"]
mod gateway;
pub mod process;
pub mod sessions;
#[path = "../world/until.rs"]
pub mod until;
pub mod vectors;

pub use gateway::{Started, config, gateway};

/// A call with a bearer credential.
pub fn with_credential<Q>(credential: &str, message: Q) -> Request<Q> {
    let mut request = Request::new(message);
    let value = format!("Bearer {credential}").parse().expect("a credential is ASCII");
    request.metadata_mut().insert("authorization", value);
    request
}

/// A call of an agency's system.
pub fn as_agency<Q>(agency: &str, message: Q) -> Request<Q> {
    with_credential(&format!("demo-{agency}"), message)
}

/// A citizen's call.
pub fn as_citizen<Q>(personal_id: &str, message: Q) -> Request<Q> {
    with_credential(&format!("demo-citizen-{personal_id}"), message)
}

/// Enters a new membership of the social insurance, in a submission of its own.
pub async fn enter_membership(channel: &Channel, number: u64) {
    change_membership(channel, number, (Operation::Create, 0), "active").await;
}

/// Enters another version of a membership, which has had one.
pub async fn preserve_membership(channel: &Channel, number: u64) {
    change_membership(channel, number, (Operation::Update, 1), "preserved").await;
}

async fn change_membership(channel: &Channel, number: u64, (operation, version): (Operation, u64), status: &str) {
    let text = |text: String| prost_types::Value { kind: Some(Kind::StringValue(text)) };
    let fields = [("personal_id", format!("0421{number:08}")), ("status", status.to_owned())];
    let request = SubmitChangesRequest {
        registry: "social_insurance".into(),
        request_id: format!("membership-{number:08}-{version}"),
        changes: vec![Change {
            record_type: "social_insurance.membership.v1".into(),
            operation: operation as i32,
            expected_version: version,
            payload: Some(prost_types::Struct {
                fields: fields.into_iter().map(|(name, value)| (name.to_owned(), text(value))).collect(),
            }),
            ..Default::default()
        }],
    };
    let mut client = RegistryServiceClient::new(channel.clone());
    client.submit_changes(as_agency("social-insurance", request)).await.expect("entered");
}

/// The descriptions of the bad fields of a refusal.
pub fn said(status: &Status) -> Vec<String> {
    let details = status.get_details_bad_request().map(|bad| bad.field_violations).unwrap_or_default();
    details.into_iter().map(|bad| bad.description).collect()
}

/// Every rule that a refused submission breaks, with its message: about fields, or about changes that are not allowed.
pub fn broken(status: &Status) -> Vec<String> {
    let illegal = status.get_details_precondition_failure().map(|failure| failure.violations).unwrap_or_default();
    let illegal = illegal.into_iter().map(|one| format!("{}: {}", one.r#type, one.description));
    said(status).into_iter().chain(illegal).collect()
}

/// The gRPC code of a refusal, and its stable reason.
pub fn reason(status: &Status) -> (Code, String) {
    let reason = status.get_details_error_info().map(|info| info.reason);
    (status.code(), reason.unwrap_or_else(|| format!("no ErrorInfo: {status}")))
}
