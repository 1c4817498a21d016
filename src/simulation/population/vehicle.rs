//! Vehicles: 0.6 motorcycles and 0.05 cars a resident (our assumption), nearly all of owners with a licence for them; organisations' fleets,
//! and the cars of foreigners.

use std::sync::LazyLock;

use crate::base::Date;
use crate::base::seed::Draws;
use crate::simulation::document::{Address, Document as _, Licence, Paper, Record, Vehicle, VehicleOwner};

use super::calendar::{days_between, draw_act, plus_days, plus_years, working_day_before};
use super::citizen::Citizen;
use super::home::Home;
use super::licence::{drives_cars, drives_trucks};
use super::numbers::Numbers;
use super::organisation::{Foreigner, Organisation};
use super::table::{Weights, number, rows};

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
    since: i16,
}

/// The models of one kind.
struct Models {
    models: Vec<Model>,
    weights: Weights,
}

impl Models {
    fn of(kind: &str) -> Self {
        let of_kind = || rows(include_str!("data/models.tsv")).filter(|row| row[0] == kind);
        let model = |row: Vec<&'static str>| Model {
            kind: row[0],
            brand: row[1],
            model: row[2],
            chassis: row[3],
            engine: (!row[4].is_empty()).then_some(row[4]),
            seats: number(row[5]) as u8,
            displacement_cc: (!row[6].is_empty()).then(|| number(row[6]) as u16),
            since: number(row[8]) as i16,
        };
        Self {
            models: of_kind().map(model).collect(),
            weights: Weights::new(of_kind().map(|row| number(row[7]) as u64)),
        }
    }

    fn draw(&self, draws: &mut Draws) -> &Model {
        &self.models[self.weights.draw(draws)]
    }
}

static MOTORCYCLES: LazyLock<Models> = LazyLock::new(|| Models::of("motorcycle"));
static CARS: LazyLock<Models> = LazyLock::new(|| Models::of("car"));
static TRUCKS: LazyLock<Models> = LazyLock::new(|| Models::of("truck"));
static BUSES: LazyLock<Models> = LazyLock::new(|| Models::of("bus"));

const COLOURS: [&str; 8] = ["Đen", "Trắng", "Đỏ đen", "Xám", "Bạc", "Xanh đen", "Đỏ", "Nâu"];

/// The vehicles registered to an adult; `spouse` owns cars too.
pub fn vehicles(
    citizen: &Citizen,
    (licence, spouse): (Option<&Licence>, Option<&Citizen>),
    home: &Home,
    draws: &mut Draws,
    numbers: &mut Numbers,
) -> Vec<Vehicle> {
    let mut vehicles = Vec::new();
    if citizen.age < 18 {
        return vehicles;
    }
    let mut buy = |models: &Models, draws: &mut Draws| {
        let owner = |day: Date| owner(citizen, home.place_on(day));
        vehicles.push(registered(models, (citizen.last_day, plus_years(citizen.birth, 18)), owner, draws, numbers));
    };
    let shares = match (licence, citizen.age) {
        (Some(_), ..60) => [0.93, 0.36, 0.05],
        (Some(_), 60..70) => [0.85, 0.12, 0.0],
        (Some(_), _) => [0.55, 0.02, 0.0],
        (None, 20..70) => [0.07, 0.0, 0.0],
        (None, _) => [0.0, 0.0, 0.0],
    };
    for share in shares {
        if citizen.keeps(share, draws) {
            buy(&MOTORCYCLES, draws);
        }
    }
    let owns_car = if licence.is_some_and(drives_cars) { 0.74 } else { 0.002 };
    let has_car = citizen.age >= 22 && citizen.keeps(owns_car, draws);
    if has_car {
        buy(&CARS, draws);
    }
    if citizen.keeps(if licence.is_some_and(drives_trucks) { 0.25 } else { 0.0 }, draws) {
        buy(&TRUCKS, draws);
    }
    if has_car
        && let Some(spouse) = spouse.filter(|spouse| spouse.is_resident() && draws.chance(0.5))
        && let Some(car) = vehicles.iter_mut().find(|vehicle| vehicle.kind == "car")
    {
        car.co_owners.push(owner(spouse, home.place_on(car.first_registered)));
    }
    vehicles
}

