//! Compares the displayed form of a record, its frame and its typed message, with the signed bytes.

use crate::base::Timestamp;
use crate::registry::{Catalogue, Name};
use crate::trust::SignedRecord;
use crate::trust::verdict::{Check, Code, Outcome, Report, Verdict};

use super::super::output::Failure;
use super::parse::DisplayedForm;
use super::{typed, versions};
use crate::wire::typed::pool;

const FRAME: &str = "frame";
const TYPED_FORM: &str = "typed_form";

/// Which field of an exchange's record holds the typed form of which record type.
pub(super) struct Forms {
    forms: Vec<FormOf>,
    /// The names of the field for all other record types, also those that this program has never heard of.
    plain: [String; 2],
}

struct FormOf {
    record_type: Name,
    /// The full name of its typed message.
    message: String,
    /// The field's names in the exchange's record: in protobuf JSON, and in the proto.
    names: [String; 2],
    /// Those in a version of the registry's typed service.
    version_names: [String; 2],
}

impl Forms {
    /// Reads the descriptors.
    pub(super) fn load() -> Result<Self, Failure> {
        let failed = |what: &str| Failure::new(format!("the record's descriptor lacks {what}"));
        let record = pool().get_message_by_name("lienthong.exchange.v1.Record").ok_or_else(|| failed("itself"))?;
        let mut forms = Vec::new();
        let named = |full_name: &str| -> Result<[String; 2], Failure> {
            let is_its = |field: &prost_reflect::FieldDescriptor| {
                field.kind().as_message().is_some_and(|message| message.full_name() == full_name)
            };
            let field = record.fields().find(is_its).ok_or_else(|| failed(full_name))?;
            Ok([field.json_name().to_owned(), field.name().to_owned()])
        };
        for kind in Catalogue::built_in().record_types() {
            let Some(message) = kind.message.clone() else { continue };
            let version_names = versions::typed_names(&message).ok_or_else(|| failed(&kind.name))?;
            let names = named(&message)?;
            forms.push(FormOf { record_type: kind.name.clone(), message, names, version_names });
        }
        Ok(Self { forms, plain: named("google.protobuf.Struct")? })
    }

    /// Adds the checks `frame` and `typed_form` to the report.
    pub(super) fn compare(&self, displayed: &DisplayedForm<'_>, record: &SignedRecord, report: &mut Report) {
        let frame = frame(displayed, record, report);
        report.add(frame, Code::TypedFormMismatch);
        let typed = self.typed_form(displayed, record, report);
        report.add(typed, Code::TypedFormMismatch);
    }

    fn typed_form(&self, displayed: &DisplayedForm<'_>, record: &SignedRecord, report: &Report) -> Check {
        let Some((field, said)) = &displayed.typed else {
            return skipped(TYPED_FORM, "there is none");
        };
        let Some(statement) = &report.statement else {
            return failed(TYPED_FORM, "the statement does not decode");
        };
        let form = self.forms.iter().find(|form| form.record_type == statement.schema);
        let names = match (form, &displayed.record_type) {
            (Some(form), Some(_)) => &form.names[..],
            (Some(form), None) => &form.version_names[..],
            (None, Some(_)) => &self.plain[..],
            (None, None) => &[],
        };
        if !names.iter().any(|name| name == field) {
            return failed(TYPED_FORM, format!("`{field}` is not the typed form of {}", statement.schema));
        }
        let canonical = report.check("canonical").is_some_and(|check| check.outcome == Outcome::Pass);
        let Some(shown) = typed::shown(&record.disclosure).ok().filter(|_| canonical) else {
            return failed(TYPED_FORM, "the payload is not canonical");
        };
        let difference = match form {
            Some(form) => typed::difference(&form.message, &shown, said),
            None => typed::plain_difference(&shown, said),
        };
        match difference {
            None => Check { name: TYPED_FORM, outcome: Outcome::Pass, detail: String::new() },
            Some(path) => failed(TYPED_FORM, format!("`{path}` differs from the signed bytes")),
        }
    }
}

/// Compares type, id, version, time, log index and verdict with the statement.
fn frame(displayed: &DisplayedForm<'_>, record: &SignedRecord, report: &Report) -> Check {
    let Some(statement) = &report.statement else {
        return skipped(FRAME, "the statement does not decode");
    };
    let mut differing = Vec::new();
    // A version is displayed without its type, but with the time of its issue.
    let is_version = displayed.record_type.is_none() && displayed.issued_at.is_some();
    if !is_version && displayed.record_type.as_deref() != Some(&*statement.schema) {
        differing.push("record_type");
    }
    if displayed.issued_at.as_ref().is_some_and(|said| Timestamp::parse_whole(said) != Some(statement.issued_at)) {
        differing.push("issued_at");
    }
    let index = record.issuer_proof.as_ref().map_or(0, |proof| proof.index);
    if (is_version || displayed.log_index.is_some()) && displayed.log_index.unwrap_or_default() != index {
        differing.push("log_index");
    }
    if crate::base::RecordId::from_hex(&displayed.record_id) != Some(statement.record_id)
        || displayed.record_id.bytes().any(|b| b.is_ascii_uppercase())
    {
        differing.push("record_id");
    }
    if displayed.version != statement.version {
        differing.push("version");
    }
    if let Some(said) = &displayed.verdict
        && !agrees(said, report.verdict)
    {
        differing.push("verdict");
    }
    match differing.as_slice() {
        [] => Check { name: FRAME, outcome: Outcome::Pass, detail: String::new() },
        some => failed(FRAME, format!("the answer states another {} than this check finds", some.join(", "))),
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
