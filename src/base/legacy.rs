//! Vietnamese in the encodings before Unicode, read as if it were Latin-1: `NguyÔn ThÞ Hoµ` (TCVN3), `Nguyeãn Thò Hoaø` (VNI).
//!
//! Both encodings use bytes that are letters elsewhere, so no single letter proves anything. A text counts as one of them when it is not
//! readable Vietnamese, and every word of the decoded text is a Vietnamese syllable. Names of other languages pass: `François` decodes
//! to no syllable of the language. Sources: TCVN 5712:1993 (table 3), and the VNI code page for Windows.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization as _;

use super::text::is_tone;
use super::windows_1258;

/// TCVN3: one character for one letter. Of accented capitals it has none: a font shows the small letters as capitals.
const TCVN3: &str = "¡Ă ¢Â £Ê ¤Ô ¥Ơ ¦Ư §Đ ¨ă ©â ªê «ô ¬ơ \u{ad}ư ®đ µà ¸á ¶ả ·ã ¹ạ »ằ ¾ắ ¼ẳ ½ẵ Æặ Çầ Êấ Èẩ Éẫ Ëậ Ìè Ðé Îẻ Ïẽ Ñẹ Òề \
    Õế Óể Ôễ Öệ ×ì Ýí Øỉ Üĩ Þị ßò ãó áỏ âõ äọ åồ èố æổ çỗ éộ êờ íớ ëở ìỡ îợ ïù óú ñủ òũ ôụ õừ øứ öử ÷ữ ùự úỳ ýý ûỷ \
    üỹ þỵ";

/// VNI: a letter and the mark behind it, or one character.
const VNI: &str = "aàầ AÀẦ aáấ AÁẤ aââ AÂÂ aãẫ AÃẪ aäậ AÄẬ aåẩ AÅẨ aèằ AÈẰ aéắ AÉẮ aêă AÊĂ aëặ AËẶ aïạ AÏẠ aõã AÕÃ aøà AØÀ aùá \
    AÙÁ aúẳ AÚẲ aûả AÛẢ aüẵ AÜẴ eàề EÀỀ eáế EÁẾ eâê EÂÊ eãễ EÃỄ eäệ EÄỆ eåể EÅỂ eïẹ EÏẸ eõẽ EÕẼ eøè EØÈ eùé EÙÉ \
    eûẻ EÛẺ oàồ OÀỒ oáố OÁỐ oâô OÂÔ oãỗ OÃỖ oäộ OÄỘ oåổ OÅỔ oïọ OÏỌ oõõ OÕÕ oøò OØÒ oùó OÙÓ oûỏ OÛỎ uïụ UÏỤ uõũ \
    UÕŨ uøù UØÙ uùú UÙÚ uûủ UÛỦ yõỹ YÕỸ yøỳ YØỲ yùý YÙÝ yûỷ YÛỶ ôïợ ÔÏỢ ôõỡ ÔÕỠ ôøờ ÔØỜ ôùớ ÔÙỚ ôûở ÔÛỞ öïự ÖÏỰ \
    öõữ ÖÕỮ öøừ ÖØỪ öùứ ÖÙỨ öûử ÖÛỬ æỉ ÆỈ îỵ ÎỴ ìì ÌÌ íí ÍÍ ñđ ÑĐ òị ÒỊ óĩ ÓĨ ôơ ÔƠ öư ÖƯ";

/// Longer texts are not names, and are not examined.
const TEXT_BYTES_MAX: usize = 512;
/// Letters of the longest syllable, `nghiêng`.
const SYLLABLE_CHARS_MAX: usize = 7;
/// Vowels of a syllable, without tone.
const VOWELS: &str = "a ă â e ê i o ô ơ u ư y ai ao au ay âu ây eo êu ia iê iêu iu oa oai oao oay oă oe oeo oi oo ôi ơi ua uâ uây uă uai uay \
    uao uau ue uê uêu ui uô uôi uơ uy uya uyê uyu ưa ưi ươ ươi ươu ưu yê yêu";
