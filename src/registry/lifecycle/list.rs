//! Lists whose entries stay: convictions, periods, classes. Entries are added, closed, changed and removed, each with its requirement.

use crate::trust::Value;

use super::super::rule::Findings;
use super::needs::{Needs, free};
use super::source::Source;
use super::step::Step;

/// The requirements of changes to the entries of a list.
#[derive(Debug, Clone)]
pub struct Entries {
    /// Of adding an entry.
    pub added: Needs,
    /// The fields that close an entry, which has none of them before.
    pub closing: Vec<String>,
    /// Of closing one.
    pub closed: Needs,
    /// Of changing one.
    pub changed: Needs,
    /// Of removing one.
    pub removed: Needs,
}

impl Entries {
    /// The same, where these fields close an entry.
    #[must_use]
    pub fn closed_by(self, fields: &[&str]) -> Self {
        Self { closing: fields.iter().map(|field| (*field).to_owned()).collect(), ..self }
    }

    /// Every change needs nothing.
    pub fn free() -> Self {
        Self { added: free(), closing: Vec::new(), closed: free(), changed: free(), removed: free() }
    }
}

/// A list whose entries stay.
#[derive(Debug, Clone)]
pub struct ListRule {
    /// The field.
    pub field: String,
    /// The fields that distinguish one entry from another; none for a list of texts.
    pub key: Vec<String>,
    /// The requirements of changes to its entries.
    pub entries: Entries,
    /// The source of the rule.
    pub source: Source,
}

impl ListRule {
    pub(super) fn new(field: &str, key: &[&str], entries: Entries, source: Source) -> Self {
        let key = key.iter().map(|name| (*name).to_owned()).collect();
        Self { field: field.into(), key, entries, source }
    }

    pub(super) fn check(&self, step: &Step<'_>, findings: &mut Findings<'_>) {
        if !step.changes(&self.field) {
            return;
        }
        let mut left: Vec<&Value> = step.before.array(&self.field).unwrap_or_default().iter().collect();
        let mut new: Vec<(usize, &Value)> =
            step.after.array(&self.field).unwrap_or_default().iter().enumerate().collect();
        pair(&mut left, &mut new, |one, other| one == other);
        let Entries { closing, added, closed, changed, removed } = &self.entries;
        let what = [
            (pair(&mut left, &mut new, |one, other| closes(one, other, closing)), closed, "closing an entry"),
            (pair(&mut left, &mut new, |one, other| self.same(one, other)), changed, "changing an entry"),
            (new.iter().map(|(at, _)| *at).collect(), added, "adding an entry"),
        ];
        for (at, needs, says) in what {
            if let Some(lack) = needs.lack(step) {
                for at in at {
                    let path = format_args!("{}[{at}]", self.field);
                    findings.add(path, lack.rule(), format_args!("{says} {lack} ({})", self.source));
                }
            }
        }
        if !left.is_empty()
            && let Some(lack) = removed.lack(step)
        {
            findings.add(&self.field, lack.rule(), format_args!("removing an entry {lack} ({})", self.source));
        }
    }

    /// Whether two entries are the same one with different content.
    fn same(&self, one: &Value, other: &Value) -> bool {
        let (Some(one), Some(other)) = (one.as_object(), other.as_object()) else { return false };
        !self.key.is_empty() && self.key.iter().all(|name| one.get(name) == other.get(name))
    }
}

/// Removes the matching pairs from both lists; returns the positions of their new halves.
fn pair(left: &mut Vec<&Value>, new: &mut Vec<(usize, &Value)>, fits: impl Fn(&Value, &Value) -> bool) -> Vec<usize> {
    let mut places = Vec::new();
    left.retain(|one| match new.iter().position(|(_, other)| fits(one, other)) {
        Some(found) => {
            places.push(new.remove(found).0);
            false
        }
        None => true,
    });
    places
}

/// Whether `after` is `before` with fields that close it.
fn closes(before: &Value, after: &Value, closing: &[String]) -> bool {
    let (Some(before), Some(after)) = (before.as_object(), after.as_object()) else { return false };
    let is_closing = |name: &str| closing.iter().any(|closing| closing == name);
    before.names().all(|name| !is_closing(name) && after.get(name) == before.get(name))
        && after.names().all(|name| is_closing(name) || before.contains(name))
}
