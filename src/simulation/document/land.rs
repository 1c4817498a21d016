//! Land: the parcel, and the certificate of the right to use it.

use crate::base::{Date, PartialDate};
use crate::trust::canonical::{Object, Value};

use super::{Address, Document, Paper, Text, day, list, padded, partial, put, put_list};

/// Square metres in tenths, as payloads write them: `152.4`, `360`.
fn area(tenths: u64) -> String {
    let mut text = padded(tenths / 10, 1);
    if !tenths.is_multiple_of(10) {
        text.push('.');
        text.push_str(&padded(tenths % 10, 1));
    }
    text
}

/// One use of a parcel.
#[derive(Debug, Clone)]
pub struct LandUse {
    /// `ONT`, `LUC`, ….
    pub code: &'static str,
    /// In tenths of a square metre.
    pub area_tenths: u64,
    /// `recognised_without_fee`, ….
    pub origin: &'static str,
    /// Last day; none for the long term.
    pub until: Option<Date>,
}

impl From<&LandUse> for Value {
    fn from(land_use: &LandUse) -> Self {
        let mut o = Object::new();
        o.insert("area_m2", area(land_use.area_tenths));
        o.insert("code", land_use.code);
        o.insert("origin", land_use.origin);
        o.insert("term", land_use.until.map_or_else(|| "long_term".to_owned(), day));
        Value::Object(o)
    }
}

/// The designation of a parcel before 1 July 2025.
#[derive(Debug, Clone)]
pub struct OldParcelKey {
    /// The former commune.
    pub commune: Address,
    /// 1 to 4 digits.
    pub map_sheet: u64,
    /// `1000`, `2000`, ….
    pub scale: &'static str,
    /// 1 to 5 digits.
    pub parcel_number: u64,
}

impl From<&OldParcelKey> for Value {
    fn from(key: &OldParcelKey) -> Self {
        let mut o = Object::new();
        o.insert("commune", key.commune.unit());
        o.insert("map_sheet", padded(key.map_sheet, 1));
        o.insert("parcel_number", padded(key.parcel_number, 1));
        o.insert("scale", key.scale);
        Value::Object(o)
    }
}

/// A parcel.
#[derive(Debug, Clone)]
pub struct Parcel {
    /// Geohash of twelve characters.
    pub parcel_id: String,
    /// The commune that it lies in.
    pub commune: Address,
    /// 1 to 4 digits.
    pub map_sheet: u64,
    /// 1 to 5 digits.
    pub parcel_number: u64,
    /// None for a younger parcel.
    pub old_key: Option<OldParcelKey>,
    /// One to three; their areas are the parcel's.
    pub uses: Vec<LandUse>,
}

impl Document for Parcel {
    const TYPE: &'static str = crate::registry::land::PARCEL;

    fn payload(&self) -> Object {
        let mut o = Object::new();
        o.insert("area_m2", area(self.uses.iter().map(|land_use| land_use.area_tenths).sum()));
        o.insert("commune", self.commune.unit());
        o.insert("map_sheet", padded(self.map_sheet, 1));
        put(&mut o, "old_key", self.old_key.as_ref());
        o.insert("parcel_id", self.parcel_id.as_str());
        o.insert("parcel_number", padded(self.parcel_number, 1));
        o.insert("status", "active");
        o.insert("uses", list(&self.uses));
        o
    }
}

/// An owner on a certificate.
#[derive(Debug, Clone)]
pub struct LandOwner {
    /// By what the file knows the owner.
    pub paper: Paper,
    /// As the certificate has it.
    pub full_name: String,
    /// Often of the year only.
    pub birth_date: Option<PartialDate>,
    /// `individual`, `husband`, `wife`, `household_head`, ….
    pub role: &'static str,
}

impl From<&LandOwner> for Value {
    fn from(owner: &LandOwner) -> Self {
        let mut o = Object::new();
        put(&mut o, "birth_date", owner.birth_date.map(partial));
        o.insert("full_name", owner.full_name.as_str());
        owner.paper.put(&mut o);
        o.insert("role", owner.role);
        Value::Object(o)
    }
}

/// Restrictions on disposing of the right.
#[derive(Debug, Clone)]
pub struct LandRestriction {
    /// `mortgage`, `court_freeze`, `planning`.
    pub kind: &'static str,
    /// A bank, a court, an authority.
    pub authority: Text,
    /// Number of the contract or decision.
    pub reference: Option<String>,
    /// First day.
    pub from_date: Date,
}

impl From<&LandRestriction> for Value {
    fn from(restriction: &LandRestriction) -> Self {
        let mut o = Object::new();
        o.insert("authority", restriction.authority.as_ref());
        o.insert("from_date", day(restriction.from_date));
        o.insert("kind", restriction.kind);
        put(&mut o, "reference", restriction.reference.as_deref());
        Value::Object(o)
    }
}

/// A certificate of the right to use land.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// `CĐ 123456`, `AA 12345678`.
    pub serial: String,
    /// `CS 01234`.
    pub registry_number: String,
    /// Day of issue.
    pub issued_on: Date,
    /// At least one.
    pub owners: Vec<LandOwner>,
    /// `individual`, `couple`, `household`, ….
    pub legal_form: &'static str,
    /// Parcels' codes.
    pub parcels: Vec<String>,
    /// Empty for most.
    pub restrictions: Vec<LandRestriction>,
}

impl Document for Certificate {
    const TYPE: &'static str = crate::registry::land::CERTIFICATE;

    fn payload(&self) -> Object {
        let mut o = Object::new();
        o.insert("issued_on", day(self.issued_on));
        o.insert("legal_form", self.legal_form);
        o.insert("owners", list(&self.owners));
        o.insert("parcels", list(&self.parcels));
        o.insert("registry_number", self.registry_number.as_str());
        put_list(&mut o, "restrictions", &self.restrictions);
        o.insert("serial", self.serial.as_str());
        o.insert("status", "valid");
        o
    }
}
