//! A request that was read: what is asked for, in the types of the simulation, with every fault of it named at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::base::name::{unknown, with_nearest};
use crate::base::text::{composed, name_is_valid};
use crate::base::{Date, PersonalId, Violation, Violations};
use crate::registry::driver_licence::CLASSES;
use crate::registry::forms;
use crate::registry::samples::Samples;
use crate::registry::{Catalogue, RecordType};
use crate::simulation::geography::{Commune, Geography};
use crate::simulation::names::Sex;
use crate::simulation::personas::{PersonaRow, demands::Demands, situation, situations};
use crate::simulation::population::calendar::age_on;
use crate::simulation::samples;

use super::asked::{Asked, AskedAccount, AskedVehicle};
use super::papers::{PAPERS, Paper};

/// Most lines of a list: there are no more classes and kinds of vehicles.
const LIST_MAX: usize = 20;
/// Most papers.
const PAPERS_MAX: usize = 40;
/// The years of the personal ID's structure.
const FIRST_YEAR: i16 = 1900;

/// A citizen who is wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    pub full_name: Option<String>,
    pub birth: Option<Date>,
    pub sex: Option<Sex>,
    pub commune: Option<&'static Commune>,
    pub kin: Kin,
    pub situation: Option<&'static PersonaRow>,
    /// Those that were chosen; `None`: what is usual.
    pub papers: Option<BTreeSet<Paper>>,
    /// Those of registries from schema files, with how they are made.
    pub samples: Vec<(Arc<RecordType>, Samples)>,
    pub classes: Vec<&'static str>,
    pub points: Option<u8>,
    pub vehicles: Vec<WantedVehicle>,
    pub account: AskedAccount,
}

/// Existing people whom the request names.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kin {
    pub household_of: Option<PersonalId>,
    pub mother: Option<PersonalId>,
    pub father: Option<PersonalId>,
    pub spouse: Option<PersonalId>,
}

/// A vehicle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedVehicle {
    pub is_car: bool,
    /// As it is stored.
    pub plate: Option<String>,
}

impl Wanted {
    /// Reads a request; gives every field that is wrong.
    pub fn read(asked: &Asked, catalogue: &Catalogue, today: Date) -> Result<Self, Violations> {
        let mut bad = Violations::default();
        let mut wanted = Self { account: asked.account, ..Self::default() };
        wanted.read_person(asked, today, &mut bad);
        wanted.read_kin(asked, &mut bad);
        wanted.read_papers(asked, catalogue, &mut bad);
        wanted.read_licence(asked, &mut bad);
        for (at, vehicle) in asked.vehicles.iter().enumerate().take(LIST_MAX) {
            wanted.read_vehicle(vehicle, at, &mut bad);
        }
        wanted.read_situation(asked, today, &mut bad);
        wanted.check_together(asked, &mut bad);
        if bad.is_empty() { Ok(wanted) } else { Err(bad) }
    }

