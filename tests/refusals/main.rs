//! Every refusal that a caller can meet, held against the protos' comments: each RPC is called by every kind of caller with a
//! matrix of good and bad requests, through a real gateway, and by the personas' own commands. Each refusal must be named in the
//! RPC's comment or its service's, and have the form of docs/errors.md (`form.rs`).

#![allow(clippy::disallowed_methods, reason = "tests measure and wait by the machine's time")]

#[path = "../common/mod.rs"]
mod common;
mod form;
mod framework;
mod guardians;
mod lifecycles;
mod roles;

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use common::dynamic::Call;
use common::gateway;
use futures::StreamExt as _;
use lienthong::api::status;
use lienthong::base::Reason;
use lienthong::wire::codec::RawCodec;
use lienthong::wire::proto::registry::v1::{Change, SubmitChangesRequest};
use lienthong::wire::typed;
use prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor};
use serde_json::{Map, Value, json};
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use form::{Seen, check_comments, check_form, name_of, names};

const CITIZEN: &str = "042090990001";
/// Callers who, between them, may make every call.
const INSIDERS: &[&str] =
    &["demo-citizen-042090990001", "demo-operator", "demo-police", "demo-land-office", "demo-one-stop", "demo-bank"];
/// Callers who may make few.
const STRANGERS: &[&str] = &["", "nonsense", "demo-citizen-042185990002", "demo-auditor", "demo-hospital"];

fn methods() -> Vec<MethodDescriptor> {
    let services = typed::pool().services().filter(|service| service.package_name().starts_with("lienthong."));
    services.flat_map(|service| service.methods().collect::<Vec<_>>()).collect()
}

/// A value that a field of this name takes.
fn good(field: &FieldDescriptor) -> Option<Value> {
    Some(match field.name() {
        "personal_id" => json!(CITIZEN),
        "personal_ids" => json!([CITIZEN]),
        "registry" => json!("land"),
        "log" => json!("records"),
        "agency" => json!("bank"),
        "purpose" => json!("bank.know_your_customer"),
        "record_type" => json!("land.parcel.v1"),
        "record_types" => json!(["resident.person.v1"]),
        "document_type" => json!("DOCUMENT_TYPE_DRIVER_LICENCE"),
        "document_types" => json!(["DOCUMENT_TYPE_DRIVER_LICENCE"]),
        "request_id" if field.parent_message().name() == "ExplainRequest" => {
            json!("01993cc2-0000-7000-8000-000000000000")
        }
        "request_id" => json!("refusals-1"),
        "target" => json!("https://hooks.example.vn/"),
        "link_id" | "presentation_id" | "consent_id" | "webhook_id" => json!("01993cc2-0000-7000-8000-000000000000"),
        "code" => json!("AAAAAAAAAAAAAAAAAAAAAA"),
        "proof" => json!("a.b.c"),
        "old_size" => json!("1"),
        "form" => json!("FORM_2"),
        "requested_by" => json!("REQUESTER_HOLDER"),
        "certificate_number" => json!("1/2026/refusals"),
        "parcel_id" => json!("w7723fdn0zg3"),
        "household_id" => json!("42-999999999"),
        "plate" => json!("38A-999.99"),
        "by" => json!("1s"),
        _ => return None,
    })
}

/// Values that no field, or hardly one, takes.
fn bad(field: &FieldDescriptor) -> Vec<Value> {
    let one = match field.kind() {
        Kind::String => vec![json!(""), json!("polize"), json!("x".repeat(600))],
        Kind::Uint32 => vec![json!(u32::MAX)],
        Kind::Uint64 => vec![json!(u64::MAX.to_string())],
        Kind::Enum(_) => vec![json!(0), json!(99)],
        Kind::Message(of) if of.full_name() == "google.protobuf.Duration" => vec![json!("0s"), json!("-1s")],
        Kind::Message(of) if of.full_name() == "google.protobuf.Timestamp" => vec![json!("2000-01-01T00:00:00Z")],
        Kind::Message(_) => vec![json!({})],
        _ => Vec::new(),
    };
    match (field.is_list(), &one.first()) {
        (true, Some(first)) => vec![json!([]), json!(one), Value::Array(vec![(*first).clone(); 20])],
        _ => one,
    }
}

