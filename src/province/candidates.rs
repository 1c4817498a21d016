//! What each record of a view says of the fields of its subject.

use std::borrow::Cow;

use crate::base::PersonalId;
use crate::registry::{RecordType, SubjectKind, basis};
use crate::trust::{Object, Value};

use super::chosen::Candidate;
use super::claim::mentions;
use super::found::FoundRecord;
use super::survivorship::{PERSON, field_called};

/// Fields that every record has about itself.
const OF_THE_RECORD: [&str; 3] = ["status", "status_reason", basis::FIELD];

/// The fields of a register that are about its subjects, in their order.
pub(super) fn fields_of(register: &RecordType) -> impl Iterator<Item = &str> {
    register.fields.iter().map(|field| field.name.as_str()).filter(|name| !OF_THE_RECORD.contains(name))
}

/// What records say of a person: their own in the register, those that mention them, and those that are the source of a field.
pub(super) fn of_person<'a>(
    register: &'a RecordType,
    numbers: &[PersonalId],
    records: &'a [FoundRecord],
) -> Vec<Candidate<'a>> {
    let current = numbers.first().map(PersonalId::as_str);
    let mut all = Vec::new();
    let mut is_dead = false;
    for (source, found) in (1..).zip(records).filter(|(_, found)| !found.revoked) {
        if found.record_type.people.is_some() {
            // Where the number is not disclosed, the record was asked for by it.
            if found.payload.text("personal_id").is_none_or(|own| Some(own) == current) {
                is_dead |= found.payload.text("life_status") == Some("deceased");
                all.extend(own(found, source));
            }
            continue;
        }
        for mention in mentions(numbers, found, source) {
            for (name, value) in mention.object.iter().filter(|(name, _)| *name != register.natural_key) {
                let known = fields_of(register).find(|field| *field == name);
                if let Some(field) =
                    known.or_else(|| field_called(PERSON, name)).filter(|_| is_said_of(&mention.path, name))
                {
                    let (path, value) = (mention.field(name), Cow::Borrowed(value));
                    all.push(Candidate { field, path, value, source, found, since: found.issued_at });
                }
            }
            let since = found.record_type.holds(&found.payload).from.unwrap_or(found.issued_at);
            let about = mention.path.clone();
            for fact in found.record_type.facts.iter().filter(|fact| fact.about == about) {
                let stated = found.record_type.stated(&found.payload, &fact.about).find(|it| it.field == fact.field);
                let Some(stated) = stated else { continue };
                all.push(Candidate {
                    field: &fact.field,
                    path: stated.path.to_owned(),
                    value: Cow::Owned(Value::from(stated.value)),
                    source,
                    found,
                    since,
                });
            }
        }
    }
    // Whose marriage ended by their own death is in the register as they were.
    if is_dead {
        let of_marriage = |field: &str| matches!(field, "marital_status" | "spouse_id");
        all.retain(|it| !of_marriage(it.field) || it.found.record_type.people.is_some());
    }
    all
}

/// Whether a field of a mention is about the person: those of a record that mentions them by its own personal ID are about the record, but for names,
/// dates and sex.
fn is_said_of(path: &str, name: &str) -> bool {
    !path.is_empty() || matches!(name, "full_name" | "birth_date" | "sex")
}

/// What records say of a thing: those of its registers, and what the table says that others call a field.
pub(super) fn of_thing<'a>(kind: SubjectKind, key: &str, records: &'a [FoundRecord]) -> Vec<Candidate<'a>> {
    let mut all = Vec::new();
    for (source, found) in (1..).zip(records).filter(|(_, found)| !found.revoked) {
        let of = &found.record_type;
        if of.viewed.subject == Some(kind) {
            if of.key_of(&found.payload).is_none_or(|own| own == key) {
                all.extend(own(found, source));
            }
            continue;
        }
        for (name, value) in found.payload.iter() {
            if let Some(field) = field_called(kind.name(), name) {
                let value = Cow::Borrowed(value);
                all.push(Candidate { field, path: name.to_owned(), value, source, found, since: found.issued_at });
            }
        }
    }
    all
}

/// The fields of a record of the register.
fn own(found: &FoundRecord, source: u32) -> impl Iterator<Item = Candidate<'_>> {
    let payload: &Object = &found.payload;
    payload.iter().filter(|(name, _)| !OF_THE_RECORD.contains(name)).map(move |(name, value)| Candidate {
        field: name,
        path: name.to_owned(),
        value: Cow::Borrowed(value),
        source,
        found,
        since: found.issued_at,
    })
}
