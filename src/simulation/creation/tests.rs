//! Drafts are legal whatever is asked for, or are refused with the field that stands in the way.

use super::asked::{Asked, AskedAccount, AskedLicence, AskedVehicle};
use super::draft::{Draft, Drafting, draw_person, members};
use super::papers::PAPERS;
use super::relatives::{Relative, Relatives};
use super::wanted::Wanted;
use crate::base::{Date, PersonalId, ProvinceCode, Reason, Result, Seed};
use crate::registry::{Catalogue, allocation};
use crate::simulation::names::{self, Sex};
use crate::simulation::personas::identity::{Cast, Identity};
use crate::simulation::personas::{reserved, situations};
use crate::simulation::population::calendar::{age_on, plus_days, plus_years};
use crate::simulation::{examples, samples};

const TODAY: Date = Date::constant(2026, 11, 29);
const TODAYS: [Date; 5] = [
    Date::constant(2025, 7, 2),
    TODAY,
    Date::constant(2028, 2, 29),
    Date::constant(2041, 12, 31),
    Date::constant(2090, 3, 1),
];

/// The cast of a request, with names that follow from the ordinal.
fn cast(wanted: &Wanted, kin: &Relatives, today: Date, first: u64) -> Cast {
    let mut cast = Cast::default();
    let (people, numbers) = members(wanted.situation);
    for (ordinal, (id, row)) in (first..).zip(people) {
        let mut draws = Seed::root(ordinal).draws();
        let drawn = draw_person(wanted, row, cast.people.is_empty(), kin, today, &mut draws).expect("drawn");
        let name = names::full_name("Lê", drawn.sex, drawn.birth.year(), &mut draws);
        let name = drawn.given.map_or(name.clone(), |given| format!("Lê Văn {given}"));
        let personal_id = reserved::personal_id(drawn.sex, drawn.birth, ordinal).expect("an ID");
        let full_name = drawn.full_name.unwrap_or(name);
        let identity = Identity { personal_id, full_name, birth: drawn.birth, commune: drawn.commune, parcel: ordinal };
        cast.people.insert(id, identity);
    }
    for known in numbers {
        let number = reserved::personal_id(Sex::Male, TODAY, first + 100).expect("an ID");
        cast.numbers.insert(known, number);
    }
    cast
}

fn draft(asked: &Asked, kin: &Relatives, today: Date) -> Result<Draft> {
    draft_in(&Catalogue::built_in(), asked, kin, today)
}

fn draft_in(catalogue: &Catalogue, asked: &Asked, kin: &Relatives, today: Date) -> Result<Draft> {
    let wanted = Wanted::read(asked, catalogue, today).map_err(crate::base::Error::invalid)?;
    let cast = cast(&wanted, kin, today, reserved::FIRST_CREATED);
    Drafting { catalogue, seed: Seed::root(1), wanted: &wanted, kin, cast: &cast, today }.draft()
}

/// The fields and rules of a refusal.
fn refused(asked: &Asked, kin: &Relatives) -> Vec<String> {
    let error = draft(asked, kin, TODAY).err().expect("refused");
    assert_eq!(error.reason, Reason::InvalidRequest);
    error.violations.kept().iter().map(|bad| format!("{} {}", bad.field, bad.rule)).collect()
}

fn born(years: i16, today: Date) -> String {
    plus_days(plus_years(today, -years), -1).to_string()
}

#[test]
fn every_situation_is_legal_for_somebody_new_on_any_day() {
    for today in TODAYS {
        for situation in situations() {
            let asked = Asked { situation: situation.to_owned(), ..Asked::default() };
            let draft = draft(&asked, &Relatives::default(), today);
            let draft = draft.unwrap_or_else(|error| panic!("{situation} on {today}: {:#?}", error.violations));
            let creation = draft.creation(&Catalogue::built_in(), "x").expect("a plan");
            assert!(creation.made.citizens.iter().all(|citizen| citizen.personal_id.as_str() > "0"), "{situation}");
            assert!(!creation.steps.is_empty(), "{situation}");
        }
    }
}

#[test]
fn a_situation_holds_for_every_age_that_it_is_open_to() {
    for situation in situations() {
        let mut open = 0;
        for age in (0..=95).step_by(5) {
            let asked = Asked { situation: situation.to_owned(), birth_date: born(age, TODAY), ..Asked::default() };
            match draft(&asked, &Relatives::default(), TODAY) {
                Ok(_) => open += 1,
                Err(error) => {
                    let fields: Vec<_> = error.violations.kept().iter().map(|bad| bad.field.as_str()).collect();
                    assert_eq!(fields, ["birth_date"], "{situation} at {age}: {:#?}", error.violations);
                }
            }
        }
        assert!(open >= 1, "{situation}");
    }
}

