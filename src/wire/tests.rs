//! The catalogue against the protos: a record type's rules and its typed message say the same.

use std::collections::BTreeSet;
use std::sync::Arc;

use prost_reflect::{
    Cardinality, DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, SerializeOptions,
};
use prost_types::FileDescriptorSet;

use super::schema_messages;
use crate::base::{Date, ProvinceCode, Seed};
use crate::registry::rule::{Field, Rule};
use crate::registry::{Catalogue, RecordType, allocation};
use crate::simulation::examples;
use crate::simulation::population::Population;
use crate::simulation::samples::SampleMaker;
use crate::trust::canonical;

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

/// The messages that reflection shows of schema files read every record of these types, as it travels.
#[test]
fn messages_of_schema_files_read_their_records() {
    let catalogue = allocation::unkept(&ProvinceCode::default(), examples::all()).expect("a catalogue");
    let mut pool = pool();
    let described = |of: &Arc<RecordType>| Some((schema_messages::name(of), schema_messages::file(of)?));
    let (names, file): (BTreeSet<_>, Vec<_>) = catalogue.record_types().filter_map(described).unzip();
    pool.add_file_descriptor_set(FileDescriptorSet { file }).expect("they fit together");
    let (today, mut read) = (Date::constant(2026, 11, 22), BTreeSet::new());
    let mut samples = SampleMaker::new(&catalogue, Seed::root(1), today);
    for record in Population::new(Seed::root(1), 20_000, today).flat_map(|household| household.records) {
        if read == names {
            return;
        }
        if !samples.is_person(record.record_type) {
            continue;
        }
        for (of, payload) in samples.records_of(&record.payload) {
            let name = schema_messages::name(&of);
            let message = pool.get_message_by_name(&name).expect("described");
            let json = String::from_utf8(canonical::write(&payload)).expect("text");
            let mut text = serde_json::Deserializer::from_str(&json);
            let shaped =
                DynamicMessage::deserialize(message, &mut text).unwrap_or_else(|error| panic!("{name}: {error}"));
            // A whole number is a number within `Struct`, whatever its size.
            let as_numbers = SerializeOptions::new().stringify_64_bit_integers(false);
            let again = shaped.serialize_with_options(serde_json::value::Serializer, &as_numbers).expect("JSON");
            assert_eq!(again, serde_json::from_str::<serde_json::Value>(&json).expect("JSON"), "{name}");
            read.insert(name);
        }
    }
    panic!("only {read:?} have sample records");
}

#[test]
fn messages_of_schema_files_are_told_in_both_languages() {
    let catalogue = allocation::unkept(&ProvinceCode::default(), examples::all()).expect("a catalogue");
    let diploma = catalogue.record_type("education.diploma.v1").expect("an example");
    let file = schema_messages::file(diploma).expect("not compiled in");
    let mut pool = pool();
    pool.add_file_descriptor_proto(file).expect("it fits in");
    let message = pool.get_message_by_name("lienthong.registry.education.v1.Diploma").expect("named by its type");
    let number = message.get_field_by_name("diploma_number").expect("a field");
    let (file, path) = (message.parent_file(), number.path().to_vec());
    let commented = file.file_descriptor_proto().source_code_info.iter().flat_map(|info| &info.location);
    let comment: String = commented.filter(|at| at.path == path).filter_map(|at| at.leading_comments.clone()).collect();
    assert!(comment.contains("Diploma number") && comment.contains("Số hiệu văn bằng"), "{comment}");
    let person = catalogue.record_type("resident.person.v1").expect("built in");
    assert_eq!(schema_messages::file(person), None, "it has a message of its own");
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
