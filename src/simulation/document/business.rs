//! Businesses: the enterprise, and the household business.

use crate::base::{Date, PersonalId};
use crate::trust::canonical::Object;

use super::{Address, Document, Passport, Text, day, ids, put};

/// Who represents an enterprise.
#[derive(Debug, Clone)]
pub enum Representative {
    /// A citizen.
    Citizen(PersonalId),
    /// A foreigner, by passport and name.
    Foreigner(Passport, &'static str),
}

/// An enterprise.
#[derive(Debug, Clone)]
pub struct Enterprise {
    /// Ten digits, the last a check digit.
    pub enterprise_code: String,
    /// As registered.
    pub name: String,
    /// `limited_one_member`, ….
    pub legal_form: &'static str,
    /// The legal representative.
    pub representative: Representative,
    /// In đồng.
    pub capital: String,
    /// VSIC codes.
    pub lines: Vec<&'static str>,
    /// As registered.
    pub address: Address,
    /// `00`, `05`, ….
    pub tax_status: &'static str,
    /// Day of registration.
    pub registered_on: Date,
    /// `active`, `suspended`, ….
    pub status: &'static str,
    /// Why it is not active.
    pub status_reason: Option<Text>,
}

impl Document for Enterprise {
    const TYPE: &'static str = crate::registry::business::ENTERPRISE;

    fn payload(&self) -> Object {
        let mut o = Object::new();
        o.insert("address", &self.address);
        o.insert("capital", self.capital.as_str());
        o.insert("enterprise_code", self.enterprise_code.as_str());
        o.insert("legal_form", self.legal_form);
        o.insert("lines", self.lines.clone());
        o.insert("name", self.name.as_str());
        o.insert("registered_on", day(self.registered_on));
        match &self.representative {
            Representative::Citizen(id) => {
                o.insert("representative_id", id.as_str());
            }
            Representative::Foreigner(passport, name) => {
                o.insert("representative_name", *name);
                o.insert("representative_passport", passport);
            }
        }
        o.insert("status", self.status);
        put(&mut o, "status_reason", self.status_reason.as_deref());
        o.insert("tax_status", self.tax_status);
        o
    }
}

/// A household business; its code is the representative's personal ID.
#[derive(Debug, Clone)]
pub struct HouseholdBusiness {
    /// The tax code of before July 2025.
    pub old_tax_code: Option<String>,
    /// As registered.
    pub name: String,
    /// The representative.
    pub representative_id: PersonalId,
    /// Members of the household who take part.
    pub members: Vec<PersonalId>,
    /// VSIC codes.
    pub lines: Vec<&'static str>,
    /// Place of business.
    pub address: Address,
    /// `00`, `05`, ….
    pub tax_status: &'static str,
    /// Day of registration.
    pub registered_on: Date,
    /// `active`, `suspended`, `closed`.
    pub status: &'static str,
    /// Why it is not active.
    pub status_reason: Option<Text>,
}

impl Document for HouseholdBusiness {
    const TYPE: &'static str = crate::registry::business::HOUSEHOLD;

    fn payload(&self) -> Object {
        let mut o = Object::new();
        o.insert("address", &self.address);
        o.insert("code", self.representative_id.as_str());
        o.insert("lines", self.lines.clone());
        if !self.members.is_empty() {
            o.insert("members", ids(&self.members));
        }
        o.insert("name", self.name.as_str());
        put(&mut o, "old_tax_code", self.old_tax_code.as_deref());
        o.insert("registered_on", day(self.registered_on));
        o.insert("representative_id", self.representative_id.as_str());
        o.insert("status", self.status);
        put(&mut o, "status_reason", self.status_reason.as_deref());
        o.insert("tax_status", self.tax_status);
        o
    }
}
