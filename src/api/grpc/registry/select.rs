//! How a request of `GetRecords` chooses records: its selector as the port's.

use crate::base::text::folded_key;
use crate::base::{Error, OrganisationCode, PartialDate, PersonalId, RecordId, Result, Violation, Violations, limits};
use crate::registry::catalogue::unknown_record_type;
use crate::registry::port::Selector;
use crate::registry::{self, RecordType, Sector, forms, resident};
use crate::wire::proto::registry::v1;

/// The selector of a request, and the record types that it is about: empty for all.
pub(super) fn select(sector: &Sector, request: &v1::GetRecordsRequest) -> Result<(Selector, Vec<String>)> {
    use v1::get_records_request::Selector as Choice;
    must_be_own_types(sector, &request.record_types)?;
    match &request.selector {
        None => Err(Error::invalid_field(
            "selector",
            "REQUIRED",
            "one of personal_id, organisation_code, natural_key, record_ids, old_id_number, person_name, all is required",
        )),
        Some(Choice::PersonalId(person)) => {
            let person = PersonalId::from_field("personal_id", person).map_err(|v| Error::invalid(vec![v]))?;
            Ok((Selector::Person(person), request.record_types.clone()))
        }
        Some(Choice::OrganisationCode(code)) => {
            let code = OrganisationCode::from_field("organisation_code", code).map_err(|v| Error::invalid(vec![v]))?;
            Ok((Selector::Organisation(code), request.record_types.clone()))
        }
        Some(Choice::OldIdNumber(number)) => {
            about_people(sector, "old_id_number")?;
            if PersonalId::parse(number).is_none() && !forms::old_id_number(number) {
                let rule = "must be a personal ID of 12 digits, or the 9 digits of an old identity card";
                return Err(Error::invalid_field("old_id_number", "FORMAT", rule));
            }
            Ok((Selector::OldNumber(number.clone()), request.record_types.clone()))
        }
        Some(Choice::PersonName(name)) => {
            about_people(sector, "person_name")?;
            Ok((named(name)?, request.record_types.clone()))
        }
        Some(Choice::All(_)) => Ok((Selector::All, request.record_types.clone())),
        Some(Choice::NaturalKey(key)) => {
            let record_type = own_type(sector, "natural_key.record_type", &key.record_type)?;
            let [value] = key.values.as_slice() else {
                return Err(Error::invalid_field(
                    "natural_key.values",
                    "REQUIRED",
                    "the key of this record type is a single value",
                ));
            };
            Ok((Selector::Key(record_type.key_form.of(value)), vec![(&record_type.name).into()]))
        }
        Some(Choice::RecordIds(ids)) => {
            if ids.ids.is_empty() || ids.ids.len() > limits::PAGE_SIZE_MAX {
                return Err(Error::invalid_field("record_ids.ids", "COUNT", "1 to 500 record ids"));
            }
            let wrong =
                |at| Violation::new(format!("record_ids.ids[{at}]"), "FORMAT", "must be 32 hexadecimal characters");
            let ids = ids.ids.iter().enumerate().map(|(at, id)| RecordId::from_hex(id).ok_or_else(|| wrong(at)));
            let (good, bad): (Vec<_>, Vec<_>) = ids.partition(Result::is_ok);
            if !bad.is_empty() {
                return Err(Error::invalid(bad.into_iter().filter_map(Result::err).collect::<Violations>()));
            }
            Ok((Selector::Ids(good.into_iter().flatten().collect()), request.record_types.clone()))
        }
    }
}

/// People are found by what they were called or numbered in the resident registry alone.
fn about_people(sector: &Sector, field: &str) -> Result<()> {
    if *sector.name == *resident::NAME {
        return Ok(());
    }
    Err(Error::invalid_field(field, "NOT_ALLOWED", format!("is for the {} registry", resident::NAME)))
}

fn named(name: &v1::PersonName) -> Result<Selector> {
    let folded = folded_key(&name.full_name);
    if folded.is_empty() {
        return Err(Error::invalid_field("person_name.full_name", "REQUIRED", "a name is required"));
    }
    let read = |text: &str| {
        let wrong = || Error::invalid_field("person_name.birth_date", "FORMAT", "must be YYYY-MM-DD, YYYY-MM or YYYY");
        PartialDate::parse(text).ok_or_else(wrong)
    };
    let birth_date = Some(&*name.birth_date).filter(|text| !text.is_empty()).map(read).transpose()?;
    Ok(Selector::Name { folded, birth_date })
}

fn must_be_own_types(sector: &Sector, names: &[String]) -> Result<()> {
    let mut bad = Vec::new();
    registry::named_types(&sector.record_types, names, &mut bad);
    if bad.is_empty() { Ok(()) } else { Err(Error::invalid(bad)) }
}

/// The names of all record types of a registry.
pub(super) fn all_types(sector: &Sector) -> Vec<String> {
    sector.record_types.iter().map(|record_type| (&record_type.name).into()).collect()
}

/// The record types that a request names; all of the registry where it names none.
pub(super) fn named_types(sector: &Sector, names: &[String]) -> Result<Vec<String>> {
    must_be_own_types(sector, names)?;
    Ok(if names.is_empty() { all_types(sector) } else { names.to_vec() })
}

fn own_type<'a>(sector: &'a Sector, field: &str, name: &str) -> Result<&'a RecordType> {
    let found = sector.record_type(name).map(|of| &**of);
    found.ok_or_else(|| Error::invalid(unknown_record_type(field, name, &sector.record_types)))
}
