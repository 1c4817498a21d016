//! Discrepancies between registries, as real ones have them, put into the generated records at a rate, each with its ground truth.
//!
//! A disagreement is plausible and never malformed: a changed record is held to its registry's own rules, and what they refuse is not written.
//! The register of people and the books of civil status stay as they are, but for an old number that two people have: they are what the others
//! disagree with.

mod kind;
mod party;
mod rules;
mod truth;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::base::seed::Draws;
use crate::base::{Date, Seed};
use crate::registry::{civil_status, resident};
use crate::trust::Object;

use super::document::Record;
use super::population::numbers::Numbers;
use super::population::table::{number, rows};
use super::population::{Batch, Population};
use kind::{Facts, Kind};
use party::{party_mut, party_of};
use rules::is_legal;

pub use truth::Truth;
use truth::stale_owners;

/// How often registries disagree, in ten thousandths of the records that name a person outside the registers of people and of civil status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rate(u16);

impl Rate {
    /// Nothing disagrees.
    pub const NONE: Self = Self(0);

    /// From ten thousandths, at most a half.
    pub fn of_ten_thousand(part: u16) -> Option<Self> {
        (part <= 5_000).then_some(Self(part))
    }

    /// In ten thousandths.
    pub fn ten_thousandths(self) -> u16 {
        self.0
    }

    fn strikes(self, draws: &mut Draws) -> bool {
        draws.below(10_000) < u64::from(self.0)
    }
}

/// A rate as people write it, `0.05`, with at most four decimals.
impl std::str::FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rate: f64 = text.parse().map_err(|_| "a rate is a number like 0.05".to_owned())?;
        let part = (rate * 10_000.0).round();
        let is_exact = (rate * 10_000.0 - part).abs() < 1e-6 && (0.0..=5_000.0).contains(&part);
        match Self::of_ten_thousand(part.clamp(0.0, 10_000.0) as u16).filter(|_| is_exact) {
            Some(rate) => Ok(rate),
            None => Err("a rate is 0 to 0.5, with at most four decimals".to_owned()),
        }
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", f64::from(self.0) / 10_000.0)
    }
}

/// Kinds with their shares.
static SHARES: LazyLock<Vec<(Kind, u64)>> = LazyLock::new(|| {
    let all = rows(include_str!("population/data/discrepancies.tsv"));
    let kind = |row: &Vec<&'static str>| Kind::parse(row[0]).unwrap_or_else(|| panic!("{:?} is no kind", row[0]));
    all.map(|row| (kind(&row), number(row[1]) as u64)).collect()
});

