//! The life of a citizen with papers of the tester's choice: that of a grown person with everything, without what was not chosen, and as old, as
//! related and as housed as was asked for.

use std::collections::BTreeSet;

use crate::base::{Date, Violations};
use crate::registry::driver_licence::{CLASSES, NEW_CLASSES};
use crate::registry::judicial::{self, CERTIFICATE, Form};
use crate::simulation::document::{Card, Document as _, HealthCard, Licence, LicenceClass, Record};
use crate::simulation::names::Sex;
use crate::simulation::personas::identity::Scene;
use crate::simulation::personas::{Life, reserved};
use crate::simulation::population::Account;
use crate::simulation::population::calendar::{age_on, birthday, plus_days, plus_years};
use crate::trust::Operation;

use super::ages::{Ages, OWN_ACCOUNT_FROM};
use super::asked::AskedAccount;
use super::entries;
use super::papers::{FULL_AGE, Paper};
use super::relatives::{Relative, Relatives};
use super::wanted::Wanted;

/// Below this age health insurance is that of small children.
const SMALL_CHILD_UNTIL: i16 = 6;
/// Most members of a household.
const MEMBERS_MAX: usize = 40;
/// The first day of the cards that children have too.
const CARDS_OF_CHILDREN: Date = Date::constant(2024, 7, 1);

/// The life, or what of the request speaks against it.
pub fn compose(scene: &Scene<'_>, wanted: &Wanted, kin: &Relatives) -> Result<Life, Violations> {
    let mut composing =
        Composing { scene, wanted, kin, age: age_on(scene.own.birth, scene.today), bad: Violations::default() };
    composing.check_kin();
    let papers = composing.papers();
    let mut life = Life::full(scene);
    composing.relate(&mut life, &papers);
    composing.choose(&mut life, &papers);
    composing.identify(&mut life);
    if papers.contains(&Paper::Licence) {
        composing.licence(&mut life);
    }
    composing.enter(&mut life, &papers);
    if composing.bad.is_empty() { Ok(life) } else { Err(composing.bad) }
}

struct Composing<'a> {
    scene: &'a Scene<'a>,
    wanted: &'a Wanted,
    kin: &'a Relatives,
    age: i16,
    bad: Violations,
}

