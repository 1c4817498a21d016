//! Vietnamese text: names and addresses as people write them, brought to keys that can be compared.
//!
//! One name reaches us as `Hoà`, `Hòa`, decomposed, in capitals or with two spaces, and once with the Icelandic `Ð`
//! (U+00D0), which looks like `Đ` (U+0110). [`exact_key`] makes these equal and nothing else; [`folded_key`] also
//! drops the marks, so a match by it needs a person's confirmation. `i` and `y` stay apart in both: Mỹ and Mĩ, Lý and
//! Lí are different names. Normalisation is Unicode's (UAX #15).

use stringprep::tables::unassigned_code_point;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::{canonical_combining_class, decompose_canonical};

/// The end of the longest beginning of `text` that has at most `bytes_max` bytes and whole characters.
pub fn end_within(text: &str, bytes_max: usize) -> usize {
    let mut end = bytes_max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    end
}

/// Longest personal name, in characters; longer ones are mistakes of capture.
pub const NAME_CHARS_MAX: usize = 100;

/// The key under which two spellings of one Vietnamese text are equal: NFC, `Ð` as `Đ`, one apostrophe, one tone placement
/// (`hòa` is `hoà`, `thủy` is `thuỷ`), single spaces, lower case.
///
/// ```
/// use lienthong::base::text::exact_key;
/// assert_eq!(exact_key("  NGUYỄN  Thị Hòa "), exact_key("Nguyễn Thị Hoà"));
/// assert_ne!(exact_key("Nguyễn Thị Mỹ"), exact_key("Nguyễn Thị Mĩ"));
/// ```
pub fn exact_key(text: &str) -> String {
    let mut letters = letters(text);
    place_tones(&mut letters);
    letters.iter().flat_map(Letter::chars).nfc().collect()
}

/// The key without marks and with `đ` as `d`: what people type who cannot or do not type the marks.
///
/// ```
/// use lienthong::base::text::folded_key;
/// assert_eq!(folded_key("Đặng Thuỳ Trâm"), "dang thuy tram");
/// ```
pub fn folded_key(text: &str) -> String {
    letters(text).into_iter().map(|letter| if letter.base == 'đ' { 'd' } else { letter.base }).collect()
}

/// The text in NFC, the form in which records are stored.
pub fn composed(text: &str) -> String {
    text.nfc().collect()
}

/// Whether a text can be a person's name: one to 100 characters, words of Latin letters, single spaces between them. Inside
/// a word `-`, `.` and the apostrophe are allowed (`Y-Moan`, `K'Brôih`). Composed and decomposed forms both pass.
pub fn name_is_valid(name: &str) -> bool {
    let letter = |c: char| is_latin(c) || matches!(c, '\u{300}'..='\u{36f}') && !is_invisible(c);
    let word = |word: &str| {
        word.chars().next().is_some_and(is_latin)
            && word.chars().all(|c| letter(c) || matches!(c, '-' | '.') || is_apostrophe(c))
    };
    !name.is_empty() && name.nfc().count() <= NAME_CHARS_MAX && name.split(' ').all(word)
}

/// A letter of the Latin alphabets, Vietnamese above all: no ordinals, no micro sign, no clicks that look like strokes.
fn is_latin(c: char) -> bool {
    let is_letter = c.is_alphabetic() && !matches!(c, 'ª' | 'µ' | 'º' | '\u{1bb}' | '\u{1c0}'..='\u{1c3}');
    is_letter && matches!(c, '\0'..='\u{24f}' | '\u{1e00}'..='\u{1eff}')
}

/// What people write for an apostrophe: one letter, where names are compared.
fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’' | 'ʼ' | '`')
}

/// Whether a text has letters that look like Latin ones and are none: Cyrillic ones anywhere, and any of another alphabet within a word of
/// Latin letters. Units and formulas have Greek letters that stand alone.
///
/// ```
/// use lienthong::base::text::is_in_other_letters;
/// assert!(is_in_other_letters("Сông ty") && is_in_other_letters("Ηà Tĩnh"));
/// assert!(!is_in_other_letters("Công ty 50 Ω, 公司"));
/// ```
pub fn is_in_other_letters(text: &str) -> bool {
    let is_cyrillic = |c: char| matches!(c, '\u{400}'..='\u{52f}' | '\u{1c80}'..='\u{1c8a}' | '\u{2de0}'..='\u{2dff}' | '\u{a640}'..='\u{a69f}');
    let is_look_alike = |c: char| {
        matches!(c, '\u{370}'..='\u{3ff}' | '\u{530}'..='\u{58f}' | '\u{13a0}'..='\u{13ff}') && c.is_alphabetic()
    };
    let is_mixed = |word: &str| word.chars().any(is_look_alike) && word.chars().any(is_latin);
    !text.is_ascii() && (text.chars().any(is_cyrillic) || text.split(|c: char| !c.is_alphabetic()).any(is_mixed))
}

