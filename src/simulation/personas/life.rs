//! A whole life: one document of every registry, to be changed where the situation wants it.
//!
//! All numbers come from the ranges that the generator leaves free (`reserved`). Dates that matter follow from `today` and from the birth, so that
//! a situation is the same in every year, and nobody has a document from before they could.

use crate::base::{Date, PartialDate};
use crate::simulation::document::{
    Address, Card, Certificate, Document, Enterprise, HealthCard, Holder, Household, HouseholdBusiness, JudicialRecord,
    LandOwner, LandUse, Licence, LicenceClass, Membership, OldParcelKey, Paper, Parcel, Period, Person, Record,
    Representative, Vehicle, VehicleOwner,
};
use crate::simulation::geography::{Commune, Geography, REORGANISED};
use crate::simulation::population::Account;
use crate::simulation::population::calendar::{birthday, plus_days, plus_years};

use super::identity::{Scene, ordinal_of};
use super::reserved;

/// The documents of one citizen, and their effects elsewhere in the world.
#[derive(Debug, Clone)]
pub struct Life {
    /// The population register's record.
    pub person: Person,
    /// The household, the citizen its head.
    pub household: Option<Household>,
    /// Health insurance.
    pub health_card: Option<HealthCard>,
    /// Social insurance.
    pub membership: Option<Membership>,
    /// Licences; one for all but the odd situation.
    pub licence: Option<Licence>,
    /// A motorcycle, and a car where the situation has one.
    pub vehicles: Vec<Vehicle>,
    /// The location of the home.
    pub parcel: Option<Parcel>,
    /// The right to it.
    pub certificate: Option<Certificate>,
    /// No conviction.
    pub judicial: Option<JudicialRecord>,
    /// The documents issued for it.
    pub judicial_certificates: Vec<Record>,
    /// A small trade.
    pub shop: Option<HouseholdBusiness>,
    /// A company.
    pub enterprise: Option<Enterprise>,
    /// Entries of civil status.
    pub civil_status: Vec<Record>,
    /// Later versions, each after the first one of its record.
    pub later: Vec<Record>,
    /// The account, of level 2 for most.
    pub account: Option<Account>,
    /// Record types of the documents that are linked from the beginning.
    pub links: &'static [&'static str],
    /// Whether the citizen has refused every agency and every purpose.
    pub refuses_consents: bool,
}

impl Life {
    /// A grown person with a document in every registry, living alone on own land, with a motorcycle.
    pub fn full(scene: &Scene<'_>) -> Self {
        let today = scene.today;
        let person = person(scene);
        let parcel = parcel(scene);
        let mut life = Self {
            household: Some(household(&person, scene)),
            health_card: Some(health_card(&person, scene)),
            membership: Some(membership(&person, scene)),
            licence: Some(licence(&person, scene)),
            vehicles: Vec::new(),
            certificate: Some(certificate(&person, &parcel, scene)),
            parcel: Some(parcel),
            judicial: Some(JudicialRecord {
                personal_id: person.personal_id,
                full_name: person.full_name.clone(),
                birth_date: person.birth_date,
                sentences: Vec::new(),
                bans: Vec::new(),
            }),
            judicial_certificates: Vec::new(),
            shop: Some(shop(&person, scene)),
            enterprise: None,
            civil_status: Vec::new(),
            later: Vec::new(),
            account: Some(Account { personal_id: person.personal_id, level: 2, guardian: None }),
            links: &[],
            refuses_consents: false,
            person,
        };
        life.vehicles.push(life.motorcycle(today));
        life
    }

    /// A person known to the population register only: a relative of somebody in a situation.
    pub fn bystander(scene: &Scene<'_>) -> Self {
        let whole = Self::full(scene);
        Self {
            health_card: None,
            membership: None,
            licence: None,
            vehicles: Vec::new(),
            parcel: None,
            certificate: None,
            shop: None,
            ..whole
        }
    }

    /// The citizen as an owner of vehicles.
    pub fn owner(&self) -> VehicleOwner {
        VehicleOwner {
            paper: Paper::Id(self.person.personal_id),
            full_name: self.person.full_name.clone(),
            birth_date: Some(self.person.birth_date),
            address: self.person.permanent_residence.clone(),
        }
    }

    fn ordinal(&self) -> u64 {
        ordinal_of(self.person.personal_id)
    }

    /// A motorcycle of theirs.
    pub fn motorcycle(&self, today: Date) -> Vehicle {
        let (chassis, engine) = reserved::body(self.ordinal());
        Vehicle {
            plate: reserved::motorcycle_plate(self.ordinal()),
            kind: "motorcycle",
            brand: "Honda",
            model: "Wave Alpha",
            chassis_number: ["RLHJA3900", &chassis].concat(),
            engine_number: Some(["JA39E", &engine].concat()),
            seats: 2,
            displacement_cc: Some(109),
            ..self.car(today)
        }
    }

