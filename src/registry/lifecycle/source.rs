//! Where a rule is written, and how sure we are of it: the marks of `docs/fidelity.md`.

use std::fmt;

/// How sure we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Read in the text of the law, or in a verbatim quotation of it.
    Law,
    /// Reported by newspapers or legal-advice pages.
    Press,
    /// Seen in public programs that integrate with the real systems.
    Code,
    /// Believed to be so, not verified.
    Memory,
    /// A modelling decision of ours.
    Assumption,
}

impl Mark {
    /// As the page has it.
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

/// Where a rule is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// How sure we are.
    pub mark: Mark,
    /// Where; empty for most assumptions.
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

/// Believed to be so.
pub fn memory(text: &str) -> Source {
    Source { mark: Mark::Memory, text: text.into() }
}

/// Ours.
pub fn assumption() -> Source {
    Source { mark: Mark::Assumption, text: String::new() }
}
