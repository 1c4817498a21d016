//! Social and health insurance: the health-insurance card, and the membership of the funds.

use crate::base::{Date, PersonalId};
use crate::trust::canonical::{Object, Value};

use super::{Document, Holder, Text, day, list, month, put};

/// A health-insurance card.
#[derive(Debug, Clone)]
pub struct HealthCard {
    /// The personal ID, the insurance code, or the legacy form of 15 characters.
    pub card_number: String,
    /// The insured.
    pub holder: Holder,
    /// `GD`, `HS`, `TE`, ….
    pub object_code: &'static str,
    /// `1` to `5`.
    pub benefit_level: &'static str,
    /// Five digits, `42001`.
    pub facility: String,
    /// `K1` to `K3`.
    pub area: Option<&'static str>,
    /// First day.
    pub valid_from: Date,
    /// Last day.
    pub valid_until: Date,
    /// When five years without a gap are reached.
    pub five_years_on: Option<Date>,
    /// `active`, `suspended`, `revoked`.
    pub status: &'static str,
    /// Why it is not active.
    pub status_reason: Option<Text>,
}

impl Document for HealthCard {
    const TYPE: &'static str = crate::registry::health_insurance::CARD;

    fn payload(&self) -> Object {
        let mut o = Object::new();
        put(&mut o, "area", self.area);
        o.insert("benefit_level", self.benefit_level);
        o.insert("card_number", self.card_number.as_str());
        o.insert("facility", self.facility.as_str());
        put(&mut o, "five_years_on", self.five_years_on.map(day));
        o.insert("holder", &self.holder);
        o.insert("object_code", self.object_code);
        o.insert("status", self.status);
        put(&mut o, "status_reason", self.status_reason.as_deref());
        o.insert("valid_from", day(self.valid_from));
        o.insert("valid_until", day(self.valid_until));
        o
    }
}

/// One period of contribution to one fund.
#[derive(Debug, Clone)]
pub struct Period {
    /// Code and name of the employing unit; none when voluntary.
    pub unit: Option<(String, Text)>,
    /// A day of the first month.
    pub from: Date,
    /// A day of the last month; `None` while it continues.
    pub to: Option<Date>,
    /// Monthly base in đồng.
    pub base: u64,
    /// `compulsory`, `voluntary`, `unemployment`.
    pub kind: &'static str,
}

impl From<&Period> for Value {
    fn from(period: &Period) -> Self {
        let mut o = Object::new();
        o.insert("base", super::padded(period.base, 1));
        o.insert("from_month", month(period.from));
        o.insert("kind", period.kind);
        put(&mut o, "to_month", period.to.map(month));
        if let Some((code, name)) = &period.unit {
            o.insert("unit_code", code.as_str());
            o.insert("unit_name", name.as_ref());
        }
        Value::Object(o)
    }
}

/// A membership of social insurance.
#[derive(Debug, Clone)]
pub struct Membership {
    /// The member.
    pub personal_id: PersonalId,
    /// Ten digits; `None` for those who joined after the personal ID replaced it.
    pub bhxh_code: Option<String>,
    /// In order of time.
    pub periods: Vec<Period>,
    /// `active`, `preserved`, `retired`, `closed`.
    pub status: &'static str,
    /// Why it is not active.
    pub status_reason: Option<Text>,
}

impl Document for Membership {
    const TYPE: &'static str = crate::registry::social_insurance::MEMBERSHIP;

    fn payload(&self) -> Object {
        let mut o = Object::new();
        put(&mut o, "bhxh_code", self.bhxh_code.as_deref());
        if !self.periods.is_empty() {
            o.insert("periods", list(&self.periods));
        }
        o.insert("personal_id", self.personal_id.as_str());
        o.insert("status", self.status);
        put(&mut o, "status_reason", self.status_reason.as_deref());
        o
    }
}
