//! Verifying a credential, or a presentation of one: each check by name.
//!
//! | check | holds when | otherwise |
//! |---|---|---|
//! | `credential_form` | it is an SD-JWT within the limits | INVALID MALFORMED |
//! | `credential_signature` | the key that the header names is the issuer's, was not put out of use, and signed it | INVALID NO_TRUSTED_SIGNATURE, ISSUER_MISMATCH or KEY_NOT_VALID, INDETERMINATE NO_POE |
//! | `disclosures` | as RFC 9901 section 7.1 requires | INVALID PAYLOAD_MISMATCH |
//! | `credential_times` | `exp` is ahead, `nbf` and `iat` are not | INVALID EXPIRED |
//! | `key_binding` | bound to the holder's key, the requested nonce and audience | INVALID KEY_BINDING; skipped when none were |
//! | `record_agreement` | issuer, type, status index and fields are those of the record's proof | INVALID PAYLOAD_MISMATCH |
//!
//! Then come the checks of the record itself, as in [`verify`](crate::trust::verify).

use super::{TYPE, VCT_PREFIX, record_of};
use crate::base::Timestamp;
use crate::base::id::to_hex;
use crate::trust::anchor::{IssuerAnchor, KeyRecord, TrustAnchor};
use crate::trust::jose::Token;
use crate::trust::record::SignedRecord;
use crate::trust::sd_jwt::{Binding, Presented, SdJwtError, Verified};
use crate::trust::statement::Statement;
use crate::trust::verdict::{Code, Report, Tally, Verdict};
use crate::trust::verify::Verifier;

const SIGNATURE: &str = "credential_signature";
const AGREEMENT: &str = "record_agreement";

/// The order in which failures decide the verdict.
mod rank {
    pub(super) const SIGNATURE: u8 = 0;
    pub(super) const FORM: u8 = 1;
    pub(super) const DISCLOSURES: u8 = 2;
    pub(super) const BINDING: u8 = 3;
    pub(super) const TIMES: u8 = 4;
    pub(super) const KEY: u8 = 20;
}

/// The result of verifying a credential.
#[derive(Debug, Clone, PartialEq)]
pub struct CredentialReport {
    /// Verdict, checks, and the record's statement.
    pub report: Report,
    /// The record in it, as far as it is disclosed; reliable only with a VALID verdict.
    pub record: Option<SignedRecord>,
}

/// Verifies a credential against the verifier's anchor. With `asked`, it must be bound to its holder's key.
pub fn verify(verifier: &Verifier, text: &str, asked: Option<&Binding>, now: Timestamp) -> CredentialReport {
    let mut tally = Tally::new();
    let verified = check_token(&verifier.anchor(), text, asked, now, &mut tally);
    let record = verified.as_ref().and_then(|verified| check_agreement(verified, &mut tally));
    let own = tally.report(None);
    let Some(record) = record else { return CredentialReport { report: own, record: None } };
    let mut report = verifier.verify(&record, now);
    let checks = own.checks.into_iter().chain(std::mem::take(&mut report.checks)).collect();
    let verdict = match (own.verdict, report.verdict) {
        (Verdict::Valid, of_record) => of_record,
        (Verdict::Indeterminate(_), of_record @ Verdict::Invalid(_)) => of_record,
        (own, _) => own,
    };
    CredentialReport { report: Report { verdict, checks, statement: report.statement }, record: Some(record) }
}

