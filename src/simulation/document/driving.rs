//! The driver's licence.

use crate::base::Date;
use crate::registry::driver_licence::NEW_CLASSES;
use crate::trust::canonical::{Object, Value};

use super::{Document, Holder, Text, day, list, put};

/// One class on a licence.
#[derive(Debug, Clone, Copy)]
pub struct LicenceClass {
    /// `A1`, `B`, ….
    pub code: &'static str,
    /// Day of issue.
    pub issued_on: Date,
    /// Last day; none for the motorcycle classes.
    pub expires_on: Option<Date>,
}

impl LicenceClass {
    /// A class issued on this day, valid as long as the law says (Law 36/2024 on road traffic order, article 57).
    pub fn issued(code: &'static str, issued_on: Date) -> Self {
        let code = code_on(code, issued_on);
        let years = match code {
            "A1" | "A" | "A2" | "B1" => None,
            "B" | "B2" | "C1" => Some(10),
            _ => Some(5),
        };
        let expires_on = years.map(|years| issued_on.saturating_add(jiff::Span::new().years(years)));
        Self { code, issued_on, expires_on }
    }
}

/// What a class of today was called on a day: the table by which the old ones are exchanged (Law 36/2024, article 89).
fn code_on(code: &'static str, day: Date) -> &'static str {
    match code {
        _ if day >= NEW_CLASSES => code,
        "A" => "A2",
        "B" => "B2",
        "D2" => "D",
        "D" => "E",
        "CE" => "FC",
        code => code,
    }
}

impl From<&LicenceClass> for Value {
    fn from(class: &LicenceClass) -> Self {
        let mut o = Object::new();
        o.insert("code", class.code);
        put(&mut o, "expires_on", class.expires_on.map(day));
        o.insert("issued_on", day(class.issued_on));
        Value::Object(o)
    }
}

/// A driver's licence.
#[derive(Debug, Clone)]
pub struct Licence {
    /// Twelve digits.
    pub licence_number: String,
    /// The driver.
    pub holder: Holder,
    /// At least one.
    pub classes: Vec<LicenceClass>,
    /// 0 to 12.
    pub points: u8,
    /// Day of the last deduction, while points are missing.
    pub points_deducted_on: Option<Date>,
    /// `corrective_lenses`, ….
    pub restrictions: Vec<&'static str>,
    /// `active`, `suspended`, `revoked`.
    pub status: &'static str,
    /// Why it is not active.
    pub status_reason: Option<Text>,
}

impl Document for Licence {
    const TYPE: &'static str = crate::registry::driver_licence::LICENCE;

    fn payload(&self) -> Object {
        let mut o = Object::new();
        o.insert("classes", list(&self.classes));
        o.insert("holder", &self.holder);
        o.insert("licence_number", self.licence_number.as_str());
        o.insert("points", self.points);
        put(&mut o, "points_deducted_on", self.points_deducted_on.map(day));
        if !self.restrictions.is_empty() {
            o.insert("restrictions", self.restrictions.clone());
        }
        o.insert("status", self.status);
        put(&mut o, "status_reason", self.status_reason.as_deref());
        o
    }
}
