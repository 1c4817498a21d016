//! Records that keep the registries' rules, with the parts that tests choose.

use lienthong::trust::Object;

/// A resident: number, name, birth date, sex.
pub fn person(number: &str, name: &str, birth: &str, sex: &str) -> Object {
    Object::new()
        .with("personal_id", number)
        .with("full_name", name)
        .with("birth_date", birth)
        .with("sex", sex)
        .with("nationality", "VN")
        .with("life_status", "alive")
        .with("status", "active")
}

/// The holder on a document; without a number when that is empty.
pub fn holder(number: &str, name: &str, birth: &str) -> Object {
    let number = (!number.is_empty()).then(|| number.to_owned());
    Object::new().with_optional("personal_id", number).with("full_name", name).with("birth_date", birth)
}

/// A health insurance card.
pub fn card(number: &str, holder: Object, until: &str) -> Object {
    Object::new()
        .with("card_number", number)
        .with("holder", holder)
        .with("object_code", "GD")
        .with("benefit_level", "4")
        .with("facility", "42001")
        .with("valid_from", "2024-01-01")
        .with("valid_until", until)
        .with("status", "active")
}

/// A driver's licence.
pub fn licence(number: &str, holder: Object, status: &str) -> Object {
    let class = Object::new().with("code", "A1").with("issued_on", "2015-06-01");
    Object::new()
        .with("licence_number", number)
        .with("holder", holder)
        .with("classes", vec![class])
        .with("points", 12)
        .with("status", status)
}

/// The registration of a motorcycle.
pub fn motorcycle(plate: &str, owner: &str) -> Object {
    Object::new()
        .with("plate", plate)
        .with("kind", "motorcycle")
        .with("plate_colour", "white")
        .with("owner", Object::new().with("personal_id", owner).with("full_name", "Trần Thị Thanh Huyền"))
        .with("brand", "Honda")
        .with("model", "Wave")
        .with("chassis_number", "RLHJA3909PY012345")
        .with("colour", "Đỏ")
        .with("seats", 2)
        .with("first_registered", "2019-03-05")
        .with("status", "active")
}

/// A land certificate of one owner and one parcel.
pub fn certificate(serial: &str, owner: &str, parcel: &str) -> Object {
    let owner = Object::new().with("personal_id", owner).with("full_name", "Lê Văn Bình").with("role", "individual");
    Object::new()
        .with("serial", serial)
        .with("registry_number", "CH 00123")
        .with("issued_on", "2020-05-06")
        .with("owners", vec![owner])
        .with("legal_form", "individual")
        .with("parcels", vec![parcel])
        .with("status", "valid")
}

/// A parcel of land.
pub fn parcel(id: &str) -> Object {
    let commune = Object::new().with("unit_code", "18073").with("unit_valid_from", "2025-07-01");
    let home = Object::new()
        .with("code", "ODT")
        .with("area_m2", "120.5")
        .with("origin", "recognised_without_fee")
        .with("term", "long_term");
    Object::new()
        .with("parcel_id", id)
        .with("commune", commune)
        .with("map_sheet", "12")
        .with("parcel_number", id.bytes().map(u32::from).sum::<u32>().to_string())
        .with("area_m2", "120.5")
        .with("uses", vec![home])
        .with("status", "active")
}
