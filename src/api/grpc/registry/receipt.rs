//! Receipts of accepted changes, with their warnings in the caller's language.

use crate::base::{Call, Violation};
use crate::registry::port::Receipt;
use crate::wire::proto::registry::v1;

/// The receipt of a change whose statement has this index in the record ledger.
pub(super) fn answer(call: &Call, receipt: Receipt, ledger_index: u64) -> v1::Receipt {
    v1::Receipt {
        record_id: receipt.record_id.to_hex(),
        version: receipt.version,
        log_index: receipt.log_index,
        ledger_index,
        warnings_total: receipt.warnings.total as u32,
        warnings: receipt.warnings.kept.into_iter().map(|odd| warning(call, odd)).collect(),
    }
}

/// A warning in the caller's language.
pub(super) fn warning(call: &Call, warning: Violation) -> v1::Warning {
    let message = warning.message_in(call.language).into_owned();
    v1::Warning { field: warning.field, rule: warning.rule.into(), message }
}
