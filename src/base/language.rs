//! The languages of messages for people, and the choice among them.

/// The language of an error's message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// The default.
    #[default]
    English,
    /// Asked for with `accept-language: vi`.
    Vietnamese,
}

impl Language {
    /// Reads an `accept-language` value (RFC 9110, section 12.5.4): Vietnamese when it has a greater weight than English, or
    /// the same and comes before it. `*` weighs whichever of the two is not named.
    pub fn from_header(value: &str) -> Self {
        let (mut vietnamese, mut english, mut any) = (None, None, 0);
        for (at, range) in value.split(',').take(RANGES_MAX).enumerate() {
            let (tag, weight) = range.split_once(';').map_or((range, Some(1_000)), |(tag, q)| (tag, weight(q)));
            let (tag, Some(weight)) = (tag.trim(), weight) else { continue };
            // Of two equal weights the one that comes first wins.
            let rank = weight * RANGES_MAX + (RANGES_MAX - at) * usize::from(weight > 0);
            match tag.split('-').next().unwrap_or_default() {
                primary if primary.eq_ignore_ascii_case("vi") => vietnamese = vietnamese.max(Some(rank)),
                primary if primary.eq_ignore_ascii_case("en") => english = english.max(Some(rank)),
                "*" => any = rank,
                _ => {}
            }
        }
        if vietnamese.unwrap_or(any) > english.unwrap_or(any) { Self::Vietnamese } else { Self::English }
    }
}

/// Most language ranges of a header that are read.
const RANGES_MAX: usize = 32;

/// A weight in thousandths: `q=0.8` is 800 (RFC 9110, section 12.4.2); `None` when it is no weight.
fn weight(parameter: &str) -> Option<usize> {
    let (name, value) = parameter.split_once('=')?;
    let (whole, part) = value.trim().split_once('.').unwrap_or((value.trim(), ""));
    let digits = part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit());
    if !name.trim().eq_ignore_ascii_case("q") || !digits {
        return None;
    }
    match (whole, format!("{part:0<3}").parse().ok()?) {
        ("0", thousandths) => Some(thousandths),
        ("1", 0) => Some(1_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_chosen_by_weight_and_then_by_order() {
        let vietnamese = [
            "vi",
            "VI-vn",
            "vi-VN, en;q=0.8",
            "en;q=0.5, vi;q=0.9",
            "en;q=0.5,vi-VN",
            "fr, vi;q=0.1",
            "vi, en",
            "vi;q=0.8, en ; q=0.800",
            "en;q=0, *",
            "en;q=0.2, *;q=0.3",
            "en;q=0.001, vi;q=0.002",
        ];
        let english = [
            "",
            "fr",
            "*",
            "en-GB, vi",
            "en, vi;q=0.9",
            "vi;q=0.5, en;q=0.9",
            "vi;q=0",
            "vi;q=0, *",
            "vi;q=0.1, *;q=0.5",
            "vi;q=2",
            "vi;q=x",
            "vi;level=1",
            "vie",
        ];
        for (headers, expected) in [(&vietnamese[..], Language::Vietnamese), (&english, Language::English)] {
            headers.iter().for_each(|header| assert_eq!(Language::from_header(header), expected, "{header}"));
        }
    }
}