/// Form, signature, disclosures, times, key binding.
fn check_token(
    anchor: &TrustAnchor,
    text: &str,
    asked: Option<&Binding>,
    now: Timestamp,
    tally: &mut Tally,
) -> Option<Verified> {
    const FORM: &str = "credential_form";
    let malformed = Verdict::Invalid(Code::Malformed);
    let parsed = Presented::parse(text)
        .and_then(|presented| Ok((Token::parse(presented.token()).map_err(SdJwtError::from)?, presented)));
    let (token, presented) = match parsed {
        Ok(parsed) => {
            tally.pass(FORM);
            parsed
        }
        Err(error) => {
            tally.fail(FORM, malformed, rank::FORM, error.to_string());
            return None;
        }
    };
    let kid = token.header("kid").unwrap_or_default();
    let Some((issuer, key)) = key_of(anchor, kid) else {
        let verdict = Verdict::Invalid(Code::NoTrustedSignature);
        tally.fail(SIGNATURE, verdict, rank::SIGNATURE, "the trust anchor has no key of an issuer with this id");
        return None;
    };
    let verified = match presented.verify(TYPE, &key.key) {
        Ok(verified) => verified,
        Err(error @ SdJwtError::Disclosures(_)) => {
            tally.pass(SIGNATURE);
            tally.fail("disclosures", Verdict::Invalid(Code::PayloadMismatch), rank::DISCLOSURES, error.to_string());
            return None;
        }
        Err(error) => {
            let verdict = Verdict::Invalid(Code::NoTrustedSignature);
            tally.fail(SIGNATURE, verdict, rank::SIGNATURE, error.to_string());
            return None;
        }
    };
    let state = key.judge(None);
    if !verified.text("iss").is_some_and(|iss| super::is_issuer(iss, &issuer.origin)) {
        let verdict = Verdict::Invalid(Code::IssuerMismatch);
        tally.fail(SIGNATURE, verdict, rank::SIGNATURE, "`iss` is not the owner of the key");
    } else if state.is_valid() {
        tally.pass(SIGNATURE);
    } else {
        tally.fail(
            SIGNATURE,
            state,
            rank::KEY,
            "the key is out of use, and a credential has no ledger position to show that it is older",
        );
    }
    tally.pass("disclosures");
    match verified.check_times(now) {
        Ok(()) => tally.pass("credential_times"),
        Err(error) => {
            tally.fail("credential_times", Verdict::Invalid(Code::Expired), rank::TIMES, error.to_string());
        }
    }
    match asked.map(|asked| presented.verify_binding(&verified.claims, asked, now)) {
        Some(Ok(())) => tally.pass("key_binding"),
        Some(Err(error)) => {
            tally.fail("key_binding", Verdict::Invalid(Code::KeyBinding), rank::BINDING, error.to_string());
        }
        None => tally.skip("key_binding", "no nonce and audience were given to check"),
    }
    Some(verified)
}

fn key_of<'a>(anchor: &'a TrustAnchor, kid: &str) -> Option<(&'a IssuerAnchor, &'a KeyRecord)> {
    anchor.issuers.iter().find_map(|issuer| {
        let key = issuer.keys.iter().find(|key| to_hex(&key.id()) == kid)?;
        Some((issuer, key))
    })
}

/// The record in the claims, when they agree with its statement.
fn check_agreement(verified: &Verified, tally: &mut Tally) -> Option<SignedRecord> {
    let mut fail = |why: String| {
        tally.fail(AGREEMENT, Verdict::Invalid(Code::PayloadMismatch), rank::DISCLOSURES, why);
    };
    let record = match record_of(verified) {
        Ok(record) => record,
        Err(why) => {
            fail(why);
            return None;
        }
    };
    let Ok(statement) = Statement::decode(&record.statement) else {
        fail("the statement does not decode".into());
        return Some(record);
    };
    let status = verified.claims.get("status").and_then(|status| status.get("status_list"));
    let index = status.and_then(|list| list.get("idx")).and_then(serde_json::Value::as_u64);
    let differing = [
        ("iss", verified.text("iss").and_then(|iss| iss.rsplit('/').next()) == Some(&statement.issuer)),
        ("vct", verified.text("vct").and_then(|vct| vct.strip_prefix(VCT_PREFIX)) == Some(&statement.schema)),
        ("status", index == Some(u64::from(statement.status_index))),
    ];
    let differing: Vec<&str> = differing.iter().filter(|(_, agrees)| !agrees).map(|(name, _)| *name).collect();
    if differing.is_empty() {
        tally.pass(AGREEMENT);
    } else {
        fail(format!("{} in the credential: differs from the statement", differing.join(", ")));
    }
    Some(record)
}
