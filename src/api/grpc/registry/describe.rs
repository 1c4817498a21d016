//! A registry as `Describe` shows it: its record types and the rule of every field, nested ones with their paths.

use prost_reflect::{Kind, MessageDescriptor};

use crate::base::{Language, Timestamp};
use crate::registry::rule::{Field, Rule};
use crate::registry::schema_file::export::schema;
use crate::registry::{RecordType, Sector};
use crate::wire::proto::registry::v1;
use crate::wire::record;
use crate::wire::typed::{comment, pool};

/// How the registries of a process began.
#[derive(Debug, Clone, Default)]
pub struct Beginning {
    /// No statement is older.
    pub at: Option<Timestamp>,
    /// Which world they were seeded for ([`RegistryDescription.seeding`](v1::RegistryDescription)).
    pub seeding: String,
}

/// The description of `sector`, whose log holds `log_size` statements.
pub fn describe(sector: &Sector, log_size: u64, beginning: &Beginning, language: Language) -> v1::RegistryDescription {
    use v1::Capability::{Credentials, PutRecords, StatusLists};
    v1::RegistryDescription {
        registry: (&sector.name).into(),
        agency: sector.agency.clone(),
        log_origin: sector.log_origin(),
        log_size,
        record_types: sector.record_types.iter().map(|of| record_type(of, language)).collect(),
        schema_version: sector.definition.as_ref().map_or(0, |definition| definition.version),
        schema_fingerprint: sector.definition.as_ref().map(|definition| definition.fingerprint()).unwrap_or_default(),
        capabilities: [StatusLists, Credentials, PutRecords].map(Into::into).to_vec(),
        began_at: beginning.at.and_then(record::timestamp),
        seeding: beginning.seeding.clone(),
    }
}

fn record_type(record_type: &RecordType, language: Language) -> v1::RecordTypeDescription {
    let message = record_type.message.as_ref().and_then(|message| pool().get_message_by_name(message));
    let mut fields = Vec::new();
    describe_fields("", &record_type.fields, message.as_ref(), language, &mut fields);
    for reference in &record_type.references {
        let path = reference.path.replace(".*", "[]");
        if let Some(field) = fields.iter_mut().find(|field| field.name == path) {
            field.references = (&reference.record_type).into();
        }
    }
    fields.sort_by(|a, b| a.name.cmp(&b.name));
    v1::RecordTypeDescription {
        record_type: (&record_type.name).into(),
        message_type: record_type.message.clone().unwrap_or_default(),
        natural_key: vec![record_type.natural_key.clone()],
        fields,
        label_vi: record_type.label.vi.clone(),
        label_en: record_type.label.en.clone(),
        json_schema: schema(record_type).to_string(),
        document_type: record_type.document.as_ref().map_or(0, |document| document.kind.0.into()),
    }
}

/// The meaning of a field is in its schema, or in the comment of its field in the proto where there is a typed message.
fn describe_fields(
    path: &str,
    fields: &[Field],
    message: Option<&MessageDescriptor>,
    language: Language,
    out: &mut Vec<v1::FieldDescription>,
) {
    for field in fields {
        let descriptor = message.and_then(|message| message.get_field_by_name(&field.name));
        let (rule, list) = match &field.rule {
            Rule::List(of, _) | Rule::Set(of, _) => (&**of, "[]"),
            rule => (rule, ""),
        };
        let name = format!("{path}{}{list}", field.name);
        out.push(v1::FieldDescription {
            name: name.clone(),
            rule: language.say(&field.rule.says()).into_owned(),
            required: field.required,
            sensitive: field.sensitive,
            description: match &field.description {
                Some(said) => said.of(language).to_owned(),
                None => descriptor.as_ref().map(comment).unwrap_or_default(),
            },
            label_vi: field.title.as_ref().map(|title| title.vi.clone()).unwrap_or_default(),
            label_en: field.title.as_ref().map(|title| title.en.clone()).unwrap_or_default(),
            code_list: code_list(fields, field, rule).into(),
            references: String::new(),
        });
        if let Rule::Object(inner) = rule {
            let kind = descriptor.map(|descriptor| descriptor.kind());
            let message = kind.as_ref().and_then(Kind::as_message);
            describe_fields(&format!("{name}."), inner, message, language, out);
        }
    }
}

/// The code list that a field's values are from. Units are held to theirs by code and first day together, so not by a field's rule.
fn code_list<'a>(fields: &[Field], field: &Field, rule: &'a Rule) -> &'a str {
    let is_unit = || field.name == "unit_code" && fields.iter().any(|beside| beside.name == "unit_valid_from");
    match rule {
        Rule::Listed(listed) => &listed.list.name,
        _ if is_unit() => "units",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_fields_are_described_with_their_paths() {
        let catalogue = crate::registry::Catalogue::built_in();
        let sector = catalogue.sector("driver_licence").expect("sector");
        let description = describe(sector, 7, &Beginning::default(), Language::English);
        assert_eq!((description.log_origin.as_str(), description.log_size), ("lienthong/H27/driver_licence", 7));
        let fields = &description.record_types[0].fields;
        for name in ["holder.full_name", "classes[].code", "points"] {
            let field = fields.iter().find(|field| field.name == name).expect(name);
            assert!(!field.rule.is_empty() && !field.description.is_empty(), "{name}");
        }
    }
}
