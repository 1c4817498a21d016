//! Other spellings of a natural key: what the key form says is one key (`ab 12-345`, `AB12345`) is one text in records, too.
//!
//! A key of a built-in type is brought to its form by that type's own rule. One of a schema file has a pattern alone, so that the text that fits it
//! is looked for among those that differ in case and separators.

use super::schema::{KeyForm, compact};

/// What people put between the parts of a number.
const SEPARATORS: [char; 5] = ['-', ' ', '.', '/', '_'];
/// Longer keys have one spelling.
const CHARS_MAX: usize = 24;

/// The one spelling of `key` that fits, if it does not itself and exactly one with as few separators as possible does. At most two are put in.
pub(super) fn fitting(key: &str, form: KeyForm, fits: impl Fn(&str) -> bool) -> Option<String> {
    if form == KeyForm::AsWritten || key.len() > 4 * CHARS_MAX || fits(key) {
        return None;
    }
    let plain = form.of(key);
    if fits(&plain) {
        return Some(plain);
    }
    // Capitals with the separators that are there, before any are put in elsewhere.
    let letters: String = key.chars().flat_map(char::to_uppercase).collect();
    if form == KeyForm::Compact && compact(&letters) == plain && fits(&letters) {
        return Some(letters);
    }
    if form != KeyForm::Compact || plain.chars().count() > CHARS_MAX {
        return None;
    }
    let one = with_a_separator(&plain, 0);
    if let Some(found) = only(one.iter().map(|(_, text)| text.as_str()), &fits) {
        return found;
    }
    let two: Vec<String> =
        one.iter().flat_map(|(at, text)| with_a_separator(text, at + 2)).map(|(_, text)| text).collect();
    only(two.iter().map(String::as_str), &fits).flatten()
}

/// Some when any fits, and which one if no other does.
fn only<'a>(mut texts: impl Iterator<Item = &'a str>, fits: impl Fn(&str) -> bool) -> Option<Option<String>> {
    let first = texts.by_ref().find(|text| fits(text))?;
    Some(texts.all(|text| !fits(text)).then(|| first.to_owned()))
}

/// The text with a separator between two of its characters, from the character `from` on, and where it is.
fn with_a_separator(text: &str, from: usize) -> Vec<(usize, String)> {
    let places = text.char_indices().enumerate().skip(from.max(1));
    let with = |(at, (byte, _)): (usize, (usize, char))| {
        SEPARATORS.map(|separator| (at, format!("{}{separator}{}", &text[..byte], &text[byte..])))
    };
    places.flat_map(with).collect()
}

#[cfg(test)]
mod tests {
    use super::super::pattern::Pattern;
    use super::*;

    #[test]
    fn a_key_is_brought_to_the_spelling_that_fits() {
        let (plain, parted, twice) = ("^[A-Z]{2}[0-9]{6}$", "^[A-Z]{2}-[0-9]{6}$", "^[0-9]{2}-[A-ZĐ]{2}/[0-9]{3}$");
        let cases = [
            (plain, "ab 123-456", Some("AB123456")),
            (plain, "AB123456", None),
            (plain, "ab 123-45", None),
            (parted, "AB123456", Some("AB-123456")),
            (parted, "ab 123456", Some("AB-123456")),
            (parted, "ab-123456", Some("AB-123456")),
            (twice, "42đk123", Some("42-ĐK/123")),
            (twice, "42-đk/123", Some("42-ĐK/123")),
            // where both could be meant, nothing is put in
            ("^[0-9]{2}[- ][0-9]{3}$", "42123", None),
        ];
        for (pattern, written, expected) in cases {
            let pattern = Pattern::new(pattern).expect("a pattern");
            let found = fitting(written, KeyForm::Compact, |text| pattern.is_match(text));
            assert_eq!(found.as_deref(), expected, "{written} {}", pattern.source());
        }
        let small = Pattern::new("^[a-z0-9]{4}$").expect("a pattern");
        assert_eq!(fitting("W772", KeyForm::Lower, |text| small.is_match(text)).as_deref(), Some("w772"));
        assert_eq!(fitting("W772", KeyForm::AsWritten, |text| small.is_match(text)), None);
    }
}