/// A request of good values, and every request that differs from it in one bad value.
fn requests(input: &MessageDescriptor) -> Vec<Value> {
    let mut whole = Map::new();
    let mut chosen = BTreeSet::new();
    for field in input.fields() {
        // Of a choice one member is given.
        let free = field.containing_oneof().is_none_or(|choice| chosen.insert(choice.full_name().to_owned()));
        if let (true, Some(value)) = (free, good(&field)) {
            whole.insert(field.name().to_owned(), value);
        }
    }
    let mut all = vec![json!({}), Value::Object(whole.clone())];
    for field in input.fields() {
        for value in bad(&field) {
            let mut request = whole.clone();
            if let Some(choice) = field.containing_oneof() {
                choice.fields().for_each(|other| drop(request.remove(other.name())));
            }
            request.insert(field.name().to_owned(), value);
            all.push(Value::Object(request));
        }
    }
    all
}

/// Makes one call; gives its refusal. Of a stream only the beginning is awaited.
async fn refusal(channel: &Channel, method: &MethodDescriptor, credential: &str, body: &Value) -> Option<Status> {
    let message = DynamicMessage::deserialize(method.input(), body.clone()).expect("a request of it");
    refusal_of(channel, method, credential, message.encode_to_vec()).await
}

/// The same, of a request's bytes.
async fn refusal_of(channel: &Channel, method: &MethodDescriptor, credential: &str, body: Vec<u8>) -> Option<Status> {
    let mut request = Request::new(Bytes::from(body));
    if !credential.is_empty() {
        let value = format!("Bearer {credential}").parse().expect("ASCII");
        request.metadata_mut().insert("authorization", value);
    }
    request.set_timeout(Duration::from_secs(2));
    let mut client = Grpc::new(channel.clone());
    client.ready().await.expect("connected");
    let path = PathAndQuery::try_from(format!("/{}", name_of(method))).expect("a path");
    let answered = if method.is_server_streaming() {
        client.server_streaming(request, path, RawCodec).await.map(drop)
    } else {
        client.unary(request, path, RawCodec).await.map(drop)
    };
    // The client's own clock may end a call of a slow registry before the gateway does: that is no refusal.
    answered.err().filter(|status| status.code() != Code::Cancelled)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_refusal_has_its_form_and_is_named_in_the_comment() {
    let started = gateway().start().await;
    let mut calls = Vec::new();
    for method in methods() {
        for (at, body) in requests(&method.input()).into_iter().enumerate() {
            // The allowed callers do not depend on the request, so others make only the first two of them.
            let callers = if at < 2 { [INSIDERS, STRANGERS].concat() } else { INSIDERS.to_vec() };
            calls.extend(callers.into_iter().map(|caller| (method.clone(), caller, body.clone())));
        }
    }
    let channel = &started.channel;
    let made = futures::stream::iter(calls).map(async |(method, caller, body)| {
        let refused = refusal(channel, &method, caller, &body).await;
        (method, caller, body, refused)
    });
    let made: Vec<_> = made.buffer_unordered(16).collect().await;
    let mut seen = Seen::new();
    for (method, caller, body, status) in made {
        let Some(status) = status else { continue };
        let shown: String = body.to_string().chars().take(200).collect();
        check_form(&method, &status, &format!("{} by {caller:?} with {shown}", name_of(&method)));
        let reason = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
        seen.insert((name_of(&method), status.code() as i32, reason));
    }
    for (method, status) in by_the_personas(channel).await {
        check_form(&method, &status, &name_of(&method));
        let reason = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
        seen.insert((name_of(&method), status.code() as i32, reason));
    }
    assert!(seen.len() > 250, "the matrix met only {} kinds of refusals", seen.len());
    check_comments(&seen);
    // An existing registry is refused to everybody but its owner; one that does not exist is unknown to all.
    for (name, code) in ["GetRecords", "SubmitChanges", "StreamChanges"].into_iter().flat_map(|name| {
        [(name, (Code::PermissionDenied, "ROLE_NOT_ALLOWED")), (name, (Code::InvalidArgument, "INVALID_REQUEST"))]
    }) {
        let one = (format!("lienthong.registry.v1.RegistryService/{name}"), code.0 as i32, code.1.to_owned());
        assert!(seen.contains(&one), "{one:?}");
    }
    started.end().await;
}

/// The refusals that personas meet: their documents linked twice, their records fetched, viewed and certified.
async fn by_the_personas(channel: &Channel) -> Vec<(MethodDescriptor, Status)> {
    let method = |name: &str| methods().into_iter().find(|method| name_of(method) == name).expect("a method");
    let list = Call {
        headers: vec![("authorization".into(), "Bearer demo-operator".into())],
        body: "{}".into(),
        method: "lienthong.simulation.v1.SimulationService/ListPersonas".into(),
    };
    let listed = list.make(channel).await.expect("personas");
    let ids = listed["personas"].as_array().expect("a list").iter().filter_map(|one| one["personalId"].as_str());
    let mut calls = Vec::new();
    for (id, citizen) in ids.map(|id| (id, format!("demo-citizen-{id}"))) {
        let link = method("lienthong.identity.v1.LinkService/LinkDocument");
        for kind in (1..=6).chain(1..=6) {
            calls.push((link.clone(), citizen.clone(), json!({"personal_id": id, "document_type": kind})));
        }
        let fetch = method("lienthong.exchange.v1.ExchangeService/FetchRecords");
        for (agency, purpose, record_type) in [
            ("one-stop", "one_stop.verify_documents", "land.certificate.v1"),
            ("one-stop", "one_stop.verify_documents", "driver_licence.licence.v1"),
            ("hospital", "health.admission", "health_insurance.card.v1"),
            ("police", "justice.record_certificate", "judicial.record.v1"),
        ] {
            let body = json!({"personal_id": id, "purpose": purpose, "record_types": [record_type]});
            calls.push((fetch.clone(), format!("demo-{agency}"), body));
        }
        let view = method("lienthong.province.v1.ProvinceService/GetPerson");
        calls.push((view, "demo-operator".into(), json!({"personal_id": id})));
        let issue = method("lienthong.registry.judicial.v1.JudicialService/IssueRecordCertificate");
        for form in ["FORM_1", "FORM_2"] {
            let body = json!({
                "request_id": format!("refusals-{id}"), "personal_id": id, "form": form,
                "requested_by": "REQUESTER_HOLDER", "certificate_number": "7/2026",
            });
            calls.push((issue.clone(), "demo-police".into(), body));
        }
    }
    let made = futures::stream::iter(calls).map(async |(method, caller, body)| {
        let status = refusal(channel, &method, &caller, &body).await;
        status.map(|status| (method, status))
    });
    made.buffer_unordered(16).filter_map(async |met| met).collect().await
}

/// docs/errors.md names every reason, in a line of its code.
#[test]
fn the_page_of_errors_names_every_reason() {
    let page = include_str!("../../docs/errors.md");
    for reason in Reason::ALL {
        let code = status::code_name(status::code(reason.kind()));
        let row = format!("| {code} |");
        let named = page.lines().any(|line| line.starts_with(&row) && names(line, reason.as_str()));
        assert!(named, "{} as {code}", reason.as_str());
    }
}

/// Links that have ended and codes that were used: each call after the end is refused by name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ended_links_and_used_codes_are_refused_by_name() {
    const ID: &str = "042185990002";
    let started = gateway().start().await;
    let mut seen = Seen::new();
    let mut call = async |caller: &str, method: &str, body: Value, expected: &str| {
        let method = format!("lienthong.identity.v1.{method}");
        let found = methods().into_iter().find(|found| name_of(found) == method).expect("a method");
        let headers = vec![("authorization".to_owned(), format!("Bearer demo-{caller}"))];
        let made = Call { headers, body: body.to_string(), method: method.clone() }.make(&started.channel).await;
        let outcome = made.as_ref().map_or_else(|status| common::reason(status).1, |_| "OK".to_owned());
        assert_eq!(outcome, expected, "{method} {body}");
        if let Err(status) = &made {
            check_form(&found, status, &method);
            seen.insert((method, status.code() as i32, outcome));
        }
        made.unwrap_or_default()
    };
    let citizen = format!("citizen-{ID}");
    let of = |name: &str, value: &Value| json!({"personalId": ID, name: value});
    let licence = json!({"personalId": ID, "documentType": "DOCUMENT_TYPE_DRIVER_LICENCE"});
    let linked = call(&citizen, "LinkService/LinkDocument", licence.clone(), "OK").await;
    let link = &linked["link"]["linkId"];
    call(&citizen, "LinkService/LinkDocument", licence, "ALREADY_LINKED").await;
    call("operator", "LinkService/ResolvePendingLink", json!({"linkId": link}), "LINK_NOT_PENDING").await;
    let present = json!({"personalId": ID, "agency": "one-stop", "documentTypes": ["DOCUMENT_TYPE_DRIVER_LICENCE"]});
    let made = call(&citizen, "PresentationService/CreatePresentation", present.clone(), "OK").await;
    let (code, presentation) = (json!({"code": made["code"]}), &made["presentation"]["presentationId"]);
    call("bank", "PresentationService/RedeemPresentation", code.clone(), "ROLE_NOT_ALLOWED").await;
    call("one-stop", "PresentationService/RedeemPresentation", code.clone(), "OK").await;
    call("one-stop", "PresentationService/RedeemPresentation", code, "OK").await; // its answer may have been lost
    let cancel = of("presentationId", presentation);
    call(&citizen, "PresentationService/CancelPresentation", cancel, "PRESENTATION_USED").await;
    let cancelled = call(&citizen, "PresentationService/CreatePresentation", present.clone(), "OK").await;
    let cancel = of("presentationId", &cancelled["presentation"]["presentationId"]);
    call(&citizen, "PresentationService/CancelPresentation", cancel, "OK").await;
    let code = json!({"code": cancelled["code"]});
    call("one-stop", "PresentationService/RedeemPresentation", code, "PRESENTATION_CANCELLED").await;
    let open = call(&citizen, "PresentationService/CreatePresentation", present.clone(), "OK").await;
    call(&citizen, "LinkService/UnlinkDocument", of("linkId", link), "OK").await;
    call(&citizen, "LinkService/UnlinkDocument", of("linkId", link), "LINK_NOT_ACTIVE").await;
    let code = json!({"code": open["code"]});
    call("one-stop", "PresentationService/RedeemPresentation", code, "LINK_NOT_ACTIVE").await;
    call(&citizen, "PresentationService/CreatePresentation", present, "LINK_NOT_ACTIVE").await;
    check_comments(&seen);
    started.end().await;
}

