//! The administrative unit of a request, by its code and its first day.

use crate::base::{Date, Error, Result, Violations, limits};
use crate::province::Place;
use crate::registry::forms;

/// Which units a field takes.
pub(super) enum Units {
    Any,
    Communes,
}

/// The unit with this code that began on `valid_from`; without a day, the one that has the code `today`. With a text, an address in that unit. A request
/// that names none fails with all its bad fields.
pub(super) fn unit_day(code: &str, valid_from: &str, text: &str, units: &Units, today: Date) -> Result<Place> {
    let mut bad = Violations::default();
    let (is_code, says) = match units {
        Units::Any => (forms::unit_code(code), "must be a unit code of 2, 3 or 5 digits"),
        Units::Communes => (code.len() == 5 && forms::unit_code(code), "must be the code of a commune, 5 digits"),
    };
    if code.is_empty() && !valid_from.is_empty() {
        bad.add("unit_code", "REQUIRED", "a unit's first day needs its code");
    } else if !is_code {
        bad.add("unit_code", "FORMAT", says);
    }
    let day = valid_from.parse::<Date>().ok();
    if day.is_none() && !valid_from.is_empty() {
        bad.add("unit_valid_from", "FORMAT", "must be a day, YYYY-MM-DD");
    }
    if text.len() > 2 * limits::TEXT_BYTES_MAX {
        bad.add("text", "TOO_LONG", "an address has at most 300 characters");
    }
    if bad.is_empty() { Place::of(code, day, text, today) } else { Err(Error::invalid(bad)) }
}
