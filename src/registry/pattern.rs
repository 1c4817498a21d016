//! Regular expressions of schema files: linear in the text, bounded when they are compiled, and of the syntax that JSON Schema's
//! (ECMA-262) and ours have in common.

use std::fmt;

use regex_lite::{Regex, RegexBuilder};

/// Longest source, in bytes.
const SOURCE_BYTES_MAX: usize = 300;
/// Largest compiled form, in bytes: a text of 4,000 characters is matched in a few milliseconds at worst.
const COMPILED_BYTES_MAX: usize = 16 * 1024;
/// Deepest nesting of groups.
const DEPTH_MAX: u32 = 10;

/// A compiled regular expression.
#[derive(Clone)]
pub struct Pattern(Regex);

impl Pattern {
    /// Compiles a source; it matches anywhere in a text unless it begins with `^` and ends with `$`.
    pub fn new(source: &str) -> Result<Self, String> {
        if source.len() > SOURCE_BYTES_MAX {
            return Err(format!("a regular expression has at most {SOURCE_BYTES_MAX} bytes"));
        }
        check(source)?;
        let compiled = RegexBuilder::new(source).size_limit(COMPILED_BYTES_MAX).nest_limit(DEPTH_MAX).build();
        compiled.map(Self).map_err(|error| format!("no regular expression, or too large a one: {error}"))
    }

    /// The pattern that matches every text.
    pub fn any() -> Self {
        Self(Regex::new("").unwrap_or_else(|_| unreachable!("the empty expression is one")))
    }

    /// The source.
    pub fn source(&self) -> &str {
        self.0.as_str()
    }

    /// Whether it matches.
    pub fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source() == other.source()
    }
}

impl Eq for Pattern {}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.source())
    }
}

/// Refuses constructs with different meanings in the two syntaxes.
fn check(source: &str) -> Result<(), String> {
    let mut characters = source.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, characters.peek()) {
            ('\\', Some('d' | 'D' | 'w' | 'W')) => drop(characters.next()),
            // `\<` and `\>` are word boundaries here, and nothing in ECMA-262.
            ('\\', Some(next)) if next.is_ascii_punctuation() && !matches!(next, '<' | '>') => drop(characters.next()),
            // `[[:alpha:]]` is a class here, and two in ECMA-262.
            ('[', Some('[')) => return Err("a class within a class is not supported: write \\[".into()),
            ('\\', _) => {
                return Err("of the escapes only \\d, \\D, \\w, \\W and those of punctuation are supported".into());
            }
            ('(', Some('?')) => {
                characters.next();
                if characters.next() != Some(':') {
                    return Err("of the groups only (…) and (?:…) are supported".into());
                }
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_bounded_and_means_the_same_everywhere() {
        let diploma = Pattern::new(r"^[A-Z]{2}\d{6}$").expect("a pattern");
        assert!(diploma.is_match("DP123456") && !diploma.is_match("DP1234567") && !diploma.is_match("dp123456"));
        assert!(Pattern::new("^[A-ZĐ]{2}$").expect("letters").is_match("CĐ"));
        let exploding = "(((((((((((a+)+)+)+)+)+)+)+)+)+)+)+$";
        let long = "a".repeat(SOURCE_BYTES_MAX + 1);
        for bad in [
            "(",
            "a{1000}{1000}",
            "((a{99}){99}){99}",
            "(?i)a",
            "(?=a)",
            r"a\<b",
            r"\>",
            "[[:alpha:]]",
            r"\p{L}",
            r"\s",
            r"\1",
            exploding,
            &long,
        ] {
            assert!(Pattern::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_takes_others_for_ever_is_linear_here() {
        let nested = Pattern::new("^(a+)+$").expect("a pattern");
        assert!(!nested.is_match(&format!("{}b", "a".repeat(100_000))));
    }
}
