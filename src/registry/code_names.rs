//! Names for the codes in a payload, so that readers of a view see words next to `LUC` or `18073`.
//!
//! The name of a code is the one in its list on the day that the record refers to, and a unit is its code and its first day, so that a name that changed
//! hands is resolved by the record's own time. A code that no list has gets no name.

use std::fmt::Write as _;

use crate::base::time::Date;
use crate::trust::{Object, Value};

use super::codes::{self, Carries, Code, CodeList, Standing};
use super::label::Label;
use super::rule::{Field, Rule, date_at, days_of};
use super::schema::RecordType;

/// The name of one code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeName {
    /// The path of the code in the payload: `permanent_residence.unit_code`, `uses[0].code`.
    pub path: String,
    /// The list: `units`, `land_uses`.
    pub list: String,
    /// The code.
    pub code: String,
    /// Its name.
    pub name: Label,
    /// The first day on which it means this; `None` when it is older than the list.
    pub valid_from: Option<Date>,
}

/// The names of all codes in a payload, in the order of the record type's fields. `today` is for codes that hold now.
pub fn code_names(record_type: &RecordType, payload: &Object, today: Date) -> Vec<CodeName> {
    let mut walk = Walk { payload, today, found: Vec::new() };
    let mut path = String::new();
    walk.object(payload, &record_type.fields, &mut path);
    walk.found
}

struct Walk<'a> {
    payload: &'a Object,
    today: Date,
    found: Vec<CodeName>,
}

impl Walk<'_> {
    fn object(&mut self, object: &Object, fields: &[Field], path: &mut String) {
        let above = path.len();
        self.unit(object, path);
        for field in fields {
            let Some(value) = object.get(&field.name) else { continue };
            if above > 0 {
                path.push('.');
            }
            path.push_str(&field.name);
            self.value(value, &field.rule, path);
            path.truncate(above);
        }
    }

    fn value(&mut self, value: &Value, rule: &Rule, path: &mut String) {
        match (rule, value) {
            (Rule::Object(fields), Value::Object(object)) => self.object(object, fields, path),
            (Rule::List(of, _) | Rule::Set(of, _), Value::Array(items)) => {
                let above = path.len();
                for (at, item) in items.iter().enumerate() {
                    let _ = write!(path, "[{at}]"); // to a String, which takes it
                    self.value(item, of, path);
                    path.truncate(above);
                }
            }
            (Rule::Listed(listed), Value::String(code)) if listed.list.carries == Carries::Code => {
                let (first, last) = days_of(&listed.as_of, self.payload, self.today);
                if let Standing::Known(known) | Standing::OtherDays(known) = listed.list.standing(code, first, last) {
                    self.add(&listed.list, known, path);
                }
            }
            _ => {}
        }
    }

    /// A unit, which is in an object with the day that belongs to its key.
    fn unit(&mut self, object: &Object, path: &mut String) {
        let (Some(code), Some(from)) = (object.text("unit_code"), date_at(object, "unit_valid_from")) else { return };
        let Some(units) = codes::list("units") else { return };
        let Some(unit) = codes::unit(&units, code, from) else { return };
        let above = path.len();
        path.push_str(if above > 0 { ".unit_code" } else { "unit_code" });
        self.add(&units, unit, path);
        path.truncate(above);
    }

    fn add(&mut self, list: &CodeList, code: &Code, path: &str) {
        if code.name.vi.is_empty() && code.name.en.is_empty() {
            return;
        }
        let (list, name, code, valid_from) = (list.name.clone(), code.name.clone(), code.code.clone(), code.valid_from);
        self.found.push(CodeName { path: path.to_owned(), list, code, name, valid_from });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{Catalogue, land, resident};

    const TODAY: Date = Date::constant(2026, 11, 22);

    fn names(record_type: &str, payload: &Object) -> Vec<(String, String)> {
        let catalogue = Catalogue::built_in();
        let of = catalogue.record_type(record_type).expect("a type");
        code_names(of, payload, TODAY).into_iter().map(|name| (name.path, name.name.vi)).collect()
    }

    #[test]
    fn units_and_codes_are_named_by_the_day_of_their_record() {
        let unit = |from: &str| Object::new().with("unit_code", "18073").with("unit_valid_from", from);
        let person = Object::new()
            .with("nationality", "VN")
            .with("birth_place", unit("2004-07-08"))
            .with("permanent_residence", unit("2025-07-01"));
        let told = names(resident::PERSON, &person);
        let of = |path: &str| told.iter().find(|(at, _)| at == path).map(|(_, name)| name.as_str());
        // One code, and two communes.
        assert_eq!(of("birth_place.unit_code"), Some("Phường Nam Hà"));
        assert_eq!(of("permanent_residence.unit_code"), Some("Phường Thành Sen"));
        assert!(of("nationality").is_some());

        let land_use = |code: &str| Object::new().with("code", code);
        let parcel = Object::new().with("uses", vec![land_use("LUC"), land_use("XXX")]);
        let told = names(land::PARCEL, &parcel);
        assert_eq!(told.len(), 1, "an unknown code has no name: {told:?}");
        assert_eq!(told[0].0, "uses[0].code");
    }

    #[test]
    fn a_unit_that_did_not_begin_on_its_day_has_no_name() {
        let place = Object::new().with("unit_code", "18073").with("unit_valid_from", "2012-01-01");
        assert!(names(resident::PERSON, &Object::new().with("birth_place", place)).is_empty());
    }
}