    /// The field that chose the records.
    pub fn chosen(&self) -> &'static str {
        if self.situation.is_some() { "situation" } else { "papers" }
    }

    /// The papers that it takes to have what is said of them.
    pub fn wishes(&self) -> impl Iterator<Item = Paper> {
        let licence = (!self.classes.is_empty() || self.points.is_some()).then_some(Paper::Licence);
        let vehicle = (!self.vehicles.is_empty()).then_some(Paper::Vehicle);
        licence.into_iter().chain(vehicle)
    }

    fn read_person(&mut self, asked: &Asked, today: Date, bad: &mut Violations) {
        if !asked.full_name.is_empty() {
            // What a registry would say about a name in a wrong encoding is said when the record is checked.
            if !name_is_valid(&asked.full_name) {
                bad.add("full_name", "FORMAT", "words of letters, with one space between them, at most 100 characters");
            } else if !asked.full_name.contains(' ') {
                bad.add("full_name", "FORMAT", "a family name and a given name are needed");
            }
            // As it will be stored.
            self.full_name = Some(composed(&asked.full_name));
        }
        if !asked.birth_date.is_empty() {
            let date = asked.birth_date.parse::<Date>().ok().filter(|_| asked.birth_date.len() == 10);
            match date {
                None => bad.add("birth_date", "FORMAT", "a day of the calendar as YYYY-MM-DD"),
                Some(date) if date > today => bad.add("birth_date", "FUTURE", "must not be in the future"),
                Some(date) if date.year() < FIRST_YEAR => {
                    bad.add("birth_date", "OUT_OF_RANGE", "must not be before 1900");
                }
                Some(date) => self.birth = Some(date),
            }
        }
        self.sex = match asked.sex.as_str() {
            "" => None,
            "female" => Some(Sex::Female),
            "male" => Some(Sex::Male),
            _ => {
                bad.add("sex", "UNKNOWN_VALUE", "female or male");
                None
            }
        };
        if !asked.unit_code.is_empty() {
            self.commune = Geography::ha_tinh().commune(&asked.unit_code);
            if self.commune.is_none() {
                let says = "must be the code of a commune or ward of the province as it is today; see RegistryService/ListCodes";
                bad.add("unit_code", "UNKNOWN_VALUE", says);
            }
        }
    }

    fn read_kin(&mut self, asked: &Asked, bad: &mut Violations) {
        let mut read = |field: &str, text: &str| match text {
            "" => None,
            text => match PersonalId::from_field(field, text) {
                Ok(id) => Some(id),
                Err(violation) => {
                    bad.push(violation);
                    None
                }
            },
        };
        self.kin = Kin {
            household_of: read("household_of", &asked.household_of),
            mother: read("mother_id", &asked.mother_id),
            father: read("father_id", &asked.father_id),
            spouse: read("spouse_id", &asked.spouse_id),
        };
    }

    fn read_papers(&mut self, asked: &Asked, catalogue: &Catalogue, bad: &mut Violations) {
        if asked.papers.is_empty() {
            return;
        }
        if asked.papers.len() > PAPERS_MAX {
            return bad.add("papers", "COUNT", "at most 40 papers");
        }
        let mut chosen = BTreeSet::new();
        let samples: Vec<_> = samples::described(catalogue).collect();
        for (at, name) in asked.papers.iter().enumerate() {
            let sample = || samples.iter().find(|(of, _)| of.name == *name);
            match (PAPERS.iter().find(|(known, _)| known == name), sample()) {
                (Some((_, paper)), _) => chosen.extend(*paper),
                (None, Some((of, _))) if self.samples.iter().any(|(known, _)| known.name == of.name) => {}
                (None, Some(sample)) => self.samples.push(sample.clone()),
                (None, None) => {
                    let built_in = PAPERS.iter().map(|(known, _)| *known);
                    let known: Vec<&str> = built_in.chain(samples.iter().map(|(of, _)| &*of.name)).collect();
                    let says = with_nearest("no such paper".to_owned(), name, known.iter().copied());
                    let says = format!("{says}; there are: {}", known.join(", "));
                    bad.push(Violation::new(format_args!("papers[{at}]"), "UNKNOWN_VALUE", says));
                }
            }
        }
        self.papers = Some(chosen);
    }

    fn read_licence(&mut self, asked: &Asked, bad: &mut Violations) {
        let Some(licence) = &asked.licence else { return };
        for (at, code) in licence.classes.iter().enumerate().take(LIST_MAX) {
            let field = format_args!("licence.classes[{at}]").to_string();
            let known = || CLASSES.iter().filter(|class| class.current);
            match known().find(|class| class.code == code) {
                Some(class) if self.classes.contains(&class.code) => {
                    bad.add(field, "DUPLICATE", "the class is listed already");
                }
                Some(class) => self.classes.push(class.code),
                None => {
                    let all: Vec<&str> = known().map(|class| class.code).collect();
                    bad.add(field, "UNKNOWN_VALUE", format_args!("must be one of {}", all.join(", ")));
                }
            }
        }
        match licence.points {
            Some(points @ 0..=12) => self.points = Some(points as u8),
            Some(_) => bad.add("licence.points", "OUT_OF_RANGE", "must be from 0 to 12"),
            None => {}
        }
        if self.papers.as_ref().is_some_and(|papers| !papers.contains(&Paper::Licence)) {
            bad.add("licence", "CONFLICT", "the licence is not among the papers");
        }
    }

    fn read_vehicle(&mut self, asked: &AskedVehicle, at: usize, bad: &mut Violations) {
        let is_car = match asked.kind.as_str() {
            "" | "motorcycle" => false,
            "car" => true,
            _ => return bad.add(format_args!("vehicles[{at}].kind"), "UNKNOWN_VALUE", "motorcycle or car"),
        };
        if self.vehicles.iter().any(|other| other.is_car == is_car) {
            return bad.add(format_args!("vehicles[{at}].kind"), "DUPLICATE", "at most one motorcycle and one car");
        }
        let plate = match asked.plate.as_str() {
            "" => None,
            text => {
                let fits = if is_car { forms::car_plate } else { forms::motorcycle_plate };
                let plate = forms::plate(text).filter(|plate| fits(plate) && !forms::trailer_plate(plate));
                if plate.is_none() {
                    let says = "a plate as 38-B1 123.45 or 38-AA 123.45 of a motorcycle, 38A-123.45 of a car";
                    bad.add(format_args!("vehicles[{at}].plate"), "FORMAT", says);
                }
                plate
            }
        };
        self.vehicles.push(WantedVehicle { is_car, plate });
        if self.papers.as_ref().is_some_and(|papers| !papers.contains(&Paper::Vehicle)) {
            bad.add(format_args!("vehicles[{at}]"), "CONFLICT", "vehicles are not among the papers");
        }
    }

    fn read_situation(&mut self, asked: &Asked, today: Date, bad: &mut Violations) {
        if asked.situation.is_empty() {
            return;
        }
        let Some(row) = situation(&asked.situation) else {
            let (kind, list) = ("situation", "SimulationService/ListPersonas");
            return bad.push(unknown("situation", kind, &asked.situation, situations(), list));
        };
        self.situation = Some(row);
        let own = [
            ("papers", !asked.papers.is_empty()),
            ("licence", asked.licence.is_some()),
            ("vehicles", !asked.vehicles.is_empty()),
            ("household_of", !asked.household_of.is_empty()),
            ("mother_id", !asked.mother_id.is_empty()),
            ("father_id", !asked.father_id.is_empty()),
            ("spouse_id", !asked.spouse_id.is_empty()),
            ("account", asked.account != AskedAccount::Usual),
        ];
        for (field, _) in own.into_iter().filter(|(_, is_given)| *is_given) {
            bad.add(field, "CONFLICT", "a situation brings its own papers, relatives and account: leave this out");
        }
        let demands = Demands::of(row.key);
        let (least, most) = demands.ages;
        if let Some(birth) = self.birth
            && !(least..=most).contains(&age_on(birth, today))
        {
            let says = format_args!("this situation is of somebody from {least} to {most} years of age");
            bad.add("birth_date", "CONFLICT", says);
        }
        if let Some(sex) = demands.sex
            && self.sex.is_some_and(|asked| asked != sex)
        {
            bad.add("sex", "CONFLICT", sex.choose("this situation is of a woman", "this situation is of a man"));
        }
        if let Some(unit) = demands.unit_code
            && self.commune.is_some_and(|commune| commune.code != unit)
        {
            bad.add("unit_code", "CONFLICT", format_args!("this situation is about an address in {unit}"));
        }
        if self.full_name.as_ref().is_some_and(|name| !demands.fits_name(name)) {
            let says = "this situation needs a name that is spelled in two ways, as Hoà and Hòa";
            bad.add("full_name", "CONFLICT", says);
        }
    }

    fn check_together(&self, asked: &Asked, bad: &mut Violations) {
        let Kin { household_of, mother, father, spouse } = self.kin;
        if household_of.is_some() && self.commune.is_some() {
            bad.add("unit_code", "CONFLICT", "a member of a household lives at its registered address");
        }
        let owns_household = self.papers.as_ref().is_some_and(|papers| papers.contains(&Paper::Household));
        if household_of.is_some() && owns_household {
            bad.add("household_of", "CONFLICT", "a household of one's own is among the papers");
        }
        let named = [("mother_id", mother), ("father_id", father), ("spouse_id", spouse)];
        for (at, (field, id)) in named.iter().enumerate() {
            if id.is_some() && named[..at].iter().any(|(_, other)| other == id) {
                bad.add(field, "CONFLICT", "must be another person");
            }
        }
        if asked.vehicles.len() > LIST_MAX {
            bad.add("vehicles", "COUNT", "at most one motorcycle and one car");
        }
        if asked.licence.as_ref().is_some_and(|licence| licence.classes.len() > LIST_MAX) {
            bad.add("licence.classes", "COUNT", "at most 20 classes");
        }
    }
}
