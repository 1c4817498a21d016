//! UTF-8 read as if it were Latin-1 or windows-1252: `Nguyá»…n Thá»‹ HoÃ\u{a0}` for `Nguyễn Thị Hoà`.
//!
//! Sequences of such characters that are valid UTF-8 stand in no text by chance, so that two of them, or one that is a letter of Vietnamese, prove
//! it. A non-breaking space, the second half of `à`, is often lost on the way: where one sequence proves the rest, it is put back.

/// What windows-1252 has in the places of Latin-1's control characters, from 0x80 on; `\0` for nothing.
const WINDOWS_1252: &str = "€\0‚ƒ„…†‡ˆ‰Š‹Œ\0Ž\0\0‘’“”•–—˜™š›œ\0žŸ";
/// Longer texts are not looked at.
const TEXT_BYTES_MAX: usize = 4_096;
/// The first byte of `à` and its neighbours.
const BEGINS_A_GRAVE: u8 = 0xc3;
/// Its second byte, which is a non-breaking space when it is read alone.
const LOST_SPACE: u8 = 0xa0;

/// The text that was meant, if this one is UTF-8 that was read as Latin-1 or windows-1252.
///
/// ```
/// use lienthong::base::misread::meant;
/// assert_eq!(meant("Nguyá»…n Thá»‹ HoÃ\u{a0}").as_deref(), Some("Nguyễn Thị Hoà"));
/// assert_eq!(meant("PhÆ°á»\u{9d}ng ThÃ nh Sen").as_deref(), Some("Phường Thành Sen"));
/// assert_eq!(meant("Lã Thị Hoà"), None);
/// assert_eq!(meant("São Paulo"), None);
/// ```
pub fn meant(text: &str) -> Option<String> {
    if text.is_ascii() || text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let bytes: Vec<u8> = text.chars().map(byte).collect::<Option<_>>()?;
    let mut written = Vec::with_capacity(bytes.len());
    let mut sequences = 0;
    let mut rest = bytes.as_slice();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        written.push(*first);
        let continued = match first {
            0x00..=0x7f => continue,
            0xc3..=0xdf => 1,
            0xe0..=0xef => 2,
            _ => return None,
        };
        let is_whole = rest.len() >= continued && rest[..continued].iter().all(|byte| matches!(byte, 0x80..=0xbf));
        if is_whole {
            sequences += 1;
            let (sequence, behind) = rest.split_at(continued);
            written.extend(sequence);
            rest = behind;
        } else if *first == BEGINS_A_GRAVE {
            // A blank in its place is the lost half; where a word goes on behind it, the blank between words was lost.
            written.push(LOST_SPACE);
            if rest.first() == Some(&b' ') && rest.get(1).is_some_and(u8::is_ascii_lowercase) {
                rest = &rest[1..];
            }
        } else {
            return None;
        }
    }
    let meant = String::from_utf8(written).ok()?;
    let is_vietnamese = |c: char| matches!(c, 'À'..='ỹ') && c.is_alphabetic();
    let is_proved = sequences > 1 || (sequences == 1 && meant.chars().any(is_vietnamese));
    (is_proved && meant.chars().all(|c| c.is_ascii() || c > '\u{9f}')).then_some(meant)
}

/// The byte that was read as this character.
fn byte(c: char) -> Option<u8> {
    match u8::try_from(u32::from(c)) {
        Ok(byte) => Some(byte),
        Err(_) => (0x80..).zip(WINDOWS_1252.chars()).find(|(_, known)| *known == c).map(|(byte, _)| byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// UTF-8 as a program shows it that takes each byte for a character of windows-1252.
    fn misread(text: &str) -> String {
        let shown = |byte: u8| match WINDOWS_1252.chars().nth(usize::from(byte).wrapping_sub(0x80)) {
            Some(known) if known != '\0' => known,
            _ => char::from(byte),
        };
        text.bytes().map(shown).collect()
    }

    #[test]
    fn what_was_read_wrongly_is_read_back() {
        for text in
            ["Nguyễn Thị Hoà", "Phường Thành Sen, tỉnh Hà Tĩnh", "Công ty TNHH Đất Việt", "số 12/QĐ-UBND", "Trần"]
        {
            assert_eq!(meant(&misread(text)).as_deref(), Some(text), "{text}");
            let latin_1: String = text.bytes().map(char::from).collect();
            assert_eq!(meant(&latin_1).as_deref(), Some(text), "{text}");
        }
        // the non-breaking space became a blank, or was cut off
        assert_eq!(meant("Thá»‹ HoÃ").as_deref(), Some("Thị Hoà"));
        assert_eq!(meant("Tá»‰nh HÃ TÄ©nh").as_deref(), Some("Tỉnh Hà TÄ©nh".replace("TÄ©", "Tĩ").as_str()));
    }

    #[test]
    fn what_stands_stands() {
        for text in [
            "Nguyễn Thị Hoà",
            "Hà Vân",
            "LÃ HOA",
            "LÃ",
            "MAÇÃ",
            "São Paulo",
            "François Müller",
            "Nestlé",
            "25 °C",
            "«Hoà»",
            "Citroën",
            "m²",
            "",
        ] {
            assert_eq!(meant(text), None, "{text}");
        }
    }
}
