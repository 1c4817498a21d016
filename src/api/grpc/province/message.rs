//! Between the province's values and its messages.

use bytes::Bytes;

use crate::base::{Language, Result};
use crate::registry::Heading;
use crate::registry::code_names::CodeName;
use crate::trust::{Object, Operation, Value};
use crate::wire::proto::province::v1;
use crate::wire::proto::r#type::v1::Source as SourceMessage;
use crate::wire::record::{note_text, proof_to_message, timestamp, value_message};

use crate::province::{
    Chosen, ChosenBy, Claim, Discrepancy, FeedState, FieldChange, HistoryChange, Item, Lag, Progress, ProvedStatement,
    Section, Source, View, WatchProgress,
};

pub(super) fn feed_message(
    registry: &str,
    progress: Progress,
    lag: Lag,
    heads: Option<(Bytes, Bytes)>,
) -> Result<v1::Feed> {
    let (state, reason, detail) = match progress.state {
        FeedState::Beginning => (v1::FeedState::Waiting, "", "it has not answered since the start".to_owned()),
        FeedState::Following => (v1::FeedState::Following, "", String::new()),
        FeedState::Waiting(why) => (v1::FeedState::Waiting, "", why),
        FeedState::Halted { reason, why } => (v1::FeedState::Halted, reason.as_str(), why),
    };
    let (known, shown) = heads.unwrap_or_default();
    Ok(v1::Feed {
        registry: registry.to_owned(),
        state: state as i32,
        log_size: progress.log_size,
        reason: reason.to_owned(),
        detail,
        known_checkpoint: note_text(&known)?,
        shown_checkpoint: note_text(&shown)?,
        lag_changes: lag.changes,
        lag: prost_types::Duration::try_from(lag.time).ok(),
    })
}

pub(in crate::api) fn change_message(
    change: ProvedStatement,
    resume_token: String,
) -> Result<v1::WatchChangesResponse> {
    Ok(v1::WatchChangesResponse {
        resume_token,
        ledger_index: change.ledger_index,
        registry: change.statement.issuer,
        record_type: change.statement.schema,
        record_id: change.statement.record_id.to_hex(),
        version: change.statement.version,
        operation: operation(change.statement.operation).to_owned(),
        issued_at: timestamp(change.statement.issued_at),
        ledger_proof: Some(proof_to_message(&change.proof)?),
        progress: None,
    })
}

pub(super) fn progress_message(progress: WatchProgress, resume_token: String) -> v1::WatchChangesResponse {
    let WatchProgress { ledger_index, ledger_size } = progress;
    let progress = Some(v1::WatchProgress { ledger_index, ledger_size });
    v1::WatchChangesResponse { resume_token, progress, ..Default::default() }
}

/// The parts of a view that people and things share.
pub(in crate::api::grpc) struct Shown {
    pub(in crate::api::grpc) sources: Vec<SourceMessage>,
    pub(in crate::api::grpc) sections: Vec<v1::Section>,
    pub(in crate::api::grpc) discrepancies: Vec<v1::Discrepancy>,
    pub(in crate::api::grpc) chosen: Vec<v1::ChosenField>,
}

pub(in crate::api::grpc) fn shown(view: View, language: Language) -> Shown {
    let discrepancy = |found: Discrepancy| v1::Discrepancy {
        code: found.code.to_owned(),
        message: language.say(found.message).into_owned(),
        claims: found.claims.iter().map(claim).collect(),
    };
    Shown {
        sources: view.sources.iter().map(source).collect(),
        sections: view.sections.into_iter().map(section).collect(),
        discrepancies: view.discrepancies.into_iter().map(discrepancy).collect(),
        chosen: view.chosen.into_iter().map(chosen).collect(),
    }
}

pub(super) fn source(source: &Source) -> SourceMessage {
    SourceMessage {
        number: source.number,
        registry: (&source.registry).into(),
        record_type: (&source.record_type).into(),
        record_id: source.record_id.to_hex(),
        version: source.version,
        issued_at: timestamp(source.issued_at),
        ledger_index: source.ledger_index,
    }
}

