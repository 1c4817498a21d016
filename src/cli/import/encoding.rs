//! Texts before Unicode, column by column: which encoding a column is in, and its texts composed.
//!
//! Both encodings look like Latin-1, and no letter proves anything alone; a sample of the column does. A column is converted when nearly all
//! of its accented texts are Vietnamese in one encoding and none is as it stands. A column of mixed texts stays as it is: the registry refuses
//! what is garbled, with the text that was probably meant.

use unicode_normalization::{UnicodeNormalization as _, is_nfc};

use super::cell::Cell;
use crate::base::legacy::{Legacy, meant};

/// Texts that are looked at in a column.
const SAMPLE_MAX: usize = 500;
/// Of a hundred texts, how many must be in the encoding.
const PERCENT_MIN: usize = 90;

/// What the texts of one column look like.
#[derive(Debug, Clone, Default)]
pub(super) struct Looks {
    /// Texts that are not ASCII.
    accented: usize,
    tcvn3: usize,
    vni: usize,
}

/// What a column is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) legacy: Option<Legacy>,
    /// Of a hundred accented texts of the sample, how many are of the encoding: none where only the other columns show it; `None` where it was declared.
    pub(super) percent: Option<usize>,
}

impl Looks {
    pub(super) fn see(&mut self, cell: &Cell) {
        let Cell::Text(text) = cell else { return };
        if text.is_ascii() || self.accented >= SAMPLE_MAX {
            return;
        }
        self.accented += 1;
        match meant(text) {
            Some(("TCVN3", _)) => self.tcvn3 += 1,
            Some(_) => self.vni += 1,
            None => {}
        }
    }

    /// Whether anything in the sample is not ASCII.
    pub(super) fn has_accents(&self) -> bool {
        self.accented > 0
    }

    /// The encoding that the sample shows.
    pub(super) fn reading(&self) -> Reading {
        let (legacy, count) =
            if self.tcvn3 >= self.vni { (Legacy::Tcvn3, self.tcvn3) } else { (Legacy::Vni, self.vni) };
        let percent = count * 100 / self.accented.max(1);
        match percent >= PERCENT_MIN {
            true => Reading { legacy: Some(legacy), percent: Some(percent) },
            false => Reading { legacy: None, percent: (count > 0).then_some(100 - percent) },
        }
    }
}

/// A text of a column, composed. Letters beyond Latin-1 show that a text is Unicode already.
pub(super) fn decoded(text: &str, legacy: Option<Legacy>) -> String {
    match legacy {
        Some(legacy) if !text.is_ascii() && text.chars().all(|c| c <= '\u{ff}') => legacy.decode(text),
        _ if is_nfc(text) => text.to_owned(),
        _ => text.nfc().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(texts: &[&str]) -> Reading {
        let mut looks = Looks::default();
        texts.iter().for_each(|text| looks.see(&Cell::Text((*text).into())));
        looks.reading()
    }

    #[test]
    fn a_column_is_one_encoding_or_stays() {
        let tcvn3 = ["NguyÔn ThÞ Hoµ", "TrÇn V¨n B×nh", "Le Van A"];
        assert_eq!(looks(&tcvn3), Reading { legacy: Some(Legacy::Tcvn3), percent: Some(100) });
        assert_eq!(looks(&["Nguyeãn Thò Hoaø"]), Reading { legacy: Some(Legacy::Vni), percent: Some(100) });
        assert_eq!(looks(&["Nguyễn Thị Hoà", "Trần Văn Bình"]), Reading { legacy: None, percent: None });
        assert_eq!(looks(&["Nguyễn Thị Hoà", "NguyÔn ThÞ Hoµ"]), Reading { legacy: None, percent: Some(50) });
    }

    #[test]
    fn unicode_in_a_legacy_column_stays() {
        assert_eq!(decoded("NguyÔn ThÞ Hoµ", Some(Legacy::Tcvn3)), "Nguyễn Thị Hoà");
        assert_eq!(decoded("Nguyễn Thị Hoà", Some(Legacy::Tcvn3)), "Nguyễn Thị Hoà");
        assert_eq!(decoded("Hoa\u{300}", None), "Hoà");
    }
}
