//! Identifiers as types, so that a personal ID cannot be printed by accident and a hash is not taken for an id.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;

use super::error::Result;
use super::violation::Violation;

/// A citizen's personal identification number: `^\d{12}$`, nothing more (Law on Identification 26/2023, art. 12).
///
/// Its former inner structure is a warning signal at most, so it is not checked here. `Debug` hides the number:
/// personal IDs never reach logs or error texts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PersonalId([u8; 12]);

impl PersonalId {
    /// Parses twelve ASCII digits.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 12] = text.as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_digit).then_some(Self(bytes))
    }

    /// Parses a request's field; the violation names the field, never the value.
    pub fn from_field(field: &str, text: &str) -> Result<Self, Violation> {
        if text.is_empty() {
            return Err(Violation::new(field, "REQUIRED", "a personal ID is required"));
        }
        Self::parse(text).ok_or_else(|| Violation::new(field, "FORMAT", "a personal ID has exactly 12 digits"))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for PersonalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonalId(…)")
    }
}

/// Whether a text holds what may be somebody's personal ID: 12 digits in a row and no more, or in equal groups with something between
/// them that is neither letter nor digit (`042 185 990 002`, `042185-990002`). Digits of every script count, and characters that
/// nobody sees don't part them. It is a net for accidents: who wants to write a number otherwise can.
///
/// ```
/// use lienthong::base::id::holds_personal_id;
/// assert!(holds_personal_id("hồ sơ của 042.185.990.002"));
/// assert!(!holds_personal_id("000.00.13.H27-261128-0001"));
/// ```
pub fn holds_personal_id(text: &str) -> bool {
    let mut groups: Vec<usize> = Vec::new(); // lengths of the runs of digits since the last letter
    let mut is_open = false;
    // A letter at the end closes the last run.
    for c in text.nfkc().filter(|c| !is_unseen(*c)).chain(['.', 'x']) {
        match c {
            c if c.is_numeric() && is_open => *groups.last_mut().expect("an open group") += 1,
            c if c.is_numeric() => groups.push(1),
            c if c.is_alphabetic() => {
                if adds_up(&groups) {
                    return true;
                }
                groups.clear();
            }
            _ => {}
        }
        is_open = c.is_numeric();
    }
    false
}

/// Whether there are 12 digits in one group, or in neighbouring ones of equal length.
fn adds_up(groups: &[usize]) -> bool {
    let of = |length: usize| groups.windows(12 / length).any(|window| window.iter().all(|group| *group == length));
    [1, 2, 3, 4, 6, 12].into_iter().any(of)
}

/// Control characters, and those that only say how others are written or broken.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A record's id: 16 bytes, a keyed pseudonym of its natural key, so that it may appear in public logs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordId(pub [u8; 16]);

impl RecordId {
    /// Lower-case hexadecimal, 32 characters; the form on the wire.
    pub fn to_hex(self) -> String {
        to_hex(&self.0)
    }

    /// Reads the form on the wire.
    pub fn from_hex(text: &str) -> Option<Self> {
        let bytes = from_hex(text)?;
        Some(Self(bytes.try_into().ok()?))
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordId({})", self.to_hex())
    }
}

/// The id of one call: UUID version 7 (RFC 9562), hyphenated on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub uuid::Uuid);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An agency's key: `one-stop`, `police`, …; lower-case ASCII letters, digits and `-`, at most 40 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AgencyId(String);

impl AgencyId {
    /// Parses an agency key.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = !text.is_empty()
            && text.len() <= 40
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        fits.then(|| Self(text.to_owned()))
    }

    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AgencyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The violation of the field `request_id` by a text that cannot name a request which its caller may repeat: those have 8 to 64 characters of
/// `A-Z a-z 0-9 . _ -`.
///
/// ```
/// use lienthong::base::id::request_id_violation;
/// assert!(request_id_violation("import-2026_11.a").is_none());
/// assert_eq!(request_id_violation("short").map(|bad| bad.rule), Some("FORMAT".into()));
/// assert!(request_id_violation("two words").is_some());
/// ```
pub fn request_id_violation(text: &str) -> Option<Violation> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    let is_one = (8..=64).contains(&text.len()) && text.bytes().all(fits);
    (!is_one).then(|| Violation::new("request_id", "FORMAT", "8 to 64 characters of A-Z a-z 0-9 . _ -"))
}

/// Lower-case hexadecimal.
pub fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let pair = |byte: &u8| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
    let mut text = vec![0; bytes.len() * 2];
    for (place, byte) in text.chunks_exact_mut(2).zip(bytes) {
        place.copy_from_slice(&pair(byte));
    }
    String::from_utf8(text).expect("digits are ASCII")
}

/// Reads lower- or upper-case hexadecimal.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |b: u8| (b as char).to_digit(16).map(|d| d as u8);
    text.as_bytes().chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_personal_id_is_found_in_a_text_however_it_is_grouped() {
        for holds in [
            "042185990002",
            "CCCD 042185990002, bản sao",
            "so042185990002x",
            "042 185 990 002",
            "042.185.990.002",
            "042185-990002",
            "0421 8599 0002",
            "04 21 85 99 00 02",
            "0 4 2 1 8 5 9 9 0 0 0 2",
            "042\u{a0}185\u{a0}990\u{a0}002",
            "042 - 185 - 990 - 002",
            "０４２１８５９９０００２",
            "٠٤٢١٨٥٩٩٠٠٠٢",
            "0421\u{200b}85990\u{ad}002",
            "H27-0001/042185990002",
        ] {
            assert!(holds_personal_id(holds), "{holds}");
        }
        for free in [
            "",
            "H27-0001",
            "000.00.13.H27-261128-0001",
            "04218599000",
            "0421859900021",
            "042185a990002",
            "20261128-0001",
            "042 185 990",
            "38-B1 123.45",
            "2026-11-28T10:00:00.000",
            "018f2f5a-1c7e-7cc0-8a1b-3f2a1d9e0b4c",
        ] {
            assert!(!holds_personal_id(free), "{free}");
        }
    }

    #[test]
    fn a_personal_id_is_twelve_digits_and_hides_itself() {
        assert!(PersonalId::parse("042185990002").is_some());
        for bad in ["", "04218599000", "0421859900021", "04218599000a", "０４２１"] {
            assert!(PersonalId::parse(bad).is_none(), "{bad}");
        }
        let id = PersonalId::parse("042185990002").expect("valid");
        assert_eq!(format!("{id:?}"), "PersonalId(…)");
    }

    #[test]
    fn hexadecimal_reads_what_it_wrote() {
        let bytes = [0, 1, 0xab, 0xff];
        assert_eq!(to_hex(&bytes), "0001abff");
        assert_eq!(from_hex("0001abFF").as_deref(), Some(&bytes[..]));
        assert_eq!(from_hex("abc"), None);
        assert_eq!(from_hex("zz"), None);
    }
}
