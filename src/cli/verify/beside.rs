//! What stands beside the signed bytes must say the same as they do.

use crate::registry::{self, RecordType};
use crate::trust::SignedRecord;
use crate::trust::verdict::{Check, Code, Outcome, Report, Verdict};
use crate::wire::typed;

use super::super::output::Failure;
use super::parse::Beside;

const FRAME: &str = "frame";
const TYPED_FORM: &str = "typed_form";

/// Which field of an exchange's record holds the typed form of which record type.
pub(super) struct Forms {
    forms: Vec<FormOf>,
}

struct FormOf {
    kind: &'static RecordType,
    /// The field's name in protobuf JSON.
    json_name: String,
    /// The field's name in the proto.
    name: String,
}

impl Forms {
    /// Reads the descriptors.
    pub(super) fn load() -> Result<Self, Failure> {
        let failed = |what: &str| Failure::new(format!("the record's descriptor lacks {what}"));
        let record =
            typed::pool().get_message_by_name("lienthong.exchange.v1.Record").ok_or_else(|| failed("itself"))?;
        let mut forms = Vec::new();
        for kind in registry::ALL.iter().flat_map(|sector| sector.record_types).copied() {
            let is_its = |field: &prost_reflect::FieldDescriptor| {
                field.kind().as_message().is_some_and(|message| message.full_name() == kind.message)
            };
            let field = record.fields().find(is_its).ok_or_else(|| failed(kind.name))?;
            forms.push(FormOf { kind, json_name: field.json_name().to_owned(), name: field.name().to_owned() });
        }
        Ok(Self { forms })
    }

    /// Adds the checks `frame` and `typed_form` to the report.
    pub(super) fn compare(&self, beside: &Beside<'_>, record: &SignedRecord, report: &mut Report) {
        let frame = frame(beside, report);
        report.add(frame, Code::TypedFormMismatch);
        let typed = self.typed_form(beside, record, report);
        report.add(typed, Code::TypedFormMismatch);
    }

    fn typed_form(&self, beside: &Beside<'_>, record: &SignedRecord, report: &Report) -> Check {
        let Some((field, said)) = &beside.typed else {
            return skipped(TYPED_FORM, "there is none");
        };
        let Some(statement) = &report.statement else {
            return failed(TYPED_FORM, "the statement does not decode");
        };
        let Some(form) = self.forms.iter().find(|form| form.json_name == *field || form.name == *field) else {
            return failed(TYPED_FORM, format!("`{field}` is no typed form"));
        };
        if form.kind.name != statement.schema {
            return failed(TYPED_FORM, format!("`{field}` is not the typed form of {}", statement.schema));
        }
        let canonical = report.check("canonical").is_some_and(|check| check.outcome == Outcome::Pass);
        let Some(shown) = typed::shown(&record.disclosure).ok().filter(|_| canonical) else {
            return failed(TYPED_FORM, "the payload is not canonical");
        };
        let difference = typed::difference(form.kind.message, &shown, said);
        match difference {
            None => Check { name: TYPED_FORM, outcome: Outcome::Pass, detail: String::new() },
            Some(path) => failed(TYPED_FORM, format!("`{path}` is not what the signed bytes say")),
        }
    }
}

/// Type, id, version and verdict beside the statement.
fn frame(beside: &Beside<'_>, report: &Report) -> Check {
    let Some(statement) = &report.statement else {
        return skipped(FRAME, "the statement does not decode");
    };
    let mut differing = Vec::new();
    if beside.record_type != statement.schema {
        differing.push("record_type");
    }
    if crate::base::RecordId::from_hex(&beside.record_id) != Some(statement.record_id)
        || beside.record_id.bytes().any(|b| b.is_ascii_uppercase())
    {
        differing.push("record_id");
    }
    if beside.version != statement.version {
        differing.push("version");
    }
    if let Some(said) = &beside.verdict
        && !agrees(said, report.verdict)
    {
        differing.push("verdict");
    }
    match differing.as_slice() {
        [] => Check { name: FRAME, outcome: Outcome::Pass, detail: String::new() },
        some => failed(FRAME, format!("{} beside the statement: not what it says", some.join(", "))),
    }
}

/// The gateway's verdict may be older than ours: what it called VALID may have become INDETERMINATE. But nothing may pass as
/// VALID that it did not call so, nor the other way round.
fn agrees(said: &str, ours: Verdict) -> bool {
    match ours {
        Verdict::Valid => said == "VALID",
        Verdict::Invalid(_) => said.starts_with("INVALID ") || said.starts_with("INDETERMINATE "),
        Verdict::Indeterminate(_) => !said.is_empty(),
    }
}

fn failed(name: &'static str, why: impl Into<String>) -> Check {
    Check { name, outcome: Outcome::Fail, detail: why.into() }
}

fn skipped(name: &'static str, why: &str) -> Check {
    Check { name, outcome: Outcome::Skipped, detail: why.to_owned() }
}