/// Whether the normalisation of a character can never change: it is assigned in Unicode 3.2 (RFC 3454, table A.1), or is in the
/// Latin blocks, where nothing combines. Of characters that are assigned later, programs with older and newer tables think differently.
pub fn is_settled(c: char) -> bool {
    matches!(c, '\0'..='\u{2ff}' | '\u{1e00}'..='\u{1eff}') || !unassigned_code_point(c)
}

/// Whether nobody sees a character, or takes it for an ordinary space: format controls, fillers, selectors, separators, and every space but
/// U+0020. Texts that differ in such characters alone look the same to a reader.
///
/// Unicode's Default_Ignorable_Code_Point and White_Space (DerivedCoreProperties, PropList), and the blanks among the symbols.
pub fn is_invisible(c: char) -> bool {
    (c.is_whitespace() && c != ' ')
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffc}' | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d159}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
        )
}

/// A letter taken apart: base, mark of quality (circumflex, breve, horn, or anything that is no tone), tone.
struct Letter {
    base: char,
    quality: Option<char>,
    tone: Option<char>,
    /// Marks beyond one of each kind; no Vietnamese letter has them, but nothing may be lost from an exact key.
    more: Vec<char>,
}

impl Letter {
    fn chars(&self) -> impl Iterator<Item = char> + '_ {
        [Some(self.base), self.quality, self.tone].into_iter().flatten().chain(self.more.iter().copied())
    }

    fn add(&mut self, mark: char) {
        let slot = if is_tone(mark) { &mut self.tone } else { &mut self.quality };
        match slot {
            None => *slot = Some(mark),
            Some(_) => self.more.push(mark),
        }
    }

    fn is_plain(&self) -> bool {
        self.quality.is_none() && self.tone.is_none() && self.more.is_empty()
    }
}

/// Grave, acute, tilde, hook above, dot below.
pub fn is_tone(mark: char) -> bool {
    matches!(mark, '\u{300}' | '\u{301}' | '\u{303}' | '\u{309}' | '\u{323}')
}

/// The lower-case letters of `text` with single spaces between words and none around them.
fn letters(text: &str) -> Vec<Letter> {
    let mut letters: Vec<Letter> = Vec::with_capacity(text.len());
    let mut space_is_due = false;
    let mut push = |c: char| {
        decompose_canonical(c, |part| match part {
            part if canonical_combining_class(part) != 0 && !letters.is_empty() && !space_is_due => {
                if let Some(last) = letters.last_mut() {
                    last.add(part);
                }
            }
            part if part.is_whitespace() => space_is_due = true,
            part => {
                if space_is_due && !letters.is_empty() {
                    letters.push(Letter { base: ' ', quality: None, tone: None, more: Vec::new() });
                }
                space_is_due = false;
                letters.push(Letter { base: part, quality: None, tone: None, more: Vec::new() });
            }
        });
    };
    for c in text.chars() {
        match c {
            'Ð' | 'ð' | 'Đ' => push('đ'),
            c if is_apostrophe(c) => push('\''),
            c => c.to_lowercase().for_each(&mut push),
        }
    }
    letters
}