#[test]
fn every_choice_of_papers_that_is_accepted_is_legal_and_every_refusal_names_its_field() {
    let mut draws = Seed::root(9).draws();
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..1_500 {
        let today = TODAYS[draws.below(TODAYS.len() as u64) as usize];
        let age = draws.between(0, 99) as i16;
        let papers: Vec<String> =
            PAPERS.iter().filter(|_| draws.chance(0.4)).map(|(name, _)| (*name).to_owned()).collect();
        let has = |name: &str| papers.is_empty() || papers.iter().any(|paper| paper.starts_with(name));
        let class = |draws: &mut crate::base::seed::Draws| {
            let classes = crate::registry::driver_licence::CLASSES.iter().filter(|class| class.current);
            let classes: Vec<_> = classes.map(|class| class.code).collect();
            draws.pick(&classes).map(|code| (*code).to_owned())
        };
        let licence = (has("driver_licence") && draws.chance(0.5)).then(|| AskedLicence {
            classes: class(&mut draws).into_iter().collect(),
            points: draws.chance(0.5).then(|| draws.below(13) as u32),
        });
        let car = AskedVehicle { kind: "car".into(), plate: String::new() };
        let asked = Asked {
            birth_date: born(age, today),
            sex: draws.pick(&["", "male", "female"]).copied().unwrap_or_default().to_owned(),
            account: *draws
                .pick(&[AskedAccount::Usual, AskedAccount::None, AskedAccount::LevelOne, AskedAccount::LevelTwo])
                .expect("one"),
            vehicles: (has("vehicle") && draws.chance(0.3)).then_some(car).into_iter().collect(),
            licence,
            papers,
            ..Asked::default()
        };
        let kin = if draws.chance(0.5) { Relatives::default() } else { mother(age + 25, today) };
        match draft(&asked, &kin, today) {
            Ok(_) => accepted += 1,
            Err(error) => {
                refused += 1;
                for bad in error.violations.kept() {
                    let known = ["papers", "licence", "mother_id", "account", "birth_date"];
                    assert!(known.iter().any(|known| bad.field.starts_with(known)), "{asked:#?}: {bad:#?}");
                }
            }
        }
    }
    assert!(accepted > 300 && refused > 300, "{accepted} accepted, {refused} refused");
}

fn relative(id: &str, name: &str, years: i16, sex: Sex, today: Date) -> Relative {
    Relative {
        personal_id: PersonalId::parse(id).expect("12 digits"),
        numbers: vec![PersonalId::parse(id).expect("12 digits")],
        parents: Vec::new(),
        full_name: name.to_owned(),
        birth: Some(plus_years(today, -years).into()),
        death: None,
        sex: Some(sex),
        is_living: true,
        is_married: false,
        household_id: None,
    }
}

fn mother(years: i16, today: Date) -> Relatives {
    let mother = relative("042190000001", "Phan Thị Lan", years, Sex::Female, today);
    Relatives { mother: Some(mother), ..Relatives::default() }
}

#[test]
fn a_child_has_a_childs_papers_and_acts_through_its_parent() {
    let asked = Asked { birth_date: born(9, TODAY), account: AskedAccount::LevelTwo, ..Asked::default() };
    let draft = draft(&asked, &mother(35, TODAY), TODAY).unwrap_or_else(|error| panic!("{:#?}", error.violations));
    let made = draft.creation(&Catalogue::built_in(), "x").expect("a plan").made;
    let child = &made.citizens[0];
    assert_eq!((child.account_level, child.guardian.as_deref()), (2, Some("042190000001")));
    assert!(child.full_name.starts_with("Lê") && age_on(child.birth_date.parse().expect("a day"), TODAY) == 9);
    let records: Vec<_> = child.records.iter().map(|record| record.record_type.as_str()).collect();
    assert_eq!(records, ["resident.person.v1", "health_insurance.card.v1", "civil_status.birth.v1"]);
}

