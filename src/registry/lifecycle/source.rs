//! The source of a rule, and our certainty: the marks of `docs/fidelity.md`.

use std::fmt;

/// Our certainty about a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Read in the text of the law, or in a verbatim quotation of it.
    Law,
    /// Reported by newspapers or legal-advice pages.
    Press,
    /// Seen in public programs that integrate with the real systems.
    Code,
    /// Assumed, not verified.
    Memory,
    /// A modelling decision of ours.
    Assumption,
}

impl Mark {
    /// Its mark on the page.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Law => "law",
            Self::Press => "press",
            Self::Code => "code",
            Self::Memory => "memory",
            Self::Assumption => "assumption",
        }
    }
}

/// The source of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Our certainty about a rule.
    pub mark: Mark,
    /// The text; empty for most assumptions.
    pub text: String,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text.as_str() {
            "" => f.write_str(self.mark.as_str()),
            text => write!(f, "{}: {text}", self.mark.as_str()),
        }
    }
}

/// Read in the law.
pub fn law(text: &str) -> Source {
    Source { mark: Mark::Law, text: text.into() }
}

/// Read about.
pub fn press(text: &str) -> Source {
    Source { mark: Mark::Press, text: text.into() }
}

/// Seen in programs.
pub fn code(text: &str) -> Source {
    Source { mark: Mark::Code, text: text.into() }
}

/// Assumed.
pub fn memory(text: &str) -> Source {
    Source { mark: Mark::Memory, text: text.into() }
}

/// Ours.
pub fn assumption() -> Source {
    Source { mark: Mark::Assumption, text: String::new() }
}
