//! Nothing personal leaves a mask: every field of the protos that could hold some is marked, or is known to hold none.

use std::collections::BTreeSet;

use prost::Message as _;
use prost_reflect::MessageDescriptor;

use super::*;
use crate::base::entropy::SystemEntropy;
use crate::wire::proto::exchange::v1::FetchRecordsRequest;

/// The names of fields with texts and bytes that hold nothing personal and no secret, wherever they are.
const PLAIN: &[&str] = &[
    // Who acts, never by number: a word, or an agency's key.
    "acted_by",
    "actor",
    "addresses",
    "agency",
    "algorithm",
    "anchor_json",
    "as_of_known",
    "as_of_valid",
    "audience",
    "caller",
    "carries",
    "checkpoint",
    "classes",
    "client_request_id",
    "code",
    "code_list",
    "consent_id",
    "created_by",
    "description",
    "detail",
    "digest",
    "disabled_reason",
    "effect",
    "entry",
    "event_id",
    "expectation",
    "failure",
    "fault",
    "fault_id",
    "field",
    "fields",
    "fingerprint",
    "hashes",
    "ids",
    "issuer",
    "json_schema",
    "key",
    "kind",
    "known_checkpoint",
    "label",
    "label_en",
    "label_vi",
    // Registries, and `links`.
    "lagging",
    "leaf",
    "link_id",
    "list",
    "log",
    "log_origin",
    "matched_by",
    "message",
    "message_type",
    "method",
    "methods",
    "name",
    "name_en",
    "name_vi",
    "natural_key",
    "on",
    "operation",
    "organisation_code",
    "outcome",
    "papers",
    "path",
    "presentation_id",
    "property",
    "province",
    "public_url",
    "purpose",
    "reason",
    "reason_code",
    "record_id",
    "record_type",
    "record_types",
    "references",
    "registries",
    "registry",
    "request_id",
    "resume_token",
    "rights",
    "rule",
    "schema_fingerprint",
    "seeding",
    "shown_checkpoint",
    "situation",
    "source",
    "state_reason",
    "statement",
    "status_uri",
    "statuses",
    "successor",
    "token",
    "trace_id",
    "uri",
    "valid_from",
    "valid_until",
    "vct",
    "verdict",
    "webhook_id",
];

fn mask() -> Mask {
    Mask::random(&SystemEntropy::default()).expect("randomness")
}

#[test]
fn a_masked_value_is_told_apart_and_not_told() {
    let request = |person: &str| FetchRecordsRequest {
        personal_id: person.into(),
        record_types: vec!["land.parcel.v1".into()],
        purpose: "one_stop.verify_documents".into(),
        ..Default::default()
    };
    let mask = mask();
    let json = |mask: &Mask, person: &str| {
        let masked = mask.json("lienthong.exchange.v1.FetchRecordsRequest", &request(person).encode_to_vec());
        let fields = masked.expect("it reads").fields;
        match fields["personalId"].kind.clone() {
            Some(Json::StringValue(text)) => (text, format!("{fields:?}")),
            other => panic!("{other:?}"),
        }
    };
    let (one, whole) = json(&mask, "042090990001");
    assert!(one.len() == 9 && one.starts_with('~') && !whole.contains("042090990001"), "{whole}");
    assert!(whole.contains("one_stop.verify_documents") && whole.contains("land.parcel.v1"), "{whole}");
    assert_eq!(json(&mask, "042090990001").0, one, "equal values have equal masks");
    assert_ne!(json(&mask, "042185990002").0, one);
    assert_ne!(json(&self::mask(), "042090990001").0, one, "another journal has others");
}

