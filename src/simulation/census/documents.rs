//! Figures of the documents: who has which, in the form of which day.

use std::collections::{BTreeMap, BTreeSet};

use super::count::Counts;
use super::household::{Household, day, is_dead, is_resident, is_woman, items};
use crate::base::Date;
use crate::registry::{business, driver_licence, health_insurance, judicial, land, social_insurance, vehicle};
use crate::simulation::geography::REORGANISED;
use crate::simulation::population::calendar::is_working_day;
use crate::trust::Object;

/// Enterprises that are in the business register, and those that employ: a few for a whole province.
#[derive(Debug, Default)]
pub(super) struct EmployersSeen {
    registered: BTreeSet<String>,
    employing: BTreeMap<String, u64>,
}

impl EmployersSeen {
    pub(super) fn count(&self, counts: &mut Counts) {
        for (code, jobs) in &self.employing {
            let is_registered = self.registered.contains(code);
            counts.add("employers_registered", if is_registered { *jobs } else { 0 }, *jobs);
        }
    }
}

pub(super) fn count(household: &Household<'_>, employers: &mut EmployersSeen, counts: &mut Counts) {
    health(household, counts);
    work(household, employers, counts);
    justice(household, counts);
    driving(household, counts);
    vehicles(household, counts);
    of_land(household, counts);
    businesses(household, employers, counts);
    let acts = household.people().filter_map(|person| day(person, "card.issued_on"));
    acts.for_each(|day| counts.share("working_days", is_working_day(day)));
}

fn acts(object: &Object, path: &str, counts: &mut Counts) {
    if let Some(day) = day(object, path) {
        counts.share("working_days", is_working_day(day));
    }
}

/// Counts documents of which some are of the dead.
fn of_the_dead(household: &Household<'_>, id: Option<&str>, figure: &'static str, counts: &mut Counts) {
    if let Some(person) = household.person(id) {
        counts.share(figure, is_dead(person));
    }
}

fn health(household: &Household<'_>, counts: &mut Counts) {
    let cards = household.of_type(health_insurance::CARD);
    let card_of =
        |person: &Object| cards.clone().find(|card| card.text_at("holder.personal_id") == person.text("personal_id"));
    for resident in household.residents() {
        let card = card_of(resident);
        counts.share("insured", card.is_some());
        if household.age(resident) < 6 {
            counts.share("insured_under_six", card.is_some_and(|card| card.text("object_code") == Some("TE")));
        }
    }
    cards
        .clone()
        .for_each(|card| of_the_dead(household, card.text_at("holder.personal_id"), "dead_health_cards", counts));
    let has = |code: &str| cards.clone().any(|card| card.text("object_code") == Some(code));
    if household.residents().next().is_some() {
        counts.share("poor", has("HN"));
        counts.share("poor_and_near_poor", has("HN") && has("CN"));
    }
}

fn work(household: &Household<'_>, employers: &mut EmployersSeen, counts: &mut Counts) {
    let memberships = household.of_type(social_insurance::MEMBERSHIP);
    for resident in household.residents() {
        let own = memberships.clone().find(|membership| membership.text("personal_id") == resident.text("personal_id"));
        let pays = |kind: &str| {
            own.is_some_and(|own| {
                items(own, "periods").any(|it| it.text("kind") == Some(kind) && !it.contains("to_month"))
            })
        };
        counts.share("compulsory", pays("compulsory"));
        counts.share("voluntary", pays("voluntary"));
    }
    for membership in memberships.clone() {
        of_the_dead(household, membership.text("personal_id"), "dead_memberships", counts);
        let base = |period: &Object| period.text("base").and_then(|base| base.parse::<u64>().ok());
        let wages: Vec<u64> =
            items(membership, "periods").filter(|it| it.text("kind") == Some("compulsory")).filter_map(base).collect();
        if let [first, .., last] = wages[..] {
            counts.share("rising_wages", last > first);
        }
        let codes = items(membership, "periods").filter_map(|period| period.text("unit_code"));
        for (code, _) in codes.filter_map(|code| code.split_once("DN")) {
            *employers.employing.entry(code.to_owned()).or_default() += 1;
        }
    }
}

fn justice(household: &Household<'_>, counts: &mut Counts) {
    for record in household.of_type(judicial::RECORD) {
        of_the_dead(household, record.text("personal_id"), "dead_judicial", counts);
        let sentences = items(record, "sentences");
        let convicted = sentences.clone().next().is_some();
        counts.share("convicted", convicted);
        if let Some(person) = household.person(record.text("personal_id")).filter(|_| convicted) {
            counts.share("convicted_women", is_woman(person));
            counts.share("bans", record.contains("bans"));
        }
        for sentence in sentences {
            acts(sentence, "judged_on", counts);
            acts(sentence, "expunged_on", counts);
            let of_first_instance = sentence.text("court") != Some("Tòa án nhân dân tỉnh Hà Tĩnh");
            counts.share("courts_of_first_instance", of_first_instance);
            let code = if day(sentence, "judged_on") >= Some(Date::constant(2018, 1, 1)) { "2015)" } else { "1999)" };
            counts.share("offences_of_the_code", sentence.text("offence").is_some_and(|text| text.ends_with(code)));
        }
    }
}

