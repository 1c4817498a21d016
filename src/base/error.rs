//! The one error of the project: transport-free, with a public and a private side.
//!
//! A [`Reason`] fixes the [`Kind`], and `api::status` maps each kind to a gRPC status in one exhaustive table.
//! The public message never holds a personal ID, a name or a secret: it may travel to any caller and into logs.

use std::time::Duration;

use super::reason::{Kind, Reason};

/// What every fallible function of the project returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// One bad field of a request, named by its path and the rule that it breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field as the caller wrote it: `changes[3].payload.birth_date`.
    pub field: String,
    /// The rule, UPPER_SNAKE: `REQUIRED`, `FORMAT`, `TOO_LONG`, `UNKNOWN_FIELD`, `OUT_OF_RANGE`, ….
    pub rule: &'static str,
    /// What the rule wants, in words; never the rejected value.
    pub message: String,
}

impl Violation {
    /// A violation of `rule` at `field`.
    pub fn new(field: impl Into<String>, rule: &'static str, message: impl Into<String>) -> Self {
        Self { field: field.into(), rule, message: message.into() }
    }
}

/// What an error is about, for `ResourceInfo`, `PreconditionFailure` and `QuotaFailure`: a kind of thing and its
/// public name. Names that are personal data are left out (`""`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subject {
    /// `record`, `link`, `presentation`, `registry`, `agency`, ….
    pub kind: &'static str,
    /// A public identifier, or empty.
    pub name: String,
}

/// Most bad fields that a message names; the details name all.
const NAMED_MAX: usize = 5;

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
    /// All bad fields at once; only for [`Kind::Invalid`].
    pub violations: Vec<Violation>,
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

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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
            violations: Vec::new(),
            retry_after: None,
            source: None,
        }))
    }

    /// All bad fields of one request.
    pub fn invalid(violations: Vec<Violation>) -> Self {
        let message = match violations.as_slice() {
            [one] => format!("{}: {}", one.field, one.message),
            many => {
                let named = many.iter().take(NAMED_MAX).map(|one| format!("{}: {}", one.field, one.message));
                let rest = if many.len() > NAMED_MAX { "; …" } else { "" };
                format!("{} fields are invalid: {}{rest}", many.len(), named.collect::<Vec<_>>().join("; "))
            }
        };
        let mut error = Self::new(Reason::InvalidRequest, message);
        error.0.violations = violations;
        error
    }

    /// One bad field.
    pub fn invalid_field(field: impl Into<String>, rule: &'static str, message: impl Into<String>) -> Self {
        Self::invalid(vec![Violation::new(field, rule, message)])
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

    /// The kind, which the reason decides.
    pub fn kind(&self) -> Kind {
        self.reason.kind()
    }
}
