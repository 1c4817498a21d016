//! A persona's whole life: one document of every registry, to be changed where the situation wants it.
//!
//! All numbers come from the ranges that the generator leaves free, so that they are the same for every seed. Dates
//! that matter follow from `today`, so that a persona behaves the same in every year.

use crate::base::{Date, PartialDate, PersonalId};
use crate::simulation::document::{
    Address, Card, Certificate, Document, Enterprise, HealthCard, Holder, Household, HouseholdBusiness, JudicialRecord,
    LandOwner, LandUse, Licence, LicenceClass, Membership, OldParcelKey, Paper, Parcel, Period, Person, Record,
    Representative, Vehicle, VehicleOwner, padded,
};
use crate::simulation::geography::{Commune, Geography};
use crate::simulation::names::Sex;
use crate::simulation::population::Account;
use crate::simulation::population::calendar::{plus_days, plus_years};
use crate::simulation::population::numbers::{PARCELS_RESERVED_FROM, SERIALS_RESERVED_FROM, enterprise_code};

/// The identity of a persona.
#[derive(Debug, Clone, Copy)]
pub struct Identity {
    /// Twelve digits, the last six from 990000 on.
    pub personal_id: PersonalId,
    /// As registered.
    pub full_name: &'static str,
    /// As registered, or the true one where the register knows only the year.
    pub birth: Date,
    /// A present commune's code.
    pub commune: &'static str,
    /// The identity of another persona, by its ID: some are relatives.
    pub other: fn(&str) -> Option<Identity>,
}

impl Identity {
    /// The sex that the old structure of personal IDs states; the personas' IDs keep to it.
    pub fn sex(&self) -> Sex {
        if self.personal_id.as_str().as_bytes()[3].is_multiple_of(2) { Sex::Male } else { Sex::Female }
    }

    /// The persona's number within the reserved range.
    pub fn ordinal(&self) -> u64 {
        self.personal_id.as_str()[8..].parse().unwrap_or(0)
    }

    /// Where the persona lives.
    pub fn commune(&self) -> &'static Commune {
        let communes = &Geography::ha_tinh().communes;
        Geography::ha_tinh().commune(self.commune).unwrap_or(&communes[0])
    }
}

