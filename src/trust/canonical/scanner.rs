//! The scanner: one pass over bytes that are valid UTF-8, no heap memory, no repair.

use unicode_normalization::is_nfc;

use super::rule::{CanonicalError, INTEGER_MAX, Rule};
use crate::base::limits::PAYLOAD_DEPTH_MAX;
use crate::base::text::is_settled;

/// Whether a byte may occur in a name after the first one.
pub(super) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'
}

/// What a byte means inside a string.
const PLAIN: u8 = 0;
const WIDE: u8 = 1;
const QUOTE: u8 = 2;
const ESCAPE: u8 = 3;
const CONTROL: u8 = 4;

const CLASS: [u8; 256] = {
    let mut table = [PLAIN; 256];
    let mut byte = 0;
    while byte < 256 {
        if byte < 0x20 {
            table[byte] = CONTROL;
        } else if byte >= 0x80 {
            table[byte] = WIDE;
        }
        byte += 1;
    }
    table[b'"' as usize] = QUOTE;
    table[b'\\' as usize] = ESCAPE;
    table
};

/// A cursor over bytes that are valid UTF-8.
pub(super) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn fail<T>(&self, rule: Rule) -> Result<T, CanonicalError> {
        Err(CanonicalError { offset: self.at, rule })
    }

    fn peek(&self) -> u8 {
        // U+0000 starts no token, so it can mark the end
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    fn expect(&mut self, byte: u8) -> Result<(), CanonicalError> {
        if self.peek() != byte {
            return self.fail(Rule::Syntax);
        }
        self.at += 1;
        Ok(())
    }

    pub(super) fn end(&self) -> Result<(), CanonicalError> {
        if self.at == self.bytes.len() { Ok(()) } else { self.fail(Rule::TrailingBytes) }
    }

    pub(super) fn value(&mut self, depth: usize) -> Result<(), CanonicalError> {
        match self.peek() {
            b'"' => self.string(),
            b'{' => self.object(depth, |_| Some(())),
            b'[' => self.array(depth),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'-' | b'0'..=b'9' => self.number(),
            _ => self.fail(Rule::Syntax),
        }
    }

    fn word(&mut self, word: &[u8]) -> Result<(), CanonicalError> {
        if !self.bytes[self.at..].starts_with(word) {
            return self.fail(Rule::Syntax);
        }
        self.at += word.len();
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Result<(), CanonicalError> {
        if depth > PAYLOAD_DEPTH_MAX {
            return self.fail(Rule::TooDeep);
        }
        self.expect(b'[')?;
        if self.peek() == b']' {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.value(depth + 1)?;
            match self.peek() {
                b',' => self.at += 1,
                b']' => break,
                _ => return self.fail(Rule::Syntax),
            }
        }
        self.at += 1;
        Ok(())
    }

    /// Scans an object and gives each field's span to `take`, which answers `None` when it has enough.
    pub(super) fn object(
        &mut self,
        depth: usize,
        mut take: impl FnMut([u16; 4]) -> Option<()>,
    ) -> Result<(), CanonicalError> {
        if depth > PAYLOAD_DEPTH_MAX {
            return self.fail(Rule::TooDeep);
        }
        self.expect(b'{')?;
        if self.peek() == b'}' {
            self.at += 1;
            return Ok(());
        }
        let mut previous: &[u8] = b""; // sorts before every name
        loop {
            let (name, name_end) = self.name()?;
            if self.bytes[name..name_end] <= *previous {
                self.at = name;
                return self.fail(Rule::NameOrder);
            }
            previous = &self.bytes[name..name_end];
            self.expect(b':')?;
            let value = self.at;
            self.value(depth + 1)?;
            if take([name, name_end, value, self.at].map(|at| at as u16)).is_none() {
                return self.fail(Rule::TooManyFields);
            }
            match self.peek() {
                b',' => self.at += 1,
                b'}' => break,
                _ => return self.fail(Rule::Syntax),
            }
        }
        self.at += 1;
        Ok(())
    }

    fn name(&mut self) -> Result<(usize, usize), CanonicalError> {
        self.expect(b'"')?;
        let start = self.at;
        if !self.peek().is_ascii_lowercase() {
            return self.fail(Rule::Name);
        }
        while is_name_byte(self.peek()) {
            self.at += 1;
        }
        if self.peek() != b'"' {
            return self.fail(Rule::Name);
        }
        self.at += 1;
        Ok((start, self.at - 1))
    }

    fn number(&mut self) -> Result<(), CanonicalError> {
        let start = self.at;
        let negative = self.peek() == b'-';
        self.at += usize::from(negative);
        let digits = self.at;
        let mut number: i64 = 0;
        while self.peek().is_ascii_digit() && self.at - digits < 17 {
            number = number * 10 + i64::from(self.peek() - b'0');
            self.at += 1;
        }
        let length = self.at - digits;
        let leading_zero = self.bytes.get(digits) == Some(&b'0') && (length > 1 || negative);
        let longer = matches!(self.peek(), b'0'..=b'9' | b'.' | b'e' | b'E' | b'+');
        if length == 0 || leading_zero || longer || number > INTEGER_MAX {
            self.at = start;
            return self.fail(Rule::Number);
        }
        Ok(())
    }

    fn string(&mut self) -> Result<(), CanonicalError> {
        self.at += 1;
        // A run lies between escapes. What JCS escapes composes with nothing, so each run may be judged alone.
        let mut run = self.at;
        let mut wide = false;
        loop {
            while let Some(eight) = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk()) {
                let (plain, has_wide) = plain_bytes(u64::from_le_bytes(*eight));
                self.at += plain;
                wide |= has_wide;
                if plain < 8 {
                    break;
                }
            }
            let Some(byte) = self.bytes.get(self.at) else { return self.fail(Rule::Syntax) };
            match CLASS[usize::from(*byte)] {
                PLAIN => self.at += 1,
                WIDE => {
                    wide = true;
                    self.at += 1;
                }
                QUOTE => break,
                ESCAPE => {
                    self.run(run, wide)?;
                    self.escape()?;
                    (run, wide) = (self.at, false);
                }
                _ => return self.fail(Rule::ForbiddenCharacter),
            }
        }
        self.run(run, wide)?;
        self.at += 1;
        Ok(())
    }

    fn escape(&mut self) -> Result<(), CanonicalError> {
        let rest = &self.bytes[self.at + 1..];
        match rest {
            [b'"' | b'\\' | b'b' | b't' | b'n' | b'f' | b'r', ..] => self.at += 2,
            [b'u', b'0', b'0', high @ b'0'..=b'1', low @ (b'0'..=b'9' | b'a'..=b'f'), ..] => {
                match (high, low) {
                    (b'0', b'0') => return self.fail(Rule::ForbiddenCharacter),
                    (b'0', b'8' | b'9' | b'a' | b'c' | b'd') => return self.fail(Rule::Escape), // has a short form
                    _ => self.at += 6,
                }
            }
            _ => return self.fail(Rule::Escape),
        }
        Ok(())
    }

    fn run(&self, start: usize, wide: bool) -> Result<(), CanonicalError> {
        let run = &self.bytes[start..self.at];
        if !wide || is_nfc_latin(run) {
            return Ok(());
        }
        let text = std::str::from_utf8(run).unwrap_or("\u{feff}"); // checked before; runs end at ASCII
        let rule = match text {
            _ if text.contains('\u{feff}') => Rule::ForbiddenCharacter,
            _ if !text.chars().all(is_settled) => Rule::Unsettled,
            _ if !is_nfc(text) => Rule::NotNfc,
            _ => return Ok(()),
        };
        Err(CanonicalError { offset: start, rule })
    }
}

