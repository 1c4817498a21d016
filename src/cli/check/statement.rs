//! The signed statement of a check: what was checked, by which version, with which result, so that others need not take somebody's word for it.
//!
//! It is a C2SP signed note of two lines, a label and canonical JSON, which whoever has the key's line verifies offline. The report itself stays
//! outside: the statement has its SHA-256. It is signed with a key of whoever ran the check, never with one of a log: a log's
//! key signs the heads of its log and nothing else.

use sha2::{Digest as _, Sha256};

use super::outcome::Standing;
use super::report::{PROGRAM, Report};
use crate::base::id::to_hex;
use crate::base::{Error, Reason, Result};
use crate::trust::note::{NOTE_BYTES_MAX, sign_note};
use crate::trust::{Code, Note, NoteKey, Object, Signer, Value, canonical};

/// The first line, so that no other note is taken for a statement.
const LABEL: &str = "lienthong/check-statement/v1";

/// Signs the statement of a report; `written` is the report as it was written.
pub(super) fn sign(report: &Report, written: &[u8], signer: &dyn Signer) -> Result<bytes::Bytes> {
    let texts = |of: Vec<&str>| Value::Array(of.into_iter().map(Value::from).collect());
    let mut counts = Object::new();
    for standing in Standing::ALL {
        counts.insert(standing.as_str(), report.count(standing) as i64);
    }
    let claims = Object::new()
        .with("about", report.about)
        .with("at", report.at.to_string().as_str())
        .with("cases_digest", report.cases_digest.as_str())
        .with("counts", Value::Object(counts))
        .with("failed", texts(report.ids(Standing::Failed)))
        .with("known_failures", texts(report.ids(Standing::KnownFailure)))
        .with("left_out", texts(report.left_out.iter().map(String::as_str).collect()))
        .with("passed", report.is_good())
        .with("program", PROGRAM)
        .with("report", to_hex(&Sha256::digest(written)).as_str())
        .with("subject", report.subject.as_str());
    let claims = canonical::write_checked(&claims).map_err(|error| {
        Error::new(
            Reason::InvalidRequest,
            "the statement cannot be written: the command holds characters that it cannot hold",
        )
        .with_source(error)
    })?;
    let claims = String::from_utf8(claims).map_err(Error::bug)?;
    let note = sign_note(&format!("{LABEL}\n{claims}\n"), &[signer])?;
    match note.len() {
        0..=NOTE_BYTES_MAX => Ok(note),
        _ => Err(Error::new(Reason::InvalidRequest, "the statement is too long for a signed note")),
    }
}

/// Verifies a statement: its signature by this key, then its form, then the report's digest if there is one. Gives its claims.
pub(super) fn verify(
    statement: &[u8],
    key: &NoteKey,
    report: Option<&[u8]>,
) -> std::result::Result<Object, (Code, &'static str)> {
    let malformed = (Code::Malformed, "it is not a statement of a check");
    let unsigned = (Code::NoTrustedSignature, "the key did not sign it, or its signature does not verify");
    let note = Note::parse(statement).map_err(|_| malformed)?;
    let mut lines = note.signatures.iter().filter(|line| key.claims(line)).peekable();
    if lines.peek().is_none() || lines.any(|line| key.verify(note.text.as_bytes(), &line.signature).is_err()) {
        return Err(unsigned);
    }
    let claims = note.text.strip_prefix(LABEL).and_then(|rest| rest.strip_prefix('\n')?.strip_suffix('\n'));
    let claims = canonical::parse(claims.ok_or(malformed)?.as_bytes()).map_err(|_| malformed)?;
    let is_whole = ["about", "subject", "program", "at", "report"].iter().all(|name| claims.text(name).is_some());
    if !is_whole || claims.boolean("passed").is_none() {
        return Err(malformed);
    }
    if let Some(report) = report
        && claims.text("report") != Some(&to_hex(&Sha256::digest(report)))
    {
        return Err((Code::PayloadMismatch, "the report is not the one that the statement is about"));
    }
    Ok(claims)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Seed, Timestamp};
    use crate::trust::{Ed25519Signer, KeyUse};

    fn signed() -> (bytes::Bytes, NoteKey) {
        let signer = Ed25519Signer::from_seed("ci.example.vn/check", &Seed::root(1));
        let report = Report {
            about: "client",
            subject: "python3 client.py".into(),
            cases_digest: "00".into(),
            left_out: vec!["log".into()],
            at: Timestamp(1_795_000_000_000),
            outcomes: Vec::new(),
        };
        let key = NoteKey::of(&signer, KeyUse::Note).expect("a key");
        (sign(&report, b"{}", &signer).expect("signs"), key)
    }

    #[test]
    fn a_statement_verifies_and_no_byte_of_it_can_be_changed() {
        let (note, key) = signed();
        let claims = verify(&note, &key, Some(b"{}")).expect("verifies");
        assert_eq!((claims.text("subject"), claims.boolean("passed")), (Some("python3 client.py"), Some(false)));
        for at in 0..note.len() {
            let mut changed = note.to_vec();
            changed[at] ^= 1;
            assert!(verify(&changed, &key, None).is_err(), "byte {at}");
        }
    }

    #[test]
    fn another_key_and_another_report_are_refused() {
        let (note, key) = signed();
        let other = Ed25519Signer::from_seed("ci.example.vn/check", &Seed::root(2));
        let other = NoteKey::of(&other, KeyUse::Note).expect("a key");
        assert_eq!(verify(&note, &other, None).expect_err("another key").0, Code::NoTrustedSignature);
        assert_eq!(verify(&note, &key, Some(b"{} ")).expect_err("another report").0, Code::PayloadMismatch);
        assert_eq!(verify(b"{}", &key, None).expect_err("no note").0, Code::Malformed);
    }

    #[test]
    fn a_signed_note_of_another_kind_is_no_statement() {
        let signer = Ed25519Signer::from_seed("ci.example.vn/check", &Seed::root(1));
        let (_, key) = signed();
        for text in ["lienthong/H27/land\n1\nAAAA\n", "lienthong/check-statement/v1\n{}\n"] {
            let note = sign_note(text, &[&signer]).expect("signs");
            assert_eq!(verify(&note, &key, None).expect_err(text).0, Code::Malformed);
        }
    }
}
