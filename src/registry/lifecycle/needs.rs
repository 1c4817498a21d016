//! The requirement of a change: nothing, a basis, or it is never allowed.

use std::fmt;

use super::step::Step;

/// The requirement of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: it is allowed.
    Nothing,
    /// A basis of its own, with one of these reasons; with any, when none is named.
    Basis(Vec<String>),
    /// It is never allowed.
    Never,
}

/// A change that needs nothing.
pub fn free() -> Needs {
    Needs::Nothing
}

/// A change that needs a basis.
pub fn basis() -> Needs {
    Needs::Basis(Vec::new())
}

/// A change that needs a basis with one of these reasons.
pub fn basis_of(reasons: &[&str]) -> Needs {
    Needs::Basis(reasons.iter().map(|reason| (*reason).to_owned()).collect())
}

/// A change that is never allowed.
pub fn never() -> Needs {
    Needs::Never
}

/// The defect of a required basis.
pub(super) enum Lack<'a> {
    Basis(&'a [String]),
    Reason(&'a [String]),
    Never,
}

impl Needs {
    pub(super) fn lack(&self, step: &Step<'_>) -> Option<Lack<'_>> {
        match (self, step.reason()) {
            (Self::Nothing, _) => None,
            (Self::Never, _) => Some(Lack::Never),
            (Self::Basis(reasons), None) => Some(Lack::Basis(reasons)),
            (Self::Basis(reasons), Some(given)) => {
                let fits = reasons.is_empty() || reasons.iter().any(|reason| reason == given);
                (!fits).then_some(Lack::Reason(reasons))
            }
        }
    }
}

impl fmt::Display for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Never => f.write_str("never"),
            Self::Basis(reasons) if reasons.is_empty() => f.write_str("a basis"),
            Self::Basis(reasons) => write!(f, "a basis: {}", reasons.join(", ")),
        }
    }
}

impl Lack<'_> {
    /// The missing part of a change, after the Vietnamese text of its rule.
    pub(super) fn vietnamese(&self) -> String {
        match self {
            Self::Basis([]) => ": thay đổi này phải có căn cứ (`basis`) riêng".into(),
            Self::Basis(reasons) | Self::Reason(reasons) => {
                format!(": thay đổi này phải có căn cứ (`basis`) với reason_code là một trong {}", reasons.join(", "))
            }
            Self::Never => String::new(),
        }
    }

    pub(super) fn rule(&self) -> &'static str {
        match self {
            Self::Basis(_) => "BASIS_REQUIRED",
            Self::Reason(_) => "BASIS_REASON",
            Self::Never => "FIXED",
        }
    }
}

impl fmt::Display for Lack<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Basis([]) => f.write_str("needs a `basis` of its own"),
            Self::Basis(reasons) => {
                write!(f, "needs a `basis` of its own with a reason_code among {}", reasons.join(", "))
            }
            Self::Reason(reasons) => write!(f, "needs a `basis` with a reason_code among {}", reasons.join(", ")),
            Self::Never => f.write_str("is never allowed"),
        }
    }
}