#[test]
fn equal_maps_have_equal_masks_in_whatever_order_they_lie() {
    let mask = mask();
    let described = pool().get_message_by_name("google.protobuf.Struct").expect("well known");
    let payload = || {
        let fields: serde_json::Map<_, _> = (0..6).map(|n| (format!("field{n}"), n.into())).collect();
        let message = DynamicMessage::deserialize(described.clone(), serde_json::Value::Object(fields));
        format!("{:?}", mask.hidden(&Value::Message(message.expect("a struct"))))
    };
    let masks: BTreeSet<String> = (0..20).map(|_| payload()).collect();
    assert_eq!(masks.len(), 1, "{masks:?}");
}

#[test]
fn messages_without_a_json_form_are_told_apart_too() {
    let mask = mask();
    let described = pool().get_message_by_name("google.protobuf.Struct").expect("well known");
    let payload = |name: &str, number: f64| {
        let value = prost_types::Value { kind: Some(prost_types::value::Kind::NumberValue(number)) };
        let encoded = prost_types::Struct { fields: [(name.to_owned(), value)].into() }.encode_to_vec();
        DynamicMessage::decode(described.clone(), &*encoded).expect("a struct")
    };
    let hidden = |name, number| format!("{:?}", mask.hidden(&Value::Message(payload(name, number))));
    assert!(serde_json::to_value(payload("a", f64::NAN)).is_err(), "JSON has no such number");
    assert_eq!(hidden("a", f64::NAN), hidden("a", f64::NAN));
    let different: BTreeSet<String> =
        [("a", f64::NAN), ("b", f64::NAN), ("a", f64::INFINITY), ("a", 1.0)].map(|(name, n)| hidden(name, n)).into();
    assert_eq!(different.len(), 4, "{different:?}");

    // Not marked, and still not shown as null: the times of a request that no calendar has.
    let at = |seconds| {
        let turn = crate::wire::proto::simulation::v1::FaultTurn {
            from: Some(prost_types::Timestamp { seconds, nanos: 0 }),
            ..Default::default()
        };
        let masked = mask.json("lienthong.simulation.v1.FaultTurn", &turn.encode_to_vec()).expect("it reads");
        format!("{:?}", masked.fields["from"])
    };
    assert!(at(i64::MAX).contains('~') && at(i64::MAX) != at(i64::MAX - 1), "{} {}", at(i64::MAX), at(i64::MAX - 1));
}

/// The texts below a message that no mask covers, by the names of their fields.
fn open(message: &MessageDescriptor, seen: &mut BTreeSet<String>, found: &mut BTreeSet<String>) {
    if message.full_name().starts_with("google.protobuf.") || !seen.insert(message.full_name().to_owned()) {
        return;
    }
    for field in message.fields().filter(|field| !is_masked(field)) {
        match field.kind() {
            Kind::Message(of)
                if matches!(
                    of.full_name(),
                    "google.protobuf.Struct"
                        | "google.protobuf.Value"
                        | "google.protobuf.ListValue"
                        | "google.protobuf.Any"
                ) =>
            {
                found.insert(format!("{}.{}", message.name(), field.name()));
            }
            Kind::Message(of) => open(&of, seen, found),
            Kind::String | Kind::Bytes => {
                found.insert(field.name().to_owned());
            }
            _ => {}
        }
    }
}

#[test]
fn every_text_is_masked_or_known_to_be_plain() {
    let (mut seen, mut found) = (BTreeSet::new(), BTreeSet::new());
    for service in pool().services().filter(|service| service.name() != "JournalService") {
        for method in service.methods() {
            open(&method.input(), &mut seen, &mut found);
            open(&method.output(), &mut seen, &mut found);
        }
    }
    let plain: BTreeSet<String> = PLAIN.iter().map(|name| (*name).to_owned()).collect();
    let unknown: Vec<_> = found.difference(&plain).collect();
    assert!(
        unknown.is_empty(),
        "mark these with [debug_redact = true] where they may hold something personal or secret, or name them in PLAIN: {unknown:?}"
    );
    let gone: Vec<_> = plain.difference(&found).collect();
    assert!(gone.is_empty(), "no field is called so any more: {gone:?}");
}