/// The documents of one persona, and their effects elsewhere in the world.
#[derive(Debug, Clone)]
pub struct Life {
    /// The population register's record.
    pub person: Person,
    /// The household, the persona its head.
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
    pub fn full(identity: &Identity, today: Date) -> Self {
        let number = identity.ordinal();
        let person = person(identity, today);
        let parcel = parcel(identity.commune(), number);
        let mut life = Self {
            household: Some(household(&person, number)),
            health_card: Some(health_card(&person, today)),
            membership: Some(membership(&person, number, today)),
            licence: Some(licence(&person, identity, today)),
            vehicles: Vec::new(),
            certificate: Some(certificate(&person, &parcel, number, today)),
            parcel: Some(parcel),
            judicial: Some(JudicialRecord {
                personal_id: person.personal_id,
                full_name: person.full_name.clone(),
                birth_date: person.birth_date,
                sentences: Vec::new(),
                bans: Vec::new(),
            }),
            judicial_certificates: Vec::new(),
            shop: Some(shop(&person, identity, today)),
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

    /// A person known to the population register only, for the relatives of personas.
    pub fn bystander(identity: &Identity, today: Date) -> Self {
        let whole = Self::full(identity, today);
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

    /// The persona as an owner of vehicles.
    pub fn owner(&self) -> VehicleOwner {
        VehicleOwner {
            paper: Paper::Id(self.person.personal_id),
            full_name: self.person.full_name.clone(),
            birth_date: Some(self.person.birth_date),
            address: self.person.permanent_residence.clone(),
        }
    }

    fn number(&self) -> u64 {
        self.person.personal_id.as_str()[8..].parse().unwrap_or(0)
    }

    fn motorcycle(&self, today: Date) -> Vehicle {
        Vehicle {
            plate: ["38-B1 ", &plate_number(self.number())].concat(),
            kind: "motorcycle",
            brand: "Honda",
            model: "Wave Alpha",
            chassis_number: ["RLHJA3900", &reserved(self.number(), 8)].concat(),
            engine_number: Some(["JA39E", &reserved(self.number(), 7)].concat()),
            seats: 2,
            displacement_cc: Some(109),
            ..self.car(today)
        }
    }

    /// A car of the persona's.
    pub fn car(&self, today: Date) -> Vehicle {
        Vehicle {
            plate: ["38A-", &plate_number(self.number())].concat(),
            kind: "car",
            plate_colour: "white",
            owner: self.owner(),
            co_owners: Vec::new(),
            brand: "Toyota",
            model: "Vios",
            chassis_number: ["RL4BM9F30", &reserved(self.number(), 8)].concat(),
            engine_number: Some(["2NR", &reserved(self.number(), 7)].concat()),
            colour: "Trắng",
            seats: 5,
            displacement_cc: Some(1496),
            first_registered: plus_years(today, -3),
            status: "active",
            status_reason: None,
        }
    }

    /// A company of the persona's.
    pub fn company(&self, today: Date) -> Enterprise {
        Enterprise {
            enterprise_code: company_code(self.number()),
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

/// The company of persona 020, who employs the others.
const COMPANY: &str = "Công ty TNHH một thành viên Thương mại Sông La";

fn company_code(ordinal: u64) -> String {
    (9_900_000 + 10 * ordinal..).find_map(enterprise_code).unwrap_or_default()
}

/// A number whose leading digits mark the personas' range: `990…` and the ordinal.
fn reserved(ordinal: u64, width: u32) -> String {
    padded(99 * 10_u64.pow(width - 2) + ordinal, width as usize)
}

fn plate_number(ordinal: u64) -> String {
    let number = reserved(ordinal, 5);
    [&number[..3], ".", &number[3..]].concat()
}

/// The old nine-digit number of a persona.
pub fn old_id_number(ordinal: u64) -> String {
    ["18", &reserved(ordinal, 7)].concat()
}

/// The licence number of a persona.
pub fn licence_number(identity: &Identity) -> String {
    ["42", identity.sex().choose("1", "0"), "14", &reserved(identity.ordinal(), 7)].concat()
}

fn home(commune: &'static Commune) -> Address {
    Address::in_commune(commune, if commune.is_ward() { "Tổ dân phố 5" } else { "Thôn Thống Nhất" })
}

fn person(identity: &Identity, today: Date) -> Person {
    let commune = identity.commune();
    let former = commune.former.first().and_then(|code| Geography::ha_tinh().former(code));
    let born_in = former.map_or_else(|| Address::commune(commune), |unit| Address::in_former(unit, ""));
    Person {
        personal_id: identity.personal_id,
        superseded_ids: Vec::new(),
        old_id_number: Some(old_id_number(identity.ordinal())),
        full_name: identity.full_name.to_owned(),
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
        household_id: Some(["42-", &reserved(identity.ordinal(), 9)].concat()),
        relation_to_head: Some("head"),
        father_id: None,
        mother_id: None,
        spouse_id: None,
        death_date: None,
        card: Some(Card::issued(identity.birth, plus_days(today, -500))),
        status: "active",
        status_reason: None,
    }
}

fn household(person: &Person, number: u64) -> Household {
    Household {
        household_id: ["42-", &reserved(number, 9)].concat(),
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

fn health_card(person: &Person, today: Date) -> HealthCard {
    HealthCard {
        card_number: person.personal_id.as_str().to_owned(),
        holder: holder(person),
        object_code: "GD",
        benefit_level: "4",
        facility: "42001".to_owned(),
        area: None,
        valid_from: plus_days(today, -120),
        valid_until: plus_days(today, 244),
        five_years_on: Some(plus_years(today, -1)),
        status: "active",
        status_reason: None,
    }
}

fn membership(person: &Person, number: u64, today: Date) -> Membership {
    let from = plus_years(today, -5);
    let unit = Some(([&company_code(20), "DNG46"].concat(), COMPANY.into()));
    let period = |kind| Period { unit: unit.clone(), from, to: None, base: 6_200_000, kind };
    Membership {
        personal_id: person.personal_id,
        bhxh_code: Some(["42", &reserved(number, 8)].concat()),
        periods: vec![period("compulsory"), period("unemployment")],
        status: "active",
        status_reason: None,
    }
}

fn licence(person: &Person, identity: &Identity, today: Date) -> Licence {
    let first = Date::constant(2014, 6, 16).max(plus_years(identity.birth, 18));
    Licence {
        licence_number: licence_number(identity),
        holder: holder(person),
        classes: vec![LicenceClass::issued("A1", first), LicenceClass::issued("B", plus_years(today, -2).max(first))],
        points: 12,
        points_deducted_on: None,
        restrictions: Vec::new(),
        status: "active",
        status_reason: None,
    }
}

fn parcel(commune: &'static Commune, number: u64) -> Parcel {
    let former = commune.former.first().and_then(|code| Geography::ha_tinh().former(code));
    let origin = "recognised_without_fee";
    let (home, garden) = (if commune.is_ward() { "ODT" } else { "ONT" }, "CLN");
    Parcel {
        parcel_id: commune.parcel_id(PARCELS_RESERVED_FROM + number),
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
            LandUse { code: garden, area_tenths: 3_485, origin, until: None },
        ],
    }
}

fn certificate(person: &Person, parcel: &Parcel, number: u64, today: Date) -> Certificate {
    Certificate {
        serial: ["CĐ ", &padded(SERIALS_RESERVED_FROM + number, 6)].concat(),
        registry_number: ["CS ", &padded(99_000 + number, 5)].concat(),
        issued_on: Date::constant(2016, 9, 12).min(today),
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

fn shop(person: &Person, identity: &Identity, today: Date) -> HouseholdBusiness {
    let given = identity.full_name.rsplit(' ').next().unwrap_or_default();
    HouseholdBusiness {
        old_tax_code: None,
        name: ["Hộ kinh doanh Tạp hóa ", given].concat(),
        representative_id: person.personal_id,
        members: Vec::new(),
        lines: vec!["4711"],
        address: person.permanent_residence.clone().unwrap_or_else(|| person.birth_place.clone()),
        tax_status: "00",
        registered_on: plus_years(today, -1),
        status: "active",
        status_reason: None,
    }
}
