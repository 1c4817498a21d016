//! Labels, in both languages.

use crate::base::Language;

/// The name of a thing, in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// In Vietnamese.
    pub vi: String,
    /// In English.
    pub en: String,
}

impl Label {
    /// A label in both languages.
    pub fn new(vi: &str, en: &str) -> Self {
        Self { vi: vi.into(), en: en.into() }
    }

    /// In this language.
    pub fn of(&self, language: Language) -> &str {
        match language {
            Language::English => &self.en,
            Language::Vietnamese => &self.vi,
        }
    }
}
