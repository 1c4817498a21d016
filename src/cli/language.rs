//! The language of what the command line says to people, chosen once at start with `--lang`.
//!
//! The whole process speaks one language, as it logs in one form: a subcommand prints English, and [`say`] puts it into the chosen language
//! on its way out. JSON keeps its names and codes; only its messages for people change. `--help` is English: clap builds it from the same
//! comments as docs/cli.md.

use std::borrow::Cow;
use std::ffi::OsString;
use std::sync::OnceLock;

use clap::ValueEnum;

use crate::base::Language;

static CHOSEN: OnceLock<Language> = OnceLock::new();

/// A language by its tag (BCP 47).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Vietnamese.
    Vi,
}

impl From<Lang> for Language {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::En => Self::English,
            Lang::Vi => Self::Vietnamese,
        }
    }
}

/// Chooses the language of this process; the first choice counts.
pub(super) fn choose(language: Language) {
    CHOSEN.get_or_init(|| language);
}

/// The chosen language.
pub(super) fn chosen() -> Language {
    CHOSEN.get().copied().unwrap_or_default()
}

/// An English text in the chosen language.
pub(super) fn say(english: &str) -> Cow<'_, str> {
    chosen().say(english)
}

/// The language that a command line asks for, for the refusal of one that cannot be read: the last `--lang`, or the variable.
pub(super) fn asked(arguments: impl IntoIterator<Item = OsString>, variable: Option<OsString>) -> Language {
    let (mut asked, mut is_value) = (variable.unwrap_or_default(), false);
    for argument in arguments {
        if is_value {
            asked = argument.clone();
        } else if let Some(value) = argument.to_str().and_then(|text| text.strip_prefix("--lang=")) {
            asked = value.into();
        }
        is_value = argument == "--lang";
    }
    if asked == "vi" { Language::Vietnamese } else { Language::English }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_flag_counts_and_then_the_variable() {
        for (arguments, variable, expected) in [
            (&["serve"][..], None, Language::English),
            (&["serve"], Some("vi"), Language::Vietnamese),
            (&["--lang", "vi", "serve"], None, Language::Vietnamese),
            (&["serve", "--lang=vi", "--sed"], None, Language::Vietnamese),
            (&["--lang=vi", "--lang", "en"], Some("vi"), Language::English),
            (&["--lang", "fr"], None, Language::English),
            (&["--lang"], Some("vi"), Language::Vietnamese),
        ] {
            assert_eq!(asked(arguments.iter().map(Into::into), variable.map(Into::into)), expected, "{arguments:?}");
        }
    }
}
