//! Records that have ended: fields that no table names change only with a basis, because nobody looks after the fields of an ended record any more.

use super::super::basis::FIELD;
use super::super::rule::Findings;
use super::step::Step;
use super::{Lifecycle, assumption};

/// Fields that give the reason for the status; they change with it.
const OF_THE_STATUS: [&str; 2] = ["status", "status_reason"];

impl Lifecycle {
    /// Adds the fields that a step changes without a basis, of a record that has ended before it and after it; fields that a table names
    /// are left to the table.
    pub fn check_ended(&self, step: &Step<'_>, findings: &mut Findings<'_>) {
        if step.basis().is_some() {
            return;
        }
        let changes_status = step.changes("status");
        let mut names: Vec<&str> = step.before.names().chain(step.after.names()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let speaks_of_status = changes_status && OF_THE_STATUS.contains(&name);
            if name != FIELD && !speaks_of_status && step.changes(name) && !self.names(name) {
                let says = format_args!(
                    "a record that has ended changes only for a stated reason: this change needs a `basis` of its own ({})",
                    assumption()
                );
                findings.add(name, "BASIS_REQUIRED", says);
            }
        }
    }

    /// Whether a table or a rule between two versions names a field or something in it.
    fn names(&self, field: &str) -> bool {
        let is_in = |path: &str| path.split('.').next() == Some(field);
        self.states.iter().any(|states| is_in(&states.field))
            || self.fields.iter().any(|rule| is_in(&rule.path))
            || self.lists.iter().any(|list| is_in(&list.field))
            || self.rules.iter().any(|rule| is_in(&rule.field))
    }

    /// Whether a transition leaves a state of a status field.
    pub fn may_leave(&self, field: &str, state: &str) -> bool {
        let tables = self.states.iter().filter(|states| states.field == field);
        tables.flat_map(|states| &states.rows).any(|row| row.from == state)
    }
}
