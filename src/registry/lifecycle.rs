//! Lifecycles: the allowed changes between versions of a record, as data of the record type.
//!
//! A sector's file holds the tables: the transitions of each status field, the fields that stay, the lists that only grow, and
//! rules for conditions that no table can express. Each row names the requirement of the change and its source, so that an expert on the
//! registry can check it line by line; `docs/lifecycles.md` prints them. Everything here is pure: rules between two versions of
//! one record are decided from the two, and rules between records from the records that the planner looked up.
//!
//! A stored record stays readable whatever rule it breaks; only its next change must follow the rules. A new record has no version
//! before it, so only the rules between records and those of unique values hold for it.

mod about;
mod ended;
mod list;
mod lookup;
mod needs;
mod page;
mod problem;
mod source;
mod states;
mod step;
mod time;
mod unique;
mod who;

use std::borrow::Cow;
use std::sync::Arc;

use crate::trust::Object;

use super::label::Label;
use super::rule::Findings;

pub use about::Around;
pub use list::{Entries, ListRule};
pub use lookup::{FOUND_MAX, Lookup, Lookups};
use needs::Lack;
pub use needs::{Needs, basis, basis_of, free, never};
pub use page::page;
pub use source::{Mark, Source, assumption, code, law, memory, press};
pub use states::{States, Transition};
pub use step::Step;
pub use time::{After, Since, TimeRule, When, circle};
pub use unique::UniqueRule;
pub use who::{Author, Who, check_basis, is_of_system};

/// A row of a table of states: from, to, requirement, source.
pub type TransitionRow<'a> = (&'a str, &'a str, Needs, Source);

/// A field that stays as it is, or changes for a reason.
#[derive(Debug, Clone)]
pub struct FieldRule {
    /// Path of the field.
    pub path: String,
    /// Whether it may be added freely where it was absent.
    pub may_be_added: bool,
    /// The requirement of a change.
    pub needs: Needs,
    /// The source of the rule.
    pub source: Source,
}

