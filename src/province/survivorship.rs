//! Which source is authoritative for each field, as data: `data/survivorship.tsv`.
//!
//! For each field of a subject the table has the order of sources, and what decides between sources of one place: which is newest, or what most
//! say. A registry or record type that no row names comes after those that it names, so that registries from schema files need no row.

use std::sync::LazyLock;

/// The subject that people are, beside the kinds of things.
pub(super) const PERSON: &str = "person";

const TABLE: &str = include_str!("data/survivorship.tsv");

/// What decides between sources of one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tie {
    /// The newest says it.
    Recency,
    /// Most sources say it.
    Agreement,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    subject: &'static str,
    field: &'static str,
    also: Vec<&'static str>,
    order: Vec<&'static str>,
    pub(super) ties: Vec<Tie>,
}

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| read(TABLE).expect("the table is read by a test"));

/// The rule for a field of a subject.
pub(super) fn rule(subject: &str, field: &str) -> Option<&'static Rule> {
    let of = |name: &str| RULES.iter().find(|rule| rule.subject == subject && rule.field == name);
    of(field).or_else(|| of("*"))
}

/// The field of a subject that other records call `name`, if they have a word of their own for it.
pub(super) fn field_called(subject: &str, name: &str) -> Option<&'static str> {
    RULES.iter().find(|rule| rule.subject == subject && rule.also.contains(&name)).map(|rule| rule.field)
}

impl Rule {
    /// The rank of a source in the order, from 0.
    pub(super) fn place(&self, registry: &str, record_type: &str) -> usize {
        let named = self.order.iter().position(|name| *name == registry || *name == record_type);
        named.unwrap_or(self.order.len())
    }
}

fn read(table: &'static str) -> Result<Vec<Rule>, String> {
    let rows = table.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    rows.map(|line| {
        let [subject, field, also, order, ties, _source] = line.split('\t').collect::<Vec<_>>()[..] else {
            return Err(format!("six columns: {line}"));
        };
        let tie = |name: &str| match name {
            "recency" => Ok(Tie::Recency),
            "agreement" => Ok(Tie::Agreement),
            other => Err(format!("a tie is recency or agreement, not {other}")),
        };
        Ok(Rule {
            subject,
            field,
            also: also.split(' ').filter(|name| !name.is_empty()).collect(),
            order: order.split(' ').filter(|name| !name.is_empty()).collect(),
            ties: ties.split(' ').map(tie).collect::<Result<_, _>>()?,
        })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{Catalogue, SubjectKind};

    #[test]
    fn the_table_speaks_of_what_there_is() {
        let catalogue = Catalogue::built_in();
        let rules = read(TABLE).expect("a table");
        for rule in &rules {
            let register = match SubjectKind::ALL.iter().find(|(name, _)| *name == rule.subject) {
                Some((_, kind)) => catalogue.record_types().find(|of| of.viewed.subject == Some(*kind)),
                None => Some(catalogue.people()).filter(|_| rule.subject == PERSON),
            };
            let register = register.unwrap_or_else(|| panic!("{rule:?} is of no subject"));
            let has = |name: &str| register.fields.iter().any(|field| field.name == name);
            assert!(rule.field == "*" || has(rule.field), "{rule:?}");
            for name in &rule.order {
                assert!(catalogue.sector(name).is_some() || catalogue.record_type(name).is_some(), "{name}");
            }
            assert!(
                !rule.ties.is_empty() && rule.also.iter().all(|name| rule.subject == "household" || !has(name)),
                "{rule:?}"
            );
        }
        for subject in SubjectKind::ALL.map(|(name, _)| name).into_iter().chain([PERSON]) {
            assert!(rule(subject, "anything").is_some(), "{subject} has a rule for every field");
        }
        assert!(read("person\t*\t\tresident\tluck\tassumption").is_err());
    }

    #[test]
    fn a_record_type_or_its_registry_has_a_place() {
        let deaths = rule(PERSON, "death_date").expect("a rule");
        assert_eq!(deaths.place("civil_status", "civil_status.death.v1"), 0);
        assert_eq!(deaths.place("resident", "resident.person.v1"), 1);
        assert_eq!(deaths.place("education", "education.diploma.v1"), 2);
        assert_eq!(field_called(PERSON, "address"), Some("permanent_residence"));
        assert_eq!(field_called(PERSON, "full_name"), None);
    }
}
