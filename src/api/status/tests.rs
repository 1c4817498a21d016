//! The statuses of errors: code, words, details, and their bounds.

use super::*;
use crate::base::Violation;

fn id() -> RequestId {
    RequestId(uuid::Uuid::nil())
}

#[test]
fn every_bad_field_is_named_at_once() {
    let error = Error::invalid(vec![Violation::new("a", "REQUIRED", "x"), Violation::new("b.c", "FORMAT", "y")]);
    let status = status(&error, id(), Language::English);
    assert_eq!(status.code(), Code::InvalidArgument);
    let bad = status.get_details_bad_request().expect("details");
    let fields: Vec<_> = bad.field_violations.iter().map(|v| v.field.as_str()).collect();
    assert_eq!(fields, ["a", "b.c"]);
    assert_eq!(status.get_details_error_info().expect("info").reason, "INVALID_REQUEST");
}

#[test]
fn equal_refusals_have_equal_bytes() {
    let refused = || {
        let names = ["caller", "allowed", "record_type", "purpose", "agency", "registry", "field", "rule"];
        let error =
            names.iter().fold(Error::new(Reason::ConsentMissing, "x"), |error, name| error.with_metadata(name, "y"));
        status(&error, id(), Language::English).details().to_vec()
    };
    let first = refused();
    assert!((0..20).all(|_| refused() == first));
}

#[test]
fn the_private_cause_stays_inside_and_the_id_goes_out() {
    let status = status(&Error::bug("password=42"), id(), Language::English);
    assert_eq!((status.code(), status.message()), (Code::Internal, "internal error"));
    assert!(!String::from_utf8_lossy(status.details()).contains("password"));
    assert_eq!(status.get_details_request_info().expect("request").request_id, id().to_string());
}

#[test]
fn only_what_passes_by_waiting_is_to_be_tried_again() {
    let retries = |reason| status(&Error::new(reason, "x"), id(), Language::English).get_details_retry_info().is_some();
    assert!(retries(Reason::RateLimited) && retries(Reason::TooManySessions) && retries(Reason::StorageFull));
    assert!(!retries(Reason::SessionFull) && !retries(Reason::NumbersUsedUp));
}

#[test]
fn a_rule_without_a_time_to_wait_says_nothing_about_waiting() {
    let retry_info = |error: &Error| {
        let answer = injected(Code::Unavailable, error, id());
        let status = Status::from_header_map(answer.headers()).expect("a status");
        status.get_details_retry_info()
    };
    let error = || Error::new(Reason::FaultInjected, "as asked");
    assert!(retry_info(&error()).is_none());
    let after = std::time::Duration::from_millis(200);
    assert_eq!(retry_info(&error().with_retry_after(after)).and_then(|info| info.retry_delay), Some(after));
}

#[test]
fn vietnamese_comes_on_request() {
    let status = status(&Error::new(Reason::AlreadyLinked, "x"), id(), Language::Vietnamese);
    assert_eq!(status.message(), "x", "the message is for developers (google.rpc.Status)");
    let localized = status.get_details_localized_message().expect("a message for people");
    assert_eq!((localized.locale.as_str(), localized.message.as_str()), ("vi", "Giấy tờ đã được tích hợp."));
}

#[test]
fn vietnamese_says_what_the_english_message_says() {
    let error =
        Error::new(Reason::AnswerTooLarge, "the 7 records are too large for one answer: ask for fewer record types");
    let localized = status(&error, id(), Language::Vietnamese).get_details_localized_message().expect("a message");
    let expected = "7 bản ghi quá lớn cho một câu trả lời: hãy yêu cầu ít loại bản ghi hơn.";
    assert_eq!(localized.message, expected);
    let error = Error::invalid_field("a", "FORMAT", "must be a UUID");
    let bad = status(&error, id(), Language::Vietnamese).get_details_bad_request().expect("details");
    assert_eq!(bad.field_violations[0].description, "FORMAT: phải là UUID");
}

