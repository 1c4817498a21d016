//! JSON texts read in one pass, without copies: what is asked for is read where it stands, and nothing is read twice.
//!
//! A file may hold a hundred thousand records of several kilobytes, so this reader costs about as much as looking at each byte once.
//! It is strict: RFC 8259 and nothing else; duplicate names in an object are refused by the readers of objects. A text that
//! ends too early is told apart from one that is wrong ([`Broken::End`]), so that a part of a file can be read, and read again when
//! there is more of it.

use std::borrow::Cow;
use std::fmt;

/// Deepest nesting that is read.
const DEPTH_MAX: usize = 64;
/// Eight blanks, the first in the lowest byte.
const BLANKS: u64 = u64::from_le_bytes([b' '; 8]);

/// Why JSON cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// It ends before its end: more of it may be well.
    End,
    /// It is wrong: what, and where. Holds names, but no values.
    Wrong(String),
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::End => f.write_str("it ends in the middle of a value"),
            Self::Wrong(what) => f.write_str(what),
        }
    }
}

/// A position in a JSON text.
pub struct Cursor<'a> {
    text: &'a str,
    at: usize,
    /// Where in its file the text begins, for messages.
    offset: u64,
    depth: usize,
}

impl<'a> Cursor<'a> {
    /// At the beginning of `text`, which begins at byte `offset` of its file.
    pub fn new(text: &'a str, offset: u64) -> Self {
        Self { text, at: 0, offset, depth: 0 }
    }

    /// How many bytes were read.
    pub fn at(&self) -> usize {
        self.at
    }

    /// An error at this position.
    pub fn wrong(&self, what: impl fmt::Display) -> Broken {
        Broken::Wrong(format!("{what} at byte {}", self.offset + self.at as u64))
    }