#[test]
fn what_cannot_be_is_refused_by_its_field() {
    let alone = Relatives::default();
    let is = |asked: Asked, expected: &[&str]| assert_eq!(refused(&asked, &alone), expected, "{asked:#?}");
    let ten = || Asked { birth_date: born(10, TODAY), account: AskedAccount::None, ..Asked::default() };
    let licence = || vec!["driver_licence.licence.v1".to_owned()];
    is(Asked { birth_date: "2026-11-30".into(), ..Asked::default() }, &["birth_date FUTURE"]);
    is(Asked { birth_date: "2025-02-30".into(), ..Asked::default() }, &["birth_date FORMAT"]);
    is(Asked { birth_date: "1899-12-31".into(), ..Asked::default() }, &["birth_date OUT_OF_RANGE"]);
    is(Asked { full_name: "Lê".into(), ..Asked::default() }, &["full_name FORMAT"]);
    is(Asked { full_name: "Иванов Иван".into(), ..Asked::default() }, &["full_name FORMAT"]);
    is(Asked { unit_code: "18082".into(), ..Asked::default() }, &["unit_code UNKNOWN_VALUE"]);
    is(Asked { situation: "stolen_cars".into(), ..Asked::default() }, &["situation UNKNOWN_VALUE"]);
    is(Asked { papers: vec!["driver_licence.license.v1".into()], ..Asked::default() }, &["papers[0] UNKNOWN_VALUE"]);
    is(Asked { papers: licence(), ..ten() }, &["papers CONFLICT"]);
    is(Asked { account: AskedAccount::Usual, ..ten() }, &["mother_id REQUIRED"]);
    is(Asked { situation: "happy".into(), papers: licence(), ..Asked::default() }, &["papers CONFLICT"]);
    is(Asked { situation: "happy".into(), birth_date: born(10, TODAY), ..Asked::default() }, &["birth_date CONFLICT"]);
    is(Asked { situation: "frozen_land".into(), sex: "male".into(), ..Asked::default() }, &["sex CONFLICT"]);
    is(
        Asked { situation: "two_spellings".into(), full_name: "Lê Văn An".into(), ..Asked::default() },
        &["full_name CONFLICT"],
    );
    let with = |licence| Asked { licence: Some(licence), ..Asked::default() };
    let classes = |code: &str| AskedLicence { classes: vec![code.into()], points: None };
    is(with(classes("B2")), &["licence.classes[0] UNKNOWN_VALUE"]);
    is(with(AskedLicence { classes: vec![], points: Some(13) }), &["licence.points OUT_OF_RANGE"]);
    is(Asked { birth_date: born(20, TODAY), ..with(classes("D")) }, &["licence.classes[0] CONFLICT"]);
    let plate = |kind: &str, plate: &str| Asked {
        vehicles: vec![AskedVehicle { kind: kind.into(), plate: plate.into() }],
        ..Asked::default()
    };
    is(plate("car", "38-B1 123.45"), &["vehicles[0].plate FORMAT"]);
    is(plate("boat", ""), &["vehicles[0].kind UNKNOWN_VALUE"]);
    let near = Asked { situation: "stolen_cars".into(), ..Asked::default() };
    let error = draft(&near, &alone, TODAY).err().expect("refused");
    assert!(error.message.contains("nearest: stolen_car"), "{}", error.message);
}

#[test]
fn whoever_is_drawn_is_as_old_as_the_parents_and_papers_allow() {
    let licence = |code: &str| Some(AskedLicence { classes: vec![code.into()], points: None });
    for (at, mother_years) in [13, 20, 31, 39, 52, 80].into_iter().enumerate() {
        for wish in [None, licence("B"), licence("DE")] {
            let asked = Asked { licence: wish.clone(), ..Asked::default() };
            let kin = mother(mother_years, TODAY);
            let least = wish.as_ref().map_or(0, |licence| if licence.classes[0] == "B" { 18 } else { 27 });
            match draft(&asked, &kin, TODAY) {
                Ok(_) => assert!(mother_years - 15 >= least, "{at} {wish:?}"),
                Err(error) => assert!(mother_years - 15 <= least, "{at} {wish:?}: {:#?}", error.violations),
            }
        }
    }
}

