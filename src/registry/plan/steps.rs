//! The steps of a submission: each change with the version before it, checked against the lifecycle of its type.
//!
//! The version before is the stored one, one that an earlier submission of this batch writes, or one of the same submission. All violations of a
//! submission are found before any of its changes is planned. Rules between records see them as the submission leaves them, so
//! that the order of its changes does not matter.
//!
//! A basis justifies one change of its record: one that an earlier version has cannot be the basis of a further change.

use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use crate::base::time::Date;
use crate::base::{Error, Reason, Result, Violations};
use crate::registry::basis::FIELD;
use crate::registry::lifecycle::{Around, Author, Lookup, Step, check_basis};
use crate::registry::prepare::Prepared;
use crate::registry::row::{RecordKey, record_key};
use crate::registry::rule::Findings;
use crate::registry::schema::State;
use crate::registry::{RecordType, index};
use crate::trust::{Object, Operation, Value, canonical};

use super::bases::Bases;
use super::{Current, Plan, Source, read};

impl Plan {
    /// Whether the lifecycles allow every change; their versions are checked already.
    pub(super) fn check_steps(&self, changes: &[Prepared], author: Author, today: Date) -> Result<()> {
        let is_submitted = author == Author::Owner;
        let asks_nothing =
            |change: &Prepared| !change.asks() && change.claims.is_empty() && !(is_submitted && change.is_of_system);
        if changes.iter().all(|change| change.operation == Operation::Create && asks_nothing(change)) {
            return Ok(());
        }
        let mut violations = Violations::default();
        let mut newest: BTreeMap<RecordKey, (usize, &Prepared)> = BTreeMap::new();
        let mut used = Bases::default();
        let mut asking = Vec::new();
        for (at, change) in changes.iter().enumerate() {
            let before = match newest.insert(change.key(), (at, change)) {
                Some((_, earlier)) => Some(content_of(earlier)?),
                None => self.current.get(&change.key()).map(|now| self.content(now)).transpose()?,
            };
            // Claims are compared below, by the keys alone.
            let is_asked = change.asks() || (is_submitted && change.is_of_system);
            if before.is_none() && !is_asked {
                continue;
            }
            let after = content_of(change)?;
            let root = format_args!("changes[{at}].payload");
            let mut findings = Findings::new(&root, &mut violations);
            match &before {
                Some(before) => {
                    let is_used = self.used.has(&change.key(), &after) || used.has(&change.key(), &after);
                    used.add(change.key(), before);
                    // A basis that is in the version before already is not the basis of this change.
                    let before = if is_used { with_basis_of(before, &after) } else { Cow::Borrowed(&**before) };
                    let step = Step { before: &before, after: &after, operation: change.operation, today };
                    let RecordType { lifecycle, .. } = &*change.record_type;
                    lifecycle.check(&step, &mut findings);
                    if is_submitted {
                        lifecycle.check_author(&step, &mut findings);
                        let has_ended = |payload| change.record_type.state(payload) == Some(State::Ended);
                        if has_ended(&before) && has_ended(&after) {
                            lifecycle.check_ended(&step, &mut findings);
                        }
                    }
                }
                None if is_submitted => check_basis(&after, &mut findings),
                None => {}
            }
            if change.asks() {
                asking.push((at, change, before, after));
            }
        }
        self.check_claims(&newest, &mut violations);
        let (totals, left) = (Totals::default(), OnceCell::new());
        for (at, change, before, after) in &asking {
            let around =
                Neighbours { plan: self, newest: &newest, totals: &totals, left: &left, asking: change, today };
            let root = format_args!("changes[{at}].payload");
            let mut findings = Findings::new(&root, &mut violations);
            change.record_type.lifecycle.check_across(before.as_deref(), after, &around, &mut findings);
        }
        match violations.is_empty() {
            true => Ok(()),
            false => Err(Error::refused(Reason::TransitionNotAllowed, violations)),
        }
    }

    /// Adds every value that two records would have. `newest` are the versions that the submission leaves, each with its position in it.
    fn check_claims(&self, newest: &BTreeMap<RecordKey, (usize, &Prepared)>, violations: &mut Violations) {
        let mut taken: BTreeMap<&[u8], RecordKey> = BTreeMap::new();
        let mut in_order: Vec<_> = newest.iter().collect();
        in_order.sort_unstable_by_key(|(_, (at, _))| *at);
        let had = |record| self.current.get(record).map_or(&[][..], |current| &current.claims);
        // A value that a record has and keeps is taken, wherever in the submission the record is.
        for (record, (_, change)) in &in_order {
            for (_, key) in change.claims.iter().filter(|claim| had(*record).contains(claim)) {
                taken.entry(key).or_insert(**record);
            }
        }
        for (record, (at, change)) in in_order {
            let had = had(record);
            for claim in &change.claims {
                let (rule, key) = claim;
                let in_submission = *taken.entry(key).or_insert(*record) != *record;
                // The values of a record of this submission are those after the submission, compared above.
                let elsewhere =
                    self.claims.holder(key).is_some_and(|other| other != *record && !newest.contains_key(&other));
                let Some(rule) = change.record_type.lifecycle.unique.get(*rule) else { continue };
                if (in_submission || elsewhere) && !had.contains(claim) {
                    let root = format_args!("changes[{at}].payload");
                    Findings::new(&root, violations).add(&rule.field, rule.name, rule);
                }
            }
        }
    }

