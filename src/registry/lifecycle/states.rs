//! Tables of states: which transitions of a status field there are, what each needs, and who makes it.

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
    /// What it needs.
    pub needs: Needs,
    /// Where that is written.
    pub source: Source,
}

/// The table of one status field. A pair that is not in it is never made; a state that nothing leaves is final.
#[derive(Debug, Clone)]
pub struct States {
    /// The field.
    pub field: String,
    /// Where it is written that there are no others.
    pub source: Source,
    /// The transitions.
    pub rows: Vec<Transition>,
    /// Whether the states are personal data of a protected kind, which no refusal names.
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
            // A state that is taken out could come back as another one.
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

/// What may follow a state, in words, and where it is written that nothing else may.
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
