//! A refusal with everything known about the request at that point: for the log, for `Explain` and for the journal.

use super::faults::Instead;
use crate::base::Error;
use crate::base::call::Caller;

/// A refusal, with the caller and the method as far as they were known by then.
pub(super) struct Refused {
    pub(super) error: Error,
    /// The answer of a fault rule instead of a status for the error.
    pub(super) instead: Option<Instead>,
    pub(super) method: Option<&'static str>,
    pub(super) caller: Option<Caller>,
    pub(super) is_stranger: bool,
}

/// The context of a refusal, as it becomes known.
pub(super) struct Refusing {
    pub(super) method: Option<&'static str>,
    pub(super) caller: Option<Caller>,
    /// Whether nobody is known to call: there is no accepted credential, or it is of a citizen who may be made up.
    pub(super) is_stranger: bool,
}

impl Refusing {
    /// That of a request about which nothing is known yet.
    pub(super) fn begin() -> Self {
        Self { method: None, caller: None, is_stranger: true }
    }

    /// The refusal by an error.
    pub(super) fn by(&self, error: Error) -> Refused {
        let Self { method, caller, is_stranger } = self;
        Refused { error, instead: None, method: *method, caller: caller.clone(), is_stranger: *is_stranger }
    }

    /// The refusal that a fault rule asks for.
    pub(super) fn with(&self, instead: Instead) -> Refused {
        let error = instead.error();
        Refused { instead: Some(instead), ..self.by(error) }
    }
}