#[test]
fn vietnamese_names_the_first_bad_fields_and_their_rules() {
    let bad = |count: usize| {
        let rules = ["REQUIRED", "TOO_LONG", "FORMAT"].into_iter().cycle();
        let bad = rules.take(count).enumerate().map(|(at, rule)| Violation::new(format_args!("f{at}"), rule, "x"));
        let error = Error::invalid(bad.collect::<crate::base::Violations>());
        let status = status(&error, id(), Language::Vietnamese);
        status.get_details_localized_message().expect("a message for people").message
    };
    assert_eq!(bad(1), "Yêu cầu không hợp lệ: f0: bắt buộc phải có.");
    assert_eq!(bad(2), "Yêu cầu không hợp lệ: f0: bắt buộc phải có; f1: quá dài.");
    assert_eq!(bad(5), "Yêu cầu không hợp lệ: f0: bắt buộc phải có; f1: quá dài; f2: sai định dạng; và 2 trường khác.");
}

/// Bytes of the headers that a status becomes, names too.
fn wire_bytes(status: &Status) -> usize {
    let mut headers = tonic::codegen::http::HeaderMap::new();
    status.add_header(&mut headers).expect("headers");
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

#[test]
fn of_too_many_bad_fields_the_first_are_shown_and_all_are_counted() {
    for (count, shown_at_least) in [(4, 4), (30, 15), (12_288, 15)] {
        let bad =
            (0..count).map(|at| Violation::new(format!("changes[{at}].payload"), "REQUIRED", "the whole content"));
        let error = Error::invalid(bad.collect::<crate::base::Violations>());
        let status = status(&error, id(), Language::Vietnamese);
        let shown = status.get_details_bad_request().expect("details").field_violations.len();
        assert!((shown_at_least..=count).contains(&shown), "{shown} of {count}");
        let info = status.get_details_error_info().expect("info");
        let counted = (shown < count).then(|| (count.to_string(), shown.to_string()));
        let said = info.metadata.get("violations_total").cloned().zip(info.metadata.get("violations_shown").cloned());
        assert_eq!(said, counted);
        assert!(wire_bytes(&status) < limits::ERROR_METADATA_BYTES_MAX);
    }
}

#[test]
fn public_facts_are_in_the_error_info() {
    let error =
        Error::new(Reason::RoleNotAllowed, "x").with_metadata("caller", "bank").with_metadata("allowed", "police");
    let info = status(&error, id(), Language::English).get_details_error_info().expect("info");
    assert_eq!(info.metadata, HashMap::from([("caller".into(), "bank".into()), ("allowed".into(), "police".into())]));
}

proptest::proptest! {
    #[test]
    fn no_error_is_too_long_for_a_client(
        reason in proptest::sample::select(Reason::ALL),
        text in "(\\PC|ệ| |%){0,400}",
        times in 1_usize..50,
        count in 0_usize..3_000,
        facts in 0_usize..20,
        vietnamese: bool,
    ) {
        let long = text.repeat(times);
        let bad = (0..count).map(|_| Violation::new(&long, "UNKNOWN_FIELD", &long)).collect::<crate::base::Violations>();
        let error = if reason.kind() == Kind::Invalid { Error::invalid_for(reason, bad) } else { Error::new(reason, &*long) };
        let error = (0..facts).fold(error.with_subject("record", &*long), |e, _| e.with_metadata("record_type", &long));
        let language = if vietnamese { Language::Vietnamese } else { Language::English };
        let status = status(&error, id(), language);
        let bytes = wire_bytes(&status);
        proptest::prop_assert!(bytes < limits::ERROR_METADATA_BYTES_MAX - OTHER_HEADERS_BYTES / 2, "{}", bytes);
    }
}

#[test]
fn every_reason_has_a_distinct_code_and_a_vietnamese_sentence() {
    let mut seen = std::collections::BTreeSet::new();
    for reason in Reason::ALL {
        assert!(seen.insert(reason.as_str()), "{} twice", reason.as_str());
        assert!(reason.vietnamese().ends_with('.'), "{}", reason.as_str());
    }
}
