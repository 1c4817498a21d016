//! Errors and variants of spelling by which one person's name or birth date differs between two papers: Mỹ and Mĩ, a dropped Thị, day and month
//! exchanged, one wrong digit. Values that differ in such a way are probably the same, never certainly.

use super::PartialDate;

/// `i` and `y` are exchanged.
pub const NAME_SPELLING: &str = "NAME_SPELLING_DIFFERS";
/// One of the two lacks Thị or Văn.
pub const MIDDLE_NAME: &str = "MIDDLE_NAME_MISSING";
/// Day and month are exchanged.
pub const DAY_AND_MONTH: &str = "DAY_AND_MONTH_SWAPPED";
/// One digit of the birth date is another.
pub const BIRTH_DATE_DIGIT: &str = "BIRTH_DATE_DIGIT_DIFFERS";

/// Words that may be exchanged or left out in one name: longer ones are no names of people here.
const WORDS_MAX: usize = 8;
/// Words of one name whose `i` or `y` is exchanged in all combinations; of more, one at a time.
const EXCHANGED_MAX: usize = 3;

/// `y` as `i`, with its tone.
pub fn with_one_i(key: &str) -> String {
    const PAIRS: [(char, char); 6] = [('y', 'i'), ('ý', 'í'), ('ỳ', 'ì'), ('ỷ', 'ỉ'), ('ỹ', 'ĩ'), ('ỵ', 'ị')];
    key.chars().map(|c| PAIRS.iter().find(|(y, _)| *y == c).map_or(c, |(_, i)| *i)).collect()
}

/// A name without the middle names that say no more than the sex.
pub fn without_middle(key: &str) -> Vec<&str> {
    let words: Vec<&str> = key.split(' ').collect();
    words.iter().enumerate().filter(|(at, _)| !is_filler(&words, *at)).map(|(_, word)| *word).collect()
}

/// Whether a word is Thị or Văn between others, with its marks or without.
fn is_filler(words: &[&str], at: usize) -> bool {
    at > 0 && at + 1 < words.len() && matches!(words[at], "thị" | "văn" | "thi" | "van")
}

/// Whether two texts of one length differ in one character of ASCII.
pub fn differ_by_one(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().zip(other.bytes()).filter(|(a, b)| a != b).count() == 1
}

/// By which slip two days differ, if by one.
///
/// ```
/// use lienthong::base::{PartialDate, near};
/// let date = |text| PartialDate::parse(text).expect("a date");
/// assert_eq!(near::dates(date("1985-03-07"), date("1985-07-03")), Some(near::DAY_AND_MONTH));
/// assert_eq!(near::dates(date("1985-03-07"), date("1985-03-08")), Some(near::BIRTH_DATE_DIGIT));
/// assert_eq!(near::dates(date("1985-03-07"), date("1996-03-08")), None);
/// ```
pub fn dates(one: PartialDate, other: PartialDate) -> Option<&'static str> {
    let (one, other) = one.full().zip(other.full())?;
    let is_swapped = one.year() == other.year() && (one.month(), one.day()) == (other.day(), other.month());
    match () {
        () if one == other => None,
        () if is_swapped => Some(DAY_AND_MONTH),
        () if differ_by_one(&one.to_string(), &other.to_string()) => Some(BIRTH_DATE_DIGIT),
        () => None,
    }
}

/// The other ways to write a folded name, each with what differs: `nguyen my hoa` is also `nguyen mi hoa` and `nguyen thi my hoa`. Never two
/// slips at once; a bounded number, and none of names that are too long for one.
pub fn spellings(folded: &str) -> Vec<(String, &'static str)> {
    let words: Vec<&str> = folded.split(' ').filter(|word| !word.is_empty()).collect();
    if !(1..=WORDS_MAX).contains(&words.len()) {
        return Vec::new();
    }
    let mut found: Vec<(String, &'static str)> = exchanged(&words).into_iter().map(|it| (it, NAME_SPELLING)).collect();
    let plain = without_middle(folded);
    if plain.len() < words.len() {
        found.push((plain.join(" "), MIDDLE_NAME));
    } else {
        for at in 1..words.len() {
            let with = |filler: &str| [&words[..at], &[filler], &words[at..]].concat().join(" ");
            found.extend(["thi", "van"].map(|filler| (with(filler), MIDDLE_NAME)));
        }
    }
    let mut seen = std::collections::BTreeSet::from([folded.to_owned()]);
    found.retain(|(name, _)| seen.insert(name.clone()));
    found
}

/// The name with `i` and `y` exchanged in some of the words that end with one after a consonant.
fn exchanged(words: &[&str]) -> Vec<String> {
    let open: Vec<usize> =
        (0..words.len()).filter(|at| !is_filler(words, *at) && other_i(words[*at]).is_some()).collect();
    let with = |chosen: &dyn Fn(usize) -> bool| {
        let word = |(at, word): (usize, &&str)| {
            let number = open.iter().position(|open| *open == at);
            let other = number.filter(|number| chosen(*number)).and_then(|_| other_i(word));
            other.unwrap_or_else(|| (*word).to_owned())
        };
        words.iter().enumerate().map(word).collect::<Vec<_>>().join(" ")
    };
    match open.len() {
        0..=EXCHANGED_MAX => (1..1_usize << open.len()).map(|set| with(&|number| set >> number & 1 == 1)).collect(),
        many => (0..many).map(|one| with(&|number| number == one)).collect(),
    }
}

/// `mi` of `my`, `qui` of `quy`; none of words in which the two are different sounds: `thuy`, `mai`.
fn other_i(word: &str) -> Option<String> {
    let (onset, last) = word.split_at_checked(word.len().checked_sub(1)?)?;
    let other = match last {
        "i" => "y",
        "y" => "i",
        _ => return None,
    };
    let is_sound = onset == "qu" || !onset.ends_with(['a', 'e', 'i', 'o', 'u', 'y']);
    is_sound.then(|| [onset, other].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_its_other_spellings() {
        let names = |folded: &str| spellings(folded).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(
            names("nguyen thi my hoa"),
            ["nguyen thi mi hoa", "nguyen my hoa"],
            "Thị is left out, and not written with y"
        );
        assert_eq!(names("ly my"), ["li my", "ly mi", "li mi", "ly thi my", "ly van my"]);
        assert!(names("tran quy").contains(&"tran qui".to_owned()));
        assert_eq!(names("le thuy"), ["le thi thuy", "le van thuy"]);
        assert_eq!(names("ha"), Vec::<String>::new());
        assert!(names("").is_empty() && names(&"y ".repeat(40)).is_empty());
        assert!(names("y y y y y y y y").len() <= 30, "bounded");
        let dropped = spellings("nguyen my hoa");
        assert!(dropped.contains(&("nguyen thi my hoa".into(), MIDDLE_NAME)));
        assert!(dropped.contains(&("nguyen mi hoa".into(), NAME_SPELLING)));
    }
}