#[test]
fn papers_of_registries_from_schema_files_are_made_as_their_files_say() {
    let catalogue = allocation::unkept(&ProvinceCode::default(), examples::all()).expect("a catalogue");
    let names: Vec<String> = samples::described(&catalogue).map(|(of, _)| of.name.to_string()).collect();
    assert!(names.len() > 15, "{names:?}");
    for today in TODAYS {
        for name in &names {
            let asked = |age: Option<i16>| Asked {
                papers: vec![name.clone()],
                birth_date: age.map(|age| born(age, today)).unwrap_or_default(),
                account: AskedAccount::None,
                ..Asked::default()
            };
            let draft = match draft_in(&catalogue, &asked(None), &Relatives::default(), today) {
                Ok(draft) => draft,
                // It names a record of another type of its registry.
                Err(error) if error.message.contains("ask for it too") => {
                    let other = error.message.split("a record of ").nth(1).and_then(|rest| rest.split(':').next());
                    let papers = vec![name.clone(), other.expect("which").to_owned()];
                    let asked = Asked { papers, account: AskedAccount::None, ..Asked::default() };
                    draft_in(&catalogue, &asked, &Relatives::default(), today).expect("both")
                }
                Err(error) => panic!("{name} on {today}: {:#?}", error.violations),
            };
            let made = draft.creation(&catalogue, "x").expect("a plan").made;
            let types: Vec<&str> = made.citizens[0].records.iter().map(|made| made.record_type.as_str()).collect();
            assert!(types.contains(&name.as_str()) && types[0] == "resident.person.v1", "{types:?}");
            if let Err(error) = draft_in(&catalogue, &asked(Some(0)), &Relatives::default(), today) {
                assert!(error.violations.kept().iter().all(|bad| bad.field == "papers"), "{:#?}", error.violations);
            }
        }
    }
    let unknown = Asked { papers: vec!["education.diplomma.v1".into()], ..Asked::default() };
    let error = draft_in(&catalogue, &unknown, &Relatives::default(), TODAY).err().expect("refused");
    assert!(error.message.contains("nearest: education.diploma.v1"), "{}", error.message);
}

#[test]
fn a_decomposed_name_is_the_composed_one() {
    let asked = Asked { full_name: "Nguye\u{302}\u{303}n Thi\u{323} Hoa\u{300}".into(), ..Asked::default() };
    let draft = draft(&asked, &Relatives::default(), TODAY).expect("legal");
    let made = draft.creation(&Catalogue::built_in(), "x").expect("a plan").made;
    assert_eq!(made.citizens[0].full_name, "Nguyễn Thị Hoà");
}

#[test]
fn relatives_who_cannot_be_are_refused() {
    let person = |years, sex| relative("042190000001", "Phan Văn Minh", years, sex, TODAY);
    let is = |kin: Relatives, years, expected: &[&str]| {
        let asked = Asked { birth_date: born(years, TODAY), sex: "male".into(), ..Asked::default() };
        assert_eq!(refused(&asked, &kin), expected);
    };
    is(Relatives { mother: Some(person(60, Sex::Male)), ..Relatives::default() }, 30, &["mother_id CONFLICT"]);
    is(Relatives { father: Some(person(40, Sex::Male)), ..Relatives::default() }, 30, &["father_id CONFLICT"]);
    is(Relatives { spouse: Some(person(30, Sex::Male)), ..Relatives::default() }, 30, &["spouse_id CONFLICT"]);
    let married = Relative { is_married: true, ..person(30, Sex::Female) };
    is(Relatives { spouse: Some(married), ..Relatives::default() }, 30, &["spouse_id CONFLICT"]);
    let dead = Relative { is_living: false, ..person(30, Sex::Female) };
    is(Relatives { spouse: Some(dead), ..Relatives::default() }, 30, &["spouse_id CONFLICT"]);
    let id = |id: &str| PersonalId::parse(id).expect("12 digits");
    let mother = || person(60, Sex::Female);
    let kin = [
        Relative { numbers: vec![id("042140000001")], ..person(85, Sex::Female) },
        Relative { parents: vec![id("042190000001")], numbers: vec![id("042190000002")], ..person(28, Sex::Female) },
        Relative { parents: vec![id("042140000001")], numbers: vec![id("042190000003")], ..person(40, Sex::Female) },
    ];
    for spouse in kin {
        let mother = Relative { parents: vec![id("042140000001")], ..mother() };
        is(
            Relatives { mother: Some(mother), spouse: Some(spouse), ..Relatives::default() },
            30,
            &["spouse_id CONFLICT"],
        );
    }
    let other =
        Relative { parents: vec![id("042140000002")], numbers: vec![id("042190000004")], ..person(28, Sex::Female) };
    let asked = Asked { birth_date: born(30, TODAY), sex: "male".into(), ..Asked::default() };
    draft(&asked, &Relatives { mother: Some(mother()), spouse: Some(other), ..Relatives::default() }, TODAY)
        .expect("no kin");
    let young = Relatives { spouse: Some(person(30, Sex::Female)), ..Relatives::default() };
    let asked = Asked { birth_date: born(19, TODAY), sex: "male".into(), ..Asked::default() };
    assert!(refused(&asked, &young).contains(&"spouse_id CONFLICT".to_owned()));
}
