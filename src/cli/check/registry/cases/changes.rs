//! Changes: what is written, what is refused, and what a repetition does.

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::cli::check::registry::subject::{Judged, Made, Subject, answered, one, refused, same, told, wrong};
use crate::wire::proto::registry::v1::{Operation, PutEffect, Receipt, SubmitChangesRequest};

/// The submission that creates the first record, again and again the same.
fn creation(
    subject: &Subject,
    payload: &serde_json::Map<String, serde_json::Value>,
) -> Result<SubmitChangesRequest, crate::cli::check::outcome::Wrong> {
    let change = subject.change(Operation::Create, 0, payload)?;
    Ok(SubmitChangesRequest { request_id: subject.request_id("create"), changes: vec![change], ..Default::default() })
}

pub(super) async fn create(subject: &mut Subject) -> Judged {
    subject.follow().await?;
    let size = subject.log.size();
    // Of a schema alone nobody knows which rules stand across its fields: what is refused is tried again with all of them.
    let mut payload = subject.fresh()?;
    let mut receipts = subject.submit(creation(subject, &payload)?).await?;
    if subject.given.is_none() && matches!(&receipts, Err(status) if status.code() == Code::InvalidArgument) {
        subject.is_full = true;
        payload = subject.fresh()?;
        receipts = subject.submit(creation(subject, &payload)?).await?;
    }
    let receipt = one(answered("a receipt", receipts)?)?;
    same("version", 1, receipt.version)?;
    if receipt.log_index < size {
        return Err(wrong(&format!("log_index {size} or more"), &receipt.log_index.to_string()));
    }
    if receipt.record_id.len() != 32 || !receipt.record_id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(wrong("a record_id of 32 hexadecimal digits", &receipt.record_id));
    }
    subject.made.push(Made { payload, receipt });
    Ok(String::new())
}

pub(super) async fn create_repeated(subject: &mut Subject) -> Judged {
    let first = subject.first()?;
    let again = one(answered("the same receipt", subject.submit(creation(subject, &first.payload)?).await?)?)?;
    same("record_id", &first.receipt.record_id, &again.record_id)?;
    same("version", first.receipt.version, again.version)?;
    same("log_index", first.receipt.log_index, again.log_index)?;
    Ok(String::new())
}

pub(super) async fn request_id_reused(subject: &mut Subject) -> Judged {
    subject.first()?;
    let other = subject.fresh()?;
    let answer = subject.submit(creation(subject, &other)?).await?;
    refused(answer, Code::AlreadyExists, "REQUEST_ID_REUSED")
}

pub(super) async fn create_twice(subject: &mut Subject) -> Judged {
    let first = subject.first()?;
    let change = subject.change(Operation::Create, 0, &first.payload)?;
    refused(subject.submit_one("create-twice", change).await?, Code::Aborted, "VERSION_CONFLICT")
}

pub(super) async fn update(subject: &mut Subject) -> Judged {
    let first = subject.first()?;
    let candidates = match subject.given.as_ref().and_then(|given| given.update.clone()) {
        Some(update) => vec![update],
        None => subject.sampler.changed(&first.payload, &subject.natural_key, subject.run),
    };
    let mut last: Option<Status> = None;
    for (at, payload) in candidates.into_iter().enumerate() {
        let change = subject.change(Operation::Update, 1, &payload)?;
        match subject.submit_one(&format!("update-{at}"), change).await? {
            Ok(receipt) => {
                same("version", 2, receipt.version)?;
                same("record_id", &first.receipt.record_id, &receipt.record_id)?;
                if receipt.log_index <= first.receipt.log_index {
                    return Err(wrong("a later log_index", &receipt.log_index.to_string()));
                }
                subject.made[0] = Made { payload, receipt };
                return Ok(String::new());
            }
            Err(status) => last = Some(status),
        }
    }
    let found = last.map_or_else(|| "nothing to change".to_owned(), |status| told(&status));
    Err(wrong("version 2", &found))
}

pub(super) async fn update_stale(subject: &mut Subject) -> Judged {
    let first = subject.first()?;
    same("a second version", 2, first.receipt.version)?;
    let change = subject.change(Operation::Update, 1, &first.payload)?;
    refused(subject.submit_one("update-stale", change).await?, Code::Aborted, "VERSION_CONFLICT")
}

pub(super) async fn update_unknown(subject: &mut Subject) -> Judged {
    let payload = match &subject.given {
        // A key that nobody has: that of the last sample, which no case creates before.
        Some(given) => given.create.last().cloned().unwrap_or_default(),
        None => subject.fresh()?,
    };
    let change = subject.change(Operation::Update, 1, &payload)?;
    refused(subject.submit_one("update-unknown", change).await?, Code::NotFound, "RECORD_NOT_FOUND")
}

