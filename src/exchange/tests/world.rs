//! The province of these tests: five registries, and in them the people who are asked about.

use crate::exchange::FetchRequest;
use crate::trust::Object;
use crate::world::payloads::{self, certificate, parcel};
use crate::world::{Builder, world};

pub(crate) use crate::world::decorated::Decorated;
pub(crate) use crate::world::{NOW, World, pid};

pub(crate) const ANNA: &str = "042185990002";
pub(crate) const BINH: &str = "042090990001";
/// Superseded by [`BINH`].
pub(crate) const BINH_BEFORE: &str = "042090990009";

/// Anna with a judicial record; Bình with two parcels, of which one certificate names his earlier number.
pub(crate) fn small() -> Builder {
    let judicial = Object::new()
        .with("personal_id", ANNA)
        .with("full_name", "Nguyễn Thị An")
        .with("birth_date", "1985-03-07")
        .with("status", "no_conviction");
    let binh = person(BINH).with("superseded_ids", vec![BINH_BEFORE]);
    let (one, other) = ("w7723fdn0zg3", "w7723fdn0zg4");
    world()
        .registries(&["resident", "land", "health_insurance", "driver_licence", "judicial"])
        .records("resident.person.v1", [person(ANNA).with("religion", "Công giáo"), binh])
        .records("land.parcel.v1", [parcel(one), parcel(other)])
        .records(
            "land.certificate.v1",
            [certificate("BA 123456", BINH, one), certificate("BA 654321", BINH_BEFORE, other)],
        )
        .records("judicial.record.v1", [judicial])
}

pub(crate) fn request(person: &str, record_types: &[&str], purpose: &str) -> FetchRequest {
    FetchRequest {
        organisation_code: String::new(),
        personal_id: person.into(),
        record_types: record_types.iter().map(|name| (*name).to_owned()).collect(),
        purpose: purpose.into(),
        reference: "H27-0001".into(),
    }
}

pub(crate) fn person(id: &str) -> Object {
    payloads::person(id, "Nguyễn Thị An", "1985-03-07", "female").with("ethnicity", "Kinh")
}
