//! A vehicle's registration.

use crate::base::{Date, PartialDate};
use crate::trust::canonical::{Object, Value};

use super::{Address, Document, Paper, Text, day, partial, put, put_list};

/// An owner as registered.
#[derive(Debug, Clone)]
pub struct VehicleOwner {
    /// By what the register knows the owner.
    pub paper: Paper,
    /// As registered.
    pub full_name: String,
    /// As registered.
    pub birth_date: Option<PartialDate>,
    /// As registered.
    pub address: Option<Address>,
}

impl From<&VehicleOwner> for Value {
    fn from(owner: &VehicleOwner) -> Self {
        let mut o = Object::new();
        put(&mut o, "address", owner.address.as_ref());
        put(&mut o, "birth_date", owner.birth_date.map(partial));
        o.insert("full_name", owner.full_name.as_str());
        owner.paper.put(&mut o);
        Value::Object(o)
    }
}

/// A registered vehicle.
#[derive(Debug, Clone)]
pub struct Vehicle {
    /// `38A-123.45`, `38-B1 123.45`.
    pub plate: String,
    /// `car`, `motorcycle`, `truck`, `bus`.
    pub kind: &'static str,
    /// `white`, `yellow`, ….
    pub plate_colour: &'static str,
    /// The owner.
    pub owner: VehicleOwner,
    /// Husband or wife above all.
    pub co_owners: Vec<VehicleOwner>,
    /// `Honda`, ….
    pub brand: &'static str,
    /// `Wave Alpha`, ….
    pub model: &'static str,
    /// 17 characters.
    pub chassis_number: String,
    /// Absent on electric ones.
    pub engine_number: Option<String>,
    /// In Vietnamese.
    pub colour: &'static str,
    /// The driver's included.
    pub seats: u8,
    /// In cm³; absent on electric ones.
    pub displacement_cc: Option<u16>,
    /// Day of the first registration.
    pub first_registered: Date,
    /// `active`, `stolen`, `plate_kept`, `revoked`.
    pub status: &'static str,
    /// Why it is not active.
    pub status_reason: Option<Text>,
}

impl Document for Vehicle {
    const TYPE: &'static str = crate::registry::vehicle::REGISTRATION;

    fn payload(&self) -> Object {
        let mut o = Object::new();
        o.insert("brand", self.brand);
        o.insert("chassis_number", self.chassis_number.as_str());
        put_list(&mut o, "co_owners", &self.co_owners);
        o.insert("colour", self.colour);
        put(&mut o, "displacement_cc", self.displacement_cc);
        put(&mut o, "engine_number", self.engine_number.as_deref());
        o.insert("first_registered", day(self.first_registered));
        o.insert("kind", self.kind);
        o.insert("model", self.model);
        o.insert("owner", &self.owner);
        o.insert("plate", self.plate.as_str());
        o.insert("plate_colour", self.plate_colour);
        o.insert("seats", self.seats);
        o.insert("status", self.status);
        put(&mut o, "status_reason", self.status_reason.as_deref());
        o
    }
}
