//! Texts before Unicode, column by column: which encoding a column is in, and its texts composed.
//!
//! These encodings look like Latin-1, and no letter proves anything alone; a sample of the column does. A column is converted when nearly all of its
//! texts that do not read as Vietnamese are Vietnamese in one encoding; in a Unicode file those that do stand stay as they are. Where less
//! is sure, the registry refuses what is garbled, with the text that was probably meant.

use unicode_normalization::{UnicodeNormalization as _, is_nfc};

use super::cell::Cell;
use crate::base::legacy::{Evidence, Legacy, evidence};

/// Texts that are looked at in a column.
const SAMPLE_MAX: usize = 500;
/// Of a hundred texts, how many must be in the encoding.
const PERCENT_MIN: usize = 90;

/// Counts of the texts of one column, by encoding.
#[derive(Debug, Clone, Default)]
pub(super) struct Looks {
    /// Texts that are not ASCII.
    accented: usize,
    /// Those of them that are Vietnamese without conversion.
    standing: usize,
    /// Those that are Vietnamese in each encoding of before, in the order of [`Legacy::ALL`].
    legacy: [usize; Legacy::ALL.len()],
}

/// The encoding of a column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) legacy: Option<Legacy>,
    /// Of a hundred texts of the sample that do not read as Vietnamese, how many are of the encoding; `None` where it was declared, or there
    /// are none.
    pub(super) percent: Option<usize>,
    /// Whether the other columns of the file decided.
    pub(super) is_like_others: bool,
    /// Whether texts that are Vietnamese without conversion stay so: in a file of Unicode.
    pub(super) keeps_standing: bool,
}

impl Reading {
    /// A declared encoding, from the mapping or the command line.
    pub(super) fn declared(legacy: Option<Legacy>) -> Self {
        Self { legacy, ..Self::default() }
    }

    /// A text of the column in Unicode, composed.
    pub(super) fn decoded(&self, text: &str) -> String {
        match self.legacy {
            Some(_) if self.keeps_standing && evidence(text) == Evidence::Stands => composed(text),
            legacy => decoded(text, legacy),
        }
    }
}

impl Looks {
    pub(super) fn see(&mut self, cell: &Cell) {
        let Cell::Text(text) = cell else { return };
        if text.is_ascii() || self.accented >= SAMPLE_MAX {
            return;
        }
        self.accented += 1;
        match evidence(text) {
            Evidence::Stands => self.standing += 1,
            Evidence::Of(encodings) => {
                for (count, (_, legacy)) in self.legacy.iter_mut().zip(Legacy::ALL) {
                    *count += usize::from(encodings.contains(&legacy));
                }
            }
        }
    }

    /// Whether anything in the sample is not ASCII.
    pub(super) fn has_accents(&self) -> bool {
        self.accented > 0
    }

    /// The encoding that the sample shows, of a file of Unicode or of one byte per character.
    pub(super) fn reading(&self, is_single: bool) -> Reading {
        // Of encodings that fit as many, the first one.
        let counted = self.legacy.iter().zip(Legacy::ALL).rev().max_by_key(|(count, _)| **count);
        let (count, legacy) = counted.map_or((0, Legacy::Tcvn3), |(count, (_, legacy))| (*count, legacy));
        let garbled = self.accented - self.standing;
        let percent = (garbled > 0 && count > 0).then(|| count * 100 / garbled);
        let is_sure = percent.is_some_and(|percent| percent >= PERCENT_MIN);
        Reading { legacy: is_sure.then_some(legacy), percent, keeps_standing: !is_single, is_like_others: false }
    }
}

fn composed(text: &str) -> String {
    if is_nfc(text) { text.to_owned() } else { text.nfc().collect() }
}

/// A text in an encoding, composed. Letters beyond Latin-1 show that a text is Unicode already.
pub(super) fn decoded(text: &str, legacy: Option<Legacy>) -> String {
    match legacy {
        Some(legacy) if !text.is_ascii() && text.chars().all(|c| c <= '\u{ff}') => legacy.decode(text),
        _ => composed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(texts: &[&str]) -> (Option<Legacy>, Option<usize>) {
        let mut looks = Looks::default();
        texts.iter().for_each(|text| looks.see(&Cell::Text((*text).into())));
        let Reading { legacy, percent, .. } = looks.reading(false);
        (legacy, percent)
    }

    #[test]
    fn a_column_is_one_encoding_or_stays() {
        let (tcvn3, vni) = (Some(Legacy::Tcvn3), Some(Legacy::Vni));
        for (texts, expected) in [
            (&["NguyÔn ThÞ Hoµ", "TrÇn V¨n B×nh", "Le Van A"][..], (tcvn3, Some(100))),
            (&["Nguyeãn Thò Hoaø"], (vni, Some(100))),
            (&["Nguyê\u{de}n Thi\u{f2} Hoà", "Trâ\u{cc}n V\u{e3}n Bi\u{cc}nh"], (Some(Legacy::Windows1258), Some(100))),
            (&["Coâng ty TNHH Thaønh Ñaït", "Coâng ty CP XD 36 Haø Tónh", "Traàn Vaên Bình"], (vni, Some(100))),
            (&["C«ng ty TNHH 1TV §¹i Thµnh", "UBND x· Th¹ch H¹", "Vò Hïng"], (tcvn3, Some(100))),
            (&["Nguyễn Thị Hoà", "Trần Văn Bình"], (None, None)),
            // Half of it was mended by hand.
            (&["Nguyễn Thị Hoà", "NguyÔn ThÞ Hoµ"], (tcvn3, Some(100))),
            (&["Loïc Martin", "François Müller", "Nguyễn Thị Hoà"], (None, None)),
            (&["NguyÔn ThÞ Hoµ", "Loïc Martin"], (None, Some(50))),
        ] {
            assert_eq!(looks(texts), expected, "{texts:?}");
        }
    }

    #[test]
    fn unicode_in_a_legacy_column_stays() {
        assert_eq!(decoded("NguyÔn ThÞ Hoµ", Some(Legacy::Tcvn3)), "Nguyễn Thị Hoà");
        assert_eq!(decoded("Nguyễn Thị Hoà", Some(Legacy::Tcvn3)), "Nguyễn Thị Hoà");
        assert_eq!(decoded("Hoa\u{300}", None), "Hoà");
        let reading = |keeps_standing| Reading { legacy: Some(Legacy::Tcvn3), keeps_standing, ..Reading::default() };
        assert_eq!(reading(true).decoded("Hà Vân"), "Hà Vân");
        assert_eq!(reading(false).decoded("TrÇn Hoµ"), "Trần Hoà");
        assert_eq!(reading(true).decoded("TrÇn Hoµ"), "Trần Hoà");
    }
}
