//! Licences and vehicles: six adults in ten drive motorcycles, one in ten a car.
//!
//! No counts for the province are published; shares are our assumptions (0.6 motorcycles and 0.05 cars a resident).

use crate::base::Date;
use crate::base::seed::Draws;
use crate::simulation::document::{Licence, LicenceClass, Vehicle, VehicleOwner};
use crate::simulation::names::Sex;

use super::calendar::{draw_day, plus_years};
use super::citizen::Citizen;
use super::numbers::Numbers;

/// The licence of an adult, if there is one.
pub fn licence(citizen: &Citizen, draws: &mut Draws, numbers: &mut Numbers, today: Date) -> Option<Licence> {
    let sex = citizen.person.sex;
    let share = match citizen.age {
        ..18 => 0.0,
        18..60 => sex.choose(0.63, 0.79),
        60..70 => sex.choose(0.35, 0.66),
        70.. => sex.choose(0.08, 0.28),
    };
    if citizen.person.death_date.is_some() || !draws.chance(share) {
        return None;
    }
    let adult_since = plus_years(citizen.birth, 18);
    let latest_first = plus_years(citizen.birth, 40).min(today);
    let first = draw_day(draws, adult_since.max(Date::constant(1995, 8, 1)), latest_first.max(adult_since));
    let first = first.min(today);
    let mut classes = vec![LicenceClass::issued(if draws.chance(0.015) { "A" } else { "A1" }, first)];
    let drives_cars = citizen.age < 68 && draws.chance(sex.choose(0.075, 0.225));
    if drives_cars {
        classes.push(renewed("B", first.max(plus_years(adult_since, 1)).min(today), draws, today));
    }
    if drives_cars && sex == Sex::Male && (24..58).contains(&citizen.age) && draws.chance(0.13) {
        let from = first.max(plus_years(citizen.birth, 21));
        classes.push(renewed(
            if draws.chance(0.25) { "CE" } else { "C" },
            plus_years(from, 3).min(today),
            draws,
            today,
        ));
    }
    let (status, status_reason, points) = match draws.below(10_000) {
        0..12 => ("revoked", Some("Thu hồi theo quyết định".into()), 0),
        12..40 => ("suspended", Some("Bị trừ hết điểm".into()), 0),
        40..700 => ("active", None, draws.between(2, 10) as u8),
        _ => ("active", None, 12),
    };
    let passed = classes.iter().map(|class| class.issued_on.year()).min().unwrap_or(2020);
    Some(Licence {
        licence_number: numbers.licence(sex, citizen.birth.year(), passed),
        holder: citizen.holder(),
        classes,
        points,
        restrictions: if draws.chance(0.03) { vec!["corrective_lenses"] } else { Vec::new() },
        status,
        status_reason,
    })
}

/// A class first issued on `first`, renewed at the end of each term; one in thirty has forgotten the last time.
fn renewed(code: &'static str, first: Date, draws: &mut Draws, today: Date) -> LicenceClass {
    let mut class = LicenceClass::issued(code, first);
    let forgets = draws.chance(0.03);
    while let Some(end) = class.expires_on.filter(|end| *end < today) {
        let next = LicenceClass::issued(code, end);
        if forgets && next.expires_on.is_some_and(|end| end >= today) {
            break;
        }
        class = next;
    }
    class
}

/// A model that is on the road.
struct Model {
    kind: &'static str,
    brand: &'static str,
    model: &'static str,
    /// First nine characters of the chassis number (ISO 3779).
    chassis: &'static str,
    /// Prefixes of engine numbers; none on electric vehicles.
    engine: Option<&'static str>,
    seats: u8,
    displacement_cc: Option<u16>,
    weight: u64,
}

const fn motorcycle(
    brand: &'static str,
    model: &'static str,
    chassis: &'static str,
    engine: &'static str,
    displacement_cc: u16,
    weight: u64,
) -> Model {
    let displacement_cc = Some(displacement_cc);
    Model { kind: "motorcycle", brand, model, chassis, engine: Some(engine), seats: 2, displacement_cc, weight }
}

