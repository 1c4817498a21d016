//! Bad input: refused with the contract's code and reason, and nothing is written.

use serde_json::{Map, Value, json};
use tonic::Code;
use tonic_types::StatusExt as _;

use super::reads::ids;
use crate::cli::check::registry::subject::{Judged, Subject, answered, refused, told, wrong};
use crate::wire::proto::registry::v1::{GetRecordsRequest, Operation, StreamChangesRequest, SubmitChangesRequest};

const INVALID: &str = "INVALID_REQUEST";

pub(super) async fn no_selector(subject: &mut Subject) -> Judged {
    refused(subject.get(GetRecordsRequest::default()).await?, Code::InvalidArgument, INVALID)
}

pub(super) async fn bad_id(subject: &mut Subject) -> Judged {
    let ask = GetRecordsRequest { selector: Some(ids(vec!["not-an-id".into()])), ..Default::default() };
    refused(subject.get(ask).await?, Code::InvalidArgument, INVALID)
}

pub(super) async fn unknown_type(subject: &mut Subject) -> Judged {
    let selector = Some(ids(vec!["0".repeat(32)]));
    let record_types = vec![format!("{}.no_such.v1", subject.registry)];
    refused(
        subject.get(GetRecordsRequest { selector, record_types, ..Default::default() }).await?,
        Code::InvalidArgument,
        INVALID,
    )
}

pub(super) async fn other_page_token(subject: &mut Subject) -> Judged {
    let made: Vec<String> = subject.made.iter().map(|made| made.receipt.record_id.clone()).collect();
    if made.len() < 2 {
        return Err(wrong("two records that were created before", &made.len().to_string()));
    }
    let ask = GetRecordsRequest { selector: Some(ids(made.clone())), page_size: 1, ..Default::default() };
    let page_token = answered("a page", subject.get(ask).await?)?.next_page_token;
    if page_token.is_empty() {
        return Err(wrong("a next page", "none"));
    }
    let selector = Some(ids(made.into_iter().rev().collect()));
    let ask = GetRecordsRequest { selector, page_size: 1, page_token, ..Default::default() };
    refused(subject.get(ask).await?, Code::InvalidArgument, "PAGE_TOKEN_INVALID")
}

pub(super) async fn page_size(subject: &mut Subject) -> Judged {
    let ask = GetRecordsRequest { selector: Some(ids(vec!["0".repeat(32)])), page_size: 501, ..Default::default() };
    refused(subject.get(ask).await?, Code::InvalidArgument, INVALID)
}

/// Submits one payload as a creation; checks that it is refused and that the field is named.
async fn payload(subject: &mut Subject, of: &str, payload: Map<String, Value>, field: &str) -> Judged {
    let change = subject.change(Operation::Create, 0, &payload)?;
    let answer = subject.submit_one(of, change).await?;
    let named = match &answer {
        Err(status) => {
            let bad = status.get_details_bad_request().map(|bad| bad.field_violations).unwrap_or_default();
            if bad.iter().any(|one| one.field.contains(field)) { Ok(()) } else { Err(told(status)) }
        }
        Ok(_) => Ok(()),
    };
    refused(answer, Code::InvalidArgument, INVALID)?;
    named.map_err(|found| wrong(&format!("a BadRequest that names {field}"), &found))?;
    Ok(String::new())
}

/// A valid payload to spoil: that of an earlier record, since it is refused for its flaw before the registry looks whether it exists.
fn lawful(subject: &Subject) -> Result<Map<String, Value>, crate::cli::check::outcome::Wrong> {
    Ok(subject.first()?.payload)
}

pub(super) async fn required_missing(subject: &mut Subject) -> Judged {
    let mut bad = lawful(subject)?;
    let mut required = subject.sampler.schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let field = required.rfind(|name| !subject.natural_key.iter().any(|key| key == name)).map(str::to_owned);
    let Some(field) = field else { return Ok("nothing but the key is required".into()) };
    bad.remove(&field);
    payload(subject, "required", bad, &field).await
}

pub(super) async fn unknown_field(subject: &mut Subject) -> Judged {
    let mut bad = lawful(subject)?;
    bad.insert("no_such_field".into(), json!("x"));
    payload(subject, "unknown", bad, "no_such_field").await
}

/// A field beside the key that any value may be tried in.
fn any_field(subject: &Subject, payload: &Map<String, Value>) -> String {
    let is_key = |name: &String| subject.natural_key.iter().any(|key| key.split('.').next() == Some(name));
    payload.keys().find(|name| !is_key(name)).or(payload.keys().next()).cloned().unwrap_or_default()
}

pub(super) async fn fraction(subject: &mut Subject) -> Judged {
    let mut bad = lawful(subject)?;
    let field = any_field(subject, &bad);
    bad.insert(field.clone(), json!(1.5));
    payload(subject, "fraction", bad, &field).await
}

pub(super) async fn null(subject: &mut Subject) -> Judged {
    let mut bad = lawful(subject)?;
    let field = any_field(subject, &bad);
    bad.insert(field.clone(), Value::Null);
    payload(subject, "null", bad, &field).await
}

pub(super) async fn no_changes(subject: &mut Subject) -> Judged {
    let ask = SubmitChangesRequest { request_id: subject.request_id("none"), ..Default::default() };
    refused(subject.submit(ask).await?, Code::InvalidArgument, "")
}

pub(super) async fn malformed_request_id(subject: &mut Subject) -> Judged {
    let changes = vec![subject.change(Operation::Create, 0, &lawful(subject)?)?];
    let ask = SubmitChangesRequest { request_id: "id".into(), changes, ..Default::default() };
    refused(subject.submit(ask).await?, Code::InvalidArgument, INVALID)
}

pub(super) async fn operation_unset(subject: &mut Subject) -> Judged {
    let change = subject.change(Operation::Unspecified, 0, &lawful(subject)?)?;
    refused(subject.submit_one("operation", change).await?, Code::InvalidArgument, INVALID)
}

pub(super) async fn beyond_end(subject: &mut Subject) -> Judged {
    let ask = StreamChangesRequest { cursor: subject.log.size() + 1_000_000, ..Default::default() };
    refused(subject.changes(ask).await?, Code::FailedPrecondition, "CURSOR_GONE")
}

pub(super) async fn bad_resume_token(subject: &mut Subject) -> Judged {
    let ask = StreamChangesRequest { resume_token: "bm90LWEtdG9rZW4".into(), ..Default::default() };
    refused(subject.changes(ask).await?, Code::InvalidArgument, "PAGE_TOKEN_INVALID")
}