/// The vehicles of an organisation.
pub fn fleet(of: &Organisation, draws: &mut Draws, numbers: &mut Numbers, today: Date) -> Vec<Vehicle> {
    let owner = |day: Date| VehicleOwner {
        paper: of.paper.clone(),
        full_name: of.name.clone(),
        birth_date: None,
        address: Some(of.home_on(day)),
    };
    let vehicle = |_| {
        let models = match draws.below(100) {
            0..22 => &MOTORCYCLES,
            22..52 => &CARS,
            52..90 => &TRUCKS,
            _ => &BUSES,
        };
        let mut vehicle = registered(models, (today, of.since), owner, draws, numbers);
        if matches!(of.paper, Paper::Decision(_)) {
            vehicle.plate_colour = "blue";
            if vehicle.kind == "motorcycle" {
                // Series of two letters are white.
                vehicle.plate = numbers.motorcycle(false);
            }
        }
        vehicle
    };
    (0..of.vehicles).map(vehicle).collect()
}

/// The car of a foreigner, with the plate of foreigners.
pub fn of_foreigner(
    foreigner: &Foreigner,
    home: &Home,
    draws: &mut Draws,
    numbers: &mut Numbers,
    today: Date,
) -> Vehicle {
    let owner = |day: Date| VehicleOwner {
        paper: Paper::Passport(foreigner.passport.clone()),
        full_name: foreigner.name.to_owned(),
        birth_date: None,
        address: Some(home.place_on(day)),
    };
    let mut vehicle = registered(&CARS, (today, plus_years(today, -8)), owner, draws, numbers);
    vehicle.plate = numbers.foreign_plate();
    vehicle.plate_colour = "white";
    vehicle
}

/// The registration as a record. A plate that is kept for its owner says since when: on a day of the last five years, after which it is nobody's.
pub fn record(vehicle: &Vehicle, today: Date) -> Record {
    /// Owner-bound plates are kept (Circular 24/2023/TT-BCA).
    const KEPT_SINCE: Date = Date::constant(2023, 8, 15);
    let mut record = vehicle.record();
    if vehicle.status == "plate_kept" {
        let from = vehicle.first_registered.max(plus_years(today, -5)).max(KEPT_SINCE).min(today);
        let days = days_between(from, today).max(1);
        // Chassis numbers end in digits that are as good as drawn.
        let drawn = vehicle.chassis_number.bytes().fold(0, |sum: i64, byte| (sum * 31 + i64::from(byte)) % 9_973);
        let since = working_day_before(plus_days(from, 1 + drawn % days)).max(from).min(today);
        record.payload.insert("plate_kept_since", since.to_string());
    }
    record
}

/// A vehicle that was registered on a day from `since` to `today`, at most as long ago as such vehicles last.
fn registered(
    models: &Models,
    (today, since): (Date, Date),
    owner: impl Fn(Date) -> VehicleOwner,
    draws: &mut Draws,
    numbers: &mut Numbers,
) -> Vehicle {
    /// Owner-bound plates with two letters (Circular 24/2023/TT-BCA).
    const TWO_LETTERS_SINCE: Date = Date::constant(2023, 8, 15);
    let model = models.draw(draws);
    let is_motorcycle = model.kind == "motorcycle";
    let from = since.max(plus_years(today, if is_motorcycle { -16 } else { -12 }));
    let from = from.max(Date::constant(model.since, 1, 1)).min(today);
    let first_registered = draw_act(draws, from, today);
    let plate = match model.kind {
        "motorcycle" => numbers.motorcycle(first_registered >= TWO_LETTERS_SINCE),
        "truck" => numbers.truck(),
        _ => numbers.car(),
    };
    let business = !is_motorcycle && draws.chance(if model.kind == "car" { 0.06 } else { 0.5 });
    let (status, status_reason) = match draws.below(10_000) {
        0..15 => ("stolen", Some("Chủ xe trình báo mất cắp".into())),
        15..90 => ("plate_kept", Some("Đã chuyển quyền sở hữu, biển số giữ lại 5 năm".into())),
        _ => ("active", None),
    };
    let (chassis, engine) = numbers.body();
    Vehicle {
        plate,
        kind: model.kind,
        plate_colour: if business { "yellow" } else { "white" },
        owner: owner(first_registered),
        co_owners: Vec::new(),
        brand: model.brand,
        model: model.model,
        chassis_number: [model.chassis, &chassis].concat(),
        engine_number: model.engine.map(|head| [head, &engine].concat()),
        colour: draws.pick(&COLOURS).copied().unwrap_or("Đen"),
        seats: model.seats,
        displacement_cc: model.displacement_cc,
        first_registered,
        status,
        status_reason,
    }
}

fn owner(citizen: &Citizen, address: Address) -> VehicleOwner {
    VehicleOwner {
        paper: Paper::Id(citizen.person.personal_id),
        full_name: citizen.person.full_name.clone(),
        birth_date: Some(citizen.person.birth_date),
        address: Some(address),
    }
}