    /// The next byte that is not white space, left where it is.
    #[inline]
    pub fn peek(&mut self) -> Result<u8, Broken> {
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.at) {
                Some(b' ') => {
                    // Printed JSON is indented deeply, and a third of it is blanks: eight at a time, up to the first other byte.
                    match bytes.get(self.at..).and_then(|rest| rest.first_chunk::<8>()) {
                        Some(eight) => {
                            let others = u64::from_le_bytes(*eight) ^ BLANKS;
                            self.at += (others.trailing_zeros() / u8::BITS) as usize;
                        }
                        None => self.at += 1,
                    }
                }
                Some(b'\n' | b'\r' | b'\t') => self.at += 1,
                Some(byte) => return Ok(*byte),
                None => return Err(Broken::End),
            }
        }
    }

    /// Steps over `byte` if it comes next.
    #[inline]
    pub fn step_over(&mut self, byte: u8) -> Result<bool, Broken> {
        let is_next = self.peek()? == byte;
        self.at += usize::from(is_next);
        Ok(is_next)
    }

    /// Steps over `byte`, which must come next.
    #[inline]
    pub fn expect(&mut self, byte: u8) -> Result<(), Broken> {
        if self.step_over(byte)? { Ok(()) } else { Err(self.wrong(format_args!("`{}` is missing", byte as char))) }
    }

    /// Nothing but white space is left.
    pub fn end(&mut self) -> Result<(), Broken> {
        match self.peek() {
            Err(Broken::End) => Ok(()),
            Err(broken) => Err(broken),
            Ok(_) => Err(self.wrong("something follows the value")),
        }
    }

    /// Reads an object; `field` reads the value after each name.
    #[inline]
    pub fn object(
        &mut self,
        mut field: impl FnMut(&mut Self, Cow<'a, str>) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        self.expect(b'{')?;
        if self.step_over(b'}')? {
            return Ok(());
        }
        self.enter()?;
        loop {
            let name = self.text()?;
            self.expect(b':')?;
            field(self, name)?;
            if !self.step_over(b',')? {
                self.depth -= 1;
                return self.expect(b'}');
            }
        }
    }

    /// Reads a list; `item` reads each item.
    #[inline]
    pub fn list(&mut self, mut item: impl FnMut(&mut Self) -> Result<(), Broken>) -> Result<(), Broken> {
        self.expect(b'[')?;
        if self.step_over(b']')? {
            return Ok(());
        }
        self.enter()?;
        loop {
            item(self)?;
            if !self.step_over(b',')? {
                self.depth -= 1;
                return self.expect(b']');
            }
        }
    }

    fn enter(&mut self) -> Result<(), Broken> {
        self.depth += 1;
        if self.depth > DEPTH_MAX { Err(self.wrong("values are nested too deeply")) } else { Ok(()) }
    }

    /// Reads a text, borrowed if it contains no escape.
    #[inline]
    pub fn text(&mut self) -> Result<Cow<'a, str>, Broken> {
        self.expect(b'"')?;
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let run = memchr::memchr2(b'"', b'\\', rest).ok_or(Broken::End)?;
        if rest[run] == b'\\' {
            return self.escaped().map(Cow::Owned);
        }
        if rest[..run].iter().fold(false, |found, byte| found | (*byte < b' ')) {
            return Err(self.wrong("a string contains a control character"));
        }
        let text = &self.text[self.at..self.at + run];
        self.at += run + 1;
        Ok(Cow::Borrowed(text))
    }

    /// The next `N` bytes of a text, if they look like all of it and `read` makes something of them, which nothing with a quotation
    /// mark, an escape or a control character in it can be.
    #[inline]
    pub fn exactly<const N: usize, T>(
        &mut self,
        read: impl FnOnce(&[u8; N]) -> Option<T>,
    ) -> Result<Option<T>, Broken> {
        if self.peek()? != b'"' {
            return Ok(None);
        }
        let rest = self.text.as_bytes().get(self.at + 1..).unwrap_or_default();
        let Some((text, [b'"', ..])) = rest.split_first_chunk::<N>() else { return Ok(None) };
        let found = read(text);
        self.at += if found.is_some() { N + 2 } else { 0 };
        Ok(found)
    }

    /// The rest of a text, with its escapes decoded.
    #[cold]
    fn escaped(&mut self) -> Result<String, Broken> {
        // Notes are what has escapes, and as long as this.
        let mut out = String::with_capacity(512);
        loop {
            let rest = &self.text[self.at..];
            let run = memchr::memchr2(b'"', b'\\', rest.as_bytes()).ok_or(Broken::End)?;
            if rest.as_bytes()[..run].iter().any(|byte| *byte < b' ') {
                return Err(self.wrong("a string contains a control character"));
            }
            out.push_str(&rest[..run]);
            self.at += run + 1;
            if rest.as_bytes()[run] == b'"' {
                return Ok(out);
            }
            let escape = *self.text.as_bytes().get(self.at).ok_or(Broken::End)?;
            let plain = match escape {
                b'"' | b'\\' | b'/' => char::from(escape),
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'n' => '\n',
                b'r' => '\r',
                b't' => '\t',
                b'u' => {
                    self.at += 1;
                    out.push(self.unicode()?);
                    continue;
                }
                _ => return Err(self.wrong("an unknown escape sequence")),
            };
            self.at += 1;
            out.push(plain);
        }
    }

    /// The character of `XXXX`, or of `XXXX\uXXXX` beyond 16 bits.
    fn unicode(&mut self) -> Result<char, Broken> {
        let first = self.hex()?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first).ok_or_else(|| self.wrong("half of a surrogate pair"));
        }
        for byte in *b"\\u" {
            match self.text.as_bytes().get(self.at) {
                Some(next) if *next == byte => self.at += 1,
                Some(_) => return Err(self.wrong("half of a surrogate pair")),
                None => return Err(Broken::End),
            }
        }
        let second = self.hex()?;
        if !(0xdc00..0xe000).contains(&second) {
            return Err(self.wrong("half of a surrogate pair"));
        }
        char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))
            .ok_or_else(|| self.wrong("half of a surrogate pair"))
    }

    fn hex(&mut self) -> Result<u32, Broken> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = *self.text.as_bytes().get(self.at).ok_or(Broken::End)?;
            let digit = char::from(digit).to_digit(16).ok_or_else(|| self.wrong("an unknown escape sequence"))?;
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }

    /// Reads a whole number of 64 bits plus sign; no fraction, no exponent, no `-0`.
    pub fn integer(&mut self) -> Result<i128, Broken> {
        let negative = self.step_over(b'-')?;
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, next) = rest.split_at(count);
        if digits.is_empty() && next.is_empty() {
            return Err(Broken::End);
        }
        let plain = match digits {
            [] => false,
            [b'0'] => !negative,
            [first, ..] => *first != b'0',
        };
        if !plain || matches!(next.first(), Some(b'.' | b'e' | b'E')) {
            return Err(self.wrong("not a whole number"));
        }
        let number = digits.iter().try_fold(0_u64, |number, digit| {
            number.checked_mul(10).and_then(|number| number.checked_add(u64::from(digit - b'0')))
        });
        let number = i128::from(number.ok_or_else(|| self.wrong("a number is too large"))?);
        self.at += count;
        Ok(if negative { -number } else { number })
    }

    /// Reads a whole number as protobuf JSON may write one that is a double, like those of a `Struct`: `120` or `120.0`.
    pub fn whole(&mut self) -> Result<i128, Broken> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let count = rest.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'-').count();
        let Some(fraction) = rest[count..].strip_prefix('.') else { return self.integer() };
        let zeros = fraction.bytes().take_while(|byte| *byte == b'0').count();
        match fraction.as_bytes().get(zeros) {
            None if zeros == 0 => return Err(Broken::End),
            Some(b'0'..=b'9' | b'.' | b'e' | b'E') => return Err(self.wrong("not a whole number")),
            Some(_) if zeros == 0 => return Err(self.wrong("not a whole number")),
            _ => {}
        }
        let number = Cursor::new(&rest[..count], 0).integer().map_err(|_| self.wrong("not a whole number"))?;
        self.at += count + 1 + zeros;
        Ok(number)
    }

    /// Steps over `word`, one of `true`, `false` and `null`.
    pub fn word(&mut self, word: &str) -> Result<(), Broken> {
        let rest = &self.text[self.at..];
        if rest.starts_with(word) {
            self.at += word.len();
            return Ok(());
        }
        if word.starts_with(rest) { Err(Broken::End) } else { Err(self.wrong("not JSON")) }
    }

    /// Steps over any value.
    pub fn skip(&mut self) -> Result<(), Broken> {
        match self.peek()? {
            b'{' => self.object(|cursor, _| cursor.skip()),
            b'[' => self.list(Self::skip),
            b'"' => self.text().map(|_| ()),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.skip_number(),
        }
    }

    fn skip_number(&mut self) -> Result<(), Broken> {
        let rest = &self.text[self.at..];
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let number = &rest[..rest.bytes().take_while(is_part).count()];
        if serde_json::from_str::<f64>(number).is_err() {
            let ended = number.len() == rest.len() && !number.is_empty();
            return Err(if ended { Broken::End } else { self.wrong("a value is missing or not JSON") });
        }
        self.at += number.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skip(text: &str) -> Result<(), Broken> {
        let mut cursor = Cursor::new(text, 0);
        cursor.skip()?;
        cursor.end()
    }

    #[test]
    fn it_accepts_what_another_reader_accepts() {
        for text in [
            r#"{"a":1,"b":[true,false,null,"x\n\u00e9\ud83d\ude00\/"],"c":{},"d":[]}"#,
            " \n\t\r        {  \"a\"   :          1.5e-3 }         ",
            "-0",
            "\"ế\"",
            "\"\\u00\"",
            "\"\\ud83d\"",
            "\"\\ud83dx\"",
            "\"\\ude00\"",
            "\"\\x\"",
            "\"a\nb\"",
            "\"a\\n\nb\"",
            "{\"a\":1,}",
            "[1,,2]",
            "[1 2]",
            "{a:1}",
            "{\"a\" 1}",
            "01",
            "1.",
            "tru",
            "truth",
            "nul",
            "",
            "{",
            "[1",
            "\"a",
            "\"a\\",
            "{\"a\":[}",
            "}",
            "1 1",
        ] {
            let theirs = serde_json::from_str::<serde_json::Value>(text).is_ok();
            assert_eq!(skip(text).is_ok(), theirs, "{text}");
        }
        assert!(skip(&format!("{}{}", "[".repeat(100), "]".repeat(100))).is_err());
    }

    #[test]
    fn every_beginning_of_a_good_text_may_go_on() {
        let text = r#"  { "a" : -12 , "b\u00e9\ud83d\ude00" : [ true , null , "x\\" , 1.5e3 ] }"#;
        for (at, _) in text.char_indices() {
            assert_eq!(skip(&text[..at]), Err(Broken::End), "{}", &text[..at]);
        }
        assert_eq!(skip(text), Ok(()));
    }

    #[test]
    fn escapes_are_resolved_as_another_reader_does() {
        for text in [r#""a\n\"b\\\/\b\f\r\t""#, r#""\u00e9\ud83d\ude00x""#, r#""plain""#, r#""""#] {
            let theirs: String = serde_json::from_str(text).expect(text);
            assert_eq!(Cursor::new(text, 0).text().as_deref(), Ok(theirs.as_str()));
        }
    }

    #[test]
    fn doubles_without_a_fraction_are_whole_numbers() {
        for (text, number) in [("120.0", 120), ("-7.000,", -7), ("0.0}", 0), ("5", 5)] {
            assert_eq!(Cursor::new(text, 0).whole(), Ok(number), "{text}");
        }
        for text in ["1.5", "1.05", "1.0e3", "1.,", "01.0", "--1.0", ".0"] {
            assert!(matches!(Cursor::new(text, 0).whole(), Err(Broken::Wrong(_))), "{text}");
        }
        assert_eq!(Cursor::new("1.", 0).whole(), Err(Broken::End));
    }

    #[test]
    fn integers_have_one_spelling() {
        for (text, number) in
            [("0", 0), ("-7", -7), ("18446744073709551615", i128::from(u64::MAX)), ("9007199254740991 ", (1 << 53) - 1)]
        {
            assert_eq!(Cursor::new(text, 0).integer(), Ok(number));
        }
        for text in ["-0", "00", "01", "1.0", "1e3", "18446744073709551616", "x", "-x", "+1"] {
            assert!(matches!(Cursor::new(text, 0).integer(), Err(Broken::Wrong(_))), "{text}");
        }
        assert_eq!(Cursor::new("-", 0).integer(), Err(Broken::End));
    }
}