/// What a syllable begins with.
const ONSETS: [&str; 29] = [
    "", "b", "c", "ch", "d", "đ", "g", "gh", "gi", "h", "k", "kh", "l", "m", "n", "ng", "ngh", "nh", "p", "ph", "q",
    "r", "s", "t", "th", "tr", "v", "x", "qu",
];
/// What it ends with.
const CODAS: [&str; 9] = ["", "c", "ch", "m", "n", "ng", "nh", "p", "t"];

/// An encoding before Unicode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Legacy {
    /// TCVN 5712:1993, table 3; fonts `.Vn…`.
    Tcvn3,
    /// VNI for Windows; fonts `VNI-…`.
    Vni,
    /// windows-1258, in which a tone is a character behind its letter.
    Windows1258,
}

impl Legacy {
    /// All, by their names.
    pub const ALL: [(&'static str, Self); 3] =
        [("TCVN3", Self::Tcvn3), ("VNI", Self::Vni), ("windows-1258", Self::Windows1258)];

    /// Its name.
    pub fn name(self) -> &'static str {
        let [(tcvn3, _), (vni, _), (windows_1258, _)] = Self::ALL;
        match self {
            Self::Tcvn3 => tcvn3,
            Self::Vni => vni,
            Self::Windows1258 => windows_1258,
        }
    }

    /// The Vietnamese of a text in this encoding that was read as Latin-1, composed.
    ///
    /// TCVN3 has no accented capitals: a text whose other letters are all capitals was written in a font of capitals, and comes out in capitals.
    ///
    /// ```
    /// use lienthong::base::legacy::Legacy;
    /// assert_eq!(Legacy::Tcvn3.decode("NguyÔn ThÞ Hoµ"), "Nguyễn Thị Hoà");
    /// assert_eq!(Legacy::Tcvn3.decode("NGUYÔN THÞ HOµ"), "NGUYỄN THỊ HOÀ");
    /// assert_eq!(Legacy::Vni.decode("Nguyeãn Thò Hoaø"), "Nguyễn Thị Hoà");
    /// ```
    pub fn decode(self, text: &str) -> String {
        match self {
            Self::Vni => vni(text),
            Self::Windows1258 => windows_1258::decode(text),
            Self::Tcvn3 => {
                let decoded = tcvn3(text);
                let capitals = text.bytes().filter(u8::is_ascii_uppercase).count();
                match capitals > 1 && !text.bytes().any(|b| b.is_ascii_lowercase()) {
                    true => decoded.to_uppercase(),
                    false => decoded,
                }
            }
        }
    }
}

/// The text that was meant, and the encoding that it is in, if `text` is Vietnamese of TCVN3, VNI or windows-1258 read as
/// Latin-1.
///
/// ```
/// use lienthong::base::legacy::meant;
/// assert_eq!(meant("NguyÔn ThÞ Hoµ"), Some(("TCVN3", "Nguyễn Thị Hoà".to_owned())));
/// assert_eq!(meant("Nguyeãn Thò Hoaø"), Some(("VNI", "Nguyễn Thị Hoà".to_owned())));
/// assert_eq!(meant("Nguyê\u{de}n Thi\u{f2} Hoà"), Some(("windows-1258", "Nguyễn Thị Hoà".to_owned())));
/// assert_eq!(meant("NGUYÔN THÞ LAN"), Some(("TCVN3", "NGUYỄN THỊ LAN".to_owned())));
/// assert_eq!(meant("Nguyễn Thị Hoà"), None);
/// assert_eq!(meant("François Müller"), None);
/// ```
pub fn meant(text: &str) -> Option<(&'static str, String)> {
    let is_latin_1 = |c: char| c <= '\u{ff}';
    if text.len() > TEXT_BYTES_MAX || text.is_ascii() || !text.chars().all(is_latin_1) || is_vietnamese(text) {
        return None;
    }
    let decoded = Legacy::ALL.map(|(name, legacy)| (name, legacy.decode(text)));
    decoded.into_iter().find(|(_, decoded)| decoded != text && is_vietnamese(decoded))
}

/// The same of any text, in which names, numbers and abbreviations stand beside words. A sign that stands alone proves nothing.
///
/// ```
/// use lienthong::base::legacy::meant_in_text;
/// assert_eq!(meant_in_text("C«ng ty TNHH §¹i Ph¸t"), Some(("TCVN3", "Công ty TNHH Đại Phát".to_owned())));
/// assert_eq!(meant_in_text("Thoân 3, xaõ Caåm Bình"), Some(("VNI", "Thôn 3, xã Cẩm Bình".to_owned())));
/// assert_eq!(meant_in_text("An · Hoà, 25 m²"), None);
/// assert_eq!(meant_in_text("Citroën"), None);
/// ```
pub fn meant_in_text(text: &str) -> Option<(&'static str, String)> {
    let Evidence::Of(encodings) = evidence(text) else { return None };
    let legacy = *encodings.first()?;
    let between = |c: char| c.is_ascii() && !c.is_ascii_alphabetic();
    let is_word = |word: &&str| word.chars().nth(1).is_some() && !word.is_ascii() && !is_vietnamese(word);
    text.split(between).any(|word| is_word(&word)).then(|| (legacy.name(), legacy.decode(text)))
}

/// Which encodings the letters of a text show: `None` where it proves nothing or is Vietnamese as it stands.
///
/// Every word with marks must be a syllable in the encoding. Where words without marks are none (`C«ng ty TNHH`), two words with marks must be.
///
/// ```
/// use lienthong::base::legacy::{Evidence, Legacy, evidence};
/// assert_eq!(evidence("C«ng ty TNHH §¹t"), Evidence::Of(vec![Legacy::Tcvn3]));
/// assert_eq!(evidence("Coâng ty TNHH Ñaït 36"), Evidence::Of(vec![Legacy::Vni]));
/// assert_eq!(evidence("Hà Vân"), Evidence::Stands);
/// assert_eq!(evidence("Nguyễn"), Evidence::Stands);
/// assert_eq!(evidence("Loïc Martin"), Evidence::Of(vec![]));
/// ```
pub fn evidence(text: &str) -> Evidence {
    if text.chars().any(|c| c > '\u{ff}') {
        return Evidence::Stands;
    }
    let between = |c: char| c.is_ascii() && !c.is_ascii_alphabetic();
    let (marked, plain): (Vec<&str>, Vec<&str>) =
        text.split(between).filter(|word| !word.is_empty()).partition(|word| !word.is_ascii());
    if marked.iter().all(|word| is_vietnamese(word)) {
        return Evidence::Stands;
    }
    let needs_two = !plain.iter().all(|word| is_vietnamese(word));
    if text.len() > TEXT_BYTES_MAX || (needs_two && marked.len() < 2) {
        return Evidence::Of(Vec::new());
    }
    let all = Legacy::ALL.map(|(_, legacy)| legacy).into_iter();
    Evidence::Of(all.filter(|legacy| marked.iter().all(|word| is_vietnamese(&legacy.decode(word)))).collect())
}

/// The evidence in the letters of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// It reads as Vietnamese unchanged.
    Stands,
    /// It can be only in these encodings.
    Of(Vec<Legacy>),
}