    pub(super) fn content<'a>(&'a self, current: &'a Current) -> Result<Cow<'a, Object>> {
        if let Some(content) = &current.content {
            return Ok(Cow::Borrowed(content));
        }
        match &current.source {
            Source::Planned(at) => {
                let row = self.rows.get(*at).ok_or_else(|| Error::bug("a planned version without its row"))?;
                Ok(Cow::Owned(read(&row.payload)?))
            }
            Source::Stored(row) => Ok(Cow::Owned(read(&super::RecordRow::read(row)?.payload)?)),
        }
    }
}

/// `before` as if its basis were that of `after`.
fn with_basis_of<'a>(before: &Object, after: &Object) -> Cow<'a, Object> {
    let mut before = before.clone();
    if let Some(basis) = after.object(FIELD) {
        before.insert(FIELD, Value::Object(basis.clone()));
    }
    Cow::Owned(before)
}

fn content_of(change: &Prepared) -> Result<Cow<'_, Object>> {
    match &change.content {
        Some(content) => Ok(Cow::Borrowed(content)),
        None => Ok(Cow::Owned(read(&change.payload)?)),
    }
}

/// Sums over the result of a submission, by record type and fields, then by the fields' values: computed once, however many changes need them.
type Totals = RefCell<BTreeMap<(u8, String), BTreeMap<Vec<u8>, i64>>>;

/// The records around one change.
struct Neighbours<'a> {
    plan: &'a Plan,
    newest: &'a BTreeMap<RecordKey, (usize, &'a Prepared)>,
    totals: &'a Totals,
    /// The index rows of what the submission leaves, once somebody asks.
    left: &'a OnceCell<BTreeSet<Vec<u8>>>,
    asking: &'a Prepared,
    today: Date,
}

impl Neighbours<'_> {
    /// The storage key of a record that the change looks up.
    fn key_of(&self, about: Option<&str>, natural_key: &str) -> Option<RecordKey> {
        let of = about.map_or(Some(&self.asking.record_type), |name| self.plan.sector.record_type(name))?.ordinal;
        let related = &self.asking.related;
        let at = related.binary_search_by(|(known, key, _)| (*known, key.as_str()).cmp(&(of, natural_key))).ok()?;
        Some(related[at].2)
    }
}

impl Neighbours<'_> {
    /// A record after all changes of the submission.
    fn content_at(&self, key: &RecordKey) -> Option<Object> {
        let found = match self.newest.get(key) {
            Some((_, change)) => content_of(change),
            None => self.plan.content(self.plan.current.get(key)?),
        };
        // Stored rows were read when the plan got to know them, and what is planned was written from an object: neither fails here.
        found.ok().map(Cow::into_owned)
    }
}

impl Around for Neighbours<'_> {
    fn today(&self) -> Date {
        self.today
    }

    fn newest_of(&self, about: Option<&str>, natural_key: &str) -> Option<Object> {
        self.content_at(&self.key_of(about, natural_key)?)
    }

    fn found_of(&self, about: Option<&str>, lookup: &Lookup) -> Vec<Object> {
        let of = about.map_or(Some(&self.asking.record_type), |name| self.plan.sector.record_type(name));
        let Some(of) = of else { return Vec::new() };
        let prefix = index::lookup_prefix(of, lookup);
        let left = self.left.get_or_init(|| {
            let rows = self.newest.values().flat_map(|(_, change)| &change.index_keys);
            rows.filter(|key| index::answers_lookups(key)).cloned().collect()
        });
        let keys = |rows: &BTreeSet<Vec<u8>>| -> Vec<RecordKey> {
            let rows = rows.range(prefix.clone()..).take_while(|row| row.starts_with(&prefix));
            rows.filter_map(|row| Some(record_key(of, index::id_of(row)?))).collect()
        };
        let before = keys(&self.plan.findable).into_iter().filter(|key| !self.newest.contains_key(key));
        before.chain(keys(left)).filter_map(|key| self.content_at(&key)).collect()
    }

    fn is_new_of(&self, about: Option<&str>, natural_key: &str) -> bool {
        let Some(key) = self.key_of(about, natural_key) else { return false };
        self.newest.contains_key(&key) && !self.plan.current.contains_key(&key)
    }

    fn total_of_like(&self, fields: &[&str], count: &dyn Fn(&Object) -> i64) -> i64 {
        let ordinal = self.asking.record_type.ordinal;
        let values = |object: &Object| -> Vec<u8> {
            let chosen = object.iter().filter(|(name, _)| fields.contains(name));
            canonical::write(&chosen.map(|(name, value)| (name.to_owned(), value.clone())).collect())
        };
        let Ok(own) = content_of(self.asking).map(|own| values(&own)) else { return 0 };
        let sums = || {
            let same_type =
                self.newest.values().map(|(_, change)| change).filter(|change| change.record_type.ordinal == ordinal);
            let mut sums = BTreeMap::new();
            for content in same_type.filter_map(|change| content_of(change).ok()) {
                *sums.entry(values(&content)).or_default() += count(&content);
            }
            sums
        };
        let mut totals = self.totals.borrow_mut();
        totals.entry((ordinal, fields.join(","))).or_insert_with(sums).get(&own).copied().unwrap_or_default()
    }
}
