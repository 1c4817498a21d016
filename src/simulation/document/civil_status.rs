//! Entries of civil status: births, marriages and deaths as the books have them.

use crate::base::{Date, PartialDate, PersonalId};
use crate::registry::civil_status;
use crate::trust::canonical::{Object, Value};

use super::{Address, Document, Text, day, partial, put};
use crate::simulation::names::Sex;

/// Where an entry stands, and who registered it when.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its number within book and year, unique in the unit.
    pub number: u64,
    /// Day of the registration.
    pub registered_on: Date,
    /// The registering unit, which existed on that day; without text.
    pub unit: Address,
    /// `UBND phường Thành Sen`, ….
    pub authority: String,
}

impl Entry {
    /// The entry's number in the book of these letters: `18073-KS-2026-15`.
    pub fn entry_number(&self, book: &str) -> String {
        format!("{}-{book}-{}-{}", self.unit.unit_code, self.registered_on.year(), self.number)
    }

    fn write(&self, o: &mut Object, book: &str) {
        let unit =
            Object::new().with("unit_code", self.unit.unit_code).with("unit_valid_from", self.unit.unit_valid_from);
        o.insert("authority", unit.with("name", self.authority.as_str()));
        o.insert("entry_number", self.entry_number(book));
        o.insert("registered_on", day(self.registered_on));
    }
}

/// A person as an entry names them.
#[derive(Debug, Clone)]
pub struct Party {
    /// Absent in entries from before personal IDs.
    pub personal_id: Option<PersonalId>,
    /// In the spelling of the day.
    pub full_name: String,
    /// Possibly of the year only.
    pub birth_date: Option<PartialDate>,
    /// Where the entry gives it.
    pub sex: Option<Sex>,
    /// Where the entry gives it.
    pub residence: Option<Address>,
}

impl From<&Party> for Value {
    fn from(party: &Party) -> Self {
        let mut o = Object::new();
        put(&mut o, "birth_date", party.birth_date.map(partial));
        o.insert("full_name", party.full_name.as_str());
        put(&mut o, "personal_id", party.personal_id.as_ref().map(PersonalId::as_str));
        put(&mut o, "residence", party.residence.as_ref());
        put(&mut o, "sex", party.sex.map(Sex::as_str));
        Value::Object(o)
    }
}

/// Whether a birth or a death was registered in time.
fn registration(registered: Date, happened: PartialDate, days: i64) -> &'static str {
    let last = happened.full().map(|day| day.saturating_add(jiff::Span::new().days(days)));
    if last.is_none_or(|last| registered <= last) { "on_time" } else { "late" }
}

/// An entry of a birth.
#[derive(Debug, Clone)]
pub struct BirthEntry {
    /// Where it stands.
    pub entry: Entry,
    /// Who was born; birth date and sex are there.
    pub child: Party,
    /// `Kinh`, ….
    pub ethnicity: Option<&'static str>,
    /// Where.
    pub birth_place: Address,
    /// A parent's.
    pub hometown: Option<Address>,
    /// If registered.
    pub mother: Option<Party>,
    /// If registered.
    pub father: Option<Party>,
}

impl Document for BirthEntry {
    const TYPE: &'static str = civil_status::BIRTH;

    fn payload(&self) -> Object {
        let mut o = Object::new();
        self.entry.write(&mut o, "KS");
        o.insert("birth_place", &self.birth_place);
        o.insert("child", &self.child);
        put(&mut o, "ethnicity", self.ethnicity);
        put(&mut o, "father", self.father.as_ref());
        put(&mut o, "hometown", self.hometown.as_ref());
        put(&mut o, "mother", self.mother.as_ref());
        o.insert("nationality", "VN");
        let birth = self.child.birth_date.map_or("on_time", |birth| registration(self.entry.registered_on, birth, 60));
        o.insert("registration", birth);
        o.insert("status", "active");
        o
    }
}

/// An entry of a marriage.
#[derive(Debug, Clone)]
pub struct MarriageEntry {
    /// Where it stands.
    pub entry: Entry,
    /// The husband.
    pub husband: Party,
    /// The wife.
    pub wife: Party,
    /// How and when it ended (`divorced`, `widowed`), and why it is so.
    pub ended: Option<(&'static str, Date, Text)>,
}

impl Document for MarriageEntry {
    const TYPE: &'static str = civil_status::MARRIAGE;

    fn payload(&self) -> Object {
        let mut o = Object::new();
        self.entry.write(&mut o, "KH");
        o.insert("husband", &self.husband);
        o.insert("wife", &self.wife);
        let ended = self.ended.as_ref();
        o.insert("status", ended.map_or("active", |(status, ..)| status));
        put(&mut o, "ended_on", ended.map(|(_, on, _)| day(*on)));
        put(&mut o, "status_reason", ended.map(|(.., why)| why.as_ref()));
        o
    }
}

/// An entry of a death.
#[derive(Debug, Clone)]
pub struct DeathEntry {
    /// Where it stands.
    pub entry: Entry,
    /// Who died.
    pub deceased: Party,
    /// Possibly of the year only.
    pub died_on: PartialDate,
    /// Where the entry gives it.
    pub death_place: Option<Address>,
}

impl Document for DeathEntry {
    const TYPE: &'static str = civil_status::DEATH;

