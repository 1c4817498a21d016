//! Rules of faults: when whose records are read, what goes wrong. A world holds its rules; a [`Faulty`](super::Faulty) registry applies them
//! and knows no citizen by itself.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use crate::base::PersonalId;
use crate::registry::port::{Query, Selector};

/// Digits of a personal ID.
const ID_DIGITS: usize = 12;

/// The action of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A payload is changed after signing.
    PayloadChanged,
    /// The checkpoint is signed with another registry's key.
    OtherIssuer,
    /// The checkpoint is signed with a key that the trust anchor calls compromised.
    CompromisedKey,
    /// The proof is another record's.
    OtherProof,
    /// The statement is issued tomorrow.
    IssuedInFuture,
    /// A field occurs in the payload twice.
    NotCanonical,
    /// The registry does not answer.
    Unavailable,
    /// The registry is at its limit and states when to retry.
    Exhausted,
    /// The registry is slower than any deadline.
    Slow,
    /// The registry has a defect.
    Internal,
    /// The answer breaks off after its first part.
    Reset,
}

impl Action {
    /// `payload_changed`, `unavailable`, ….
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PayloadChanged => "payload_changed",
            Self::OtherIssuer => "other_issuer",
            Self::CompromisedKey => "compromised_key",
            Self::OtherProof => "other_proof",
            Self::IssuedInFuture => "issued_in_future",
            Self::NotCanonical => "not_canonical",
            Self::Unavailable => "unavailable",
            Self::Exhausted => "exhausted",
            Self::Slow => "slow",
            Self::Internal => "internal",
            Self::Reset => "reset",
        }
    }

    /// Whether records are answered, but bad ones.
    pub fn is_in_records(self) -> bool {
        use Action::{CompromisedKey, IssuedInFuture, NotCanonical, OtherIssuer, OtherProof, PayloadChanged};
        matches!(self, PayloadChanged | OtherIssuer | CompromisedKey | OtherProof | IssuedInFuture | NotCanonical)
    }
}

/// Which reads a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// Whose records are read.
    pub person: PersonalId,
    /// Every n-th of these reads, counted by registry: 1 is each, 2 the second, the fourth and so on.
    pub every: NonZeroU64,
}

/// A rule: the reads that it matches, and its action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Which reads.
    pub matching: Match,
    /// The action.
    pub action: Action,
}

/// The rules that a world holds, also while it runs: a read keeps to those that it began with.
#[derive(Debug, Default)]
pub struct Rules {
    table: RwLock<Arc<Table>>,
}

/// The rules at one moment, at most one for a person: a later one takes the place of an earlier one.
#[derive(Debug, Default, Clone)]
pub struct Table {
    rules: Vec<Rule>,
    by_person: HashMap<PersonalId, usize>,
}

impl FromIterator<Rule> for Rules {
    fn from_iter<I: IntoIterator<Item = Rule>>(rules: I) -> Self {
        let mut table = Table::default();
        rules.into_iter().for_each(|rule| table.add(rule));
        Self { table: RwLock::new(Arc::new(table)) }
    }
}

impl Rules {
    /// The rules that hold now.
    pub fn current(&self) -> Arc<Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The rules that hold now, apart from what is added here later.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self { table: RwLock::new(self.current()) }
    }

    /// Adds a rule, which holds for every read that begins after this. One that is there already changes nothing.
    pub fn add(&self, rule: Rule) {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        if table.of_person(&rule.matching.person).and_then(|at| table.rules.get(at)) != Some(&rule) {
            Arc::make_mut(&mut table).add(rule);
        }
    }
}

impl Table {
    /// Rules keep their numbers: those who count how often one matched count by them.
    fn add(&mut self, rule: Rule) {
        self.by_person.insert(rule.matching.person, self.rules.len());
        self.rules.push(rule);
    }

    /// All rules; a rule's number is its index here.
    pub fn as_slice(&self) -> &[Rule] {
        &self.rules
    }

    /// The number of the rule about this person.
    pub fn of_person(&self, person: &PersonalId) -> Option<usize> {
        self.by_person.get(person).copied()
    }

    /// The number of the rule about the one citizen whom a query asks for.
    pub(super) fn of_query(&self, query: &Query) -> Option<usize> {
        match &query.selector {
            Selector::Person(id) => self.of_person(id),
            Selector::Key(key) => self.of_person(&PersonalId::parse(key)?),
            _ => None,
        }
    }

    /// The number of the rule about the first citizen with one whom a payload names.
    pub(super) fn of_payload(&self, payload: &[u8]) -> Option<usize> {
        let runs = payload.split(|byte| !byte.is_ascii_digit()).filter(|run| run.len() == ID_DIGITS);
        runs.filter_map(|run| PersonalId::parse(std::str::from_utf8(run).ok()?)).find_map(|id| self.of_person(&id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(id: &str) -> PersonalId {
        PersonalId::parse(id).expect("an id")
    }

    fn rules() -> Rules {
        let rule = |id, action| Rule { matching: Match { person: person(id), every: NonZeroU64::MIN }, action };
        [rule("042090990101", Action::Slow), rule("042090990102", Action::Reset)].into_iter().collect()
    }

    #[test]
    fn a_query_for_a_person_or_their_key_meets_their_rule() {
        let (rules, types) = (rules().current(), ["resident.person.v1"]);
        let of = |selector| rules.of_query(&Query::latest(types, selector, 1));
        assert_eq!(of(Selector::Person(person("042090990102"))), Some(1));
        assert_eq!(of(Selector::Key("042090990101".into())), Some(0));
        assert_eq!(of(Selector::Person(person("042090990001"))), None);
        assert_eq!(of(Selector::All), None);
    }

    #[test]
    fn a_payload_meets_the_rule_of_the_first_whom_it_names() {
        let rules = rules().current();
        for (payload, expected) in [
            (r#"{"holder":"042090990001","owner":"042090990102"}"#, Some(1)),
            (r#"{"a":"042090990102","b":"042090990101"}"#, Some(1)),
            ("042090990101", Some(0)),
            (r#"{"number":"0420909901011"}"#, None),
            (r#"{"number":"04209099010"}"#, None),
            ("", None),
        ] {
            assert_eq!(rules.of_payload(payload.as_bytes()), expected, "{payload}");
        }
    }

    #[test]
    fn a_rule_is_added_while_reads_go_on() {
        let rules = rules();
        let before = rules.current();
        let rule = |action| Rule { matching: Match { person: person("042090990101"), every: NonZeroU64::MIN }, action };
        rules.add(rule(Action::Slow));
        assert_eq!(rules.current().as_slice().len(), 2, "it is there already");
        rules.add(rule(Action::Reset));
        assert_eq!(before.of_person(&person("042090990101")), Some(0));
        let now = rules.current();
        assert_eq!(now.of_person(&person("042090990101")).map(|at| now.as_slice()[at].action), Some(Action::Reset));
        assert_eq!(now.of_person(&person("042090990102")), Some(1), "the others keep their numbers");
    }
}