/// Moves the tone of `oa`, `oe` and `uy` to the second vowel, where the reformed spelling has it. The first vowel
/// never carries it before a final consonant, so open and closed syllables need no distinction.
fn place_tones(letters: &mut [Letter]) {
    for at in 1..letters.len() {
        let (before, after) = letters.split_at_mut(at);
        let (Some(first), Some(second)) = (before.last_mut(), after.first_mut()) else { continue };
        let pair = matches!((first.base, second.base), ('o', 'a' | 'e') | ('u', 'y'));
        if pair && first.quality.is_none() && first.more.is_empty() && second.is_plain() {
            second.tone = first.tone.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_text_share_the_exact_key() {
        let nfd = "Nguyễn Thị Hoà".nfd().collect::<String>();
        assert_ne!(nfd, "Nguyễn Thị Hoà");
        for (one, other) in [
            ("Nguyễn Thị Hoà", nfd.as_str()),
            ("Nguyễn Thị Hoà", "Nguyễn Thị Hòa"),
            ("Nguyễn Thị Hoà", "  NGUYỄN\u{a0}\tTHỊ   HÒA\n"),
            ("Thuỷ", "Thủy"),
            ("khoẻ", "khỏe"),
            ("Quý", "Qúy"),
            ("Huỳnh", "Hùynh"),
            ("ngoài", "ngòai"),
            ("Đặng", "Ðặng"),
            ("đặng", "ÐẶNG"),
            ("K'Brôih", "K’Brôih"),
            ("K`Brôih", "KʼBrôih"),
            // the order of windows-1258: quality composed, tone combining
            ("Nguyễn", "Nguyê\u{303}n"),
            // marks in the other order are the same letter to a reader
            ("ế", "e\u{301}\u{302}"),
        ] {
            assert_eq!(exact_key(one), exact_key(other), "{one} and {other}");
        }
    }

    #[test]
    fn different_names_keep_different_exact_keys() {
        for (one, other) in [
            ("Mỹ", "Mĩ"),
            ("Lý", "Lí"),
            ("Đăng", "Đặng"),
            ("Hoà", "Hoa"),
            ("Hoà", "Hoá"),
            ("Dung", "Dũng"),
            ("Đô", "Dô"),
            ("của", "cuả"),
            ("Thu Ý", "Thú Y"),
        ] {
            assert_ne!(exact_key(one), exact_key(other), "{one} and {other}");
        }
    }

    #[test]
    fn exact_keys_are_stable_composed_and_lower_case() {
        for (text, key) in [
            ("", ""),
            ("   ", ""),
            ("Nguyễn Thị Hòa", "nguyễn thị hoà"),
            ("THUỶ", "thuỷ"),
            ("Bùi Bích Phương", "bùi bích phương"),
            ("QUÁCH", "quách"),
            ("Tổ 3, Phường Trần Phú", "tổ 3, phường trần phú"),
            ("\u{301}a", "\u{301}a"),
        ] {
            assert_eq!(exact_key(text), key, "{text}");
            assert_eq!(exact_key(&exact_key(text)), key, "{text} twice");
        }
    }

    #[test]
    fn folded_keys_drop_marks_and_nothing_else() {
        let nfd = "Trần Thị Mỹ Duyên".nfd().collect::<String>();
        for (text, key) in [
            ("Nguyễn Thị Hòa", "nguyen thi hoa"),
            ("ĐƯỜNG ƯỚC", "duong uoc"),
            ("Ðặng  Văn", "dang van"),
            ("Mỹ", "my"),
            ("Mĩ", "mi"),
            (nfd.as_str(), "tran thi my duyen"),
        ] {
            assert_eq!(folded_key(text), key, "{text}");
        }
    }

    #[test]
    fn what_nobody_sees_is_invisible() {
        for c in
            "\u{200b}\u{200d}\u{feff}\u{ad}\u{2060}\u{a0}\u{3000}\u{2028}\u{180e}\u{202e}\u{fe0f}\u{e0041}\u{2800}\t"
                .chars()
        {
            assert!(is_invisible(c), "U+{:04X}", u32::from(c));
        }
        for c in "aÁđ ’-,.;№\u{301}漢".chars() {
            assert!(!is_invisible(c), "{c}");
        }
    }

    #[test]
    fn names_are_words_of_letters() {
        let nfd = "Nguyễn Thị Hoà".nfd().collect::<String>();
        for good in
            ["Nguyễn Thị Hòa", "Y-Moan", "K'Brôih Ya", "K`Brôih", "Lê", "François Müller", "Łukasz", nfd.as_str()]
        {
            assert!(name_is_valid(good), "{good}");
        }
        let long = "A".repeat(NAME_CHARS_MAX + 1);
        for bad in [
            "Иван",
            "Nguyễn Vаn",
            "李",
            "Hoµ",
            "Lª",
            "Lê\u{200b}",
            "",
            " ",
            "Lê ",
            " Lê",
            "Lê  Văn",
            "Lê Văn 2",
            "Lê\tVăn",
            "Lê;Văn",
            "-Lê",
            "\u{301}",
            &long,
        ] {
            assert!(!name_is_valid(bad), "{bad}");
        }
    }
}
