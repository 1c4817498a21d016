//! The decision log of an exchange, which `Explain` returns.
//!
//! Every call writes one and few are ever read, so a log stores codes; the sentences are made when it is read. In its row a check takes
//! three bytes and a little more.
//!
//! | byte | meaning |
//! |---|---|
//! | step | its code, and one byte more: the ordinal of the registry or record type |
//! | outcome | 0 pass, 1 fail, 2 skipped |
//! | detail | its code, and its values |

use std::borrow::Cow;
use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes};

use crate::base::call::{CallCheck, CheckOutcome};
use crate::base::text::end_within;
use crate::registry::Catalogue;

/// The subject of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The fields of the request.
    Request,
    /// The look-up of the citizen's superseded numbers.
    SupersededNumbers,
    /// The agency's right.
    Right,
    /// The citizen's consent.
    Consent,
    /// The citizen's presentation.
    Presentation,
    /// The answer of the registry with this ordinal.
    Registry(u8),
    /// The verification of a record whose type has this ordinal.
    Verify(u8),
}

/// The explanation of a check's outcome.
#[derive(Debug, Clone)]
pub(super) enum Detail {
    /// A sentence, stored as it is.
    Text(Cow<'static, str>),
    /// The calling agency has the right for this purpose.
    Granted(Arc<str>),
    /// The number of records that a registry returned.
    Records(usize),
    /// The verdict VALID.
    Valid,
    /// All required consents are present.
    Agreed,
}

impl<T: Into<Cow<'static, str>>> From<T> for Detail {
    fn from(text: T) -> Self {
        Self::Text(text.into())
    }
}

/// The checks of one exchange, in the order made.
#[derive(Debug, Default)]
pub(super) struct DecisionLog {
    checks: Vec<(Step, CheckOutcome, Detail)>,
}

impl DecisionLog {
    pub(super) fn pass(&mut self, step: Step, detail: impl Into<Detail>) {
        self.checks.push((step, CheckOutcome::Pass, detail.into()));
    }

    pub(super) fn fail(&mut self, step: Step, detail: impl Into<Detail>) {
        self.checks.push((step, CheckOutcome::Fail, detail.into()));
    }

    pub(super) fn skip(&mut self, step: Step, detail: impl Into<Detail>) {
        self.checks.push((step, CheckOutcome::Skipped, detail.into()));
    }

    /// Whether there is an outcome of this step.
    pub(super) fn has(&self, step: Step) -> bool {
        self.checks.iter().any(|(known, ..)| *known == step)
    }

    /// Appends the encoded checks to `out`.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        for (step, outcome, detail) in &self.checks {
            let (code, which) = step.code();
            out.put_u8(code);
            out.extend(which);
            out.put_u8(match outcome {
                CheckOutcome::Pass => 0,
                CheckOutcome::Fail => 1,
                CheckOutcome::Skipped => 2,
            });
            match detail {
                Detail::Text(text) => {
                    out.put_u8(0);
                    put_text(out, text);
                }
                Detail::Granted(purpose) => {
                    out.put_u8(1);
                    put_text(out, purpose);
                }
                Detail::Records(count) => {
                    out.put_u8(2);
                    out.put_u32(u32::try_from(*count).unwrap_or(u32::MAX));
                }
                Detail::Valid => out.put_u8(3),
                Detail::Agreed => out.put_u8(4),
            }
        }
    }
}

impl Step {
    fn code(self) -> (u8, Option<u8>) {
        match self {
            Self::Request => (0, None),
            Self::SupersededNumbers => (1, None),
            Self::Right => (2, None),
            Self::Consent => (3, None),
            Self::Presentation => (4, None),
            Self::Registry(ordinal) => (5, Some(ordinal)),
            Self::Verify(ordinal) => (6, Some(ordinal)),
        }
    }
}

/// Decodes the checks of a row into words; `agency` is the caller's key. `None` for a row that does not decode.
pub(super) fn decode(catalogue: &Catalogue, row: &mut Bytes, agency: &str) -> Option<Vec<CallCheck>> {
    let mut checks = Vec::new();
    while row.has_remaining() {
        let name = step_name(catalogue, row)?;
        let outcome = match row.try_get_u8().ok()? {
            0 => CheckOutcome::Pass,
            1 => CheckOutcome::Fail,
            2 => CheckOutcome::Skipped,
            _ => return None,
        };
        let detail = match row.try_get_u8().ok()? {
            0 => take_text(row)?,
            1 => format!("the right of {agency} for the purpose {}", take_text(row)?),
            2 => format!("{} records", row.try_get_u32().ok()?),
            3 => "VALID".to_owned(),
            4 => "all required consents are present".to_owned(),
            _ => return None,
        };
        checks.push(CallCheck { name, outcome, detail });
    }
    Some(checks)
}

fn step_name(catalogue: &Catalogue, row: &mut Bytes) -> Option<String> {
    Some(match row.try_get_u8().ok()? {
        0 => "request".into(),
        1 => "superseded_numbers".into(),
        2 => "right".into(),
        3 => "consent".into(),
        4 => "presentation".into(),
        5 => {
            let registry = catalogue.sector_numbered(row.try_get_u8().ok()?)?;
            format!("registry.{}", registry.name)
        }
        6 => {
            let record_type = catalogue.record_type_numbered(row.try_get_u8().ok()?)?;
            format!("verify.{}", record_type.name)
        }
        _ => return None,
    })
}

/// Writes a text with a length prefix, truncated to the longest length that the prefix can hold.
pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    let length = end_within(text, usize::from(u16::MAX));
    out.put_u16(length as u16);
    out.put_slice(&text.as_bytes()[..length]);
}

/// Reads a text that [`put_text`] wrote.
pub(super) fn take_text(row: &mut Bytes) -> Option<String> {
    let length = usize::from(row.try_get_u16().ok()?);
    if row.remaining() < length {
        return None;
    }
    String::from_utf8(row.split_to(length).to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trail_reads_as_it_was_left() {
        let mut log = DecisionLog::default();
        log.pass(Step::Right, Detail::Granted("one_stop.verify_documents".into()));
        log.pass(Step::Consent, Detail::Agreed);
        let catalogue = Catalogue::built_in();
        let number = |name: &str| catalogue.sector(name).expect("a registry").ordinal;
        log.pass(Step::Registry(number("land")), Detail::Records(2));
        log.fail(Step::Registry(number("vehicle")), "REGISTRY_UNAVAILABLE");
        log.pass(Step::Verify(catalogue.record_type("land.parcel.v1").expect("a type").ordinal), Detail::Valid);
        log.skip(Step::SupersededNumbers, "not now");
        let mut row = Vec::new();
        log.encode(&mut row);
        let checks = decode(&catalogue, &mut Bytes::from(row.clone()), "one-stop").expect("reads");
        let words: Vec<_> =
            checks.iter().map(|check| format!("{} {} {}", check.name, check.outcome.as_str(), check.detail)).collect();
        assert_eq!(
            words,
            [
                "right pass the right of one-stop for the purpose one_stop.verify_documents",
                "consent pass all required consents are present",
                "registry.land pass 2 records",
                "registry.vehicle fail REGISTRY_UNAVAILABLE",
                "verify.land.parcel.v1 pass VALID",
                "superseded_numbers skipped not now",
            ]
        );
        row.pop();
        assert!(decode(&catalogue, &mut Bytes::from(row), "one-stop").is_none());
    }
}