/// How many of eight bytes, the first in the lowest, precede one that ends or escapes a string or may not be in it; and whether
/// one of those is part of a character beyond ASCII.
fn plain_bytes(eight: u64) -> (usize, bool) {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    // The high bit of each byte that is below `bound`, where no byte before it is (what borrows, stands behind the first).
    let below = |bytes: u64, bound: u8| bytes.wrapping_sub(ONES * u64::from(bound)) & !bytes & HIGH;
    let is = |byte: u8| below(eight ^ (ONES * u64::from(byte)), 1);
    let stops = below(eight, 0x20) | is(b'"') | is(b'\\');
    let plain = stops.trailing_zeros() / u8::BITS; // 8 without a stop
    let before = if plain == 8 { u64::MAX } else { (1 << (plain * u8::BITS)) - 1 };
    (plain as usize, eight & HIGH & before != 0)
}

/// Whether UTF-8 text is made only of U+0000–02FF and U+1E00–1EFF, which hold all of Vietnamese and are in NFC in any
/// order; the general check costs ten times more.
pub(super) fn is_nfc_latin(text: &[u8]) -> bool {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        at += match byte {
            0..=0x7f => 1,
            0xc2..=0xcb => 2,
            0xe1 if matches!(text.get(at + 1), Some(0xb8..=0xbb)) => 3,
            _ => return false,
        };
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_bytes_are_judged_as_one_by_one() {
        let stops = |byte: &u8| !matches!(CLASS[usize::from(*byte)], PLAIN | WIDE);
        for byte in 0..=u8::MAX {
            for other in [b'a', b'"', b'\\', 0x1f, 0x20, 0x7f, 0x80, 0xa2, 0xff, 0x21, 0x23, 0x5b, 0x5d, 0] {
                for at in 0..8 {
                    let mut eight = [other; 8];
                    eight[at] = byte;
                    eight[..at].fill(b'z');
                    let plain = eight.iter().position(stops).unwrap_or(8);
                    let wide = eight[..plain].iter().any(|byte| *byte >= 0x80);
                    assert_eq!(plain_bytes(u64::from_le_bytes(eight)), (plain, wide), "{eight:x?}");
                }
            }
        }
    }
}
