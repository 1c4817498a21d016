//! Reads the existing people whom a request names, and the household that the new citizen joins: verified, as the registries have them now.

use crate::base::{Error, PartialDate, PersonalId, Result, Timestamp, Violations};
use crate::registry::civil_status::BIRTH;
use crate::registry::resident::HOUSEHOLD;
use crate::simulation::population::calendar::age_on;

use super::papers::{FULL_AGE, Paper};
use super::parts::Parts;
use super::relatives::{Home, Relative, Relatives};
use super::wanted::Wanted;

/// The existing people whom a request names, and the household that the citizen joins.
pub async fn relatives(parts: &Parts, wanted: &Wanted, now: Timestamp) -> Result<Relatives> {
    let mut bad = Violations::default();
    let kin = &wanted.kin;
    let mother = relative(parts, "mother_id", kin.mother, now, &mut bad).await?;
    let father = relative(parts, "father_id", kin.father, now, &mut bad).await?;
    let spouse = relative(parts, "spouse_id", kin.spouse, now, &mut bad).await?;
    let host = relative(parts, "household_of", kin.household_of, now, &mut bad).await?;
    let is_child = wanted.birth.is_some_and(|birth| age_on(birth, now.date()) < FULL_AGE);
    let owns = wanted.papers.as_ref().is_some_and(|papers| papers.contains(&Paper::Household));
    let household = |one: &Relative| one.household_id.clone();
    let home = match &host {
        _ if owns => None,
        Some(host) => home(parts, household(host), now).await?,
        None => {
            // Children live with a parent, and spouses with each other, unless another place was asked for.
            let parents = [&mother, &father].into_iter().flatten().filter(|_| is_child);
            let shared = parents.chain(&spouse).filter(|_| wanted.commune.is_none()).find_map(household);
            home(parts, shared, now).await?.filter(|home| home.is_active)
        }
    };
    if host.is_some() && home.is_none() {
        bad.add("household_of", "CONFLICT", "this person belongs to no household");
    }
    let siblings = match &mother {
        Some(mother) => siblings(parts, mother, now).await?,
        None => Vec::new(),
    };
    if bad.is_empty() { Ok(Relatives { mother, father, spouse, siblings, home }) } else { Err(Error::invalid(bad)) }
}

async fn relative(
    parts: &Parts,
    field: &str,
    number: Option<PersonalId>,
    now: Timestamp,
    bad: &mut Violations,
) -> Result<Option<Relative>> {
    let Some(number) = number else { return Ok(None) };
    let found = parts.registries.person(number, now).await?;
    if found.is_none() {
        bad.add(field, "NOT_FOUND", "the register of people has nobody with this personal ID");
    }
    Ok(found.map(|person| Relative::of(&person.numbers, &person.payload)))
}

/// When the other children of a mother were born, by the entries that stand.
async fn siblings(parts: &Parts, mother: &Relative, now: Timestamp) -> Result<Vec<PartialDate>> {
    let of = parts.catalogue.defined(BIRTH)?;
    let entries = parts.registries.reader.of_person(of, &mother.numbers, now).await?;
    let born = entries.iter().map(|entry| &entry.payload).filter_map(|entry| {
        let number = entry.text_at("mother.personal_id").and_then(PersonalId::parse)?;
        let stands = entry.text("status") == Some("active") && mother.numbers.contains(&number);
        PartialDate::parse(entry.text_at("child.birth_date").filter(|_| stands)?)
    });
    Ok(born.collect())
}

async fn home(parts: &Parts, household_id: Option<String>, now: Timestamp) -> Result<Option<Home>> {
    let Some(household_id) = household_id else { return Ok(None) };
    let of = parts.catalogue.defined(HOUSEHOLD)?;
    let found = parts.registries.read_one(of, of.key_form.of(&household_id), now, |_| true).await?;
    Ok(found.map(|found| Home::of(&household_id, &found.payload)))
}
