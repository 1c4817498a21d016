//! The properties of every refusal: in the form of docs/errors.md, about fields of the caller's own request, and named in the RPC's comment.

use std::collections::{BTreeMap, BTreeSet};

use lienthong::api::status::code_name;
use lienthong::base::Reason;
use lienthong::wire::typed;
use prost_reflect::{Kind, MessageDescriptor, MethodDescriptor};
use tonic::codegen::http::HeaderMap;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// One refusal: its method, code and reason.
pub type Seen = BTreeSet<(String, i32, String)>;

/// `lienthong.exchange.v1.ExchangeService/Explain`.
pub fn name_of(method: &MethodDescriptor) -> String {
    format!("{}/{}", method.parent_service().full_name(), method.name())
}

/// Checks a refusal against docs/errors.md.
pub fn check_form(method: &MethodDescriptor, status: &Status, told: &str) {
    let details = status.get_error_details();
    let info = details.error_info().unwrap_or_else(|| panic!("{told}: no ErrorInfo: {status}"));
    assert!(Reason::ALL.iter().any(|reason| reason.as_str() == info.reason), "{told}: {}", info.reason);
    assert!(details.request_info().is_some_and(|request| !request.request_id.is_empty()), "{told}: no request id");
    let mut headers = HeaderMap::new();
    status.add_header(&mut headers).expect("headers");
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    assert!(bytes < 6 * 1024, "{told}: {bytes} bytes");
    match status.code() {
        Code::InvalidArgument if info.reason != "MESSAGE_TOO_LARGE" => {
            let bad = details.bad_request().unwrap_or_else(|| panic!("{told}: no BadRequest: {status}"));
            assert!(!bad.field_violations.is_empty(), "{told}: no bad field");
            for violation in &bad.field_violations {
                assert!(resolves(&method.input(), &violation.field), "{told}: {} is no field of it", violation.field);
            }
        }
        Code::FailedPrecondition => {
            let failure = details.precondition_failure().unwrap_or_else(|| panic!("{told}: no PreconditionFailure"));
            assert!(
                failure.violations.iter().all(|one| !one.subject.is_empty() && !one.subject.starts_with('/')),
                "{told}"
            );
        }
        Code::PermissionDenied if info.reason == "ROLE_NOT_ALLOWED" => {
            assert!(info.metadata.contains_key("allowed"), "{told}: who may is not said");
        }
        _ => {}
    }
}

/// Whether a violation's path names a field of the request, or a value within one of its JSON structs.
pub fn resolves(message: &MessageDescriptor, path: &str) -> bool {
    let (step, rest) = path.split_once('.').map_or((path, None), |(step, rest)| (step, Some(rest)));
    let name = step.split('[').next().unwrap_or_default();
    let field = match message.get_field_by_name(name) {
        Some(field) => field,
        // A choice as a whole, if none of its members was given.
        None => return rest.is_none() && message.oneofs().any(|choice| choice.name() == name),
    };
    match (rest, field.kind()) {
        (None, _) => true,
        (Some(_), Kind::Message(inner)) if inner.full_name() == "google.protobuf.Struct" => true,
        (Some(rest), Kind::Message(inner)) => resolves(&inner, rest),
        _ => false,
    }
}

/// The comment of each method with its service's.
pub fn comments() -> BTreeMap<String, String> {
    let both = |(name, (common, own)): (String, (String, String))| (name, format!("{common}\n{own}"));
    comments_apart().into_iter().map(both).collect()
}

/// The comment of each service, and those of its methods.
pub fn comments_apart() -> BTreeMap<String, (String, String)> {
    let mut all = BTreeMap::new();
    for file in typed::pool().files().filter(|file| file.package_name().starts_with("lienthong.")) {
        let proto = file.file_descriptor_proto();
        let locations = proto.source_code_info.as_ref().map(|info| info.location.as_slice()).unwrap_or_default();
        let comment = |path: &[i32]| {
            let found = locations.iter().find(|location| location.path == path);
            found.map(|location| location.leading_comments().to_owned()).unwrap_or_default()
        };
        for (service, at) in proto.service.iter().zip(0..) {
            let common = comment(&[6, at]);
            for (method, number) in service.method.iter().zip(0..) {
                let name = format!("{}.{}/{}", file.package_name(), service.name(), method.name());
                all.insert(name, (common.clone(), comment(&[6, at, 2, number])));
            }
        }
    }
    all
}

pub fn names(comment: &str, word: &str) -> bool {
    comment.split(|c: char| !c.is_ascii_uppercase() && !c.is_ascii_digit() && c != '_').any(|found| found == word)
}

/// Whether these codes come with reasons that a program acts on, so that the comment names them too.
fn reasons_matter(code: i32) -> bool {
    [Code::FailedPrecondition, Code::AlreadyExists, Code::Aborted].iter().any(|one| *one as i32 == code)
}

pub fn check_comments(seen: &Seen) {
    let comments = comments();
    let mut unnamed = Vec::new();
    for (method, code, reason) in seen {
        let comment = comments.get(method).map(String::as_str).unwrap_or_default();
        let code_is_named = names(comment, code_name(Code::from_i32(*code)));
        if !code_is_named || (reasons_matter(*code) && !names(comment, reason)) {
            unnamed.push(format!("{method}: {} {reason}", code_name(Code::from_i32(*code))));
        }
    }
    assert!(unnamed.is_empty(), "comments that do not name a code that was seen:\n{}", unnamed.join("\n"));
}