/// Submissions that registries refuse, each in its own way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_submissions_say_why() {
    let started = gateway().start().await;
    let method = methods().into_iter().find(|method| method.name() == "SubmitChanges").expect("the method");
    let submit = async |id: &str, changes: Value| {
        let body = json!({"registry": "social_insurance", "request_id": id, "changes": changes});
        refusal(&started.channel, &method, "demo-social-insurance", &body).await
    };
    let change = |operation: &str, version: u64, person: &str, status: &str| {
        json!([{
            "record_type": "social_insurance.membership.v1", "operation": operation, "expected_version": version.to_string(),
            "payload": {"personal_id": person, "status": status},
        }])
    };
    let create = || change("OPERATION_CREATE", 0, "042199900001", "active");
    assert!(submit("request-1", create()).await.is_none());
    let mut seen = Seen::new();
    for (id, changes, expected) in [
        (
            "request-1",
            change("OPERATION_CREATE", 0, "042199900002", "active"),
            (Code::AlreadyExists, "REQUEST_ID_REUSED"),
        ),
        ("request-2", create(), (Code::Aborted, "VERSION_CONFLICT")),
        ("request-3", change("OPERATION_UPDATE", 7, "042199900001", "active"), (Code::Aborted, "VERSION_CONFLICT")),
        ("request-4", change("OPERATION_UPDATE", 1, "042199900009", "active"), (Code::NotFound, "RECORD_NOT_FOUND")),
        ("request-5", change("OPERATION_CREATE", 1, "1", "x"), (Code::InvalidArgument, "INVALID_REQUEST")),
        ("request-6", json!([]), (Code::InvalidArgument, "INVALID_REQUEST")),
    ] {
        let status = submit(id, changes).await.expect("refused");
        check_form(&method, &status, id);
        assert_eq!(common::reason(&status), (expected.0, expected.1.to_owned()), "{id}: {status}");
        seen.insert((name_of(&method), status.code() as i32, expected.1.to_owned()));
    }
    check_comments(&seen);
    started.end().await;
}