/// The kinds that were made so far, so that each gets its share although many fit few records.
#[derive(Debug, Default)]
struct Dealt(BTreeMap<&'static str, u64>);

impl Dealt {
    /// All kinds: those first of which the most is missing.
    fn in_order(&self) -> Vec<Kind> {
        let (all, next) = (SHARES.iter().map(|(_, share)| share).sum::<u64>(), self.0.values().sum::<u64>() + 1);
        let surplus = |(kind, share): &(Kind, u64)| {
            let made = self.0.get(kind.as_str()).copied().unwrap_or_default();
            (made * all) as i64 - (share * next) as i64
        };
        let mut order = SHARES.clone();
        order.sort_by_key(surplus);
        order.into_iter().map(|(kind, _)| kind).collect()
    }

    fn note(&mut self, kind: Kind) {
        *self.0.entry(kind.as_str()).or_default() += 1;
    }
}

/// Two people with one old number, among as many disagreements as people.
const ONE_NUMBER_OF: u64 = 25;

/// A population whose registries disagree: household after household, each with the truth about its disagreements.
#[derive(Debug)]
pub struct Disagreeing {
    population: Population,
    seed: Seed,
    rate: Rate,
    today: Date,
    households: u64,
    dealt: Dealt,
    /// Whether owners who died or moved are looked for.
    tells: bool,
}

impl Disagreeing {
    /// Citizens of a seed as of `today`, whose records disagree at this rate.
    pub fn new(seed: Seed, citizens: u64, today: Date, rate: Rate) -> Self {
        let population = Population::new(seed, citizens, today);
        Self {
            population,
            seed: seed.child("discrepancies", 0),
            rate,
            today,
            households: 0,
            dealt: Dealt::default(),
            tells: true,
        }
    }
}

impl Disagreeing {
    /// The same for whoever writes no truths down: those that nothing put there are not looked for.
    #[must_use]
    pub fn untold(self) -> Self {
        Self { tells: false, ..self }
    }
}

impl Iterator for Disagreeing {
    type Item = (Batch, Vec<Truth>);

    fn next(&mut self) -> Option<Self::Item> {
        let mut batch = self.population.next()?;
        let mut draws = self.seed.child("household", self.households).draws();
        self.households += 1;
        // Before anything else is changed, which may be the owner's number.
        let mut truths = if self.tells { stale_owners(&batch) } else { Vec::new() };
        if self.rate == Rate::NONE {
            return Some((batch, truths));
        }
        let numbers = self.population.numbers_mut();
        truths.extend(share_an_old_number(&mut batch, self.rate, &mut draws));
        let facts = kind::facts(&batch.records);
        let mut added = Vec::new();
        for record in &mut batch.records {
            let find = |id: &str| facts.iter().find(|facts| facts.id == id);
            let Some((party, facts)) = party_of(&record.payload, find) else { continue };
            if is_source(record) || !self.rate.strikes(&mut draws) {
                continue;
            }
            let mut kinds = self.dealt.in_order().into_iter();
            let done = kinds.find_map(|kind| {
                let done = disagree(kind, record, (&party, facts), &mut draws, numbers, self.today);
                done.map(|done| (kind, done))
            });
            if let Some((kind, (truth, second))) = done {
                self.dealt.note(kind);
                truths.push(truth);
                added.extend(second);
            }
        }
        batch.records.extend(added);
        Some((batch, truths))
    }
}

fn is_source(record: &Record) -> bool {
    let registry = record.record_type.split('.').next().unwrap_or_default();
    [resident::NAME, civil_status::NAME].contains(&registry)
}

/// One disagreement of a kind, in place; a second record where the kind is one. `None` where it does not fit.
fn disagree(
    kind: Kind,
    record: &mut Record,
    (party, facts): (&str, &Facts),
    draws: &mut Draws,
    numbers: &mut Numbers,
    today: Date,
) -> Option<(Truth, Option<Record>)> {
    let mut changed = record.clone();
    if kind == Kind::PersonTwice {
        kind::second(&mut changed, facts, numbers)?;
        let truth = Truth::of(kind.as_str(), &changed, "", (None, None), &facts.id);
        return is_legal(&changed, today).then_some((truth, Some(changed)));
    }
    let (field, before, after) = {
        let object = party_mut(&mut changed.payload, party)?;
        let before = object.clone();
        let field = kind.apply(object, facts, draws)?;
        let text = |object: &Object| object.text_at(field).map(str::to_owned);
        (field, text(&before), text(object))
    };
    if !is_legal(&changed, today) {
        return None;
    }
    *record = changed;
    let path = if party.is_empty() { field.to_owned() } else { [party, ".", field].concat() };
    Some((Truth::of(kind.as_str(), record, &path, (after, before), &facts.id), None))
}

/// Lets a member of the household have the old number of another, as two people once got one.
fn share_an_old_number(batch: &mut Batch, rate: Rate, draws: &mut Draws) -> Option<Truth> {
    if !rate.strikes(draws) || draws.below(ONE_NUMBER_OF) > batch.citizens.len() as u64 {
        return None;
    }
    let has_one = |record: &Record| record.record_type == resident::PERSON && record.payload.contains("old_id_number");
    let first = batch.records.iter().find(|record| has_one(record))?;
    let number = first.payload.text("old_id_number")?.to_owned();
    let other = batch.records.iter_mut().filter(|record| has_one(record)).nth(1)?;
    let before = other.payload.text("old_id_number").map(str::to_owned);
    other.payload.insert("old_id_number", number.as_str());
    let id = other.payload.text("personal_id")?.to_owned();
    Some(Truth::of("two_people_one_number", other, "old_id_number", (Some(number), before), &id))
}

#[cfg(test)]
mod tests;
