//! What is special about each persona: one function a situation, from a full life to the changed one.
//!
//! Where a situation came about, the record has the version before it too, so that its history can be read.

use crate::base::{Date, PartialDate};
use crate::registry::driver_licence::LICENCE;
use crate::registry::health_insurance::CARD;
use crate::registry::judicial::{Asked, CERTIFICATE, Form, certificate};
use crate::registry::resident::DEATH_ENTRY;
use crate::registry::vehicle::REGISTRATION;
use crate::simulation::document::{Address, Basis, Document as _, LandOwner, LandRestriction, Paper, Record, Sentence};
use crate::simulation::geography::Geography;
use crate::simulation::population::Account;
use crate::simulation::population::calendar::{month_start, plus_days, plus_years};
use crate::trust::Operation;

use super::entries;
use super::identity::{Identity, Scene};
use super::life::Life;
use super::reserved;

/// All three kinds of documents that can be linked.
pub const ALL_DOCUMENTS: &[&str] = &[CARD, LICENCE, REGISTRATION];

/// A situation: the life of whoever it is about.
pub type Situation = fn(&Scene<'_>) -> Life;

/// Everything linked, all well.
pub fn happy(scene: &Scene<'_>) -> Life {
    Life { links: ALL_DOCUMENTS, ..with_car(scene) }
}

/// Nothing linked yet; a car besides the motorcycle.
pub fn with_car(scene: &Scene<'_>) -> Life {
    let mut life = Life::full(scene);
    life.vehicles.push(life.car(scene.today));
    life
}

/// One name in two spellings. The licence is from before personal IDs, so that name, birth date and sex must match it.
pub fn two_spellings(scene: &Scene<'_>) -> Life {
    let mut life = Life::full(scene);
    let other = other_spelling(&life.person.full_name);
    if let Some(card) = &mut life.health_card {
        card.holder.full_name = other.clone();
    }
    if let Some(licence) = &mut life.licence {
        licence.holder.full_name = other.clone();
        licence.holder.personal_id = None;
    }
    for vehicle in &mut life.vehicles {
        vehicle.owner.full_name = other.to_uppercase();
    }
    life
}

/// Syllables that are spelled in two ways: with the tone on the second vowel, and on the first.
const TWO_WAYS: [(&str, &str); 15] = [
    ("oà", "òa"),
    ("oá", "óa"),
    ("oả", "ỏa"),
    ("oã", "õa"),
    ("oạ", "ọa"),
    ("oè", "òe"),
    ("oé", "óe"),
    ("oẻ", "ỏe"),
    ("oẽ", "õe"),
    ("oẹ", "ọe"),
    ("uỳ", "ùy"),
    ("uý", "úy"),
    ("uỷ", "ủy"),
    ("uỹ", "ũy"),
    ("uỵ", "ụy"),
];

/// The name with the tones of its open syllables in the other place: `Hòa` for `Hoà`; the same name where it has none.
pub fn other_spelling(name: &str) -> String {
    let word = |word: &str| {
        // `qu` is a consonant
        let way = TWO_WAYS.iter().filter(|_| !word.to_lowercase().starts_with("qu"));
        let swapped = way
            .flat_map(|(one, other)| [(*one, *other), (*other, *one)])
            .find_map(|(one, other)| word.strip_suffix(one).map(|head| [head, other].concat()));
        swapped.unwrap_or_else(|| word.to_owned())
    };
    name.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// A licence under her number that names somebody else.
pub fn anothers_licence(scene: &Scene<'_>) -> Life {
    let mut life = Life::full(scene);
    if let Some(licence) = &mut life.licence {
        licence.holder.full_name = "Phan Thị Mai Loan".to_owned();
        licence.holder.birth_date = Some(Date::constant(1979, 2, 11).into());
    }
    life
}

/// Health insurance that ended with the last month.
pub fn lapsed_card(scene: &Scene<'_>) -> Life {
    let mut life = Life::full(scene);
    if let Some(card) = &mut life.health_card {
        card.valid_until = plus_days(month_start(scene.today), -1);
        card.valid_from = plus_days(plus_years(card.valid_until, -1), 1);
    }
    life
}

/// All points lost, so the licence is suspended.
pub fn no_points(scene: &Scene<'_>) -> Life {
    let mut life = Life { links: &[LICENCE], ..Life::full(scene) };
    if let Some(mut licence) = life.licence.clone() {
        licence.points = 0;
        licence.points_deducted_on = Some(plus_days(scene.today, -9));
        licence.status = "suspended";
        licence.status_reason = Some("Bị trừ hết điểm, chưa kiểm tra lại kiến thức pháp luật".into());
        life.later.push(licence.version(2).with_basis(&Basis {
            document_number: "1187/QĐ-XPHC",
            issued_on: plus_days(scene.today, -9),
            authority: "Phòng Cảnh sát giao thông, Công an tỉnh Hà Tĩnh",
            reason_code: "points_deducted",
        }));
    }
    life
}

/// A car that is reported stolen.
pub fn stolen_car(scene: &Scene<'_>) -> Life {
    let mut life = with_car(scene);
    if let Some(mut car) = life.vehicles.last().cloned() {
        car.status = "stolen";
        car.status_reason = Some("Chủ xe trình báo mất cắp".into());
        life.later.push(car.version(2));
    }
    life
}

/// Land that a couple owns and a court has frozen.
pub fn frozen_land(scene: &Scene<'_>) -> Life {
    let mut life = Life::full(scene);
    let Some(husband) = scene.of("042080990022").map(|scene| scene.own) else { return life };
    marry(&mut life, husband);
    if let Some(household) = &mut life.household {
        household.members.push((husband.personal_id, "spouse"));
    }
    if let Some(certificate) = &mut life.certificate {
        let birth_date = Some(husband.birth.into());
        certificate.legal_form = "couple";
        certificate.owners[0].role = "wife";
        certificate.owners.insert(
            0,
            LandOwner {
                paper: Paper::Id(husband.personal_id),
                full_name: husband.full_name.clone(),
                birth_date,
                role: "husband",
            },
        );
        let mut frozen = certificate.clone();
        frozen.restrictions.push(LandRestriction {
            kind: "court_freeze",
            authority: "Tòa án nhân dân khu vực 1 - Hà Tĩnh".into(),
            reference: Some("05/QĐ-BPKCTT".to_owned()),
            from_date: plus_days(scene.today, -40),
        });
        life.later.push(frozen.version(2));
    }
    life
}

/// The husband beside the frozen land: the same household and certificate, so no land of his own here.
pub fn husband(scene: &Scene<'_>) -> Life {
    let mut life = Life { household: None, ..Life::bystander(scene) };
    let Some(wife) = scene.of("042182990008") else { return life };
    marry(&mut life, wife.own);
    life.person.household_id = Some(reserved::household(wife.own.ordinal()));
    life.person.relation_to_head = Some("spouse");
    life.person.permanent_residence = Life::full(&wife).person.permanent_residence;
    life.civil_status.push(entries::marriage(scene, &wife));
    life
}

fn marry(life: &mut Life, spouse: &Identity) {
    life.person.marital_status = "married";
    life.person.spouse_id = Some(spouse.personal_id);
}

/// In force since this day (Law 12/2017).
const PENAL_CODE_OF_2015: Date = Date::constant(2018, 1, 1);

/// Convicted once, expunged since; a certificate of each form was issued last month.
pub fn expunged(scene: &Scene<'_>) -> Life {
    let mut life = Life::full(scene);
    // As a grown person, and long ago.
    let judged_on = Date::constant(2012, 5, 14).max(plus_days(plus_years(scene.own.birth, 19), 1));
    let expunged_on = plus_days(plus_years(judged_on, 2), 37);
    if let Some(judicial) = &mut life.judicial {
        judicial.sentences.push(Sentence {
            court: "Tòa án nhân dân tỉnh Hà Tĩnh".into(),
            judgment_number: format!("27/{}/HS-ST", judged_on.year()),
            judged_on,
            offence: match judged_on < PENAL_CODE_OF_2015 {
                true => "Đánh bạc (Điều 248 Bộ luật Hình sự 1999)".into(),
                false => "Đánh bạc (Điều 321 Bộ luật Hình sự 2015)".into(),
            },
            penalty: "6 tháng tù, cho hưởng án treo, thử thách 12 tháng".into(),
            additional_penalty: None,
            // With the time of probation.
            served_on: Some(plus_years(judged_on, 1)),
            expunged_on: None,
        });
        let mut later = judicial.clone();
        later.sentences[0].expunged_on = Some(expunged_on);
        let record = later.payload();
        life.later.push(later.version(2).with_basis(&Basis {
            document_number: "15/GCN-XAT",
            issued_on: expunged_on,
            authority: "Tòa án nhân dân tỉnh Hà Tĩnh",
            reason_code: "expunged_by_law",
        }));
        let numbers = reserved::judicial_certificates(scene.own.ordinal());
        for (number, form) in numbers.iter().zip([Form::One, Form::Two]) {
            let asked = Asked { number, form, requested_by: "holder", on: plus_days(scene.today, -30) };
            // After the record says so.
            life.later.push(Record {
                record_type: CERTIFICATE,
                version: 1,
                operation: Operation::Create,
                payload: certificate(&record, &asked),
            });
        }
    }
    life
}

/// Died last year, and the land office and the vehicle register have not been notified.
pub fn deceased(scene: &Scene<'_>) -> Life {
    let mut life = with_car(scene);
    let died = Date::new(scene.today.year() - 1, 8, 19).unwrap_or(scene.today);
    let entry = Basis {
        document_number: "64/KT",
        issued_on: plus_days(died, 2),
        authority: "Ủy ban nhân dân xã Thạch Hà",
        reason_code: DEATH_ENTRY,
    };
    let mut person = life.person.clone();
    person.death_date = Some(died.into());
    person.household_id = None;
    person.relation_to_head = None;
    person.status = "deceased";
    person.status_reason = Some("Đã chết".into());
    life.later.push(person.version(2).with_basis(&entry));
    life.civil_status.extend(entries::death(scene.own, &person, died));
    dissolve_household(&mut life);
    if let Some(mut card) = life.health_card.clone() {
        card.status = "revoked";
        card.status_reason = Some("Người tham gia đã chết".into());
        life.later.push(card.version(2).with_basis(&entry));
    }
    if let Some(mut membership) = life.membership.clone() {
        membership.periods.iter_mut().for_each(|period| period.to = Some(died));
        membership.status = "closed";
        membership.status_reason = Some("Người tham gia đã chết".into());
        life.later.push(membership.version(2).with_basis(&entry));
    }
    if let Some(shop) = &mut life.shop {
        shop.registered_on = plus_years(died, -4);
        let mut closed = shop.clone();
        closed.tax_status = "01";
        closed.status = "closed";
        closed.status_reason = Some("Chủ hộ kinh doanh đã chết".into());
        life.later.push(closed.version(2).with_basis(&entry));
    }
    life
}

/// Nobody is left in it.
fn dissolve_household(life: &mut Life) {
    if let Some(mut household) = life.household.clone() {
        household.dissolved = Some("Không còn thành viên");
        life.later.push(household.version(2));
    }
}

/// A small girl without a card; her mother acts for her.
pub fn small_girl(scene: &Scene<'_>) -> Life {
    let mut life = Life { household: None, judicial: None, ..Life::bystander(scene) };
    life.person.card = None;
    life.person.old_id_number = None;
    let mother = scene.of("042196990023").map(|scene| scene.own);
    let guardian = mother.map(|mother| mother.personal_id);
    life.person.mother_id = guardian;
    life.person.household_id = mother.map(|mother| reserved::household(mother.ordinal()));
    life.person.relation_to_head = Some("child");
    let mut card = Life::full(scene).health_card;
    // A child's card ends when it turns six; in a world of later years she is insured like others.
    let until = plus_days(plus_years(scene.own.birth, 6), -1);
    if let Some(card) = card.as_mut().filter(|_| until >= scene.today) {
        card.object_code = "TE";
        card.benefit_level = "1";
        card.valid_from = scene.own.birth;
        card.valid_until = until;
        card.five_years_on = None;
    }
    life.health_card = card;
    life.account = life.account.map(|account| Account { level: 1, guardian, ..account });
    life.civil_status.push(entries::birth(scene, &life.person, mother));
    life
}

/// Her mother.
pub fn mother(scene: &Scene<'_>) -> Life {
    let mut life = Life::full(scene);
    if let (Some(household), Some(girl)) = (&mut life.household, scene.of("042324990011")) {
        household.members.push((girl.own.personal_id, "child"));
    }
    life
}

/// An old number that was issued to two people. The licence is from before personal IDs, so it could be either's.
pub fn shared_old_number(scene: &Scene<'_>) -> Life {
    let mut life = Life::full(scene);
    life.person.old_id_number = Some(reserved::old_id_number(scene.own.ordinal()));
    if let Some(licence) = &mut life.licence {
        licence.holder.personal_id = None;
    }
    life
}

/// The other one with that number.
pub fn shares_old_number(scene: &Scene<'_>) -> Life {
    let mut life = Life::bystander(scene);
    let other = scene.of("042091990012").unwrap_or(*scene);
    life.person.old_id_number = Some(reserved::old_id_number(other.own.ordinal()));
    life
}

/// Every consent refused.
pub fn refuses(scene: &Scene<'_>) -> Life {
    Life { refuses_consents: true, ..Life::full(scene) }
}

/// Moved to another province last month, with land left here.
pub fn moved_out(scene: &Scene<'_>) -> Life {
    let mut life = Life::full(scene);
    let mut person = life.person.clone();
    person.permanent_residence = None;
    person.current_residence = Some(Address { unit_code: "40", unit_valid_from: "2004-07-08", text: None });
    person.household_id = None;
    person.relation_to_head = None;
    person.status = "moved_out";
    person.status_reason = Some("Chuyển đi tỉnh Nghệ An".into());
    life.later.push(person.version(2));
    dissolve_household(&mut life);
    life
}

/// A level 1 account.
pub fn level_one(scene: &Scene<'_>) -> Life {
    let mut life = Life::full(scene);
    life.account = life.account.map(|account| Account { level: 1, ..account });
    life
}

/// A personal ID that was cancelled and established again; the motorcycle still names the old one.
pub fn re_established(scene: &Scene<'_>) -> Life {
    let mut life = Life::full(scene);
    let superseded = scene.number("042083990017");
    life.person.superseded_ids = superseded.into_iter().collect();
    for (vehicle, id) in life.vehicles.iter_mut().zip(superseded) {
        vehicle.owner.paper = Paper::Id(id);
    }
    life
}

/// A birth date that the register knows by the year, the licence to the day.
pub fn year_only(scene: &Scene<'_>) -> Life {
    let mut life = Life::full(scene);
    let year = PartialDate { month: None, day: None, ..PartialDate::from(scene.own.birth) };
    life.person.birth_date = year;
    if let Some(judicial) = &mut life.judicial {
        judicial.birth_date = year;
    }
    if let Some(card) = &mut life.health_card {
        card.holder.birth_date = Some(year);
    }
    life
}

/// An address in a ward that was split: the register has not moved it, and land and vehicle name both successors.
pub fn split_commune(scene: &Scene<'_>) -> Life {
    let mut life = Life::full(scene);
    let places = Geography::ha_tinh();
    if let (Some(old), Some(other)) = (places.former("18082"), places.commune("18652")) {
        let residence = Address::in_former(old, "Tổ dân phố 3");
        life.person.permanent_residence = Some(residence.clone());
        if let Some(household) = &mut life.household {
            household.residence = residence;
        }
        for vehicle in &mut life.vehicles {
            vehicle.owner.address = Some(Address::in_commune(other, "Tổ dân phố 3"));
        }
    }
    life
}

/// An enterprise besides the household business.
pub fn in_business(scene: &Scene<'_>) -> Life {
    let mut life = with_car(scene);
    life.enterprise = Some(life.company(scene.today));
    life
}
