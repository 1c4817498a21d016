//! The one error of the project: transport-free, with a public and a private side.
//!
//! A [`Reason`] fixes the [`Kind`], and `api::status` maps each kind to a gRPC status in one exhaustive table.
//! The public message never holds a personal ID, a name or a secret: it may travel to any caller and into logs.

use std::borrow::Cow;
use std::fmt::{self, Display};
use std::time::Duration;

use super::reason::{Kind, Reason};
use super::violation::{Violation, Violations, cut};

/// The result of every fallible function of the project.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The subject of an error, for `ResourceInfo`, `PreconditionFailure` and `QuotaFailure`: a kind of thing and its
/// public name. Names that are personal data are left out (`""`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subject {
    /// `record`, `link`, `presentation`, `registry`, `agency`, ….
    pub kind: &'static str,
    /// A public identifier, or empty.
    pub name: String,
}

/// Most bad fields that a message names; the details name more.
const NAMED_MAX: usize = 5;
/// Longest text of one bad field in a message, in bytes.
const NAMED_BYTES_MAX: usize = 160;
/// Most pairs of public facts of one error.
const METADATA_MAX: usize = 8;
/// Longest value of a public fact, in bytes; longer ones are cut.
const METADATA_BYTES_MAX: usize = 160;

/// The one error; boxed, so that results stay small. Build it with [`Error::new`] and the `with_…` methods, read its parts
/// through [`Body`].
#[derive(Debug)]
pub struct Error(Box<Body>);

/// The parts of an [`Error`].
#[derive(Debug)]
pub struct Body {
    /// Stable code; decides the kind and so the status.
    pub reason: Reason,
    /// English, safe to show to any caller.
    pub message: String,
    /// What it is about.
    pub subject: Subject,
    /// All bad fields at once, for [`Kind::Invalid`]; or all that the state of things does not allow, for [`Kind::WrongState`].
    pub violations: Violations,
    /// Public facts that a program can act on, by snake_case names: `caller`, `allowed`, `record_type`, `purpose`, ….
    pub metadata: Vec<(&'static str, String)>,
    /// When a repetition makes sense; for [`Kind::Limited`] and [`Kind::SourceDown`].
    pub retry_after: Option<Duration>,
    /// The private cause: goes to the log, never to the caller.
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl std::ops::Deref for Error {
    type Target = Body;

    fn deref(&self) -> &Body {
        &self.0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason.as_str(), self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl Error {
    /// An error with this reason and public message.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self(Box::new(Body {
            reason,
            message: message.into(),
            subject: Subject::default(),
            violations: Violations::default(),
            metadata: Vec::new(),
            retry_after: None,
            source: None,
        }))
    }

    /// All bad fields of one request.
    pub fn invalid(violations: impl Into<Violations>) -> Self {
        Self::invalid_for(Reason::InvalidRequest, violations)
    }

    /// One bad field.
    pub fn invalid_field(field: impl Display, rule: impl Into<Cow<'static, str>>, message: impl Display) -> Self {
        Self::invalid(Violation::new(field, rule, message))
    }

    /// All bad fields of one request, where a reason of [`Kind::Invalid`] is more particular than "invalid".
    pub fn invalid_for(reason: Reason, violations: impl Into<Violations>) -> Self {
        let violations = violations.into();
        let mut error = Self::new(reason, summary(&violations, "fields are invalid"));
        error.0.violations = violations;
        error
    }

    /// All that the state of things does not allow, at once; the reason is of [`Kind::WrongState`].
    pub fn refused(reason: Reason, violations: impl Into<Violations>) -> Self {
        let violations = violations.into();
        let mut error = Self::new(reason, summary(&violations, "changes are not allowed"));
        error.0.violations = violations;
        error
    }

    /// A token in `field` that this query did not give.
    pub fn token_refused(field: &'static str) -> Self {
        let says = "was not returned by this query for this caller in this world: start again without it";
        let violation = Violation::new(field, "UNKNOWN_VALUE", says);
        Self::invalid_for(Reason::PageTokenInvalid, violation)
    }

    /// A defect of ours; `cause` goes to the log only.
    pub fn bug(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(Reason::Internal, "internal error").with_source(cause)
    }

    /// Names what the error is about.
    #[must_use]
    pub fn with_subject(mut self, kind: &'static str, name: impl Into<String>) -> Self {
        self.0.subject = Subject { kind, name: name.into() };
        self
    }

    /// Adds a public fact: never personal data. At most eight, long values are cut.
    #[must_use]
    pub fn with_metadata(mut self, name: &'static str, value: impl Display) -> Self {
        if self.0.metadata.len() < METADATA_MAX {
            self.0.metadata.push((name, cut(value, METADATA_BYTES_MAX)));
        }
        self
    }

    /// Says when a repetition makes sense.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        self
    }

    /// Attaches the private cause.
    #[must_use]
    pub fn with_source(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(cause.into());
        self
    }

    /// The same for another caller: without the private cause, which is logged once.
    #[must_use]
    pub fn repeated(&self) -> Self {
        let mut error = Self::new(self.reason, self.message.clone());
        error.0.subject = self.subject.clone();
        error.0.violations = self.violations.clone();
        error.0.retry_after = self.retry_after;
        error
    }

    /// The kind, which the reason decides.
    pub fn kind(&self) -> Kind {
        self.reason.kind()
    }
}

/// The violations in one sentence.
fn summary(violations: &Violations, says: &str) -> String {
    let named = violations.kept().iter().take(NAMED_MAX);
    let named: Vec<_> = named.map(|bad| cut(format_args!("{}: {}", bad.field, bad.message), NAMED_BYTES_MAX)).collect();
    let rest = violations.total() - named.len();
    match (violations.total(), rest) {
        (1, _) => named.concat(),
        (total, 0) => format!("{total} {says}: {}", named.join("; ")),
        (total, rest) => {
            format!("{} {says}: {}; and {} more", Thousands(total), named.join("; "), Thousands(rest))
        }
    }
}

/// A count with its thousands apart: `4,086`.
struct Thousands(usize);

impl Display for Thousands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0..1_000 => write!(f, "{}", self.0),
            more => write!(f, "{},{:03}", Thousands(more / 1_000), more % 1_000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bad(count: usize) -> Vec<Violation> {
        (0..count).map(|at| Violation::new(format_args!("changes[{at}]"), "REQUIRED", "is required")).collect()
    }

    #[test]
    fn a_message_names_the_first_bad_fields_and_counts_the_rest() {
        assert_eq!(Error::invalid(bad(1)).message, "changes[0]: is required");
        assert_eq!(
            Error::invalid(bad(2)).message,
            "2 fields are invalid: changes[0]: is required; changes[1]: is required"
        );
        let many = Error::invalid(bad(4_096)).message.clone();
        assert!(
            many.starts_with("4,096 fields are invalid: changes[0]") && many.ends_with("; and 4,091 more"),
            "{many}"
        );
        assert_eq!(Thousands(1_000_002).to_string(), "1,000,002");
    }

    #[test]
    fn public_facts_are_few_and_short() {
        let error =
            (0..99).fold(Error::new(Reason::NotFound, ""), |error, _| error.with_metadata("a", "b".repeat(999)));
        assert_eq!(error.metadata.len(), METADATA_MAX);
        assert!(error.metadata.iter().all(|(_, value)| value.len() <= METADATA_BYTES_MAX));
    }
}
