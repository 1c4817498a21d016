//! The changes that are due in a registry: the days on which the time rules of its types change its records.
//!
//! Each record has a row of [`index`](super::index) for each rule that matches it, written with the version that the rule reads. A change made by a time
//! rule is a version like every other, so that its commit deletes the row: interrupted work is still in the index at the next
//! start, and finished work is not.

use crate::base::RecordId;
use crate::base::time::Date;
use crate::trust::{Object, Operation};

use super::RecordType;
use super::lifecycle::Since;
use super::row::RecordKey;

/// The days on which a version is due, before its issue is known: number of the rule, and the day from which it counts.
pub(super) type Dues = Vec<(u8, Since)>;

/// A record that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Due {
    /// The day.
    pub day: Date,
    /// The number of its type.
    pub record_type: u8,
    /// The number of the rule.
    pub rule: u8,
    /// The record's pseudonym.
    pub id: RecordId,
}

/// The effects of time on a version with this payload. A revoked record is changed no more.
pub(super) fn dues(record_type: &RecordType, payload: &Object, operation: Operation) -> Dues {
    if operation == Operation::Revoke {
        return Dues::new();
    }
    let rules = (0..).zip(&record_type.lifecycle.time);
    rules.filter_map(|(at, rule)| Some((at, rule.since(payload)?))).collect()
}

/// The keys of the index rows of a version issued on `issued`.
pub(super) fn keys(
    record_type: &RecordType,
    registry: u8,
    dues: &[(u8, Since)],
    id: RecordId,
    issued: Date,
) -> Vec<Vec<u8>> {
    let key = |(number, since): &(u8, Since)| {
        let rule = record_type.lifecycle.time.get(usize::from(*number))?;
        let due = Due { day: since.due(rule.after, issued), record_type: record_type.ordinal, rule: *number, id };
        Some(due.key(registry))
    };
    dues.iter().filter_map(key).collect()
}

/// All rows of a registry.
pub(super) fn prefix(registry: u8) -> [u8; 2] {
    [b't', registry]
}

/// Whether a key of the index is one of these.
pub(super) fn is_row(key: &[u8]) -> bool {
    key.first() == Some(&b't')
}

/// The end of the rows of a registry that are due on `day` or before.
pub(super) fn after_day(registry: u8, day: Date) -> Vec<u8> {
    let next = ordered(day).saturating_add(1);
    [&prefix(registry)[..], &next.to_be_bytes()].concat()
}

impl Due {
    pub(super) fn key(self, registry: u8) -> Vec<u8> {
        let day = ordered(self.day).to_be_bytes();
        [&prefix(registry)[..], &day, &[self.record_type, self.rule], &self.id.0].concat()
    }

    /// The record of a key.
    pub(super) fn of_key(key: &[u8]) -> Option<Self> {
        let [b't', _, y, m, d, e, record_type, rule, id @ ..] = key else { return None };
        let id = RecordId(id.try_into().ok()?);
        let day = day_of(u32::from_be_bytes([*y, *m, *d, *e]))?;
        Some(Self { day, record_type: *record_type, rule: *rule, id })
    }

    /// The storage key of the record.
    pub(super) fn record(&self) -> RecordKey {
        let mut key = [self.record_type; 17];
        key[1..].copy_from_slice(&self.id.0);
        key
    }
}

/// A day as a number that sorts like it: days since the first of the year −9999.
fn ordered(day: Date) -> u32 {
    let days = day.duration_since(Date::MIN).as_hours() / 24;
    u32::try_from(days).unwrap_or(0)
}

fn day_of(ordered: u32) -> Option<Date> {
    let days = jiff::Span::new().try_days(ordered).ok()?;
    Date::MIN.checked_add(days).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_sort_by_day_and_are_read_as_they_are_written() {
        let due = |day: Date, rule: u8, id: u8| Due { day, record_type: 10, rule, id: RecordId([id; 16]) };
        let days = [Date::MIN, Date::constant(1969, 12, 31), Date::constant(1970, 1, 1), Date::constant(2031, 2, 3)];
        let dues: Vec<Due> = days.iter().flat_map(|day| [due(*day, 0, 9), due(*day, 1, 3)]).collect();
        let keys: Vec<Vec<u8>> = dues.iter().map(|due| due.key(7)).collect();
        assert!(keys.is_sorted());
        assert_eq!(keys.iter().filter_map(|key| Due::of_key(key)).collect::<Vec<_>>(), dues);
        let until = after_day(7, days[2]);
        assert_eq!(keys.iter().filter(|key| **key < until).count(), 6);
        assert_eq!(Due::of_key(b"p7"), None);
        assert!(Due::of_key(&due(Date::MAX, 0, 0).key(7)).is_some());
    }
}