    /// A car of theirs.
    pub fn car(&self, today: Date) -> Vehicle {
        let (chassis, engine) = reserved::body(self.ordinal());
        Vehicle {
            plate: reserved::car_plate(self.ordinal()),
            kind: "car",
            plate_colour: "white",
            owner: self.owner(),
            co_owners: Vec::new(),
            brand: "Toyota",
            model: "Vios",
            chassis_number: ["RL4BM9F30", &chassis].concat(),
            engine_number: Some(["2NR", &engine].concat()),
            colour: "Trắng",
            seats: 5,
            displacement_cc: Some(1496),
            first_registered: plus_years(today, -3),
            status: "active",
            status_reason: None,
        }
    }

    /// A company of theirs.
    pub fn company(&self, today: Date) -> Enterprise {
        Enterprise {
            enterprise_code: reserved::company(self.ordinal()),
            name: COMPANY.to_owned(),
            legal_form: "limited_one_member",
            representative: Representative::Citizen(self.person.personal_id),
            capital: "2000000000".to_owned(),
            lines: vec!["4663", "4933"],
            address: self.person.permanent_residence.clone().unwrap_or_else(|| self.person.birth_place.clone()),
            tax_status: "00",
            registered_on: plus_years(today, -6),
            status: "active",
            status_reason: None,
        }
    }

    /// The first version of all records, in the order in which they may be submitted.
    pub fn records(&self) -> Vec<Record> {
        fn one<T: Document>(document: &Option<T>) -> impl Iterator<Item = Record> {
            document.iter().map(Document::record).collect::<Vec<_>>().into_iter()
        }
        let mut records = vec![self.person.record()];
        records.extend(one(&self.household));
        records.extend(one(&self.membership));
        records.extend(one(&self.health_card));
        records.extend(one(&self.judicial));
        records.extend(self.judicial_certificates.iter().cloned());
        records.extend(one(&self.licence));
        records.extend(self.vehicles.iter().map(Document::record));
        records.extend(one(&self.parcel));
        records.extend(one(&self.certificate));
        records.extend(one(&self.shop));
        records.extend(one(&self.enterprise));
        records.extend(self.civil_status.iter().cloned());
        records
    }
}

/// The company of a persona, who employs the others.
const COMPANY: &str = "Công ty TNHH một thành viên Thương mại Sông La";
const COMPANY_OWNER: u64 = 20;
/// From this age somebody works.
const WORKS_FROM: i16 = 15;
/// Old identity cards were issued until the new ones of 2021; whoever turned 14 later has no such number.
const OLD_ID_NUMBERS_UNTIL: i16 = 2006;

fn home(commune: &'static Commune) -> Address {
    Address::in_commune(commune, if commune.is_ward() { "Tổ dân phố 5" } else { "Thôn Thống Nhất" })
}

fn person(scene: &Scene<'_>) -> Person {
    let identity = scene.own;
    let commune = identity.commune;
    let former = commune.former.first().and_then(|code| Geography::ha_tinh().former(code));
    let born_in = former.filter(|_| identity.birth < REORGANISED);
    let born_in = born_in.map_or_else(|| Address::commune(commune), |unit| Address::in_former(unit, ""));
    Person {
        personal_id: identity.personal_id,
        superseded_ids: Vec::new(),
        old_id_number: (identity.birth.year() <= OLD_ID_NUMBERS_UNTIL)
            .then(|| reserved::old_id_number(identity.ordinal())),
        full_name: identity.full_name.clone(),
        other_name: None,
        birth_date: identity.birth.into(),
        sex: identity.sex(),
        birth_place: born_in.clone(),
        birth_registration_place: born_in,
        hometown: Address::commune(commune),
        ethnicity: "Kinh",
        religion: None,
        marital_status: "single",
        permanent_residence: Some(home(commune)),
        current_residence: None,
        household_id: Some(reserved::household(identity.ordinal())),
        relation_to_head: Some("head"),
        father_id: None,
        mother_id: None,
        spouse_id: None,
        death_date: None,
        card: Some(Card::issued(identity.birth, plus_days(scene.today, -500).max(identity.birth))),
        status: "active",
        status_reason: None,
    }
}

fn household(person: &Person, scene: &Scene<'_>) -> Household {
    Household {
        household_id: reserved::household(scene.own.ordinal()),
        head_id: person.personal_id,
        members: vec![(person.personal_id, "head")],
        residence: person.permanent_residence.clone().unwrap_or_else(|| person.birth_place.clone()),
        dissolved: None,
    }
}

fn holder(person: &Person) -> Holder {
    Holder {
        personal_id: Some(person.personal_id),
        full_name: person.full_name.clone(),
        birth_date: Some(person.birth_date),
        sex: Some(person.sex),
    }
}

