//! What records state about a person as the source of a field of the population register, where the register says otherwise: small rules in
//! the record types ([`Fact`](crate::registry::schema::Fact)), one comparison here.

use std::collections::BTreeMap;

use crate::base::{PartialDate, Timestamp};
use crate::registry::schema::Stated;
use crate::trust::Value;

use super::claim::{Claim, Discrepancy, Mention};
use super::found::FoundRecord;

/// Codes of discrepancies about who a relative is.
pub(super) const RELATIVES: [&str; 2] = ["SPOUSE_DIFFERS", "PARENT_DIFFERS"];

/// What records state as the source of a field of the register (a birth entry of the parents, a death entry of the death), where the
/// register says otherwise. Of several records that state one field the one that holds last counts: of two marriages the later.
pub(super) fn facts_differ(own: &Mention<'_>, mentions: &[Mention<'_>], records: &[FoundRecord]) -> Vec<Discrepancy> {
    let mut newest: BTreeMap<&str, (Option<Timestamp>, Stated<'_>, u32)> = BTreeMap::new();
    for mention in mentions {
        let Some(found) = records.get(mention.source as usize - 1) else { continue };
        let since = found.record_type.holds(&found.payload).from;
        for stated in found.record_type.stated(&found.payload, &mention.path) {
            let is_older = newest.get(stated.field).is_some_and(|(known, ..)| *known > since);
            if !is_older {
                newest.insert(stated.field, (since, stated, mention.source));
            }
        }
    }
    let dead = own.object.text("life_status") == Some("deceased");
    let differs = newest.into_values().filter(|(_, stated, _)| {
        let Some(registered) = own.object.text(stated.field) else { return false };
        // Whose marriage ended by their own death is in the register as they were.
        let counts = !(dead && matches!(stated.field, "marital_status" | "spouse_id"));
        counts && agrees(registered, stated.value) != stated.holds
    });
    let discrepancy = |(_, stated, source): (Option<Timestamp>, Stated<'_>, u32)| {
        let (code, message) = match stated.field {
            "marital_status" => ("MARITAL_STATUS_DIFFERS", "the marital status is not that of the civil-status books"),
            "spouse_id" => ("SPOUSE_DIFFERS", "the spouse is not that of the civil-status books"),
            "mother_id" | "father_id" => ("PARENT_DIFFERS", "a parent is not that of the civil-status books"),
            "death_date" => ("DEATH_DATE_DIFFERS", "the death date is not that of the civil-status books"),
            "life_status" => ("DEATH_NOT_REGISTERED", "the civil-status books have a death that the register lacks"),
            _ => ("FIELD_DIFFERS", "a field is not that of the record which is its source"),
        };
        let there = Claim { field: stated.path.to_owned(), value: Value::from(stated.said), source };
        Discrepancy { code, message, claims: own.claim(stated.field).into_iter().chain([there]).collect() }
    };
    differs.map(discrepancy).collect()
}

/// Whether two values are one, dates at their common precision.
fn agrees(one: &str, other: &str) -> bool {
    match (PartialDate::parse(one), PartialDate::parse(other)) {
        (Some(one), Some(other)) => one.agrees(other),
        _ => one == other,
    }
}
