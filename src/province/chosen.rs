//! Which of several values of one field counts, how it was chosen, and what was not chosen: a pure function of what the sources say and of the table
//! of [`survivorship`](super::survivorship). Nothing that a source says is lost by it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::base::text::exact_key;
use crate::base::{PartialDate, Timestamp};
use crate::registry::codes;
use crate::registry::rule::date_at;
use crate::trust::{Object, Value};

use super::claim::Claim;
use super::found::FoundRecord;
use super::index::address_words;
use super::survivorship::{Tie, rule};

/// What counts of one field of a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The field's name in the register of such subjects.
    pub name: String,
    /// The value that counts, with its path and source.
    pub claim: Claim,
    /// How it was chosen.
    pub by: ChosenBy,
    /// Numbers of the other sources that say the same.
    pub agreeing: Vec<u32>,
    /// What was not chosen.
    pub others: Vec<Claim>,
}

/// How a value was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChosenBy {
    /// One source says something.
    OnlySource,
    /// All sources say the same.
    AgreementOfAll,
    /// It stands before the others in the order of sources.
    OrderOfSources,
    /// It is the newest of the sources of its place.
    Recency,
    /// More sources say it than anything else that a source of its place says.
    Agreement,
}

/// What one source says of a field.
#[derive(Debug, Clone)]
pub(super) struct Candidate<'a> {
    /// The field's name in the register of such subjects.
    pub(super) field: &'a str,
    /// The field's path in its record.
    pub(super) path: String,
    pub(super) value: Cow<'a, Value>,
    /// The number of its source in the view, from 1.
    pub(super) source: u32,
    pub(super) found: &'a FoundRecord,
    /// What makes one newer than another: when its record was issued, or what a source of events says of the day.
    pub(super) since: Timestamp,
}

/// The fields of a subject in this order, each with what counts of it.
pub(super) fn choose<'a>(
    subject: &str,
    fields: impl Iterator<Item = &'a str>,
    candidates: Vec<Candidate<'_>>,
) -> Vec<Chosen> {
    let mut by_field: BTreeMap<&str, Vec<Candidate<'_>>> = BTreeMap::new();
    for candidate in candidates {
        by_field.entry(candidate.field).or_default().push(candidate);
    }
    fields.filter_map(|field| one(subject, field, by_field.remove(field)?)).collect()
}

fn one(subject: &str, field: &str, mut candidates: Vec<Candidate<'_>>) -> Option<Chosen> {
    let (at, by) = decide(subject, field, &candidates)?;
    let chosen = candidates.swap_remove(at);
    let (mut agreeing, mut others) = (Vec::new(), Vec::new());
    candidates.sort_by(|one, other| (one.source, &one.path).cmp(&(other.source, &other.path)));
    for candidate in candidates {
        if !same(&candidate.value, &chosen.value) {
            others.push(claim(candidate));
        } else if candidate.source != chosen.source && !agreeing.contains(&candidate.source) {
            agreeing.push(candidate.source);
        }
    }
    Some(Chosen { name: field.to_owned(), claim: claim(chosen), by, agreeing, others })
}

/// The index of the candidate that counts, and how it was chosen.
fn decide(subject: &str, field: &str, candidates: &[Candidate<'_>]) -> Option<(usize, ChosenBy)> {
    let rule = rule(subject, field)?;
    let place = |at: &usize| {
        let of = &candidates[*at].found.record_type;
        rule.place(&of.registry, &of.name)
    };
    let newest = |among: &[usize]| among.iter().copied().max_by_key(|at| age(&candidates[*at]));
    let is_one = |among: &[usize]| {
        among
            .split_first()
            .is_none_or(|(first, rest)| rest.iter().all(|at| same(&candidates[*first].value, &candidates[*at].value)))
    };
    let all: Vec<usize> = (0..candidates.len()).collect();
    let first = all.iter().map(place).min()?;
    let mut best: Vec<usize> = all.iter().copied().filter(|at| place(at) == first).collect();
    if is_one(&all) {
        let by = if all.len() == 1 { ChosenBy::OnlySource } else { ChosenBy::AgreementOfAll };
        return Some((newest(&best)?, by));
    }
    if is_one(&best) {
        return Some((newest(&best)?, ChosenBy::OrderOfSources));
    }
    for tie in &rule.ties {
        let weight = |at: &usize| match tie {
            Tie::Recency => (candidates[*at].since.0, 0),
            Tie::Agreement => {
                let like = all.iter().filter(|other| same(&candidates[*at].value, &candidates[**other].value));
                (0, like.count())
            }
        };
        let most = best.iter().map(weight).max()?;
        best.retain(|at| weight(at) == most);
        if is_one(&best) {
            let by = if *tie == Tie::Recency { ChosenBy::Recency } else { ChosenBy::Agreement };
            return Some((newest(&best)?, by));
        }
    }
    Some((newest(&best)?, ChosenBy::Recency))
}

/// Newer ones are greater; the ledger index decides between those of one time.
fn age(candidate: &Candidate<'_>) -> (Timestamp, u64) {
    (candidate.since, candidate.found.ledger_index)
}

fn claim(candidate: Candidate<'_>) -> Claim {
    Claim { field: candidate.path, value: candidate.value.into_owned(), source: candidate.source }
}

/// Whether two values say the same: names in any placing of the tones, dates at their common precision, addresses in the unit that has their
/// place now.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::String(one), Value::String(other)) => {
            one == other
                || match (PartialDate::parse(one), PartialDate::parse(other)) {
                    (Some(one), Some(other)) => one.agrees(other),
                    _ => exact_key(one) == exact_key(other),
                }
        }
        (Value::Object(one), Value::Object(other)) => one == other || same_address(one, other),
        _ => one == other,
    }
}