fn health_card(person: &Person, scene: &Scene<'_>) -> HealthCard {
    let (today, birth) = (scene.today, scene.own.birth);
    HealthCard {
        card_number: person.personal_id.as_str().to_owned(),
        holder: holder(person),
        object_code: "GD",
        benefit_level: "4",
        facility: "42001".to_owned(),
        area: None,
        valid_from: plus_days(today, -120).max(birth),
        valid_until: plus_days(today, 244),
        five_years_on: Some(plus_years(today, -1)).filter(|on| *on > birth),
        status: "active",
        status_reason: None,
    }
}

fn membership(person: &Person, scene: &Scene<'_>) -> Membership {
    let from = plus_years(scene.today, -5).max(plus_years(scene.own.birth, WORKS_FROM));
    let unit = Some(([&reserved::company(COMPANY_OWNER), "DNG46"].concat(), COMPANY.into()));
    let period = |kind| Period { unit: unit.clone(), from, to: None, base: 6_200_000, kind };
    Membership {
        personal_id: person.personal_id,
        bhxh_code: Some(reserved::insurance(scene.own.ordinal())),
        periods: vec![period("compulsory"), period("unemployment")],
        status: "active",
        status_reason: None,
    }
}

/// The day on which somebody passed the first examination.
fn first_passed(birth: Date) -> Date {
    Date::constant(2014, 6, 16).max(birthday(birth, 18))
}

/// The licence number of somebody whom a situation is about.
pub fn licence_number(scene: &Scene<'_>) -> String {
    let identity = scene.own;
    reserved::licence(identity.ordinal(), identity.sex(), identity.birth, first_passed(identity.birth))
}

fn licence(person: &Person, scene: &Scene<'_>) -> Licence {
    let first = first_passed(scene.own.birth);
    let car = plus_years(scene.today, -2).max(first);
    Licence {
        licence_number: licence_number(scene),
        holder: holder(person),
        classes: vec![LicenceClass::issued("A1", first), LicenceClass::issued("B", car)],
        points: 12,
        points_deducted_on: None,
        restrictions: Vec::new(),
        status: "active",
        status_reason: None,
    }
}

/// Land with perennial crops is used for fifty years, which most began in 2013 (Land Law 2013, article 210).
const GARDEN_TERM: Date = Date::constant(2063, 10, 15);

fn parcel(scene: &Scene<'_>) -> Parcel {
    let (commune, number) = (scene.own.commune, scene.own.ordinal());
    let former = commune.former.first().and_then(|code| Geography::ha_tinh().former(code));
    let origin = "recognised_without_fee";
    let (home, garden) = (if commune.is_ward() { "ODT" } else { "ONT" }, "CLN");
    Parcel {
        parcel_id: commune.parcel_id(reserved::parcel(number, scene.own.parcel)),
        commune: Address::commune(commune),
        map_sheet: 9_900,
        parcel_number: number,
        old_key: former.map(|unit| OldParcelKey {
            commune: Address { unit_code: unit.code, unit_valid_from: unit.valid_from, text: None },
            map_sheet: 9_900,
            scale: "1000",
            parcel_number: number,
        }),
        uses: vec![
            LandUse { code: home, area_tenths: 2_000, origin, until: None },
            LandUse { code: garden, area_tenths: 3_485, origin, until: Some(GARDEN_TERM) },
        ],
    }
}

fn certificate(person: &Person, parcel: &Parcel, scene: &Scene<'_>) -> Certificate {
    let number = scene.own.ordinal();
    // Inherited by some before they came of age.
    let issued_on = Date::constant(2016, 9, 12).max(plus_days(scene.own.birth, 1)).min(scene.today);
    Certificate {
        serial: reserved::certificate(number, issued_on),
        registry_number: reserved::land_book(number),
        issued_on,
        owners: vec![LandOwner {
            paper: Paper::Id(person.personal_id),
            full_name: person.full_name.clone(),
            birth_date: Some(PartialDate { month: None, day: None, ..person.birth_date }),
            role: "individual",
        }],
        legal_form: "individual",
        parcels: vec![parcel.parcel_id.clone()],
        restrictions: Vec::new(),
    }
}

fn shop(person: &Person, scene: &Scene<'_>) -> HouseholdBusiness {
    let given = scene.own.full_name.rsplit(' ').next().unwrap_or_default();
    HouseholdBusiness {
        old_tax_code: None,
        name: ["Hộ kinh doanh Tạp hóa ", given].concat(),
        representative_id: person.personal_id,
        members: Vec::new(),
        lines: vec!["4711"],
        address: person.permanent_residence.clone().unwrap_or_else(|| person.birth_place.clone()),
        tax_status: "00",
        registered_on: plus_years(scene.today, -1).max(plus_years(scene.own.birth, 18)),
        status: "active",
        status_reason: None,
    }
}