    fn payload(&self) -> Object {
        let mut o = Object::new();
        self.entry.write(&mut o, "KT");
        put(&mut o, "death_place", self.death_place.as_ref());
        o.insert("deceased", &self.deceased);
        o.insert("died_on", partial(self.died_on));
        o.insert("registration", registration(self.entry.registered_on, self.died_on, 15));
        o.insert("status", "active");
        o
    }
}

/// A note of a divorce.
#[derive(Debug, Clone)]
pub struct DivorceNote {
    /// Where it stands.
    pub entry: Entry,
    /// The number of the entry of the marriage.
    pub marriage_entry: String,
    /// The husband.
    pub husband: Party,
    /// The wife.
    pub wife: Party,
    /// Which court decided.
    pub court: &'static str,
    /// The number of its decision.
    pub judgment_number: String,
    /// From when the marriage has ended.
    pub effective_on: Date,
}

impl Document for DivorceNote {
    const TYPE: &'static str = civil_status::DIVORCE;

    fn payload(&self) -> Object {
        let mut o = Object::new();
        self.entry.write(&mut o, "LH");
        o.insert("court", self.court);
        o.insert("effective_on", day(self.effective_on));
        o.insert("husband", &self.husband);
        o.insert("judgment_number", self.judgment_number.as_str());
        o.insert("marriage_entry", self.marriage_entry.as_str());
        o.insert("status", "active");
        o.insert("wife", &self.wife);
        o
    }
}

/// An entry of an adoption by a couple.
#[derive(Debug, Clone)]
pub struct AdoptionEntry {
    /// Where it stands.
    pub entry: Entry,
    /// Who was adopted.
    pub child: Party,
    /// The man who adopts.
    pub father: Party,
    /// The woman who adopts.
    pub mother: Party,
}

impl Document for AdoptionEntry {
    const TYPE: &'static str = civil_status::ADOPTION;

    fn payload(&self) -> Object {
        let mut o = Object::new();
        self.entry.write(&mut o, "CN");
        o.insert("adoptive_father", &self.father);
        o.insert("adoptive_mother", &self.mother);
        o.insert("child", &self.child);
        o.insert("given_by", "facility");
        o.insert("relation", "none");
        o.insert("status", "active");
        o
    }
}

/// An entry of a name that was changed.
#[derive(Debug, Clone)]
pub struct ChangeEntry {
    /// Where it stands.
    pub entry: Entry,
    /// Whose name it is, with the present one.
    pub person: Party,
    /// The name of before.
    pub before: String,
}

impl Document for ChangeEntry {
    const TYPE: &'static str = civil_status::CHANGE;

    fn payload(&self) -> Object {
        let mut o = Object::new();
        self.entry.write(&mut o, "TD");
        o.insert("after", self.person.full_name.as_str());
        o.insert("before", self.before.as_str());
        o.insert("field", "full_name");
        o.insert("kind", "change");
        o.insert("person", &self.person);
        o.insert("status", "active");
        o
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Catalogue;
    use crate::simulation::document::Record;
    use crate::simulation::geography::Geography;

    #[test]
    fn entries_keep_the_rules_of_their_registry() {
        let commune = &Geography::ha_tinh().communes[0];
        let entry = |number| Entry {
            number,
            registered_on: Date::constant(2026, 3, 2),
            unit: Address::commune(commune),
            authority: format!("UBND {}", commune.name),
        };
        let party = |id: &str, name: &str, birth: Date, sex| Party {
            personal_id: PersonalId::parse(id),
            full_name: name.to_owned(),
            birth_date: Some(birth.into()),
            sex: Some(sex),
            residence: Some(Address::commune(commune)),
        };
        let husband = party("042090990001", "Lê Văn An", Date::constant(1990, 2, 3), Sex::Male);
        let wife = party("042192990002", "Nguyễn Thị Hoà", Date::constant(1992, 8, 9), Sex::Female);
        let mut child = party("042326990003", "Lê Hoà An", Date::constant(2026, 2, 10), Sex::Female);
        child.residence = None;
        let birth = BirthEntry {
            entry: entry(1),
            child,
            ethnicity: Some("Kinh"),
            birth_place: Address::in_commune(commune, ""),
            hometown: None,
            mother: Some(wife.clone()),
            father: Some(husband.clone()),
        };
        let marriage = MarriageEntry { entry: entry(1), husband: husband.clone(), wife, ended: None };
        let mut widowed = marriage.clone();
        widowed.ended = Some(("widowed", Date::constant(2026, 5, 1), "Chồng qua đời".into()));
        let death = DeathEntry {
            entry: entry(1),
            deceased: husband,
            died_on: Date::constant(2026, 2, 25).into(),
            death_place: None,
        };
        for record in [birth.record(), marriage.record(), widowed.record(), death.record()] {
            let Record { record_type, payload, .. } = record;
            let of = Catalogue::built_in().record_type(record_type).expect("a type").clone();
            let mut found = crate::base::Violations::default();
            of.validate(&payload, Date::constant(2026, 11, 22), &"payload", &mut found);
            let broken: Vec<_> = found.kept().iter().map(|one| (&one.field, &one.rule)).collect();
            assert!(broken.is_empty(), "{record_type}: {broken:?}");
        }
    }
}