fn same_address(one: &Object, other: &Object) -> bool {
    let Some(units) = codes::list("units") else { return false };
    let unit = |address: &Object| {
        let (code, from) = (address.text("unit_code")?, date_at(address, "unit_valid_from")?);
        let (code, from) = codes::present(&units, code, from);
        Some((code.to_owned(), from))
    };
    let text = |address: &Object| address.text("text").map(address_words);
    let is_one_text = text(one).zip(text(other)).is_none_or(|(one, other)| one == other);
    is_one_text && unit(one).zip(unit(other)).is_some_and(|(one, other)| one == other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::RecordId;
    use crate::registry::Catalogue;

    /// A source of a record type, of an age.
    fn found(record_type: &str, ledger_index: u64) -> FoundRecord {
        FoundRecord {
            record_type: Catalogue::built_in().record_type(record_type).expect("a type").clone(),
            record_id: RecordId([ledger_index as u8; 16]),
            version: 1,
            issued_at: Timestamp(ledger_index as i64),
            ledger_index,
            revoked: false,
            payload: Object::new(),
            bytes: 0,
        }
    }

    #[test]
    fn the_order_of_sources_decides_then_the_ties_and_nothing_is_lost() {
        let (person, death) = (found("resident.person.v1", 1), found("civil_status.death.v1", 2));
        let (car, card) = (found("vehicle.registration.v1", 3), found("health_insurance.card.v1", 4));
        let licence = found("driver_licence.licence.v1", 5);
        // field; source and value each; which source counts, how, who agrees, who does not
        type Case<'a> = (&'a str, &'a [(&'a FoundRecord, &'a str)], (u32, ChosenBy), &'a [u32], &'a [u32]);
        let cases: [Case<'_>; 8] = [
            ("full_name", &[(&person, "Lê An")], (1, ChosenBy::OnlySource), &[], &[]),
            ("full_name", &[(&person, "Lê Hoà"), (&card, "LÊ HÒA")], (1, ChosenBy::AgreementOfAll), &[2], &[]),
            (
                "full_name",
                &[(&card, "Lê Ân"), (&person, "Lê An"), (&car, "Lê An")],
                (2, ChosenBy::OrderOfSources),
                &[3],
                &[1],
            ),
            (
                "death_date",
                &[(&person, "2026-03-02"), (&death, "2026-03-01")],
                (2, ChosenBy::OrderOfSources),
                &[],
                &[1],
            ),
            ("death_date", &[(&person, "2026-03"), (&death, "2026-03-01")], (2, ChosenBy::AgreementOfAll), &[1], &[]),
            ("full_name", &[(&car, "Lê An"), (&card, "Lê Ân")], (2, ChosenBy::Recency), &[], &[1]),
            ("sex", &[(&car, "male"), (&card, "female")], (2, ChosenBy::Recency), &[], &[1]),
            (
                "full_name",
                &[(&car, "Lê An"), (&card, "Lê An"), (&licence, "Lê Ân")],
                (3, ChosenBy::Recency),
                &[],
                &[1, 2],
            ),
        ];
        for (field, said, (source, by), agreeing, others) in cases {
            let candidates = (1..).zip(said).map(|(source, (found, value))| Candidate {
                field,
                path: field.to_owned(),
                value: Cow::Owned(Value::from(*value)),
                source,
                found,
                since: found.issued_at,
            });
            let all = choose("person", [field].into_iter(), candidates.collect());
            assert_eq!(all.len(), 1);
            let chosen = &all[0];
            assert_eq!((chosen.claim.source, chosen.by), (source, by), "{field} {chosen:?}");
            assert_eq!(chosen.agreeing, agreeing, "{chosen:?}");
            assert_eq!(chosen.others.iter().map(|claim| claim.source).collect::<Vec<_>>(), others);
            assert_eq!(1 + chosen.agreeing.len() + chosen.others.len(), said.len(), "every source is there");
        }
    }

    #[test]
    fn what_most_say_counts_where_the_table_says_so() {
        let address = |text: &str| {
            Value::Object(
                Object::new().with("unit_code", "18073").with("unit_valid_from", "2025-07-01").with("text", text),
            )
        };
        let people = [found("resident.person.v1", 1), found("resident.person.v1", 2), found("resident.person.v1", 3)];
        let said = [address("Thôn 3"), address("thôn 3,"), address("Thôn 4")];
        let candidates = people.iter().zip(said).zip(1..).map(|((found, value), source)| Candidate {
            field: "residence",
            path: "permanent_residence".into(),
            value: Cow::Owned(value),
            source,
            found,
            since: found.issued_at,
        });
        let all = choose("household", ["residence"].into_iter(), candidates.collect());
        assert_eq!((all[0].by, all[0].claim.source), (ChosenBy::Agreement, 2), "the newer of the two that agree");
        assert_eq!((all[0].agreeing.clone(), all[0].others[0].source), (vec![1], 3));
    }
}
