//! The reason why a payload has no typed form.

use crate::base::Error;
use crate::trust::canonical::CanonicalError;

/// A payload that does not fit its message: the field, and the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path} {problem}")]
pub struct TypedError {
    /// Path of the field.
    pub path: String,
    /// The flaw; never the value.
    pub problem: &'static str,
}

impl From<TypedError> for Error {
    /// A payload that passed its registry's rules has a typed form: anything else is a defect.
    fn from(error: TypedError) -> Self {
        Self::bug(error)
    }
}

impl From<CanonicalError> for TypedError {
    fn from(_: CanonicalError) -> Self {
        Self { path: "payload".into(), problem: "is not canonical" }
    }
}
