//! Verdicts: the results of verification, their stable codes, and the report of every check.

use std::fmt;

use super::statement::Statement;
use crate::base::Reason;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $exit:literal;)*) => {
        /// The reason why a verdict is not VALID. Codes are stable: they are never renamed or reused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $variant,)* }

        impl Code {
            /// All codes, in table order.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            /// The code in output and on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $text,)* }
            }

            /// The exit code of `verify` when this is the worst verdict.
            pub fn exit_code(self) -> u8 {
                match self { $(Code::$variant => $exit,)* }
            }
        }
    };
}

codes! {
    /// The payload or a field is not what the statement commits to.
    PayloadMismatch = "PAYLOAD_MISMATCH", 10;
    /// The statement is not at the index that the proof claims.
    Inclusion = "INCLUSION", 11;
    /// Statement, key owner, log origin and peer name different issuers.
    IssuerMismatch = "ISSUER_MISMATCH", 12;
    /// The issuer may not issue this record type.
    NotAuthorised = "NOT_AUTHORISED", 13;
    /// No key of the trust anchor signed, or one did so badly.
    NoTrustedSignature = "NO_TRUSTED_SIGNATURE", 14;
    /// Payload or field is not in the canonical form.
    NonCanonical = "NON_CANONICAL", 15;
    /// The bytes are not a statement.
    Malformed = "MALFORMED", 16;
    /// The key had been rotated, compromised or withdrawn by then.
    KeyNotValid = "KEY_NOT_VALID", 17;
    /// Issued more than five minutes ahead of now.
    IssuedInFuture = "ISSUED_IN_FUTURE", 18;
    /// The displayed form differs from the signed bytes.
    TypedFormMismatch = "TYPED_FORM_MISMATCH", 19;
    /// A log became smaller than it was.
    LogRollback = "LOG_ROLLBACK", 20;
    /// A log showed two trees of one size.
    SplitView = "SPLIT_VIEW", 21;
    /// A tile's hashes are not what the entries or the tiles under it hash to.
    Tile = "TILE", 22;
    /// A log has entries that its rules forbid: versions that do not follow each other, a batch that its issuer's checkpoint does not cover.
    LogRule = "LOG_RULE", 23;
    /// The status list says that the record was revoked or has ended.
    StatusInvalid = "STATUS_INVALID", 24;
    /// The status list says that the record is not in force for now.
    StatusSuspended = "STATUS_SUSPENDED", 25;
    /// The status list says that a later version exists.
    Superseded = "SUPERSEDED", 26;
    /// A presented credential is not bound to its presenter, here and now.
    KeyBinding = "KEY_BINDING", 27;
    /// A credential is not valid yet, or no longer.
    Expired = "EXPIRED", 28;
    /// The key is compromised, and the record may have been made with it afterwards.
    RevokedNoPoe = "REVOKED_NO_POE", 30;
    /// Nothing proves when the record was issued.
    NoPoe = "NO_POE", 31;
    /// The trust anchor has expired: get a new one.
    TryLater = "TRY_LATER", 32;
    /// Too few witnesses cosigned the ledger's checkpoint.
    Quorum = "QUORUM", 33;
    /// The source of current information is too old: the newest cosignature, or the status list.
    Stale = "STALE", 34;
    /// The data for a check is unavailable: a log's tiles, or a status list.
    Unavailable = "UNAVAILABLE", 35;
}

/// The result of verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Every check passed.
    Valid,
    /// At least one check proves the record wrong.
    Invalid(Code),
    /// Nothing is proved wrong, but something is missing.
    Indeterminate(Code),
}

impl Code {
    /// The reason of an error for a record with this verdict: the same code, so that a refusal says what `verify` says.
    pub fn reason(self) -> Reason {
        let same = Reason::ALL.iter().copied().find(|reason| reason.as_str() == self.as_str());
        same.unwrap_or(Reason::RecordNotVerified)
    }
}

impl Verdict {
    /// Whether it is VALID.
    pub fn is_valid(self) -> bool {
        self == Self::Valid
    }

    /// 0 for VALID, 1 for INDETERMINATE, 2 for INVALID.
    pub fn badness(self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::Indeterminate(_) => 1,
            Self::Invalid(_) => 2,
        }
    }

    /// The code, if there is one.
    pub fn code(self) -> Option<Code> {
        match self {
            Self::Valid => None,
            Self::Invalid(code) | Self::Indeterminate(code) => Some(code),
        }
    }

    /// `VALID`, `INVALID` or `INDETERMINATE`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "VALID",
            Self::Invalid(_) => "INVALID",
            Self::Indeterminate(_) => "INDETERMINATE",
        }
    }

    /// 0 for VALID, else the code's.
    pub fn exit_code(self) -> u8 {
        self.code().map_or(0, Code::exit_code)
    }
}

impl fmt::Display for Verdict {
    /// `INVALID PAYLOAD_MISMATCH`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())?;
        self.code().map_or(Ok(()), |code| write!(f, " {}", code.as_str()))
    }
}

/// The outcome of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It holds.
    Pass,
    /// It does not hold.
    Fail,
    /// It was not made; the detail states why.
    Skipped,
}