/// Classes of the table before 2025, and since.
const OLD_CLASSES: [&str; 13] = ["A1", "A2", "A3", "A4", "B1", "B2", "C", "D", "E", "FB2", "FC", "FD", "FE"];
const NEW_CLASSES: [&str; 15] =
    ["A1", "A", "B1", "B", "C1", "C", "D1", "D2", "D", "BE", "C1E", "CE", "D1E", "D2E", "DE"];

fn is_for_cars(class: &Object) -> bool {
    let code = class.text("code").unwrap_or_default();
    !code.starts_with('A') && (code != "B1" || day(class, "issued_on") < Some(driver_licence::NEW_CLASSES))
}

fn driving(household: &Household<'_>, counts: &mut Counts) {
    let licences = household.of_type(driver_licence::LICENCE);
    let adults = household.residents().filter(|resident| household.age(resident) >= 18);
    for adult in adults {
        let own = licence_of(household, adult.text("personal_id"));
        counts.share("licence_holders", own.is_some());
        counts.share("car_licences", own.is_some_and(|own| items(own, "classes").any(is_for_cars)));
    }
    for licence in licences {
        of_the_dead(household, licence.text_at("holder.personal_id"), "dead_licences", counts);
        for class in items(licence, "classes") {
            acts(class, "issued_on", counts);
            let is_old = day(class, "issued_on") < Some(driver_licence::NEW_CLASSES);
            let classes: &[&str] = if is_old { &OLD_CLASSES } else { &NEW_CLASSES };
            counts.share("old_classes", class.text("code").is_some_and(|code| classes.contains(&code)));
        }
    }
}

fn licence_of<'a>(household: &Household<'a>, id: Option<&str>) -> Option<&'a Object> {
    household.of_type(driver_licence::LICENCE).find(|licence| licence.text_at("holder.personal_id") == id)
}

fn vehicles(household: &Household<'_>, counts: &mut Counts) {
    let residents = household.residents().count() as u64;
    counts.add("motorcycles", 0, residents);
    counts.add("cars", 0, residents);
    for vehicle in household.of_type(vehicle::REGISTRATION) {
        acts(vehicle, "first_registered", counts);
        let Some(owner) = vehicle.object("owner") else { continue };
        let id = owner.text("personal_id");
        let of_organisation = owner.contains("organisation_code") || owner.contains("establishment_decision");
        counts.share("vehicles_of_organisations", of_organisation);
        counts.share("vehicles_of_foreigners", owner.contains("passport"));
        of_the_dead(household, id, "dead_vehicles", counts);
        if day(vehicle, "first_registered") < Some(REORGANISED) && owner.contains("address") {
            let ended = day(owner, "address.unit_valid_from") < Some(REORGANISED);
            counts.share("addresses_of_their_day", ended);
        }
        let Some(person) = household.person(id) else { continue };
        let licence = licence_of(household, id);
        let (owned, licensed) = match vehicle.text("kind") {
            Some("motorcycle") => ("motorcycles", Some(("motorcycle_owners_licensed", licence.is_some()))),
            Some("car") => {
                let drives = licence.is_some_and(|own| items(own, "classes").any(is_for_cars));
                ("cars", Some(("car_owners_licensed", drives)))
            }
            _ => continue,
        };
        counts.add(owned, 1, 0);
        if let Some((figure, holds)) = licensed.filter(|_| is_resident(person)) {
            counts.share(figure, holds);
        }
    }
}

fn of_land(household: &Household<'_>, counts: &mut Counts) {
    for certificate in household.of_type(land::CERTIFICATE) {
        acts(certificate, "issued_on", counts);
        items(certificate, "restrictions").for_each(|restriction| acts(restriction, "from_date", counts));
        counts.share("land_of_organisations", certificate.text("legal_form") == Some("organisation"));
        for owner in items(certificate, "owners") {
            of_the_dead(household, owner.text("personal_id"), "dead_certificates", counts);
        }
        if let (Some(issued), Some(serial)) = (day(certificate, "issued_on"), certificate.text("serial")) {
            counts.share("serials_of_their_day", is_of_its_day(serial, issued));
        }
    }
}

/// One letter to the end of 2009, then two of the series B, C and D, and eight digits since 2025.
fn is_of_its_day(serial: &str, issued: Date) -> bool {
    let Some((letters, digits)) = serial.split_once(' ') else { return false };
    let first = letters.chars().next().unwrap_or_default();
    let expected = match issued.year() {
        ..2009 => (1, 6),
        2009 if issued < Date::constant(2009, 12, 10) => (1, 6),
        2025.. => (2, 8),
        _ => (2, 6),
    };
    let of_series = expected != (2, 6) || matches!(first, 'B' | 'C' | 'D');
    of_series && (letters.chars().count(), digits.len()) == expected
}

fn businesses(household: &Household<'_>, employers: &mut EmployersSeen, counts: &mut Counts) {
    for enterprise in household.of_type(business::ENTERPRISE) {
        acts(enterprise, "registered_on", counts);
        employers.registered.extend(enterprise.text("enterprise_code").map(str::to_owned));
    }
    for shop in household.of_type(business::HOUSEHOLD) {
        acts(shop, "registered_on", counts);
        let is_named = shop.text("name").is_some_and(|name| name.starts_with("Hộ kinh doanh "));
        counts.share("household_business_names", is_named);
    }
}
