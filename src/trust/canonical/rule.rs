//! The rules of the form, and the error that names the one broken.

/// The largest integer of a payload: 2⁵³−1, above which JSON readers disagree.
pub const INTEGER_MAX: i64 = (1 << 53) - 1;

/// The rule of the form that bytes break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the sentence of each says it
pub enum Rule {
    TooLong,
    TooDeep,
    TooManyFields,
    NotUtf8,
    NotNfc,
    Unsettled,
    ForbiddenCharacter,
    Escape,
    Number,
    Name,
    NameOrder,
    TrailingBytes,
    Syntax,
}

impl Rule {
    /// The rule in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "a payload is at most 48 KiB",
            Self::TooDeep => "nesting is at most 8 deep",
            Self::TooManyFields => "at most 64 top-level fields",
            Self::NotUtf8 => "text must be UTF-8",
            Self::NotNfc => "strings must be in normalisation form C",
            Self::Unsettled => "characters must be those of Unicode 3.2, whose normalisation never changes",
            Self::ForbiddenCharacter => "strings must not contain U+0000 or U+FEFF, and must escape control characters",
            Self::Escape => "escapes must be those of RFC 8785, in their shortest form",
            Self::Number => {
                "numbers must be integers within ±(2^53-1), without leading zeros, fraction, exponent or -0"
            }
            Self::Name => "object names must be snake_case ASCII and begin with a letter",
            Self::NameOrder => "object names must be sorted and unique",
            Self::TrailingBytes => "nothing may follow the object",
            Self::Syntax => "JSON must have no white space and no null",
        }
    }
}

/// Bytes are not canonical: the broken rule, and its offset. Never holds the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not canonical at byte {offset}: {}", rule.as_str())]
pub struct CanonicalError {
    /// Offset of the first byte that breaks the rule, as near as the scanner knows it.
    pub offset: usize,
    /// The rule.
    pub rule: Rule,
}

impl From<CanonicalError> for crate::base::Error {
    fn from(error: CanonicalError) -> Self {
        Self::invalid_field("payload", "NON_CANONICAL", error.to_string())
    }
}