const fn car(
    brand: &'static str,
    model: &'static str,
    chassis: &'static str,
    engine: &'static str,
    seats: u8,
    displacement_cc: u16,
    weight: u64,
) -> Model {
    let displacement_cc = Some(displacement_cc);
    Model { kind: "car", brand, model, chassis, engine: Some(engine), seats, displacement_cc, weight }
}

const MOTORCYCLES: &[Model] = &[
    motorcycle("Honda", "Wave Alpha", "RLHJA3900", "JA39E", 109, 22),
    motorcycle("Honda", "Wave RSX", "RLHJA3800", "JA38E", 109, 10),
    motorcycle("Honda", "Future", "RLHJC7600", "JC76E", 124, 8),
    motorcycle("Honda", "Vision", "RLHJK0300", "JK03E", 109, 16),
    motorcycle("Honda", "Air Blade", "RLHJF9400", "JF94E", 124, 9),
    motorcycle("Honda", "Lead", "RLHJK1200", "JK12E", 124, 7),
    motorcycle("Honda", "SH Mode", "RLHJK1800", "JK18E", 124, 4),
    motorcycle("Yamaha", "Sirius", "RLCE1FC90", "E3X9E", 110, 11),
    motorcycle("Yamaha", "Jupiter", "RLCE2TG10", "E3V5E", 114, 5),
    motorcycle("Yamaha", "Exciter", "RLCG3K600", "G3K4E", 149, 5),
    Model {
        kind: "motorcycle",
        brand: "VinFast",
        model: "Evo 200",
        chassis: "RLNV4PKE0",
        engine: None,
        seats: 2,
        displacement_cc: None,
        weight: 3,
    },
];

const CARS: &[Model] = &[
    car("Toyota", "Vios", "RL4BM9F30", "2NR", 5, 1496, 16),
    car("Toyota", "Innova", "RL4KW59G0", "1TR", 8, 1998, 9),
    car("Hyundai", "Accent", "RLUC341B0", "G4LC", 5, 1368, 13),
    car("Hyundai", "Grand i10", "RLUB541C0", "G4LA", 5, 1197, 10),
    car("Kia", "Morning", "RNYTB51D0", "G4LA", 5, 1248, 11),
    car("Mazda", "3", "RN2BP4HA0", "P5", 5, 1496, 8),
    car("Mitsubishi", "Xpander", "RL6NC1WA0", "4A91", 7, 1499, 12),
    car("Honda", "City", "RLHGN2600", "L15ZF", 5, 1498, 8),
    Model {
        kind: "car",
        brand: "VinFast",
        model: "VF 5",
        chassis: "RLNV5JSE0",
        engine: None,
        seats: 5,
        displacement_cc: None,
        weight: 13,
    },
];

const TRUCKS: &[Model] = &[
    Model {
        kind: "truck",
        brand: "Ford",
        model: "Ranger",
        chassis: "MNCLMFF80",
        engine: Some("P4AT"),
        seats: 5,
        displacement_cc: Some(2198),
        weight: 5,
    },
    Model {
        kind: "truck",
        brand: "Thaco",
        model: "Kia K200",
        chassis: "RNHA15EC0",
        engine: Some("D4CB"),
        seats: 3,
        displacement_cc: Some(2497),
        weight: 5,
    },
];

const COLOURS: [&str; 8] = ["Đen", "Trắng", "Đỏ đen", "Xám", "Bạc", "Xanh đen", "Đỏ", "Nâu"];

