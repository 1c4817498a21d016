//! What records said before: a generated record that is no longer as it began gets the version that it began with, and the change between the
//! two rests on a basis where its lifecycle wants one.
//!
//! It goes last, after disagreements were put in: both versions say the same of the person, and differ in what changed.

use crate::base::{Date, PartialDate};
use crate::registry::{civil_status, driver_licence, resident, vehicle};
use crate::trust::{Object, Operation};

use super::document::Record;

/// The versions of a record, the first one first.
pub fn versions(record: Record, today: Date) -> Vec<Record> {
    match before(&record, today) {
        Some((first, basis)) => {
            let first = Record { payload: first, ..record.clone() };
            let mut last = Record { version: 2, operation: Operation::Update, ..record };
            if let Some(basis) = basis {
                last.payload.insert("basis", basis);
            }
            vec![first, last]
        }
        None => vec![record],
    }
}

/// What the record said first, and the basis of its change; none of a record that is as it began.
fn before(record: &Record, today: Date) -> Option<(Object, Option<Object>)> {
    let now = &record.payload;
    let status = now.text("status")?;
    let mut first = now.clone();
    first.remove("status_reason");
    let basis = |reason: &str, day: Option<Date>| Some(basis(reason, day.unwrap_or(today).min(today)));
    match (record.record_type, status) {
        (resident::PERSON, "moved_out") => {
            first.insert("status", "active");
            Some((first, None))
        }
        (resident::PERSON, "deceased") => {
            first.remove("death_date");
            first.insert("status", "active");
            first.insert("life_status", "alive");
            let died = now.text("death_date").and_then(PartialDate::parse).and_then(PartialDate::full);
            Some((first, basis("death_entry", died)))
        }
        (vehicle::REGISTRATION, "stolen") => {
            first.insert("status", "active");
            Some((first, None))
        }
        (vehicle::REGISTRATION, "plate_kept") => {
            first.remove("plate_kept_since");
            first.insert("status", "active");
            Some((first, basis("transfer", day(now, "plate_kept_since"))))
        }
        (driver_licence::LICENCE, _) if status != "active" || now.integer("points") < Some(12) => {
            let deducted = day(now, "points_deducted_on");
            first.remove("points_deducted_on");
            first.remove("suspended_until");
            first.insert("points", 12);
            first.insert("status", "active");
            Some((first, basis("traffic_violation", deducted)))
        }
        (civil_status::MARRIAGE, "divorced" | "widowed") => {
            let ended = day(now, "ended_on");
            first.remove("ended_on");
            first.insert("status", "active");
            let reason = if status == "divorced" { "court_decision" } else { "death_entry" };
            Some((first, basis(reason, ended)))
        }
        _ => None,
    }
}

fn day(of: &Object, field: &str) -> Option<Date> {
    of.text(field)?.parse().ok()
}

fn basis(reason_code: &str, issued_on: Date) -> Object {
    let (number, authority) = match reason_code {
        "court_decision" => ("/QĐST-HNGĐ", "Toà án nhân dân khu vực 1"),
        "death_entry" => ("/TLKT", "UBND xã"),
        _ => ("/QĐ-XPHC", "Công an tỉnh Hà Tĩnh"),
    };
    let number = format!("{}{number}", issued_on.day_of_year());
    Object::new()
        .with("authority", authority)
        .with("document_number", number)
        .with("issued_on", issued_on.to_string())
        .with("reason_code", reason_code)
}
