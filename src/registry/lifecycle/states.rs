//! Tables of states: the transitions of a status field, the requirement of each, and its author.

use std::fmt;

use super::super::rule::Findings;
use super::needs::Needs;
use super::source::Source;
use super::step::Step;
use super::who::Who;

/// One transition of a status field.
#[derive(Debug, Clone)]
pub struct Transition {
    /// The state before.
    pub from: String,
    /// The state after.
    pub to: String,
    /// Who may make it.
    pub by: Who,
    /// Its requirement.
    pub needs: Needs,
    /// The source of the rule.
    pub source: Source,
}

/// The table of one status field. A pair that is not in it is never allowed; a state without outgoing transitions is final.
#[derive(Debug, Clone)]
pub struct States {
    /// The field.
    pub field: String,
    /// The source of the rule that there are no others.
    pub source: Source,
    /// The transitions.
    pub rows: Vec<Transition>,
    /// Whether the states are specially protected personal data, which no refusal names.
    pub unnamed: bool,
}

impl States {
    /// The row of a transition.
    pub fn row(&self, from: &str, to: &str) -> Option<&Transition> {
        self.rows.iter().find(|row| row.from == from && row.to == to)
    }

    pub(super) fn check(&self, step: &Step<'_>, findings: &mut Findings<'_>) {
        let (before, after) = (step.before.text_at(&self.field), step.after.text_at(&self.field));
        let (from, to) = match (before, after) {
            (Some(from), Some(to)) if from != to => (from, to),
            // A removed state could come back as another one.
            (Some(_), None) => {
                let says = format_args!("a known state is not removed ({})", self.source);
                return findings.add(&self.field, "FIXED", says);
            }
            _ => return,
        };
        let said = Said { states: self, from, to };
        match self.row(from, to) {
            None => findings.add(&self.field, "TRANSITION", format_args!("{said} is not allowed{}", Open(self, from))),
            Some(row) => {
                if let Some(lack) = row.needs.lack(step) {
                    findings.add(&self.field, lack.rule(), format_args!("{said} {lack} ({})", row.source));
                }
            }
        }
    }

    /// Adds a transition that the registry's owner submits, and the registry alone makes.
    pub(super) fn check_author(&self, step: &Step<'_>, findings: &mut Findings<'_>) {
        let Some((from, to)) = step.texts(&self.field) else { return };
        if let Some(row) = self.row(from, to).filter(|row| row.by == Who::System) {
            let said = Said { states: self, from, to };
            let says = format_args!("{said} is made by the registry itself on its due date ({})", row.source);
            findings.add(&self.field, "AUTHOR", says);
        }
    }
}

/// A transition in words.
struct Said<'a> {
    states: &'a States,
    from: &'a str,
    to: &'a str,
}

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.states.unnamed {
            true => f.write_str("this transition"),
            false => write!(f, "{} → {}", self.from, self.to),
        }
    }
}

/// The states that may follow a state, in words, and the source of the rule that no other may.
struct Open<'a>(&'a States, &'a str);

impl fmt::Display for Open<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(states, from) = self;
        let to: Vec<&str> = states.rows.iter().filter(|row| row.from == *from).map(|row| row.to.as_str()).collect();
        match (states.unnamed, to.is_empty()) {
            (true, _) => write!(f, " ({})", states.source),
            (false, true) => write!(f, ": {from} is final ({})", states.source),
            (false, false) => write!(f, ": {} may follow {from} ({})", to.join(" or "), states.source),
        }
    }
}
