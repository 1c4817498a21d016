//! The calendar of a registry: how many of its records are due on each day, in memory, counted from the rows of `due`.
//!
//! A store from before there were time rules, or with other rules, gets its rows when it is opened: a mark in `Meta` (`due/` ‖ registry) names
//! the rules that the rows follow.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::base::Result;
use crate::base::time::{Date, Timestamp};
use crate::store::{Batch, Scan, Space, Store};
use crate::trust::canonical;

use super::Sector;
use super::due::{self, Due};
use super::lifecycle::TimeRule;
use super::row::{RecordRow, corrupt};

/// Rows read or written at once.
const ROWS_AT_ONCE: usize = 4_096;

/// How many records are due on each day, by type and rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calendar(BTreeMap<(Date, u8, u8), i64>);

/// Scheduled work of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheduled {
    /// `driver_licence.points_restored`.
    pub kind: String,
    /// When the next piece is due.
    pub next: Option<Timestamp>,
    /// How many pieces there are.
    pub count: u64,
}

impl Calendar {
    /// Counts that the row of a key was written or deleted. Keys of other rows are ignored.
    pub(super) fn note(&mut self, key: &[u8], is_written: bool) {
        let Some(Due { day, record_type, rule, .. }) = Due::of_key(key) else { return };
        let count = self.0.entry((day, record_type, rule)).or_default();
        *count += if is_written { 1 } else { -1 };
        if *count == 0 {
            self.0.remove(&(day, record_type, rule));
        }
    }

    /// The first day on which something is due.
    pub fn next(&self) -> Option<Date> {
        self.0.keys().next().map(|(day, ..)| *day)
    }

    /// The days on which something is due until `until`, with the number of records, the earliest first.
    pub fn until(&self, until: Date) -> impl Iterator<Item = (Date, u64)> + '_ {
        let days = self.0.iter().take_while(move |((day, ..), _)| *day <= until);
        days.map(|((day, ..), count)| (*day, u64::try_from(*count).unwrap_or(0)))
    }

    /// Scheduled work of each kind that a registry has, possibly none.
    pub fn scheduled(&self, sector: &Sector) -> Vec<Scheduled> {
        let mut scheduled = Vec::new();
        for record_type in &sector.record_types {
            for (number, rule) in (0..).zip(&record_type.lifecycle.time) {
                let of_rule = |(_, of, rule): &(Date, u8, u8)| (*of, *rule) == (record_type.ordinal, number);
                let mut days = self.0.iter().filter(|(key, _)| of_rule(key)).peekable();
                let next = days.peek().map(|((day, ..), _)| Timestamp::start_of(*day));
                let count = days.map(|(_, count)| u64::try_from(*count).unwrap_or(0)).sum();
                scheduled.push(Scheduled { kind: kind(sector, rule), next, count });
            }
        }
        scheduled
    }
}

/// The name of a rule's work: registry and rule.
pub(super) fn kind(sector: &Sector, rule: &TimeRule) -> String {
    format!("{}.{}", sector.name, rule.name)
}

/// The calendar of a stored registry, whose rows are made first where they follow other rules.
pub(super) async fn open(store: &dyn Store, sector: &Sector) -> Result<Calendar> {
    let (key, mark) = ([b"due/", &[sector.ordinal][..]].concat(), mark(sector));
    let stored = store.get(Space::Meta, &key).await?;
    if stored.as_deref().unwrap_or_default() == mark {
        return read(store, sector).await;
    }
    remove(store, sector).await?;
    write(store, sector).await?;
    // Last: until it is stored, the next start begins again.
    store.commit(Batch::new().put(Space::Meta, key, mark)).await?;
    read(store, sector).await
}

/// Names the rules of a registry; empty where it has none.
fn mark(sector: &Sector) -> Vec<u8> {
    let mut rules = String::new();
    for record_type in &sector.record_types {
        for rule in &record_type.lifecycle.time {
            let TimeRule { name, when, since, or_issue, after, .. } = rule;
            let _ = write!(rules, "{} {name} {when:?} {since:?} {or_issue} {};", record_type.ordinal, after.iso());
        }
    }
    if rules.is_empty() { Vec::new() } else { Sha256::digest(rules).to_vec() }
}

async fn read(store: &dyn Store, sector: &Sector) -> Result<Calendar> {
    let mut calendar = Calendar::default();
    let mut scan = Scan::prefix(Space::RecordIndex, &due::prefix(sector.ordinal)).limit(ROWS_AT_ONCE);
    loop {
        let rows = store.scan(scan.clone()).await?;
        rows.iter().for_each(|(key, _)| calendar.note(key, true));
        match rows.last() {
            Some((last, _)) if rows.len() == ROWS_AT_ONCE => scan = scan.after(last.to_vec()),
            _ => return Ok(calendar),
        }
    }
}

async fn remove(store: &dyn Store, sector: &Sector) -> Result<()> {
    loop {
        let scan = Scan::prefix(Space::RecordIndex, &due::prefix(sector.ordinal)).limit(ROWS_AT_ONCE);
        let rows = store.scan(scan).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::new();
        rows.into_iter().for_each(|(key, _)| batch.push_delete(Space::RecordIndex, key));
        store.commit(batch).await?;
    }
}

async fn write(store: &dyn Store, sector: &Sector) -> Result<()> {
    for record_type in sector.record_types.iter().filter(|of| !of.lifecycle.time.is_empty()) {
        let mut scan = Scan::prefix(Space::Record, &[record_type.ordinal]).limit(ROWS_AT_ONCE);
        loop {
            let rows = store.scan(scan.clone()).await?;
            let mut batch = Batch::new();
            for (_, row) in &rows {
                let row = RecordRow::read(row)?;
                let statement = row.decoded()?;
                let unreadable = |error| corrupt("a stored payload is not canonical").with_source(error);
                let payload = canonical::parse(&row.payload).map_err(unreadable)?;
                let dues = due::dues(record_type, &payload, statement.operation);
                let (id, issued) = (statement.record_id, statement.issued_at.date());
                for key in due::keys(record_type, sector.ordinal, &dues, id, issued) {
                    batch.push_put(Space::RecordIndex, key, Bytes::new());
                }
            }
            if !batch.is_empty() {
                store.commit(batch).await?;
            }
            match rows.last() {
                Some((last, _)) if rows.len() == ROWS_AT_ONCE => scan = scan.after(last.to_vec()),
                _ => break,
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::RecordId;

    #[test]
    fn the_calendar_counts_rows() {
        let day = Date::constant(2031, 2, 3);
        let key = |id: u8| Due { day, record_type: 10, rule: 1, id: RecordId([id; 16]) }.key(7);
        let mut calendar = Calendar::default();
        for (id, is_written) in [(1, true), (2, true), (1, false)] {
            calendar.note(&key(id), is_written);
        }
        calendar.note(b"p something else", true);
        assert_eq!(calendar.next(), Some(day));
        assert_eq!(calendar.until(day).collect::<Vec<_>>(), [(day, 1)]);
        calendar.note(&key(2), false);
        assert_eq!(calendar, Calendar::default());
    }
}
