//! Administrative units and addresses in payloads, and whether their units exist on the day that the record refers to.

use std::fmt::Display;

use crate::base::time::Date;
use crate::trust::Object;

use super::codes::{self, AsOf};
use super::forms;
use super::rule::{Field, Findings, Rule, date_at, days_of};

/// The pattern of the texts that [`forms::unit_code`] accepts, for schemas.
const UNIT_CODE: &str = "^([0-9]{2}|[0-9]{3}|[0-9]{5})$";

/// An administrative unit by its whole key; `lienthong.type.v1.UnitReference`.
pub fn unit() -> Vec<Field> {
    vec![
        Field::required("unit_code", Rule::form_as(forms::unit_code, UNIT_CODE, "a unit code of 2, 3 or 5 digits")),
        Field::required("unit_valid_from", Rule::Date),
    ]
}

/// An address; `lienthong.type.v1.Address`.
pub fn address() -> Vec<Field> {
    let mut fields = unit();
    fields.push(Field::optional("text", Rule::Text(300)));
    fields
}

/// Checks the unit or address at `path` against the list of units ([`check_unit_of`]).
pub fn check_unit(payload: &Object, path: &str, as_of: &AsOf, today: Date, findings: &mut Findings<'_>) {
    let unit = path.split('.').try_fold(payload, |object, name| object.object(name));
    if let Some(unit) = unit {
        check_unit_of(unit, &path, days_of(as_of, payload, today), findings);
    }
}

const NOT_IN_FORCE: &str = "the unit does not exist on the day that the record refers to";

/// Checks a unit or an address against the list of units, on one of the days from the first to the last. An address of today lies in a unit that
/// exists today, unless its unit was divided, which is flagged; the list does not contain the communes of other provinces, so that they
/// are flagged too.
pub fn check_unit_of(unit: &Object, path: &dyn Display, (first, last): (Date, Date), findings: &mut Findings<'_>) {
    let (Some(code), Some(from)) = (unit.text("unit_code"), date_at(unit, "unit_valid_from")) else { return };
    let Some(units) = codes::list("units").filter(|_| forms::unit_code(code)) else { return };
    let day = format_args!("{path}.unit_valid_from");
    match codes::unit(&units, code, from) {
        Some(unit) if unit.holds_between(first, last) => {}
        // Which of its successors is meant must be looked up by an official.
        Some(unit) if unit.property == codes::DIVIDED => {
            findings.warn(day, "NOT_IN_FORCE", "the unit was divided: name the one that the address lies in now");
        }
        Some(unit) => match codes::successor(&units, unit) {
            Some((code, from)) => {
                let says = format_args!(
                    "the unit does not exist on the day that the record refers to; {code} (since {from}) took its place"
                );
                findings.add(day, "NOT_IN_FORCE", says);
            }
            None => findings.add(day, "NOT_IN_FORCE", NOT_IN_FORCE),
        },
        None if units.meanings(code).is_empty() => {
            if from > last {
                findings.add(day, "NOT_IN_FORCE", NOT_IN_FORCE);
            }
            let says = "is not in the list units (RegistryService/ListCodes), which does not have every code";
            findings.warn(format_args!("{path}.unit_code"), "UNKNOWN_VALUE", says);
        }
        None => {
            let says = "no unit of this code began on that day (RegistryService/ListCodes, list units)";
            findings.add(day, "UNKNOWN_VALUE", says);
        }
    }
}