/// However many fields are bad, the refusal reaches the client, and the caller gets the list by `Explain`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_bad_fields_fit_the_trailers_and_are_explained() {
    let started = gateway().start().await;
    let method = methods().into_iter().find(|method| method.name() == "SubmitChanges").expect("the method");
    let submit = async |changes: Vec<Change>| {
        let (registry, request_id) = ("land".to_owned(), "many-bad-fields".to_owned());
        let body = SubmitChangesRequest { registry, request_id, changes }.encode_to_vec();
        refusal_of(&started.channel, &method, "demo-land-office", body).await.expect("refused")
    };
    let empty = |count: usize| vec![Change::default(); count];
    let nulls = |count: usize| {
        let null = prost_types::Value { kind: Some(prost_types::value::Kind::NullValue(0)) };
        let list = prost_types::value::Kind::ListValue(prost_types::ListValue { values: vec![null; count] });
        let fields = [("uses".to_owned(), prost_types::Value { kind: Some(list) })].into();
        let payload = Some(prost_types::Struct { fields });
        vec![Change { record_type: "land.parcel.v1".into(), operation: 1, payload, ..Default::default() }]
    };
    // A submission with more fields than any good one is refused before it is decoded.
    let status = submit(nulls(1_000_000)).await;
    check_form(&method, &status, "a million nulls");
    assert_eq!(common::reason(&status), (Code::InvalidArgument, "MESSAGE_TOO_LARGE".to_owned()));
    for (what, changes, total_min) in
        [("ten", empty(10), 30), ("4,096", empty(4_096), 12_288), ("many nulls", nulls(250_000), 250_000)]
    {
        let status = submit(changes).await;
        assert_eq!(status.code(), Code::InvalidArgument, "{what}: {status}");
        check_form(&method, &status, what);
        let details = status.get_error_details();
        let info = details.error_info().expect("info");
        let number = |name: &str| info.metadata.get(name).and_then(|count| count.parse::<usize>().ok());
        let shown = details.bad_request().expect("bad fields").field_violations.len();
        let total = number("violations_total").unwrap_or(shown);
        assert!(total >= total_min && number("violations_shown").unwrap_or(shown) == shown, "{what}: {info:?}");
        assert!(status.message().contains(" more"), "{what}: {}", status.message());

        let explain = |agency: &str| Call {
            headers: vec![("authorization".into(), format!("Bearer demo-{agency}"))],
            body: json!({"requestId": details.request_info().expect("an id").request_id}).to_string(),
            method: "lienthong.exchange.v1.ExchangeService/Explain".into(),
        };
        let explained = explain("land-office").make(&started.channel).await.expect("one's own call");
        let listed = explained["violations"].as_array().expect("a list");
        assert_eq!(listed.len(), total.min(1_000), "{what}");
        assert_eq!(explained["violationsTotal"], json!(total.to_string()), "{what}");
        let refused = explain("police").make(&started.channel).await.expect_err("another's");
        assert_eq!(refused.code(), Code::NotFound, "{what}");
    }
    started.end().await;
}