impl Outcome {
    /// `pass`, `fail` or `skipped`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Skipped => "skipped",
        }
    }
}

/// One check of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Stable name, snake_case.
    pub name: &'static str,
    /// Its outcome.
    pub outcome: Outcome,
    /// Why, in words; empty when there is nothing to say. Never holds payload values.
    pub detail: String,
}

/// The result of verifying one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The verdict.
    pub verdict: Verdict,
    /// Every check, in the order of [`verify`](super::verify).
    pub checks: Vec<Check>,
    /// The statement, if its bytes decode; reliable only with a VALID verdict.
    pub statement: Option<Statement>,
}

impl Report {
    /// The checks that failed.
    pub fn failed(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| check.outcome == Outcome::Fail)
    }

    /// A check by its name.
    pub fn check(&self, name: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.name == name)
    }

    /// Adds a check that was made outside `trust` (the displayed form of the signed bytes); a failure makes a valid
    /// or indeterminate verdict invalid.
    pub fn add(&mut self, check: Check, code: Code) {
        if check.outcome == Outcome::Fail && !matches!(self.verdict, Verdict::Invalid(_)) {
            self.verdict = Verdict::Invalid(code);
        }
        self.checks.push(check);
    }

    /// Adds a check with the verdict that it leads to by itself: it counts where it weighs more than what was found before.
    pub fn judge(&mut self, check: Check, verdict: Verdict) {
        let weight = |verdict: Verdict| match verdict {
            Verdict::Valid => 0,
            Verdict::Indeterminate(_) => 1,
            Verdict::Invalid(_) => 2,
        };
        if weight(verdict) > weight(self.verdict) {
            self.verdict = verdict;
        }
        self.checks.push(check);
    }
}

impl Report {
    /// Adds a check that has a verdict of its own when it fails. A proof that the record is wrong stays; missing data gives
    /// way to such a proof.
    pub fn add_finding(&mut self, check: Check, verdict: Option<Verdict>) {
        match (self.verdict, verdict) {
            (Verdict::Valid, Some(found)) => self.verdict = found,
            (Verdict::Indeterminate(_), Some(found @ Verdict::Invalid(_))) => self.verdict = found,
            _ => {}
        }
        self.checks.push(check);
    }
}

/// Collects checks, and the verdict of the weightiest failure.
#[derive(Debug)]
pub(super) struct Tally {
    checks: Vec<Check>,
    worst: Option<(u8, Verdict)>,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self { checks: Vec::with_capacity(14), worst: None }
    }

    pub(super) fn pass(&mut self, name: &'static str) {
        self.checks.push(Check { name, outcome: Outcome::Pass, detail: String::new() });
    }

    pub(super) fn skip(&mut self, name: &'static str, why: impl Into<String>) {
        self.checks.push(Check { name, outcome: Outcome::Skipped, detail: why.into() });
    }

    /// Of several failures the one with the lowest rank gives the verdict: one cause often fails several checks.
    pub(super) fn fail(&mut self, name: &'static str, verdict: Verdict, rank: u8, why: impl Into<String>) {
        self.checks.push(Check { name, outcome: Outcome::Fail, detail: why.into() });
        if self.worst.is_none_or(|(worst, _)| rank < worst) {
            self.worst = Some((rank, verdict));
        }
    }

    pub(super) fn report(self, statement: Option<Statement>) -> Report {
        let verdict = self.worst.map_or(Verdict::Valid, |(_, verdict)| verdict);
        Report { verdict, checks: self.checks, statement }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_exit_codes_are_distinct() {
        for (i, code) in Code::ALL.iter().enumerate() {
            assert!(code.exit_code() > 2, "0 is VALID, 1 and 2 are failures to run");
            for other in &Code::ALL[..i] {
                assert_ne!((code.as_str(), 0), (other.as_str(), 0));
                assert_ne!(code.exit_code(), other.exit_code());
            }
        }
    }

    #[test]
    fn every_code_is_a_reason_of_its_own() {
        for code in Code::ALL {
            assert_eq!(code.reason().as_str(), code.as_str());
            assert_eq!(code.reason().kind(), crate::base::Kind::Corrupt);
        }
    }

    #[test]
    fn verdicts_read_as_they_are_documented() {
        assert_eq!(Verdict::Invalid(Code::PayloadMismatch).to_string(), "INVALID PAYLOAD_MISMATCH");
        assert_eq!(Verdict::Indeterminate(Code::NoPoe).to_string(), "INDETERMINATE NO_POE");
        assert_eq!((Verdict::Valid.to_string().as_str(), Verdict::Valid.exit_code()), ("VALID", 0));
    }

    #[test]
    fn a_failed_outside_check_spoils_the_verdict() {
        let mut report = Tally::new().report(None);
        report
            .add(Check { name: "typed_form", outcome: Outcome::Pass, detail: String::new() }, Code::TypedFormMismatch);
        assert!(report.verdict.is_valid());
        report
            .add(Check { name: "typed_form", outcome: Outcome::Fail, detail: String::new() }, Code::TypedFormMismatch);
        assert_eq!(report.verdict, Verdict::Invalid(Code::TypedFormMismatch));
        assert_eq!(report.failed().count(), 1);
    }
}
