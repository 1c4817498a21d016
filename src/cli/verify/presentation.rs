//! Credentials and presentations as files: SD-JWT text, one a line, or in the answer of `IssueCredential`.

use std::io::{self, BufRead, Read as _};

use serde_json::Value;

use super::answer::CredentialFields;
use super::json::Flaw;
use crate::base::Timestamp;
use crate::trust::jose::Token;
use crate::trust::sd_jwt::{Presented, SD_JWT_CHARS_MAX};
use crate::trust::{Check, Code, Outcome, Report, Verdict};

/// Whether a file begins like an SD-JWT: with the `e` of base64url's `{"`. JSON never does.
pub(super) fn begins(reader: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let buffer = reader.fill_buf()?;
        let blank = buffer.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        match buffer.get(blank) {
            Some(first) => return Ok(*first == b'e'),
            None if buffer.is_empty() => return Ok(false),
            None => reader.consume(blank),
        }
    }
}

/// Hands over each line that is not blank, with its number.
pub(super) fn each(mut reader: impl BufRead, mut sink: impl FnMut(u64, &str) -> Result<(), Flaw>) -> Result<(), Flaw> {
    let mut number = 0;
    loop {
        let mut line = String::new();
        // Longer ones are refused as such, before more is read.
        let read = (&mut reader).take(SD_JWT_CHARS_MAX as u64 + 2).read_line(&mut line).map_err(Flaw::Unreadable)?;
        if read == 0 {
            return Ok(());
        }
        if read > SD_JWT_CHARS_MAX + 1 {
            return Err(Flaw::Malformed(format!("presentation {} is too long", number + 1)));
        }
        let text = line.trim();
        if !text.is_empty() {
            number += 1;
            sink(number, text)?;
        }
    }
}

/// The credential in an answer.
pub(super) fn of_answer(fields: &CredentialFields) -> Result<String, Flaw> {
    let json = fields.get("credential").ok_or_else(|| Flaw::Malformed("an answer without a credential".to_owned()))?;
    serde_json::from_str(json).map_err(|error| Flaw::Malformed(format!("`credential` is not a string: {error}")))
}

/// Compares what an answer says beside its credential with what the credential says. What protobuf JSON leaves out is empty or 0.
pub(super) fn compare(fields: &CredentialFields, text: &str, report: &mut Report) {
    let Some(statement) = &report.statement else { return };
    let claims = Presented::parse(text)
        .ok()
        .and_then(|presented| Token::parse(presented.token()).ok()?.claims_unverified().ok());
    let claims = claims.unwrap_or_default();
    let said = |name: &str| fields.get(name).and_then(|json| serde_json::from_str::<Value>(json).ok());
    let text_is = |name: &str, expected: Option<&str>| match said(name) {
        None => !fields.contains_key(name) && expected.unwrap_or_default().is_empty(),
        Some(said) => said.as_str().is_some_and(|said| Some(said) == expected),
    };
    let number_is = |name: &str, expected: u64| match said(name) {
        None => !fields.contains_key(name) && expected == 0,
        Some(Value::String(said)) => said == expected.to_string(),
        Some(said) => said.as_u64() == Some(expected),
    };
    let uri = claims.get("status").and_then(|status| status.get("status_list")?.get("uri")?.as_str());
    let exp = claims.get("exp").and_then(Value::as_i64);
    let expiry = said("expiresAt").and_then(|at| Timestamp::parse_whole(at.as_str()?));
    let agreements = [
        ("vct", text_is("vct", claims.get("vct").and_then(Value::as_str))),
        ("record_type", text_is("recordType", Some(&statement.schema))),
        ("record_id", text_is("recordId", Some(&statement.record_id.to_hex()))),
        ("version", number_is("version", statement.version)),
        ("status_index", number_is("statusIndex", statement.status_index.into())),
        ("status_uri", text_is("statusUri", uri)),
        ("expires_at", expiry.is_some() && expiry == exp.and_then(|exp| exp.checked_mul(1_000)).map(Timestamp)),
    ];
    let differing: Vec<&str> = agreements.iter().filter(|(_, agrees)| !agrees).map(|(name, _)| *name).collect();
    let verdict = if differing.is_empty() { Verdict::Valid } else { Verdict::Invalid(Code::TypedFormMismatch) };
    let (outcome, detail) = match differing.is_empty() {
        true => (Outcome::Pass, String::new()),
        false => {
            (Outcome::Fail, format!("{} next to the credential: differs from the credential", differing.join(", ")))
        }
    };
    report.judge(Check { name: "frame", outcome, detail }, verdict);
}
