//! From when a version of a record counts as true.
//!
//! A statement says from when to when its contents hold. For many types that is the time of the document (a vehicle's since its first registration), which a
//! later version repeats although the change is new. So a version that says nothing of its own about time takes effect when it was issued,
//! and what stood before stays true for the time before. A version that was submitted with a time, and a correction, take effect from the beginning
//! of what they say; a revocation at the end that it sets. From when a version takes effect, earlier ones count no more.

use crate::base::Timestamp;
use crate::registry::RecordType;
use crate::registry::basis::{self, CORRECTION};
use crate::trust::{Object, Operation, Statement};

/// From when a version takes effect. `before` is the payload of the version that it follows.
pub(super) fn takes_effect(
    of: &RecordType,
    statement: &Statement,
    payload: &Object,
    before: Option<&Object>,
) -> Timestamp {
    let Some(before) = before else { return statement.valid_from };
    if statement.operation == Operation::Revoke {
        return statement.valid_until;
    }
    let (implied, _) = of.holds(payload).interval(statement.operation, statement.issued_at);
    let is_new_basis = payload.get(basis::FIELD) != before.get(basis::FIELD);
    let is_correction = is_new_basis && payload.text_at("basis.reason_code") == Some(CORRECTION);
    if is_correction || statement.valid_from != implied {
        return statement.valid_from;
    }
    statement.valid_from.max(statement.issued_at).min(statement.valid_until)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Date, RecordId};
    use crate::registry::{Catalogue, vehicle};

    const DAY: i64 = 86_400_000;
    const ISSUED: Timestamp = Timestamp(1_795_280_400_000);

    fn statement(operation: Operation, valid_from: Timestamp, valid_until: Timestamp) -> Statement {
        Statement {
            issuer: "vehicle".into(),
            schema: vehicle::REGISTRATION.into(),
            record_id: RecordId([1; 16]),
            version: 2,
            previous: [0; 32],
            operation,
            issued_at: ISSUED,
            valid_from,
            valid_until,
            status_index: 1,
            field_count: 2,
            fields_root: [0; 32],
        }
    }

    #[test]
    fn what_says_nothing_about_time_counts_from_its_issue() {
        let catalogue = Catalogue::built_in();
        let of = catalogue.record_type(vehicle::REGISTRATION).expect("a type");
        let first = Timestamp::start_of(Date::constant(2019, 3, 5));
        let before = Object::new().with("first_registered", "2019-03-05").with("colour", "Đỏ");
        let sold = before.clone().with("colour", "Xanh");
        let corrected = sold.clone().with("basis", Object::new().with("reason_code", CORRECTION));
        let (earlier, open) = (ISSUED.plus_ms(-DAY), Timestamp::MAX);
        let update = Operation::Update;
        let cases = [
            ("the first version", None, &before, statement(update, first, open), first),
            ("a change", Some(&before), &sold, statement(update, first, open), ISSUED),
            ("a change with a time of its own", Some(&before), &sold, statement(update, earlier, open), earlier),
            ("a correction", Some(&before), &corrected, statement(update, first, open), first),
            ("a change after a correction", Some(&corrected), &corrected, statement(update, first, open), ISSUED),
            ("an end that has come", Some(&before), &sold, statement(update, first, earlier), earlier),
            ("a revocation", Some(&before), &before, statement(Operation::Revoke, first, ISSUED), ISSUED),
        ];
        for (what, before, payload, statement, from) in cases {
            assert_eq!(takes_effect(of, &statement, payload, before), from, "{what}");
        }
    }
}