pub(super) async fn all_or_nothing(subject: &mut Subject) -> Judged {
    subject.follow().await?;
    let size = subject.log.size();
    let good = subject.fresh()?;
    let mut bad = good.clone();
    bad.insert("no_such_field".into(), "x".into());
    let changes = vec![subject.change(Operation::Create, 0, &good)?, subject.change(Operation::Create, 0, &bad)?];
    let ask = SubmitChangesRequest { request_id: subject.request_id("half"), changes, ..Default::default() };
    refused(subject.submit(ask).await?, Code::InvalidArgument, "INVALID_REQUEST")?;
    subject.follow().await?;
    same("as many changes as before:", size, subject.log.size())?;
    Ok(String::new())
}

pub(super) async fn batch(subject: &mut Subject) -> Judged {
    let payloads = [subject.fresh()?, subject.fresh()?];
    let changes =
        payloads.iter().map(|payload| subject.change(Operation::Create, 0, payload)).collect::<Result<_, _>>()?;
    let ask = SubmitChangesRequest { request_id: subject.request_id("batch"), changes, ..Default::default() };
    let receipts: Vec<Receipt> = answered("two receipts", subject.submit(ask).await?)?;
    let [one, other] = &receipts[..] else { return Err(wrong("two receipts", &receipts.len().to_string())) };
    same("log_index of the second", one.log_index + 1, other.log_index)?;
    let made = payloads.into_iter().zip(receipts).map(|(payload, receipt)| Made { payload, receipt });
    subject.made.extend(made);
    Ok(String::new())
}

pub(super) async fn put_unchanged(subject: &mut Subject) -> Judged {
    let first = subject.first()?;
    subject.follow().await?;
    let size = subject.log.size();
    let outcome = answered("an outcome", subject.put(&first.payload).await?)?;
    if outcome.effect() != PutEffect::Unchanged {
        return Err(wrong(PutEffect::Unchanged.as_str_name(), outcome.effect().as_str_name()));
    }
    subject.follow().await?;
    same("as many changes as before:", size, subject.log.size())?;
    Ok(String::new())
}

pub(super) async fn put_refused(subject: &mut Subject) -> Judged {
    let mut payload = subject.first()?.payload;
    payload.insert("no_such_field".into(), "x".into());
    let outcome = answered("an outcome", subject.put(&payload).await?)?;
    if outcome.effect() != PutEffect::Refused {
        return Err(wrong(PutEffect::Refused.as_str_name(), outcome.effect().as_str_name()));
    }
    match outcome.violations.iter().any(|violation| violation.field.ends_with("no_such_field")) {
        true => Ok(String::new()),
        false => Err(wrong("a violation of no_such_field", &format!("{} others", outcome.violations.len()))),
    }
}

pub(super) async fn revoke(subject: &mut Subject) -> Judged {
    let first = subject.first()?;
    let version = first.receipt.version;
    // Where a record has a status, its last form has a final one; which ones are final, the schema does not say.
    let statuses = subject.sampler.schema["properties"]["status"]["enum"].as_array().cloned().unwrap_or_default();
    let with_status = |status| {
        let mut payload = first.payload.clone();
        payload.insert("status".into(), status);
        payload
    };
    let candidates: Vec<_> =
        std::iter::once(first.payload.clone()).chain(statuses.into_iter().map(with_status)).collect();
    let mut refusals = Vec::new();
    for (at, payload) in candidates.into_iter().enumerate() {
        let change = subject.change(Operation::Revoke, version, &payload)?;
        match subject.submit_one(&format!("revoke-{at}"), change).await? {
            Ok(receipt) => {
                same("version", version + 1, receipt.version)?;
                subject.made[0] = Made { payload, receipt };
                subject.is_revoked = true;
                return Ok(String::new());
            }
            Err(status) => refusals.push(status),
        }
    }
    // A lifecycle may end such records by a status and a document instead; then the refusal says so.
    let is_lifecycle = |status: &Status| {
        let named = status.get_details_bad_request().map(|bad| bad.field_violations).unwrap_or_default();
        let reason = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
        reason == "TRANSITION_NOT_ALLOWED" || named.iter().any(|bad| bad.field.ends_with("payload.status"))
    };
    let is_of_rules = |status: &Status| matches!(status.code(), Code::InvalidArgument | Code::FailedPrecondition);
    let odd = refusals.iter().find(|status| !is_of_rules(status));
    match odd.or(refusals.first().filter(|_| !refusals.iter().any(is_lifecycle))) {
        None => Ok("its lifecycle ends such records by an update".into()),
        Some(status) => Err(wrong("a revocation, or TRANSITION_NOT_ALLOWED", &told(status))),
    }
}

pub(super) async fn update_revoked(subject: &mut Subject) -> Judged {
    let first = subject.first()?;
    if !subject.is_revoked {
        return Ok("no record was revoked".into());
    }
    let change = subject.change(Operation::Update, first.receipt.version, &first.payload)?;
    refused(subject.submit_one("update-revoked", change).await?, Code::FailedPrecondition, "RECORD_REVOKED")
}
