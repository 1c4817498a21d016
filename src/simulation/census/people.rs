//! Figures of the people: ages, families, births and deaths.

use super::count::Counts;
use super::household::{Household, birth, day, is_dead, is_woman};
use crate::simulation::population::calendar::{age_on, days_between, plus_years};
use crate::trust::Object;

/// Groups of five years of age; the last one is of 85 years and more.
pub const AGE_GROUPS: usize = 18;

const AGES: [&str; AGE_GROUPS] = [
    "age_00", "age_05", "age_10", "age_15", "age_20", "age_25", "age_30", "age_35", "age_40", "age_45", "age_50",
    "age_55", "age_60", "age_65", "age_70", "age_75", "age_80", "age_85",
];
/// Years over which deaths are counted.
const YEARS_OF_DEATHS: i16 = 3;

pub(super) fn count(household: &Household<'_>, pyramid: &mut [(u64, u64); AGE_GROUPS], counts: &mut Counts) {
    for resident in household.residents() {
        ages(household.age(resident), resident, pyramid, counts);
        let group = resident.text("ethnicity").filter(|group| *group != "Kinh");
        if let Some(group) = group {
            let commune = resident.text_at("permanent_residence.unit_code").unwrap_or_default();
            counts.share("small_groups_at_home", crate::simulation::population::lives_in(group, commune));
        }
    }
    let residents = household.residents().count() as u64;
    if residents > 0 {
        counts.add("household_size", residents, 1);
        counts.share("one_person_households", residents == 1);
    }
    deaths(household, counts);
    births(household, counts);
    for person in household.people() {
        parents(household, person, counts);
    }
}

fn ages(age: i16, resident: &Object, pyramid: &mut [(u64, u64); AGE_GROUPS], counts: &mut Counts) {
    let woman = is_woman(resident);
    let group = (age.max(0) as usize / 5).min(AGE_GROUPS - 1);
    let (women, men) = &mut pyramid[group];
    *(if woman { women } else { men }) += 1;
    for (at, figure) in AGES.into_iter().enumerate() {
        counts.share(figure, at == group);
    }
    counts.share("age_60_up", age >= 60);
    let ratio = match age {
        ..5 => Some("sex_ratio_under_5"),
        50..55 => Some("sex_ratio_50_54"),
        _ => None,
    };
    if let Some(figure) = ratio {
        counts.add(figure, u64::from(!woman), u64::from(woman));
    }
    if (25..30).contains(&age) {
        let figure = if woman { "single_women_25_29" } else { "single_men_25_29" };
        counts.share(figure, resident.text("marital_status") == Some("single"));
    }
}

/// Deaths of the last years, to as many times the residents.
fn deaths(household: &Household<'_>, counts: &mut Counts) {
    let since = plus_years(household.today, -YEARS_OF_DEATHS);
    let recent = household.people().filter_map(|person| Some((person, day(person, "death_date")?)));
    for (person, died) in recent.filter(|(_, died)| *died > since) {
        counts.add("deaths", 1, 0);
        counts.share("deaths_under_46", birth(person).is_some_and(|birth| age_on(birth, died) < 46));
    }
    counts.add("deaths", 0, household.residents().count() as u64 * YEARS_OF_DEATHS.unsigned_abs() as u64);
}

/// The births of each mother, in order.
fn births(household: &Household<'_>, counts: &mut Counts) {
    for mother in household.people() {
        let of_mother = |child: &&Object| child.text("mother_id") == mother.text("personal_id");
        let mut days: Vec<_> = household.people().filter(of_mother).filter_map(birth).collect();
        days.sort_unstable();
        let Some(mother_birth) = birth(mother).filter(|_| !days.is_empty()) else { continue };
        for pair in days.windows(2).map(|pair| days_between(pair[0], pair[1])) {
            counts.share("sibling_gaps", pair == 0 || pair >= 365);
        }
        let children = days.len();
        days.dedup();
        counts.add("twin_births", (children - days.len()) as u64, days.len() as u64);
        // where only the year is known, an age may be off by one
        let is_known = mother.text("birth_date").is_some_and(|date| date.len() == 10 && !date.ends_with("-01-01"));
        for age in days.iter().filter(|_| is_known).map(|day| age_on(mother_birth, *day)) {
            counts.share("mothers_in_age", (15..=48).contains(&age));
            counts.share("mothers_25_29", (25..30).contains(&age));
        }
    }
}

fn parents(household: &Household<'_>, person: &Object, counts: &mut Counts) {
    let mother = household.person(person.text("mother_id"));
    let father = household.person(person.text("father_id"));
    let hometown = |person: &Object| person.text_at("hometown.unit_code").map(str::to_owned);
    if mother.or(father).is_some() {
        let parents = [mother, father].into_iter().flatten();
        counts.share("hometown_of_a_parent", parents.clone().any(|parent| hometown(parent) == hometown(person)));
    }
    let Some(mother) = mother.filter(|mother| !is_dead(mother)) else { return };
    match mother.text("marital_status") {
        Some("divorced" | "widowed") if household.age(person) < 18 => counts.share("fathers_kept", father.is_some()),
        Some("single") => {
            let surname =
                |person: &Object| person.text("full_name").and_then(|name| name.split(' ').next().map(str::to_owned));
            counts.share("mothers_name", father.is_none() && surname(person) == surname(mother));
        }
        _ => {}
    }
}
