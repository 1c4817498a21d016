//! Entries of civil status: where and when something was registered, and those that personas have.

use crate::base::Date;
use crate::simulation::document::civil_status::{BirthEntry, DeathEntry, Entry, MarriageEntry, Party};
use crate::simulation::document::{Address, Document as _, Person, Record};
use crate::simulation::geography::{Commune, Geography, REORGANISED};
use crate::simulation::population::calendar::{plus_days, plus_years};

use super::identity::{Identity, Scene};
use super::reserved;

/// Days after a birth on which it is registered.
const REGISTERED_AFTER: i64 = 20;
/// When the couple among the personas married, if both were old enough.
const MARRIED: Date = Date::constant(2008, 5, 20);

/// Where and when something was registered: on its day where the unit of that day is known by its present code, else late, in the commune of today.
pub fn entry(scene: &Scene<'_>, on: Date) -> Entry {
    let (commune, number) = (scene.own.commune, reserved::entry(scene.own.ordinal()));
    let former = commune.former.first().and_then(|code| Geography::ha_tinh().former(code));
    let day = |text: &str| text.parse::<Date>().ok();
    let former = former.filter(|unit| day(unit.valid_from) <= Some(on) && Some(on) < day(unit.valid_to));
    match former {
        Some(unit) => Entry {
            number,
            registered_on: on,
            unit: Address { unit_code: unit.code, unit_valid_from: unit.valid_from, text: None },
            authority: format!("UBND {} {}", unit.kind, unit.name),
        },
        None => Entry {
            number,
            registered_on: if on >= REORGANISED { on } else { plus_days(scene.today, -30).max(REORGANISED) },
            unit: Address::commune(commune),
            authority: authority(commune),
        },
    }
}

/// Who registers in a commune of today.
pub fn authority(commune: &Commune) -> String {
    format!("UBND {} {}", commune.kind, commune.name)
}

fn party(of: &Identity) -> Party {
    Party {
        personal_id: Some(of.personal_id),
        full_name: of.full_name.clone(),
        birth_date: Some(of.birth.into()),
        sex: Some(of.sex()),
        residence: None,
    }
}

/// The entry of a child's birth, of its mother alone.
pub(super) fn birth(scene: &Scene<'_>, child: &Person, mother: Option<&Identity>) -> Record {
    let on = plus_days(scene.own.birth, REGISTERED_AFTER).min(scene.today);
    let entry = BirthEntry {
        entry: entry(scene, on),
        child: party(scene.own),
        ethnicity: Some(child.ethnicity),
        birth_place: child.birth_place.clone(),
        hometown: Some(child.hometown.clone()),
        mother: mother.map(party),
        father: None,
    };
    entry.record()
}

/// The entry of the marriage to `wife`.
pub(super) fn marriage(scene: &Scene<'_>, wife: &Scene<'_>) -> Record {
    let of_age = plus_years(scene.own.birth, 20).max(plus_years(wife.own.birth, 18));
    let entry = entry(scene, MARRIED.max(plus_days(of_age, 1)));
    MarriageEntry { entry, husband: party(scene.own), wife: party(wife.own), ended: None }.record()
}

/// The entry of a death in the books of the commune, which exists since July 2025.
pub(super) fn death(identity: &Identity, person: &Person, died: Date) -> Option<Record> {
    let commune = identity.commune;
    let registered_on = plus_days(died, 2);
    let entry = Entry {
        number: reserved::entry(identity.ordinal()),
        registered_on,
        unit: Address::commune(commune),
        authority: "Ủy ban nhân dân xã Thạch Hà".to_owned(),
    };
    let deceased = Party { residence: person.permanent_residence.clone(), ..party(identity) };
    let death = DeathEntry { entry, deceased, died_on: died.into(), death_place: Some(Address::commune(commune)) };
    (registered_on >= REORGANISED).then(|| death.record())
}