impl Composing<'_> {
    fn own_sex(&self) -> Sex {
        self.scene.own.sex()
    }

    /// The people named can be what the request says that they are, and the papers are for somebody of that age.
    fn check_kin(&mut self) {
        let kin = self.kin;
        Ages::of(self.wanted, kin, self.own_sex(), self.scene.today).check(self.scene.own.birth, &mut self.bad);
        for (field, parent, sex) in [("mother_id", &kin.mother, Sex::Female), ("father_id", &kin.father, Sex::Male)] {
            let Some(parent) = parent else { continue };
            if parent.sex.is_some_and(|known| known != sex) {
                let says = sex.choose("a mother is a woman", "a father is a man");
                self.bad.add(field, "CONFLICT", says);
            }
        }
        if let Some(spouse) = &kin.spouse {
            if spouse.sex == Some(self.own_sex()) {
                self.bad.add("spouse_id", "CONFLICT", "a husband is a man and a wife is a woman");
            }
            if !spouse.is_living {
                self.bad.add("spouse_id", "CONFLICT", "this person has died");
            }
            if spouse.is_married {
                self.bad.add("spouse_id", "CONFLICT", "this person is married already");
            }
            if [&kin.mother, &kin.father].into_iter().flatten().any(|parent| parent.is_kin_of(spouse)) {
                let says = "relatives in the direct line or within three generations do not marry";
                self.bad.add("spouse_id", "CONFLICT", says);
            }
        }
        if let Some(home) = &kin.home {
            if !home.is_active {
                self.bad.add("household_of", "CONFLICT", "the household was dissolved");
            }
            if home.members >= MEMBERS_MAX {
                self.bad.add("household_of", "CONFLICT", "a household has at most 40 members");
            }
        }
    }

    /// The papers that were chosen or are usual.
    fn papers(&self) -> BTreeSet<Paper> {
        let mut papers = match &self.wanted.papers {
            Some(chosen) => chosen.clone(),
            None => Paper::usual(self.age).into_iter().collect(),
        };
        if self.wanted.papers.is_none() {
            // A wish for a licence or a vehicle is a wish for the paper too.
            papers.extend(self.wanted.wishes());
            if self.kin.mother.is_some() || self.kin.father.is_some() {
                papers.insert(Paper::Birth);
            }
        }
        if self.kin.home.is_some() {
            papers.remove(&Paper::Household);
        }
        papers
    }

    /// Parents, spouse and household.
    fn relate(&mut self, life: &mut Life, papers: &BTreeSet<Paper>) {
        let (person, kin) = (&mut life.person, self.kin);
        let id = |relative: &Option<Relative>| relative.as_ref().map(|relative| relative.personal_id);
        (person.mother_id, person.father_id) = (id(&kin.mother), id(&kin.father));
        if let Some(spouse) = &kin.spouse {
            person.marital_status = "married";
            person.spouse_id = Some(spouse.personal_id);
        }
        match &kin.home {
            Some(home) => {
                let is_head = |relative: &Option<Relative>| home.head.is_some() && id(relative) == home.head;
                person.household_id = Some(home.household_id.clone());
                person.relation_to_head = Some(if is_head(&kin.spouse) {
                    "spouse"
                } else if is_head(&kin.mother) || is_head(&kin.father) {
                    "child"
                } else {
                    "other"
                });
                if let Some(residence) = &home.residence {
                    person.permanent_residence = Some(residence.clone());
                }
            }
            None if !papers.contains(&Paper::Household) => {
                person.household_id = None;
                person.relation_to_head = None;
            }
            None => {}
        }
    }

    /// Leaves out what was not chosen, and adds what a full life has not.
    fn choose(&mut self, life: &mut Life, papers: &BTreeSet<Paper>) {
        let has = |paper| papers.contains(&paper);
        let today = self.scene.today;
        life.household = life.household.take().filter(|_| has(Paper::Household));
        life.membership = life.membership.take().filter(|_| has(Paper::Membership));
        life.licence = life.licence.take().filter(|_| has(Paper::Licence));
        life.parcel = life.parcel.take().filter(|_| has(Paper::Land));
        life.certificate = life.certificate.take().filter(|_| has(Paper::Land));
        life.shop = life.shop.take().filter(|_| has(Paper::Shop));
        life.judicial = life.judicial.take().filter(|_| has(Paper::Judicial) || has(Paper::JudicialCertificate));
        life.health_card = life.health_card.take().filter(|_| has(Paper::HealthCard));
        if let Some(card) = &mut life.health_card {
            self.insure(card);
        }
        if let (true, Some(record)) = (has(Paper::JudicialCertificate), &life.judicial) {
            let [number, _] = reserved::judicial_certificates(self.scene.own.ordinal());
            let asked = judicial::Asked { number: &number, form: Form::One, requested_by: "holder", on: today };
            life.judicial_certificates.push(Record {
                record_type: CERTIFICATE,
                version: 1,
                operation: Operation::Create,
                payload: judicial::certificate(&record.payload(), &asked),
            });
        }
        if has(Paper::Enterprise) {
            let mut company = life.company(today);
            company.registered_on = company.registered_on.max(plus_years(self.scene.own.birth, FULL_AGE));
            life.enterprise = Some(company);
        }
        life.vehicles.clear();
        if has(Paper::Vehicle) {
            let motorcycle = [super::wanted::WantedVehicle { is_car: false, plate: None }];
            let wanted = if self.wanted.vehicles.is_empty() { &motorcycle[..] } else { &self.wanted.vehicles };
            for wanted in wanted {
                let mut vehicle = if wanted.is_car { life.car(today) } else { life.motorcycle(today) };
                vehicle.first_registered = vehicle.first_registered.max(plus_years(self.scene.own.birth, 15));
                if let Some(plate) = &wanted.plate {
                    vehicle.plate.clone_from(plate);
                }
                life.vehicles.push(vehicle);
            }
        }
    }

    /// Children are insured as such, and pupils by their school.
    fn insure(&self, card: &mut HealthCard) {
        let birth = self.scene.own.birth;
        if self.age < SMALL_CHILD_UNTIL {
            (card.object_code, card.benefit_level) = ("TE", "1");
            card.valid_from = birth;
            card.valid_until = plus_days(plus_years(birth, SMALL_CHILD_UNTIL), -1);
            card.five_years_on = None;
        } else if self.age < FULL_AGE {
            card.object_code = "HS";
            card.five_years_on = None;
        }
    }

    /// The identity card and the account, which go together.
    fn identify(&mut self, life: &mut Life) {
        let (birth, today) = (self.scene.own.birth, self.scene.today);
        let parents = [&self.kin.mother, &self.kin.father];
        let guardian = parents.into_iter().flatten().find(|parent| parent.is_living).map(|parent| parent.personal_id);
        let guardian = guardian.filter(|_| self.age < FULL_AGE);
        let grown = self.age >= OWN_ACCOUNT_FROM;
        let level = match self.wanted.account {
            AskedAccount::None => None,
            AskedAccount::Usual => Some(if grown { 2 } else { 1 }),
            AskedAccount::LevelOne => Some(1),
            AskedAccount::LevelTwo => Some(2),
        };
        if level.is_some() && !grown && guardian.is_none() {
            let says = "a child under 14 has an account through a living parent: name mother_id or father_id, or ask for no account";
            self.bad.add("mother_id", "REQUIRED", says);
        }
        life.account = level.map(|level| Account { personal_id: life.person.personal_id, level, guardian });
        let first = if grown { plus_years(birth, OWN_ACCOUNT_FROM) } else { CARDS_OF_CHILDREN.max(birth) };
        let issued = plus_days(today, -500).max(first).min(today);
        life.person.card = (grown || level == Some(2)).then(|| Card::issued(birth, issued));
    }

    /// The classes and the points.
    fn licence(&self, life: &mut Life) {
        let Some(licence) = &mut life.licence else { return };
        let (birth, today) = (self.scene.own.birth, self.scene.today);
        if !self.wanted.classes.is_empty() {
            licence.classes.clear();
        }
        for code in &self.wanted.classes {
            let Some(class) = CLASSES.iter().find(|class| class.code == *code) else { continue };
            let issued = plus_years(today, -2).max(NEW_CLASSES).max(birthday(birth, class.age_min));
            licence.classes.push(LicenceClass::issued(class.code, issued.min(today)));
        }
        let Some(points) = self.wanted.points else { return };
        with_points(licence, points, today);
    }

    /// The entries of the birth and the marriage.
    fn enter(&mut self, life: &mut Life, papers: &BTreeSet<Paper>) {
        if papers.contains(&Paper::Birth) {
            let birth = entries::birth(self.scene, life, self.kin);
            life.civil_status.push(birth);
        }
        if self.kin.spouse.is_some() {
            match entries::marriage(self.scene, life, self.kin) {
                Some(marriage) => life.civil_status.push(marriage),
                // The spouse is too young; whether the citizen is, was said already.
                None if self.bad.is_empty() => {
                    self.bad.add("spouse_id", "CONFLICT", "women marry from 18 years of age, men from 20");
                }
                None => {}
            }
        }
    }
}

/// A licence with so many points left; one without any is suspended.
fn with_points(licence: &mut Licence, points: u8, today: Date) {
    licence.points = points;
    if points < 12 {
        let first = licence.classes.iter().map(|class| class.issued_on).min().unwrap_or(today);
        licence.points_deducted_on = Some(plus_days(today, -30).max(first));
    }
    if points == 0 {
        licence.status = "suspended";
        licence.status_reason = Some("Bị trừ hết điểm, chưa kiểm tra lại kiến thức pháp luật".into());
    }
}
