//! The log, as a follower sees it.

use std::collections::BTreeMap;

use crate::cli::check::registry::subject::{Judged, Subject, answered, same, wrong};
use crate::trust::merkle::CompactRange;
use crate::trust::statement_hash;
use crate::wire::proto::registry::v1;

pub(super) async fn from_beginning(subject: &mut Subject) -> Judged {
    let anchored = subject.verifier.anchor();
    let origin = anchored.issuer(&subject.registry).map(|issuer| issuer.origin.as_str());
    same("log_origin, as in the trust anchor,", origin.unwrap_or("of no issuer"), subject.log_origin.as_str())?;
    let count = subject.follow().await?;
    Ok(format!("{count} changes"))
}

pub(super) async fn log_size(subject: &mut Subject) -> Judged {
    let name = subject.registry.clone();
    let answer = answered("a description", subject.describe(&name).await?)?;
    let described = answer.registries.first().map_or(0, |registry| registry.log_size);
    // Others may write meanwhile: what came since is followed, and then the log must be as long as it was said to be.
    subject.follow().await?;
    if subject.log.size() >= described {
        Ok(String::new())
    } else {
        Err(wrong(&format!("{described} changes"), &subject.log.size().to_string()))
    }
}

pub(super) async fn new_change(subject: &mut Subject) -> Judged {
    let receipt = subject.first()?.receipt;
    subject.follow().await?;
    let at = usize::try_from(receipt.log_index).ok();
    let logged = at.and_then(|at| subject.statements.get(at));
    let logged = logged.ok_or_else(|| wrong("a change at the receipt's log_index", "the log is shorter"))?;
    same("the record at the receipt's log_index", receipt.record_id, logged.record_id.to_hex())?;
    same("its version", receipt.version, logged.version)?;
    Ok(String::new())
}

pub(super) async fn rest(subject: &mut Subject) -> Judged {
    let (token, size) = (subject.resume_token.clone(), subject.log.size());
    let count = subject.follow().await?;
    if token.is_empty() {
        return Err(wrong("a resume_token with every message", "none"));
    }
    let ask = v1::StreamChangesRequest { resume_token: token, ..Default::default() };
    let (first, resumed) = answered("the changes from the resume token on", subject.changes(ask).await?)?;
    same("first_index from the resume token on", size, first.unwrap_or(size))?;
    if resumed < count {
        return Err(wrong(&format!("{count} changes from the resume token on"), &resumed.to_string()));
    }
    Ok(format!("{count} changes"))
}

pub(super) async fn versions(subject: &mut Subject) -> Judged {
    // The whole log once more, in one reading: it must be the tree that grew before.
    let (grown, statements) = (subject.log.clone(), std::mem::take(&mut subject.statements));
    subject.log = CompactRange::new();
    subject.follow().await?;
    if subject.log.size() < grown.size() || subject.statements[..statements.len()] != statements[..] {
        return Err(wrong("the log that was followed", "another one"));
    }
    let mut newest: BTreeMap<_, (u64, [u8; 32])> = BTreeMap::new();
    for (at, statement) in subject.statements.iter().enumerate() {
        let key = (statement.schema.clone(), statement.record_id);
        let (version, hash) = newest.get(&key).copied().unwrap_or_default();
        let own = statement_hash(&statement.encode());
        if own == hash {
            continue; // the newest once more, which changes nothing
        }
        if statement.version != version + 1 || statement.previous != hash {
            let expected = format!(
                "version {} of {} at index {at}, naming the one before",
                version + 1,
                statement.record_id.to_hex()
            );
            return Err(wrong(&expected, &format!("version {}", statement.version)));
        }
        newest.insert(key, (statement.version, own));
    }
    Ok(format!("{} changes of {} records", subject.statements.len(), newest.len()))
}

pub(super) async fn at_end(subject: &mut Subject) -> Judged {
    subject.follow().await?;
    // Of a log that others write to, something may have come; it must be new.
    let came = subject.follow().await?;
    Ok(if came == 0 { String::new() } else { format!("{came} changes by others") })
}
