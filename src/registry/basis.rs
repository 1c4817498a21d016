//! The basis of a change: the document that justifies it. A field of every record's payload, committed to and disclosed like the others;
//! which changes need one is said by the record type's [`lifecycle`](super::lifecycle).

use crate::base::time::Date;
use crate::trust::Object;

use super::rule::{Field, Findings, Rule, date_at};

/// Its name in every payload.
pub const FIELD: &str = "basis";

/// The authority of a change that a time rule makes.
pub const SYSTEM: &str = "system";

/// A court decided so.
pub const COURT_DECISION: &str = "court_decision";
/// The previous value was wrong.
pub const CORRECTION: &str = "correction";
/// A civil-status entry: name, sex, parents, birth.
pub const CIVIL_STATUS_CHANGE: &str = "civil_status_change";
/// An entry of the civil-status books was annulled.
pub const ENTRY_ANNULLED: &str = "entry_annulled";
/// The personal ID was cancelled and established anew.
pub const ID_RE_ESTABLISHED: &str = "id_re_established";

/// The field; `lienthong.type.v1.Basis`.
pub fn basis_field() -> Field {
    Field::optional(
        FIELD,
        Rule::object([
            Field::required("document_number", Rule::Text(60)),
            Field::required("issued_on", Rule::Date),
            Field::required("authority", Rule::Text(200)),
            Field::required(
                "reason_code",
                Rule::form_as(
                    is_reason,
                    "^[a-z][a-z0-9_]{1,39}$",
                    "2 to 40 lower-case letters, digits and `_`, a letter first",
                ),
            ),
        ]),
    )
}

/// Whether a text has the form of a reason code.
pub fn is_reason(text: &str) -> bool {
    (2..=40).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// A basis was issued before the change that rests on it.
pub(super) fn check(payload: &Object, today: Date, findings: &mut Findings<'_>) {
    let issued = date_at(payload, "basis.issued_on");
    findings.expect(
        issued.is_none_or(|issued| issued <= today),
        "basis.issued_on",
        "FUTURE",
        "must not be in the future",
    );
}
