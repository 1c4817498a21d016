//! `PutRecords`: contents as they come in, and what became of them.

use std::collections::BTreeMap;

use crate::base::{Call, Error, Path, Result, Violation, Violations};
use crate::registry::Sector;
use crate::registry::catalogue::unknown_record_type;
use crate::registry::port::{Content, PutOutcome, Receipt, batch_violation};
use crate::trust::Object;
use crate::wire::payload::object;
use crate::wire::proto::registry::v1;

use super::receipt;

/// Violations of one record that an answer holds.
const VIOLATIONS_OF_RECORD_MAX: usize = 20;

/// The contents that can be read, and the violations of the others, by the numbers of their records.
pub(super) fn contents(
    sector: &Sector,
    records: Vec<v1::RecordContent>,
) -> Result<(BTreeMap<usize, Content>, BTreeMap<usize, Violations>)> {
    if let Some(violation) = batch_violation("records", records.len()) {
        return Err(Error::invalid(violation));
    }
    let (mut contents, mut refused) = (BTreeMap::new(), BTreeMap::new());
    for (at, record) in records.into_iter().enumerate() {
        if sector.record_type(&record.record_type).is_none() {
            let field = format!("records[{at}].record_type");
            return Err(Error::invalid(unknown_record_type(field, &record.record_type, &sector.record_types)));
        }
        let mut unreadable = Violations::default();
        let payload = match record.payload {
            Some(fields) => object(&Path::Root, fields, 1, &mut unreadable),
            None => {
                unreadable.add("", "REQUIRED", "the whole new content is required");
                Object::new()
            }
        };
        if unreadable.is_empty() {
            contents.insert(at, Content { record_type: record.record_type, payload });
        } else {
            refused.insert(at, unreadable);
        }
    }
    Ok((contents, refused))
}

/// The receipt of a record that is stored.
pub(super) fn receipt(outcome: &PutOutcome) -> Option<&Receipt> {
    match outcome {
        PutOutcome::Created(receipt) | PutOutcome::Updated(receipt) | PutOutcome::Unchanged(receipt) => Some(receipt),
        PutOutcome::Refused(_) => None,
    }
}

/// The outcome of a record, in the caller's language. `ledger_index` is that of its statement.
pub(super) fn answer(call: &Call, outcome: PutOutcome, ledger_index: u64) -> v1::PutOutcome {
    let (effect, receipt) = match outcome {
        PutOutcome::Created(receipt) => (v1::PutEffect::Created, receipt),
        PutOutcome::Updated(receipt) => (v1::PutEffect::Updated, receipt),
        PutOutcome::Unchanged(receipt) => (v1::PutEffect::Unchanged, receipt),
        PutOutcome::Refused(violations) => return refusal(call, &violations),
    };
    let receipt = receipt::answer(call, receipt, ledger_index);
    v1::PutOutcome { effect: effect.into(), receipt: Some(receipt), ..Default::default() }
}

/// A record that was refused.
pub(super) fn refusal(call: &Call, violations: &Violations) -> v1::PutOutcome {
    let one = |broken: &Violation| v1::Violation {
        field: broken.field.clone(),
        rule: broken.rule.clone().into(),
        message: broken.message_in(call.language).into_owned(),
    };
    v1::PutOutcome {
        effect: v1::PutEffect::Refused.into(),
        receipt: None,
        violations: violations.kept().iter().take(VIOLATIONS_OF_RECORD_MAX).map(one).collect(),
        violations_total: violations.total() as u32,
    }
}
