//! Forms of texts: a function that recognises one, its description, and its notation in a schema file.

use std::fmt;
use std::sync::Arc;

use super::pattern::Pattern;
use crate::base::text::{is_invisible, is_settled};

/// The form of a text.
#[derive(Clone)]
pub struct Form {
    pub(super) fits: Arc<dyn Fn(&str) -> bool + Send + Sync>,
    /// The spelling that is stored, where there are several.
    pub(super) normal: Option<fn(&str) -> Option<String>>,
    /// In words.
    pub(super) says: String,
    /// Its notation in a schema file.
    pub(super) origin: Origin,
}

/// The source of a form, as a schema file names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A function of a built-in record type.
    Function,
    /// The form of a field of a built-in record type: `vehicle.registration.v1/plate`.
    Field(String),
    /// A regular expression, the fewest and the most characters.
    Pattern(Pattern, usize, usize),
}

impl Form {
    pub(super) fn matching(pattern: Pattern, min: usize, max: usize, says: String) -> Self {
        let origin = Origin::Pattern(pattern.clone(), min, max);
        let fits = move |text: &str| {
            is_plain_text(text, max) && (min <= 1 || text.chars().count() >= min) && pattern.is_match(text)
        };
        Self { fits: Arc::new(fits), normal: None, says, origin }
    }

    /// In words.
    pub fn says(&self) -> &str {
        &self.says
    }

    /// Its source.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether both recognise a text by the same function, whatever a file calls it.
    pub fn is_same_function(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.fits, &other.fits)
    }

    /// Whether a text has it.
    pub fn fits(&self, text: &str) -> bool {
        (self.fits)(text)
    }

    /// The same, named as the form of a field.
    #[must_use]
    pub fn of_field(self, field: &str) -> Self {
        Self { origin: Origin::Field(field.to_owned()), ..self }
    }
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.says)
    }
}

/// Whether a text has 1 to `max` characters, none of them a control character, and no blanks at its ends.
pub(super) fn is_plain_text(text: &str, max: usize) -> bool {
    !text.is_empty()
        && text.len() <= max * 4
        && (text.len() <= max || text.chars().count() <= max)
        && !text.starts_with(' ')
        && !text.ends_with(' ')
        && text.chars().all(|c| !c.is_control() && !is_invisible(c) && is_settled(c))
}
