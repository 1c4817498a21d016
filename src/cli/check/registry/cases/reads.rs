//! Reads: by each selector, by version, in pages. What is read is verified, and compared with what was submitted.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::base::Clock as _;
use crate::base::time::SystemClock;
use crate::cli::check::outcome::Wrong;
use crate::cli::check::registry::subject::{Judged, Made, Subject, answered, same, wrong};
use crate::trust::{Outcome, Statement, statement_hash};
use crate::wire::proto::registry::v1::get_records_request::Selector;
use crate::wire::proto::registry::v1::{GetRecordsRequest, NaturalKey, RecordIds, RegistryRecord};
use crate::wire::record;

/// Most pages of three records that a reader has patience for.
const PAGES_MAX: usize = 100;

/// The value at a path in a payload.
fn at<'a>(payload: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let mut names = path.split('.');
    let first = payload.get(names.next()?)?;
    names.try_fold(first, |value, name| value.get(name))
}

fn key_of(subject: &Subject, payload: &Map<String, Value>) -> Result<Selector, Wrong> {
    let values = subject.natural_key.iter().map(|path| {
        let value = at(payload, path).ok_or_else(|| wrong("a natural key in the sample", path))?;
        Ok(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    });
    let values = values.collect::<Result<_, Wrong>>()?;
    Ok(Selector::NaturalKey(NaturalKey { record_type: subject.record_type.clone(), values }))
}

pub(super) fn ids(ids: Vec<String>) -> Selector {
    Selector::RecordIds(RecordIds { ids })
}

async fn read(subject: &mut Subject, selector: Selector, version: u64) -> Result<Vec<RegistryRecord>, Wrong> {
    let record_types = vec![subject.record_type.clone()];
    let ask = GetRecordsRequest { record_types, selector: Some(selector), version, ..Default::default() };
    Ok(answered("records", subject.get(ask).await?)?.records)
}

/// The one record there must be.
fn only(records: Vec<RegistryRecord>) -> Result<RegistryRecord, Wrong> {
    let count = records.len();
    match <[RegistryRecord; 1]>::try_from(records) {
        Ok([record]) => Ok(record),
        Err(_) => Err(wrong("one record", &count.to_string())),
    }
}

/// The checks that a record passes without the province's ledger, which a registry elsewhere is not in.
const CHECKS: [&str; 8] = [
    "anchor_current",
    "statement_decodes",
    "issuer_signature",
    "issuer_agreement",
    "schema_allowed",
    "issuer_inclusion",
    "canonical",
    "payload",
];

/// Checks that a record verifies and that its displayed form agrees; returns its payload and statement.
fn verified(subject: &Subject, found: RegistryRecord) -> Result<(Map<String, Value>, Statement), Wrong> {
    let (record_type, record_id, version) = (found.record_type, found.record_id, found.version);
    let signed = found.record.ok_or_else(|| wrong("a signed record", "none"))?;
    let signed = record::from_message(signed).map_err(|error| wrong("a signed record", &error.message))?;
    let report = subject.verifier.verify_issued(&signed, SystemClock.now());
    for name in CHECKS {
        let check = report.check(name).filter(|check| check.outcome == Outcome::Pass);
        check.ok_or_else(|| wrong(&format!("the check {name} passes"), &report.verdict.to_string()))?;
    }
    // A ledger proof is the province's business; where there is one, it holds.
    if let Some(failed) = report.failed().next() {
        return Err(wrong("every check passes", &format!("{} fails: {}", failed.name, failed.detail)));
    }
    let statement = report.statement.ok_or_else(|| wrong("a statement", "none"))?;
    same("record_type", &statement.schema, &record_type)?;
    same("record_id", statement.record_id.to_hex(), record_id)?;
    same("version", statement.version, version)?;
    let fields = signed.disclosure.fields().map_err(|error| wrong("a payload", &error.to_string()))?;
    let payload = crate::trust::canonical::write(&fields);
    let payload = serde_json::from_slice(&payload).map_err(|error| wrong("a payload", &error.to_string()))?;
    Ok((payload, statement))
}

/// A value without what registries bring to a form of their own: capitals, blanks and marks in texts.
fn plain(value: &Value) -> Value {
    match value {
        Value::String(text) => {
            text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>().into()
        }
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (name.clone(), plain(value))).collect())
        }
        other => other.clone(),
    }
}

