//! The reasons to stop an audit: the log or the auditor's state cannot be checked any further.

use crate::transparency::head::{HeadError, SignedHead};
use crate::transparency::source::SourceError;
use crate::trust::Code;

/// The reason why an audit stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// The code of the failure.
    pub code: Code,
    /// The explanation.
    pub why: String,
    /// The accepted and the shown head, if they contradict each other.
    pub heads: Option<Box<(SignedHead, SignedHead)>>,
    /// The state is unusable: the audit says nothing about the log.
    pub is_of_state: bool,
}

impl Stop {
    pub(super) fn new(code: Code, why: impl Into<String>) -> Self {
        Self { code, why: why.into(), heads: None, is_of_state: false }
    }

    /// Stops because of two contradicting heads.
    pub fn heads(code: Code, known: &SignedHead, shown: &SignedHead, why: impl Into<String>) -> Self {
        Self { heads: Some(Box::new((known.clone(), shown.clone()))), ..Self::new(code, why) }
    }
}

impl From<SourceError> for Stop {
    fn from(error: SourceError) -> Self {
        Self::new(Code::Unavailable, error.to_string())
    }
}

impl From<HeadError> for Stop {
    fn from(error: HeadError) -> Self {
        Self::new(Code::NoTrustedSignature, error.to_string())
    }
}
