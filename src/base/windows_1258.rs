//! Vietnamese of windows-1258 read as Latin-1: `Nguyê\u{de}n Thi\u{f2} Hoà`. Base letters stand with their quality (`ê`), and each tone is a character of its own
//! behind them, so that what is read back is composed. Source: Unicode's mapping table for windows-1258.

use unicode_normalization::UnicodeNormalization as _;

/// Where it differs from Latin-1.
const DIFFERENT: [(char, char); 15] = [
    ('\u{c3}', 'Ă'),
    ('\u{cc}', '\u{300}'),
    ('\u{d0}', 'Đ'),
    ('\u{d2}', '\u{309}'),
    ('\u{d5}', 'Ơ'),
    ('\u{dd}', 'Ư'),
    ('\u{de}', '\u{303}'),
    ('\u{e3}', 'ă'),
    ('\u{ec}', '\u{301}'),
    ('\u{f0}', 'đ'),
    ('\u{f2}', '\u{323}'),
    ('\u{f5}', 'ơ'),
    ('\u{fd}', 'ư'),
    ('\u{fe}', '₫'),
    ('\u{80}', '€'),
];

/// The text that a program wrote in windows-1258, composed.
///
/// ```
/// use lienthong::base::windows_1258::decode;
/// assert_eq!(decode("Nguyê\u{de}n Thi\u{f2} Hoà, \u{f0}\u{fd}\u{f5}\u{cc}ng"), "Nguyễn Thị Hoà, đường");
/// ```
pub fn decode(text: &str) -> String {
    let letter = |c: char| DIFFERENT.iter().find(|(read, _)| *read == c).map_or(c, |(_, letter)| *letter);
    text.chars().map(letter).nfc().collect()
}