/// The vehicles registered to an adult; `spouse` owns cars too.
pub fn vehicles(
    citizen: &Citizen,
    spouse: Option<&Citizen>,
    draws: &mut Draws,
    numbers: &mut Numbers,
    today: Date,
) -> Vec<Vehicle> {
    let mut vehicles = Vec::new();
    if !citizen.is_resident() || citizen.age < 18 {
        return vehicles;
    }
    let sex = citizen.person.sex;
    let (first, second) = match citizen.age {
        ..60 => (sex.choose(0.79, 0.90), sex.choose(0.10, 0.27)),
        60..70 => (sex.choose(0.46, 0.74), 0.08),
        70.. => (sex.choose(0.10, 0.30), 0.01),
    };
    for share in [first, second] {
        if draws.chance(share) {
            vehicles.push(registered(MOTORCYCLES, citizen, draws, numbers, today));
        }
    }
    if (25..68).contains(&citizen.age) && draws.chance(sex.choose(0.035, 0.145)) {
        let mut vehicle = registered(CARS, citizen, draws, numbers, today);
        if let Some(spouse) = spouse.filter(|spouse| spouse.is_resident() && draws.chance(0.5)) {
            vehicle.co_owners.push(owner(spouse));
        }
        vehicles.push(vehicle);
    }
    if sex == Sex::Male && (25..60).contains(&citizen.age) && draws.chance(0.012) {
        vehicles.push(registered(TRUCKS, citizen, draws, numbers, today));
    }
    vehicles
}

fn registered(models: &[Model], citizen: &Citizen, draws: &mut Draws, numbers: &mut Numbers, today: Date) -> Vehicle {
    /// Owner-bound plates with two letters (Circular 24/2023/TT-BCA).
    const TWO_LETTERS_SINCE: Date = Date::constant(2023, 8, 15);
    let model = draw_model(models, draws);
    let from = plus_years(citizen.birth, 18).max(plus_years(today, if model.kind == "motorcycle" { -16 } else { -12 }));
    let from = if model.engine.is_none() { from.max(Date::constant(2022, 1, 1)) } else { from };
    let first_registered = draw_day(draws, from.min(today), today);
    let plate = match model.kind {
        "motorcycle" => numbers.motorcycle(first_registered >= TWO_LETTERS_SINCE),
        "car" => numbers.car(),
        _ => numbers.truck(),
    };
    let business = model.kind != "motorcycle" && draws.chance(0.06);
    let (status, status_reason) = match draws.below(10_000) {
        0..15 => ("stolen", Some("Chủ xe trình báo mất cắp".into())),
        15..90 => ("plate_kept", Some("Đã chuyển quyền sở hữu, biển số giữ lại 5 năm".into())),
        _ => ("active", None),
    };
    let (chassis, engine) = numbers.body();
    let joined = |head: &str, tail: &str| {
        let mut text = String::with_capacity(head.len() + tail.len());
        text.push_str(head);
        text.push_str(tail);
        text
    };
    Vehicle {
        plate,
        kind: model.kind,
        plate_colour: if business { "yellow" } else { "white" },
        owner: owner(citizen),
        co_owners: Vec::new(),
        brand: model.brand,
        model: model.model,
        chassis_number: joined(model.chassis, &chassis),
        engine_number: model.engine.map(|head| joined(head, &engine)),
        colour: draws.pick(&COLOURS).copied().unwrap_or("Đen"),
        seats: model.seats,
        displacement_cc: model.displacement_cc,
        first_registered,
        status,
        status_reason,
    }
}

fn draw_model<'a>(models: &'a [Model], draws: &mut Draws) -> &'a Model {
    let mut rest = draws.below(models.iter().map(|model| model.weight).sum());
    for model in models {
        if rest < model.weight {
            return model;
        }
        rest -= model.weight;
    }
    &models[0]
}

fn owner(citizen: &Citizen) -> VehicleOwner {
    VehicleOwner {
        personal_id: citizen.person.personal_id,
        full_name: citizen.person.full_name.clone(),
        birth_date: Some(citizen.person.birth_date),
        address: citizen.person.permanent_residence.clone(),
    }
}