/// The letters of a table, by what is written for each: a character, or two.
fn letters(table: &'static str) -> HashMap<&'static str, char> {
    let of = |entry: &'static str| entry.char_indices().next_back().map(|(at, letter)| (&entry[..at], letter));
    table.split(' ').filter_map(of).collect()
}

/// A text as a program wrote it in this encoding, `TCVN3` or `VNI`, read as Latin-1. A capital that the encoding lacks is a small letter, which a
/// font shows as a capital; a letter that it lacks altogether loses its marks.
///
/// ```
/// use lienthong::base::legacy::written;
/// assert_eq!(written("Nguyễn Thị Hoà", "TCVN3"), "NguyÔn ThÞ Hoµ");
/// assert_eq!(written("Nguyễn Thị Hoà", "VNI"), "Nguyeãn Thò Hoaø");
/// ```
pub fn written(text: &str, encoding: &str) -> String {
    type Forms = HashMap<char, &'static str>;
    static TABLES: LazyLock<[Forms; 2]> = LazyLock::new(|| {
        [TCVN3, VNI].map(|table| letters(table).into_iter().map(|(form, letter)| (letter, form)).collect())
    });
    let forms = &TABLES[usize::from(encoding == "VNI")];
    let mut written = String::with_capacity(text.len());
    for letter in text.nfc() {
        let small = || letter.to_lowercase().next().and_then(|small| forms.get(&small));
        match forms.get(&letter).or_else(|| small().filter(|_| !letter.is_ascii())) {
            Some(form) if !letter.is_ascii() => written.push_str(form),
            _ if letter.is_ascii() => written.push(letter),
            _ => written.extend(letter.nfd().filter(char::is_ascii)),
        }
    }
    written
}

fn tcvn3(text: &str) -> String {
    static LETTERS: LazyLock<HashMap<&'static str, char>> = LazyLock::new(|| letters(TCVN3));
    decoded(text, &LETTERS)
}

fn vni(text: &str) -> String {
    static LETTERS: LazyLock<HashMap<&'static str, char>> = LazyLock::new(|| letters(VNI));
    decoded(text, &LETTERS)
}

/// The text with every letter that a table has; two characters for one letter go before one.
fn decoded(text: &str, letters: &HashMap<&'static str, char>) -> String {
    let (mut decoded, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(first) = rest.chars().next() {
        let one = first.len_utf8();
        let two = rest[one..].chars().next().map(|second| one + second.len_utf8());
        let fitting = [two, Some(one)].into_iter().flatten();
        match fitting.filter_map(|end| Some((end, *letters.get(&rest[..end])?))).next() {
            Some((end, letter)) => {
                decoded.push(letter);
                rest = &rest[end..];
            }
            None => {
                decoded.push(first);
                rest = &rest[one..];
            }
        }
    }
    decoded
}

/// Whether every word is a syllable that Vietnamese could have.
fn is_vietnamese(text: &str) -> bool {
    text.split(' ').all(|word| is_syllable(&word.to_lowercase()) && !has_capital_within(word))
}

fn has_capital_within(word: &str) -> bool {
    let letters: Vec<char> = word.chars().collect();
    letters.windows(2).any(|pair| pair[0].is_lowercase() && pair[1].is_uppercase())
}

fn is_syllable(word: &str) -> bool {
    static KNOWN: LazyLock<HashSet<&'static str>> = LazyLock::new(|| VOWELS.split_ascii_whitespace().collect());
    if word.chars().count() > SYLLABLE_CHARS_MAX {
        return false;
    }
    let tones = word.nfd().filter(|c| is_tone(*c)).count();
    let plain: String = word.nfd().filter(|c| !is_tone(*c)).nfc().collect();
    let splits = ONSETS.iter().filter_map(|onset| plain.strip_prefix(onset));
    let mut rhymes = splits.flat_map(|rest| CODAS.iter().filter_map(move |coda| rest.strip_suffix(coda)));
    tones <= 1 && rhymes.any(|vowels| KNOWN.contains(vowels))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A text as a program with such a table wrote it, read as Latin-1; `None` when the table has no form for one of its letters.
    fn written(text: &str, table: &'static str) -> Option<String> {
        let letters: HashMap<char, &str> =
            letters(table).into_iter().map(|(written, letter)| (letter, written)).collect();
        let one = |letter: char| match letters.get(&letter) {
            Some(written) => Some((*written).to_owned()),
            None => (letter <= '\u{ff}').then(|| letter.to_string()),
        };
        text.chars().map(one).collect()
    }

    /// Syllables with every letter and tone of the language.
    const WORDS: &[&str] = &[
        "nguyễn",
        "trần",
        "hoàng",
        "phạm",
        "huỳnh",
        "quách",
        "khương",
        "nghĩa",
        "yên",
        "uyển",
        "thuý",
        "duyệt",
        "ngoạn",
        "giếng",
        "đặng",
        "thưởng",
        "mỹ",
        "kỳ",
        "tỵ",
        "lý",
        "thỷ",
        "ngã",
        "bảy",
        "chị",
        "hỏi",
        "rổ",
        "gỗ",
        "một",
        "cờ",
        "nhớ",
        "dở",
        "lỡ",
        "sợ",
        "cũ",
        "thụ",
        "từ",
        "dữ",
        "xứ",
        "bự",
        "bẵng",
        "lẳng",
        "bằng",
        "trắng",
        "lặng",
        "bẫy",
        "bậc",
        "kẻ",
        "chẽ",
        "mẹ",
        "bé",
        "hè",
        "kế",
        "kệ",
        "nghề",
        "bỉ",
        "mĩ",
        "bì",
        "tí",
        "mò",
        "tó",
        "võ",
        "họ",
        "ốc",
        "ồn",
        "rũ",
        "ủ",
        "ú",
        "ù",
        "ã",
        "quả",
        "hà",
        "vân",
        "ánh",
        "a",
        "b",
    ];

    proptest! {
        #[test]
        fn what_is_written_comes_back(words in proptest::collection::vec(proptest::sample::select(WORDS), 1..6)) {
            let text = words.join(" ");
            for (encoding, table) in [(Legacy::Tcvn3, TCVN3), (Legacy::Vni, VNI)] {
                let legacy = written(&text, table).expect("both tables have every small letter");
                prop_assert_eq!(encoding.decode(&legacy), text.clone());
            }
            let decomposed: String = text.nfd().collect();
            prop_assert_eq!(decomposed.nfc().collect::<String>(), text);
        }
    }

    #[test]
    fn what_was_meant_is_found() {
        for (text, encoding, expected) in [
            ("TrÇn V¨n B×nh", "TCVN3", "Trần Văn Bình"),
            ("Lª ThÞ Hång", "TCVN3", "Lê Thị Hồng"),
            ("§Æng Quèc C\u{ad}êng", "TCVN3", "Đặng Quốc Cường"),
            ("Traàn Vaên Bình", "VNI", "Trần Văn Bình"),
            ("Ñaëng Quoác Cöôøng", "VNI", "Đặng Quốc Cường"),
            ("NGUYEÃN THÒ HOÀNG", "VNI", "NGUYỄN THỊ HỒNG"),
            ("Nguyeãn Thò Xí", "VNI", "Nguyễn Thị Xí"),
        ] {
            assert_eq!(meant(text), Some((encoding, expected.to_owned())), "{text}");
        }
    }

    #[test]
    fn every_letter_is_written_and_read_again() {
        let tones = "a à á ả ã ạ ă ằ ắ ẳ ẵ ặ â ầ ấ ẩ ẫ ậ e è é ẻ ẽ ẹ ê ề ế ể ễ ệ i ì í ỉ ĩ ị o ò ó ỏ õ ọ ô ồ ố ổ ỗ ộ ơ ờ ớ ở ỡ ợ u ù ú ủ ũ ụ ư ừ ứ ử ữ ự y ỳ ý ỷ ỹ ỵ đ";
        for letter in tones.split(' ') {
            // What windows-1258 writes is a matter of its own file.
            for (name, encoding) in &Legacy::ALL[..2] {
                let legacy = super::written(letter, name);
                assert_eq!(encoding.decode(&legacy), letter, "{name}: {legacy}");
            }
            let capital = letter.to_uppercase();
            assert_eq!(vni(&super::written(&capital, "VNI")), capital);
        }
    }

    #[test]
    fn a_long_text_is_not_looked_at() {
        assert_eq!(meant(&"Hoµ ".repeat(1_000_000)), None);
    }

    #[test]
    fn names_as_they_are_stay() {
        for name in [
            "Nguyễn Thị Hoà",
            "Hà Vân Ánh",
            "Lý Công Uẩn",
            "Tô Hoài",
            "Trịnh Thị Quỳnh",
            "Y-Moan Êban",
            "K'Brôih Ya",
            "José García",
            "François Müller",
            "Zoë",
            "Bùi Quý Phương",
            "Nghiêm Xuân Khuê",
            "Đoàn Giới",
            "Nông Thị Xuyến",
            "Hà Tĩnh",
        ] {
            assert_eq!(meant(name), None, "{name}");
        }
    }

    #[test]
    fn every_name_of_the_tables_is_a_syllable() {
        for word in "Nguyễn Trần Hoàng Phạm Huỳnh Quách Khương Nghĩa Giang Yên Uyển Oanh Thuý Khuyến Duyệt Ngoạn Quyết Giếng Huơ".split(' ') {
            assert!(is_syllable(&word.to_lowercase()), "{word}");
        }
        for word in ["Franỗois", "Mỹller", "Zoở", "Bbc", "Quỗg"] {
            assert!(!is_syllable(&word.to_lowercase()), "{word}");
        }
    }
}
