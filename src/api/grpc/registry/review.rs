//! Records for review as `ListWarnings` shows them: what was accepted and flagged. Warnings are on the receipt of a change and nowhere stored, so that
//! the newest version of each record is held to the rules again, on the day of its issue.

use crate::base::{Call, Result, Violations};
use crate::registry::port::{Query, Registry, RegistryRecord, Selector};
use crate::registry::{RecordType, Sector};
use crate::trust::{Object, Statement};
use crate::wire::proto::registry::v1;

use super::receipt::warning;

/// Records that one call looks at until it finds some.
const EXAMINED_MAX: usize = 2_000;
/// Warnings that are told of one record.
const WARNINGS_MAX: usize = 20;
/// Where paths in warnings begin.
const ROOT: &str = "payload";

/// Records with warnings, and where to go on.
pub(super) struct Review {
    pub(super) records: Vec<v1::RecordWarnings>,
    pub(super) examined: usize,
    pub(super) next: Option<Vec<u8>>,
}

/// The first page of records after a position that has any, as far as one call looks.
pub(super) async fn first_page(
    call: &Call,
    sector: &Sector,
    registry: &dyn Registry,
    record_types: &[String],
    (limit, after): (usize, Option<Vec<u8>>),
) -> Result<Review> {
    let mut review = Review { records: Vec::new(), examined: 0, next: after };
    while review.records.is_empty() && review.examined < EXAMINED_MAX {
        let after = review.next.take();
        let page = registry.read(Query { after, ..Query::latest(record_types, Selector::All, limit) }).await?;
        review.examined += page.records.len();
        for found in &page.records {
            review.records.extend(warnings(call, sector, found)?);
        }
        review.next = page.next;
        if review.next.is_none() {
            break;
        }
    }
    Ok(review)
}

/// The warnings of a record; `None` without any. A record that cannot be read has none: readers of records say so of it.
fn warnings(call: &Call, sector: &Sector, found: &RegistryRecord) -> Result<Option<v1::RecordWarnings>> {
    let Some(record_type) = sector.record_type(&found.record_type) else { return Ok(None) };
    let Ok(payload) = found.record.disclosure.fields() else { return Ok(None) };
    let Ok(statement) = Statement::decode(&found.record.statement) else { return Ok(None) };
    let mut violations = Violations::default();
    record_type.validate(&payload, statement.issued_at.date(), &ROOT, &mut violations);
    let odd = violations.warnings();
    if odd.total == 0 {
        return Ok(None);
    }
    let in_payload = |mut one: v1::Warning| {
        one.field = one.field.strip_prefix("payload.").unwrap_or(&one.field).to_owned();
        one
    };
    Ok(Some(v1::RecordWarnings {
        record_type: found.record_type.clone(),
        record_id: found.record_id.to_hex(),
        version: found.version,
        natural_key: natural_key(record_type, &payload),
        warnings: odd.kept.iter().take(WARNINGS_MAX).map(|one| in_payload(warning(call, one.clone()))).collect(),
        warnings_total: odd.total as u32,
    }))
}

fn natural_key(of: &RecordType, payload: &Object) -> String {
    payload.text(&of.natural_key).unwrap_or_default().to_owned()
}