/// That a record is what was made.
fn compared(subject: &Subject, found: RegistryRecord, made: &Made) -> Judged {
    let (payload, statement) = verified(subject, found)?;
    same("record_id", &made.receipt.record_id, &statement.record_id.to_hex())?;
    same("version", made.receipt.version, statement.version)?;
    if payload == made.payload {
        return Ok(String::new());
    }
    if plain(&Value::Object(payload.clone())) == plain(&Value::Object(made.payload.clone())) {
        return Ok("brought to the registry's form".into());
    }
    let differs = |name: &&String| payload.get(*name) != made.payload.get(*name);
    let names: BTreeSet<&String> = payload.keys().chain(made.payload.keys()).filter(differs).collect();
    let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
    Err(wrong("the payload that was submitted", &format!("another one: {}", names.join(", "))))
}

pub(super) async fn by_key(subject: &mut Subject) -> Judged {
    let first = subject.first()?;
    let selector = key_of(subject, &first.payload)?;
    let found = only(read(subject, selector, 0).await?)?;
    compared(subject, found, &first)
}

pub(super) async fn by_id(subject: &mut Subject) -> Judged {
    let first = subject.first()?;
    let found = only(read(subject, ids(vec![first.receipt.record_id.clone()]), 0).await?)?;
    compared(subject, found, &first)
}

/// A personal ID anywhere in a payload.
fn person(value: &Value) -> Option<String> {
    match value {
        Value::Object(fields) => {
            let own = fields.get("personal_id").and_then(Value::as_str).map(str::to_owned);
            own.or_else(|| fields.values().find_map(person))
        }
        Value::Array(items) => items.iter().find_map(person),
        _ => None,
    }
}

pub(super) async fn by_person(subject: &mut Subject) -> Judged {
    let first = subject.first()?;
    let Some(person) = person(&Value::Object(first.payload.clone())) else {
        return Ok("the record names no person".into());
    };
    let found = read(subject, Selector::PersonalId(person), 0).await?;
    let own = found.into_iter().find(|one| one.record_id == first.receipt.record_id);
    compared(subject, own.ok_or_else(|| wrong("the record among the person's", "it is not"))?, &first)
}

pub(super) async fn unknown_id(subject: &mut Subject) -> Judged {
    let id = format!("{:032x}", u128::from(subject.run) << 64 | 0xc4ec);
    match read(subject, ids(vec![id]), 0).await?.len() {
        0 => Ok(String::new()),
        some => Err(wrong("no records", &some.to_string())),
    }
}

pub(super) async fn versions(subject: &mut Subject) -> Judged {
    let first = subject.first()?;
    same("a second version", 2, first.receipt.version)?;
    let id = || ids(vec![first.receipt.record_id.clone()]);
    let older = only(read(subject, id(), 1).await?)?;
    let signed = older.record.as_ref().map(|signed| signed.statement.clone()).unwrap_or_default();
    let (_, older) = verified(subject, older)?;
    same("the first version", 1, older.version)?;
    let latest = only(read(subject, id(), 0).await?)?;
    let (_, latest) = verified(subject, latest)?;
    same("the latest version", 2, latest.version)?;
    match latest.previous == statement_hash(&signed) {
        true => Ok(String::new()),
        false => Err(wrong("a second version that names the first", "another one")),
    }
}

pub(super) async fn pages(subject: &mut Subject) -> Judged {
    let wanted: Vec<String> = subject.made.iter().map(|made| made.receipt.record_id.clone()).collect();
    if wanted.len() < 3 {
        return Err(wrong("three records that were created before", &wanted.len().to_string()));
    }
    let (mut found, mut page_token) = (Vec::new(), String::new());
    // A page may be empty before the end: only the token tells.
    for _ in 0..PAGES_MAX {
        let ask =
            GetRecordsRequest { selector: Some(ids(wanted.clone())), page_size: 1, page_token, ..Default::default() };
        let page = answered("a page", subject.get(ask).await?)?;
        if page.records.len() > 1 {
            return Err(wrong("one record in a page", &page.records.len().to_string()));
        }
        found.extend(page.records.into_iter().map(|record| record.record_id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let distinct: BTreeSet<&String> = found.iter().collect();
    match (found.len() == wanted.len(), distinct.len() == wanted.len(), page_token.is_empty()) {
        (true, true, true) => Ok(String::new()),
        _ => {
            Err(wrong(&format!("{} records, each once, and an end", wanted.len()), &format!("{} records", found.len())))
        }
    }
}
