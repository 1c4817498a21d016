//! The steps of a submission: each change with the version before it, held to the lifecycle of its type.
//!
//! The version before is the stored one, one that an earlier submission of this batch writes, or one of the same submission. All that a
//! submission breaks is found before anything of it is planned. Rules between records see them as the submission leaves them, so
//! that the order of its changes does not matter.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::base::time::Date;
use crate::base::{Error, Reason, Result, Violations};
use crate::registry::lifecycle::{Around, Step};
use crate::registry::prepare::Prepared;
use crate::registry::row::RecordKey;
use crate::registry::rule::Findings;
use crate::trust::{Object, Operation};

use super::{Current, Plan, Source, read};

impl Plan {
    /// Whether the lifecycles allow every change; their versions fit.
    pub(super) fn check_steps(&self, changes: &[Prepared], today: Date) -> Result<()> {
        if changes.iter().all(|change| change.operation == Operation::Create && change.related.is_empty()) {
            return Ok(());
        }
        let mut violations = Violations::default();
        let mut newest: BTreeMap<RecordKey, &Prepared> = BTreeMap::new();
        let mut asking = Vec::new();
        for (at, change) in changes.iter().enumerate() {
            let before = match newest.insert(change.key(), change) {
                Some(earlier) => Some(content_of(earlier)?),
                None => self.current.get(&change.key()).map(|now| self.content(now)).transpose()?,
            };
            let after = content_of(change)?;
            if let Some(before) = &before {
                let step = Step { before, after: &after, operation: change.operation, today };
                let root = format_args!("changes[{at}].payload");
                change.record_type.lifecycle.check(&step, &mut Findings::new(&root, &mut violations));
            }
            if !change.related.is_empty() {
                asking.push((at, change, before, after));
            }
        }
        let submitted = Submitted::default();
        for (at, change, before, after) in &asking {
            let around =
                Neighbours { plan: self, changes, newest: &newest, submitted: &submitted, asking: change, today };
            let root = format_args!("changes[{at}].payload");
            let mut findings = Findings::new(&root, &mut violations);
            change.record_type.lifecycle.check_across(before.as_deref(), after, &around, &mut findings);
        }
        match violations.is_empty() {
            true => Ok(()),
            false => Err(Error::refused(Reason::TransitionNotAllowed, violations)),
        }
    }

    fn content<'a>(&'a self, current: &'a Current) -> Result<Cow<'a, Object>> {
        if let Some(content) = &current.content {
            return Ok(Cow::Borrowed(content));
        }
        match &current.source {
            Source::Planned(at) => {
                Ok(Cow::Owned(self.rows.get(*at).map_or(Ok(Object::new()), |row| read(&row.payload))?))
            }
            Source::Stored(row) => Ok(Cow::Owned(read(&super::Row::read(row)?.payload)?)),
        }
    }
}

fn content_of(change: &Prepared) -> Result<Cow<'_, Object>> {
    match &change.content {
        Some(content) => Ok(Cow::Borrowed(content)),
        None => Ok(Cow::Owned(read(&change.payload)?)),
    }
}

/// What a submission writes, by the record type's number: read once, however many of its changes ask.
type Submitted = RefCell<BTreeMap<u8, Rc<[Object]>>>;

/// The records around one change.
struct Neighbours<'a> {
    plan: &'a Plan,
    changes: &'a [Prepared],
    newest: &'a BTreeMap<RecordKey, &'a Prepared>,
    submitted: &'a Submitted,
    asking: &'a Prepared,
    today: Date,
}

impl Around for Neighbours<'_> {
    fn today(&self) -> Date {
        self.today
    }

    fn newest(&self, natural_key: &str) -> Option<Object> {
        let (_, key) = self.asking.related.iter().find(|(known, _)| known == natural_key)?;
        let found = match self.newest.get(key) {
            Some(change) => content_of(change),
            None => self.plan.content(self.plan.current.get(key)?),
        };
        // Stored rows were read when the plan got to know them, and what is planned was written from an object: neither fails here.
        found.ok().map(Cow::into_owned)
    }

    fn submitted(&self) -> Rc<[Object]> {
        let ordinal = self.asking.record_type.ordinal;
        let read = || {
            let same_type = self.changes.iter().filter(|other| other.record_type.ordinal == ordinal);
            same_type.filter_map(|other| content_of(other).ok()).map(Cow::into_owned).collect()
        };
        self.submitted.borrow_mut().entry(ordinal).or_insert_with(read).clone()
    }
}