/// Decides the requirement of a field's change; `None`: the rule does not concern this change.
pub type Decide = Arc<dyn Fn(&Step<'_>) -> Option<Needs> + Send + Sync>;

/// A rule between two versions of a record that no table can express.
#[derive(Clone)]
pub struct CrossRule {
    /// Its name, UPPER_SNAKE; the type of the violation.
    pub name: Cow<'static, str>,
    /// The field that it concerns.
    pub field: String,
    /// The requirement, in words.
    pub says: String,
    /// The same in Vietnamese, where a schema file gives it.
    pub says_vi: Option<String>,
    /// The source of the rule.
    pub source: Source,
    /// The requirement of this change.
    pub needs: Decide,
}

impl AcrossRule {
    /// A rule: its name, its field, its requirement in words, its source, the records that it looks up, and whether it holds.
    pub fn new(
        (name, field): (&'static str, &str),
        says: &str,
        source: Source,
        keys: impl Fn(&Object) -> Vec<String> + Send + Sync + 'static,
        holds: impl Fn(Option<&Object>, &Object, &dyn Around) -> bool + Send + Sync + 'static,
    ) -> Self {
        let (name, field, says) = (name.into(), field.into(), says.into());
        Self { about: None, name, field, says, source, keys: Arc::new(keys), finds: None, holds: Arc::new(holds) }
    }

    /// The same about records of another type of the registry.
    #[must_use]
    pub fn about(self, record_type: &str) -> Self {
        Self { about: Some(record_type.into()), ..self }
    }

    /// The same, which also asks the index.
    #[must_use]
    pub fn finding(self, finds: impl Fn(&Object) -> Vec<Lookup> + Send + Sync + 'static) -> Self {
        Self { finds: Some(Arc::new(finds)), ..self }
    }
}

impl CrossRule {
    /// A rule: its name, its field, its requirement in words, its source, and what a change needs.
    pub fn new(
        name: impl Into<Cow<'static, str>>,
        field: &str,
        says: &str,
        source: Source,
        needs: impl Fn(&Step<'_>) -> Option<Needs> + Send + Sync + 'static,
    ) -> Self {
        let (name, field, says) = (name.into(), field.into(), says.into());
        Self { name, field, says, says_vi: None, source, needs: Arc::new(needs) }
    }
}

/// Natural keys of the records that a rule looks up.
pub type Keys = Arc<dyn Fn(&Object) -> Vec<String> + Send + Sync>;

/// Whether a version is compatible with other records of its registry: the version before it, itself, and the records around it.
pub type Compatible = Arc<dyn Fn(Option<&Object>, &Object, &dyn Around) -> bool + Send + Sync>;

/// A rule between records of one registry.
#[derive(Clone)]
pub struct AcrossRule {
    /// The type of the records that it looks up; `None`: the type that has the rule.
    pub about: Option<String>,
    /// Its name, UPPER_SNAKE; the type of the violation.
    pub name: Cow<'static, str>,
    /// The field that it concerns.
    pub field: String,
    /// The requirement, in words.
    pub says: String,
    /// The source of the rule.
    pub source: Source,
    /// The other records that it looks up.
    pub keys: Keys,
    /// What it asks the index for.
    pub finds: Option<Lookups>,
    /// Whether it holds.
    pub holds: Compatible,
}

/// The allowed changes of a record type. The empty one allows every change.
#[derive(Clone, Default)]
pub struct Lifecycle {
    /// Tables of states.
    pub states: Vec<States>,
    /// Fields that stay.
    pub fields: Vec<FieldRule>,
    /// Lists whose entries stay.
    pub lists: Vec<ListRule>,
    /// Rules between two versions.
    pub rules: Vec<CrossRule>,
    /// Rules between records.
    pub across: Vec<AcrossRule>,
    /// Values that at most one record has.
    pub unique: Vec<UniqueRule>,
    /// Changes that time rules make.
    pub time: Vec<TimeRule>,
    /// The list of natural keys by which other records' rules find one that is in force ([`Lookup::Naming`]).
    pub found_by: Option<String>,
}

impl Lifecycle {
    /// Adds the table of the status field `field`; `source` is the source of the rule that there are no other transitions.
    #[must_use]
    pub fn states<'a>(
        mut self,
        field: &str,
        source: Source,
        rows: impl IntoIterator<Item = TransitionRow<'a>>,
    ) -> Self {
        let row = |(from, to, needs, source): TransitionRow<'_>| Transition {
            from: from.into(),
            to: to.into(),
            by: Who::Anybody,
            needs,
            source,
        };
        let rows = rows.into_iter().map(row).collect();
        self.states.push(States { field: field.into(), source, rows, unnamed: false });
        self
    }

    /// The same for states that no refusal may name.
    #[must_use]
    pub fn unnamed_states<'a>(
        self,
        field: &str,
        source: Source,
        rows: impl IntoIterator<Item = TransitionRow<'a>>,
    ) -> Self {
        let mut with = self.states(field, source, rows);
        with.states.iter_mut().filter(|states| states.field == field).for_each(|states| states.unnamed = true);
        with
    }

    /// Adds fields that stay: path, requirement of a change, source.
    #[must_use]
    pub fn fields<'a>(mut self, rows: impl IntoIterator<Item = (&'a str, Needs, Source)>) -> Self {
        let row = |(path, needs, source): (&str, Needs, Source)| FieldRule {
            path: path.into(),
            may_be_added: false,
            needs,
            source,
        };
        self.fields.extend(rows.into_iter().map(row));
        self
    }

    /// Adds fields that stay once they are known: they may be added freely where they were absent.
    #[must_use]
    pub fn fields_once_known<'a>(self, rows: impl IntoIterator<Item = (&'a str, Needs, Source)>) -> Self {
        let known = self.fields.len();
        let mut with = self.fields(rows);
        with.fields.iter_mut().skip(known).for_each(|field| field.may_be_added = true);
        with
    }

    /// Adds a list whose entries stay. `key`: the fields that distinguish one entry from another.
    #[must_use]
    pub fn list(mut self, field: &str, key: &[&str], entries: Entries, source: Source) -> Self {
        self.lists.push(ListRule::new(field, key, entries, source));
        self
    }

    /// Adds a rule between two versions.
    #[must_use]
    pub fn rule(mut self, rule: CrossRule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Adds a rule between records.
    #[must_use]
    pub fn across(mut self, rule: AcrossRule) -> Self {
        self.across.push(rule);
        self
    }

    /// Adds a value that at most one record has.
    #[must_use]
    pub fn unique(mut self, rule: UniqueRule) -> Self {
        self.unique.push(rule);
        self
    }

    /// Has records of the type found by the natural keys that they name in the list `field`.
    #[must_use]
    pub fn found_by(mut self, field: &str) -> Self {
        self.found_by = Some(field.into());
        self
    }

    /// Adds a change that a time rule makes.
    #[must_use]
    pub fn time(mut self, rule: TimeRule) -> Self {
        self.time.push(rule);
        self
    }

    /// Adds every rule that the step breaks to `findings`.
    pub fn check(&self, step: &Step<'_>, findings: &mut Findings<'_>) {
        for states in &self.states {
            states.check(step, findings);
        }
        for field in &self.fields {
            field.check(step, findings);
        }
        for list in &self.lists {
            list.check(step, findings);
        }
        for rule in &self.rules {
            if let Some(needs) = (rule.needs)(step)
                && let Some(lack) = needs.lack(step)
            {
                let CrossRule { says, source, .. } = rule;
                let english = match &lack {
                    Lack::Never => format!("{says} ({source})"),
                    lack => format!("{says}: this change {lack} ({source})"),
                };
                match &rule.says_vi {
                    None => findings.add(&rule.field, rule.name.clone(), english),
                    Some(vi) => {
                        let says = Label { vi: format!("{vi}{}", lack.vietnamese()), en: english };
                        findings.say(&rule.field, &rule.name, &says, false);
                    }
                }
            }
        }
    }

    /// Adds the violations of a step that its owner submits although only the registry itself may make it.
    pub fn check_author(&self, step: &Step<'_>, findings: &mut Findings<'_>) {
        self.states.iter().for_each(|states| states.check_author(step, findings));
        if step.basis().is_some() {
            check_basis(step.after, findings);
        }
    }

    /// Type and natural key of the other records that the rules between records look up.
    pub fn keys<'a>(&'a self, payload: &'a Object) -> impl Iterator<Item = (Option<&'a str>, String)> + 'a {
        self.across.iter().flat_map(|rule| (rule.keys)(payload).into_iter().map(|key| (rule.about.as_deref(), key)))
    }

    /// The type, and what the rules between records ask the index for.
    pub fn lookups<'a>(&'a self, payload: &'a Object) -> impl Iterator<Item = (Option<&'a str>, Lookup)> + 'a {
        let asking = self.across.iter().filter_map(|rule| Some((rule.about.as_deref(), rule.finds.as_ref()?)));
        asking.flat_map(|(about, finds)| finds(payload).into_iter().map(move |lookup| (about, lookup)))
    }

    /// Adds every rule between records that a version breaks to `findings`.
    pub fn check_across(
        &self,
        before: Option<&Object>,
        after: &Object,
        around: &dyn Around,
        findings: &mut Findings<'_>,
    ) {
        for rule in &self.across {
            if !(rule.holds)(before, after, &about::About { around, about: rule.about.as_deref() }) {
                findings.add(&rule.field, rule.name.clone(), format_args!("{} ({})", rule.says, rule.source));
            }
        }
    }

    /// Whether some change of its tables needs a basis.
    pub fn needs_basis(&self) -> bool {
        let is_basis = |needs: &Needs| matches!(needs, Needs::Basis(_));
        let of_list = |list: &ListRule| {
            let Entries { added, closed, changed, removed, .. } = &list.entries;
            [added, closed, changed, removed].into_iter().any(is_basis)
        };
        self.states.iter().flat_map(|states| &states.rows).any(|row| is_basis(&row.needs))
            || self.fields.iter().any(|field| is_basis(&field.needs))
            || self.lists.iter().any(of_list)
    }
}

impl FieldRule {
    fn check(&self, step: &Step<'_>, findings: &mut Findings<'_>) {
        let (before, after) = (step.before.path(&self.path), step.after.path(&self.path));
        if before == after || (self.may_be_added && before.is_none()) {
            return;
        }
        if let Some(lack) = self.needs.lack(step) {
            findings.add(&self.path, lack.rule(), format_args!("changing it {lack} ({})", self.source));
        }
    }
}

#[cfg(test)]
mod tests;