pub(super) fn section(section: Section) -> v1::Section {
    let item = |item: Item| v1::Item {
        record_type: (&item.record_type).into(),
        fields: fields(&item.fields, item.source),
        revoked: item.revoked,
        code_names: item.names.into_iter().map(code_name).collect(),
        addresses: item.addresses,
    };
    v1::Section { kind: section_kind(section.heading).into(), items: section.items.into_iter().map(item).collect() }
}

pub(super) fn section_kind(heading: Heading) -> v1::SectionKind {
    match heading {
        Heading::Person => v1::SectionKind::Person,
        Heading::Household => v1::SectionKind::Household,
        Heading::Documents => v1::SectionKind::Documents,
        Heading::Land => v1::SectionKind::Land,
        Heading::Vehicles => v1::SectionKind::Vehicles,
        Heading::Insurance => v1::SectionKind::Insurance,
        Heading::Business => v1::SectionKind::Business,
        Heading::Judicial => v1::SectionKind::Judicial,
        Heading::CivilStatus => v1::SectionKind::CivilStatus,
    }
}

fn claim(claim: &Claim) -> v1::Claim {
    v1::Claim { field: claim.field.clone(), value: Some(value_message(&claim.value)), source: claim.source }
}

fn chosen(chosen: Chosen) -> v1::ChosenField {
    let by = match chosen.by {
        ChosenBy::OnlySource => v1::ChosenBy::OnlySource,
        ChosenBy::AgreementOfAll => v1::ChosenBy::AgreementOfAll,
        ChosenBy::OrderOfSources => v1::ChosenBy::OrderOfSources,
        ChosenBy::Recency => v1::ChosenBy::Recency,
        ChosenBy::Agreement => v1::ChosenBy::Agreement,
    };
    v1::ChosenField {
        name: chosen.name,
        value: Some(value_message(&chosen.claim.value)),
        source: chosen.claim.source,
        path: chosen.claim.field,
        chosen_by: by.into(),
        agreeing: chosen.agreeing,
        others: chosen.others.iter().map(claim).collect(),
    }
}

/// A change of a person's history; `number` is that of its source in the answer.
pub(super) fn history_message(change: HistoryChange, number: u32) -> v1::HistoryChange {
    let text = |name: &str| change.basis.as_ref().and_then(|basis| basis.text(name)).unwrap_or_default().to_owned();
    let field = |field: &FieldChange| v1::FieldChange {
        name: field.name.clone(),
        before: field.before.as_ref().map(value_message),
        after: field.after.as_ref().map(value_message),
    };
    v1::HistoryChange {
        source: Some(SourceMessage { number, ..source(&change.source) }),
        operation: operation(change.operation).to_owned(),
        fields: change.fields.iter().map(field).collect(),
        valid_from: timestamp(change.valid_from),
        valid_until: timestamp(change.valid_until),
        effective_from: timestamp(change.effective_from),
        known_from: timestamp(change.known_from),
        known_until_index: change.known_until.unwrap_or_default(),
        authority: text("authority"),
        reason_code: text("reason_code"),
        document_number: text("document_number"),
    }
}

fn operation(operation: Operation) -> &'static str {
    match operation {
        Operation::Create => "create",
        Operation::Update => "update",
        Operation::Revoke => "revoke",
    }
}

fn code_name(name: CodeName) -> v1::CodeName {
    v1::CodeName {
        path: name.path,
        list: name.list,
        code: name.code,
        name_vi: name.name.vi,
        name_en: name.name.en,
        valid_from: name.valid_from.map(|day| day.to_string()).unwrap_or_default(),
    }
}

fn fields(fields: &Object, source: u32) -> Vec<v1::Field> {
    let field =
        |(name, value): (&str, &Value)| v1::Field { name: name.to_owned(), value: Some(value_message(value)), source };
    fields.iter().map(field).collect()
}
