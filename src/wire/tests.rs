//! The catalogue against the protos: a record type's rules and its typed message say the same.

use std::collections::BTreeSet;

use prost_reflect::{Cardinality, DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};

use crate::registry::Catalogue;
use crate::registry::rule::{Field, Rule};

fn pool() -> DescriptorPool {
    DescriptorPool::decode(crate::wire::DESCRIPTORS).expect("descriptors")
}

#[test]
fn every_record_type_is_its_typed_message() {
    let pool = pool();
    for record_type in Catalogue::built_in().record_types() {
        let message = record_type.message.as_ref().and_then(|message| pool.get_message_by_name(message));
        compare(&record_type.name, &record_type.fields, &message.expect("a message"));
    }
}

fn compare(path: &str, fields: &[Field], message: &MessageDescriptor) {
    let ours: BTreeSet<&str> = fields.iter().map(|field| field.name.as_str()).collect();
    let theirs: BTreeSet<String> = message.fields().map(|field| field.name().to_owned()).collect();
    assert_eq!(ours, theirs.iter().map(String::as_str).collect(), "{path} and {}", message.full_name());
    for field in fields {
        let descriptor = message.get_field_by_name(&field.name).expect("compared above");
        let list = matches!(field.rule, Rule::List(..) | Rule::Set(..));
        let path = format!("{path}.{}", field.name);
        assert_eq!(list, descriptor.cardinality() == Cardinality::Repeated, "{path}");
        compare_value(&path, &field.rule, &descriptor);
        let comment = documentation(&descriptor);
        assert!(!comment.is_empty(), "{path} has no comment");
    }
}

fn compare_value(path: &str, rule: &Rule, field: &FieldDescriptor) {
    match (rule, field.kind()) {
        (Rule::List(of, _) | Rule::Set(of, _), _) => compare_value(path, of, field),
        (Rule::Object(fields), Kind::Message(message)) => compare(path, fields, &message),
        (Rule::Integer(..), Kind::Int32) => assert!(field.is_list() || field.supports_presence(), "{path}"),
        (Rule::OneOf(values), Kind::Enum(kind)) => {
            let prefix = kind.values().next().map(|v| v.name().trim_end_matches("UNSPECIFIED").to_owned());
            let prefix = prefix.unwrap_or_default();
            let names = kind.values().filter(|value| value.number() != 0);
            let theirs: Vec<String> = names.map(|value| value.name()[prefix.len()..].to_lowercase()).collect();
            assert_eq!(*values, theirs, "{path}");
        }
        (Rule::Object(_) | Rule::Integer(..) | Rule::OneOf(_), kind) => panic!("{path} is {kind:?}"),
        (_, kind) => assert_eq!(kind, Kind::String, "{path}"),
    }
}

fn documentation(field: &FieldDescriptor) -> String {
    crate::wire::typed::comment(field)
}

#[test]
fn status_values_have_a_meaning() {
    for record_type in Catalogue::built_in().record_types() {
        let status = record_type.fields.iter().find(|field| field.name == "status").expect("status");
        let Rule::OneOf(values) = &status.rule else { panic!("status is a closed set") };
        let meant: Vec<&String> = record_type.statuses.iter().map(|(name, _)| name).collect();
        assert_eq!(values.iter().collect::<Vec<_>>(), meant, "{record_type:?}");
    }
}
