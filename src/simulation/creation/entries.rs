//! Entries of civil status of a created citizen: the birth, and the marriage to somebody who is there already.

use crate::simulation::document::civil_status::{BirthEntry, Entry, MarriageEntry, Party};
use crate::simulation::document::{Address, Document as _, Record};
use crate::simulation::geography::REORGANISED;
use crate::simulation::names::Sex;
use crate::simulation::personas::Life;
use crate::simulation::personas::entries::{authority, entry};
use crate::simulation::personas::identity::Scene;
use crate::simulation::personas::reserved;
use crate::simulation::population::calendar::plus_days;

use super::ages::marries_from;
use super::relatives::Relatives;

/// Days after a birth on which it is registered.
const REGISTERED_AFTER: i64 = 20;

fn party(life: &Life) -> Party {
    Party {
        personal_id: Some(life.person.personal_id),
        full_name: life.person.full_name.clone(),
        birth_date: Some(life.person.birth_date),
        sex: Some(life.person.sex),
        residence: None,
    }
}

/// The entry of the birth.
pub fn birth(scene: &Scene<'_>, life: &Life, kin: &Relatives) -> Record {
    let on = plus_days(scene.own.birth, REGISTERED_AFTER).min(scene.today);
    let entry = BirthEntry {
        entry: entry(scene, on),
        child: party(life),
        ethnicity: Some(life.person.ethnicity),
        birth_place: life.person.birth_place.clone(),
        hometown: Some(life.person.hometown.clone()),
        mother: kin.mother.as_ref().map(|mother| mother.party()),
        father: kin.father.as_ref().map(|father| father.party()),
    };
    entry.record()
}

/// The entry of the marriage to the spouse; `None` before both are of age.
pub fn marriage(scene: &Scene<'_>, life: &Life, kin: &Relatives) -> Option<Record> {
    let spouse = kin.spouse.as_ref()?;
    let (sex, other) = (life.person.sex, life.person.sex.other());
    let from = marries_from(sex, life.person.birth_date).max(marries_from(other, spouse.birth?)).max(REORGANISED);
    let on = from.max(plus_days(scene.today, -60));
    if on > scene.today {
        return None;
    }
    let (own, spouse) = (party(life), spouse.party());
    let (husband, wife) = if sex == Sex::Male { (own, spouse) } else { (spouse, own) };
    let (commune, number) = (scene.own.commune, reserved::entry(scene.own.ordinal()));
    let entry = Entry { number, registered_on: on, unit: Address::commune(commune), authority: authority(commune) };
    Some(MarriageEntry { entry, husband, wife, ended: None }.record())
}
