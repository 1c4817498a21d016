//! What records said before: a generated record that is no longer as it began gets the version that it began with, and the change between the
//! two rests on a basis where its lifecycle wants one.
//!
//! It goes last, after disagreements were put in: both versions say the same of the person, and differ in what changed.

use crate::base::{Date, PartialDate};
use crate::registry::{
    business, civil_status, driver_licence, health_insurance, judicial, land, resident, social_insurance, vehicle,
};
use crate::trust::{Object, Operation, Value};

use super::document::Record;
use super::population::calendar::{is_working_day, plus_days, working_day_before};

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
    // Of the few that changed: most records are as they began, and cost nothing here.
    let begun = || {
        let mut first = now.clone();
        first.remove("status_reason");
        first
    };
    // Offices write what happened on the next day on which they work.
    let documented = |day: Date| (0..10).map(|days| plus_days(day, days)).find(|day| is_working_day(*day));
    let documented = |day: Date| documented(day).filter(|day| *day <= today).unwrap_or(day);
    let basis = |reason: &str, day: Option<Date>| {
        Some(basis(reason, day.map_or_else(|| working_day_before(today), |day| documented(day.min(today)))))
    };
    match (record.record_type, status) {
        (resident::PERSON, "moved_out") | (vehicle::REGISTRATION, "stolen") => {
            let mut first = begun();
            first.insert("status", "active");
            Some((first, None))
        }
        (resident::PERSON, "deceased") => {
            let mut first = begun();
            first.remove("death_date");
            first.insert("status", "active");
            first.insert("life_status", "alive");
            let died = now.text("death_date").and_then(PartialDate::parse).and_then(PartialDate::full);
            Some((first, basis("death_entry", died)))
        }
        (vehicle::REGISTRATION, "plate_kept") => {
            let mut first = begun();
            first.remove("plate_kept_since");
            first.insert("status", "active");
            Some((first, basis("transfer", day(now, "plate_kept_since"))))
        }
        (driver_licence::LICENCE, _) if status != "active" || now.integer("points") < Some(12) => {
            let mut first = begun();
            let deducted = day(now, "points_deducted_on");
            first.remove("points_deducted_on");
            first.remove("suspended_until");
            first.insert("points", 12);
            first.insert("status", "active");
            Some((first, basis("traffic_violation", deducted)))
        }
        (civil_status::MARRIAGE, "divorced" | "widowed") => {
            let mut first = begun();
            let ended = day(now, "ended_on");
            first.remove("ended_on");
            first.insert("status", "active");
            let reason = if status == "divorced" { "court_decision" } else { "death_entry" };
            Some((first, basis(reason, ended)))
        }
        (health_insurance::CARD | business::ENTERPRISE | business::HOUSEHOLD, "suspended") => {
            let mut first = begun();
            first.insert("status", "active");
            as_it_traded(&mut first);
            Some((first, None))
        }
        (business::ENTERPRISE, "dissolved") => {
            let mut first = begun();
            first.insert("status", "active");
            as_it_traded(&mut first);
            Some((first, basis("dissolution", None)))
        }
        (land::CERTIFICATE, _) if now.contains("restrictions") => {
            let mut first = begun();
            first.remove("restrictions");
            Some((first, None))
        }
        (judicial::RECORD, "conviction") => {
            let mut first = begun();
            first.remove("sentences");
            first.remove("bans");
            first.insert("status", "no_conviction");
            Some((first, None))
        }
        (judicial::RECORD, "expunged") => {
            let mut first = begun();
            let expunged = in_entries(&mut first, "sentences", |sentence| sentence.remove("expunged_on"));
            first.insert("status", "conviction");
            Some((first, basis("expunged_by_law", expunged)))
        }
        (social_insurance::MEMBERSHIP, "preserved" | "retired" | "closed") => {
            let mut first = begun();
            let last = last_month(now)?;
            in_entries(&mut first, "periods", |period| match period.text("to_month") == Some(last.as_str()) {
                true => period.remove("to_month"),
                false => None,
            });
            first.insert("status", "active");
            let reason = match status {
                "retired" => Some("pension"),
                "closed" => Some("death_entry"),
                _ => None,
            };
            Some((first, reason.and_then(|reason| basis(reason, format!("{last}-28").parse().ok()))))
        }
        _ => None,
    }
}

/// The tax state of a business before it was suspended or dissolved.
fn as_it_traded(first: &mut Object) {
    if first.contains("tax_status") {
        first.insert("tax_status", "00");
    }
}

/// Changes every entry of a list; the latest of the days that were taken out.
fn in_entries(of: &mut Object, list: &str, mut change: impl FnMut(&mut Object) -> Option<Value>) -> Option<Date> {
    let Some(Value::Array(entries)) = of.get_mut(list) else { return None };
    let taken = entries.iter_mut().filter_map(|entry| match entry {
        Value::Object(entry) => change(entry),
        _ => None,
    });
    taken.filter_map(|taken| taken.as_text()?.parse().ok()).max()
}

/// The last month of all periods of a membership, none of which is open.
fn last_month(membership: &Object) -> Option<String> {
    let periods = membership.array("periods")?.iter().filter_map(Value::as_object);
    let months: Option<Vec<&str>> = periods.map(|period| period.text("to_month")).collect();
    months?.into_iter().max().map(str::to_owned)
}

fn day(of: &Object, field: &str) -> Option<Date> {
    of.text(field)?.parse().ok()
}

fn basis(reason_code: &str, issued_on: Date) -> Object {
    let (number, authority) = match reason_code {
        "court_decision" => ("/QĐST-HNGĐ", "Toà án nhân dân khu vực 1"),
        "death_entry" => ("/TLKT", "UBND xã"),
        "dissolution" => ("/TB-ĐKKD", "Sở Tài chính tỉnh Hà Tĩnh"),
        "expunged_by_law" => ("/XATAT", "Công an tỉnh Hà Tĩnh"),
        "pension" => ("/QĐ-BHXH", "Bảo hiểm xã hội tỉnh Hà Tĩnh"),
        _ => ("/QĐ-XPHC", "Công an tỉnh Hà Tĩnh"),
    };
    let number = format!("{}{number}", issued_on.day_of_year());
    Object::new()
        .with("authority", authority)
        .with("document_number", number)
        .with("issued_on", issued_on.to_string())
        .with("reason_code", reason_code)
}
