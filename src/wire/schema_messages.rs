//! Messages of the record types that schema files describe, for reflection.
//!
//! Records of such a type travel as `google.protobuf.Struct`, whose JSON form is the JSON form of the message made here from the type's fields. So
//! `grpcurl describe lienthong.registry.education.v1.Diploma` tells a caller the shape and the labels of an `education.diploma.v1`, as it does for a type
//! that was compiled in, and the message reads the record from its JSON form.

use prost_types::field_descriptor_proto::{Label as Cardinality, Type};
use prost_types::source_code_info::Location;
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto, SourceCodeInfo};

use crate::registry::RecordType;
use crate::registry::label::Label;
use crate::registry::rule::{Field, Rule};

/// A list of values of any shape, which stands for a list of lists, and the file that defines it.
const ANY_LIST: (&str, &str) = (".google.protobuf.ListValue", "google/protobuf/struct.proto");

/// Field numbers in descriptor.proto, of which the paths of comments are made: messages of a file, fields of a message, messages within a message.
const MESSAGES: i32 = 4;
const FIELDS: i32 = 2;
const NESTED: i32 = 3;

/// The full name of a type's message: `lienthong.registry.education.v1.Diploma` of `education.diploma.v1`.
pub fn name(record_type: &RecordType) -> String {
    let (package, message) = place(record_type);
    format!("{package}.{message}")
}

/// A file with the message of a type that has none compiled in; `None` for one that has.
pub fn file(record_type: &RecordType) -> Option<FileDescriptorProto> {
    if record_type.message.is_some() {
        return None;
    }
    let (package, message) = place(record_type);
    let mut comments = vec![comment(vec![MESSAGES, 0], Some(&record_type.label), None)];
    let scope = format!(".{package}.{message}");
    let message = message_of(message, &scope, &record_type.fields, &[MESSAGES, 0], &mut comments);
    Some(FileDescriptorProto {
        name: Some(format!("lienthong/registry/{}.proto", record_type.name.replace('.', "/"))),
        package: Some(package),
        dependency: vec![ANY_LIST.1.to_owned()],
        message_type: vec![message],
        source_code_info: Some(SourceCodeInfo { location: comments }),
        syntax: Some("proto3".to_owned()),
        ..FileDescriptorProto::default()
    })
}

/// The package and the name of a type's message.
fn place(record_type: &RecordType) -> (String, String) {
    let mut parts = record_type.name.split('.');
    let mut part = || parts.next().unwrap_or_default();
    let (registry, noun, version) = (part(), part(), part());
    (format!("lienthong.registry.{registry}.{version}"), camel_case(noun))
}

/// A message of these fields. `scope` is its full name, `path` its place in the file, which the comments name.
fn message_of(
    name: String,
    scope: &str,
    fields: &[Field],
    path: &[i32],
    comments: &mut Vec<Location>,
) -> DescriptorProto {
    let mut message = DescriptorProto { name: Some(name), ..DescriptorProto::default() };
    for (at, field) in (0..).zip(fields) {
        comments.push(comment([path, &[FIELDS, at]].concat(), field.title.as_ref(), field.description.as_ref()));
        let (cardinality, item) = match &field.rule {
            Rule::List(item, _) | Rule::Set(item, _) => (Cardinality::Repeated, &**item),
            rule => (Cardinality::Optional, rule),
        };
        let (kind, type_name) = match item {
            Rule::Object(fields) => {
                // Two names of fields may be one in camel case.
                let nested = format!("{}{}", camel_case(&field.name), at + 1);
                let scope = format!("{scope}.{nested}");
                let path = [path, &[NESTED, message.nested_type.len() as i32]].concat();
                message.nested_type.push(message_of(nested, &scope, fields, &path, comments));
                (Type::Message, Some(scope))
            }
            Rule::List(..) | Rule::Set(..) => (Type::Message, Some(ANY_LIST.0.to_owned())),
            Rule::Integer(from, to) if i32::try_from(*from).is_ok() && i32::try_from(*to).is_ok() => {
                (Type::Int32, None)
            }
            Rule::Integer(..) => (Type::Int64, None),
            Rule::Boolean => (Type::Bool, None),
            Rule::PersonalId
            | Rule::Name
            | Rule::Text(_)
            | Rule::Date
            | Rule::Month
            | Rule::PartialDate
            | Rule::OneOf(_)
            | Rule::Code(_)
            | Rule::Listed(_)
            | Rule::Form(_) => (Type::String, None),
        };
        message.field.push(FieldDescriptorProto {
            name: Some(field.name.clone()),
            number: Some(at + 1),
            label: Some(cardinality.into()),
            r#type: Some(kind.into()),
            type_name,
            // As in the payload.
            json_name: Some(field.name.clone()),
            ..FieldDescriptorProto::default()
        });
    }
    message
}

fn comment(path: Vec<i32>, title: Option<&Label>, description: Option<&Label>) -> Location {
    let lines = [title, description].into_iter().flatten().flat_map(|label| [&label.en, &label.vi]);
    let text: String = lines.map(|line| format!(" {line}\n")).collect();
    Location { path, span: vec![0, 0, 0], leading_comments: Some(text), ..Location::default() }
}

fn camel_case(snake_case: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    snake_case.split('_').map(capital).collect()
}
