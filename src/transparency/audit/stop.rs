//! Why an audit stops: the log, or what is remembered of it, cannot be checked any further.

use crate::transparency::head::{HeadError, SignedHead};
use crate::transparency::source::SourceError;
use crate::trust::Code;

/// Why an audit stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// The code.
    pub code: Code,
    /// Why, in words.
    pub why: String,
    /// The heads that contradict each other, known and shown, if that is the reason.
    pub heads: Option<Box<(SignedHead, SignedHead)>>,
    /// The state cannot be used: of the log nothing is said.
    pub is_of_state: bool,
}

impl Stop {
    pub(super) fn new(code: Code, why: impl Into<String>) -> Self {
        Self { code, why: why.into(), heads: None, is_of_state: false }
    }

    /// Because of two heads.
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
