//! The code of a province: the part of every log's origin that tells one world's logs from another's.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// Hà Tĩnh in the list of agency codes (Decision 20/2020/QĐ-TTg): the province when nothing else is said.
const DEFAULT: &str = "H27";
const CHARS_MAX: usize = 16;

/// A province's code: `H27`. 1 to 16 capital letters and digits, so that it fits into an origin as it stands.
#[derive(Clone, PartialEq, Eq)]
pub struct ProvinceCode(Arc<str>);

impl ProvinceCode {
    /// Reads a code.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
        ((1..=CHARS_MAX).contains(&text.len()) && text.bytes().all(fits)).then(|| Self(text.into()))
    }

    /// The origin of one of the province's logs: `lienthong/H27/records`.
    pub fn origin(&self, log: &str) -> String {
        format!("lienthong/{self}/{log}")
    }
}

impl Default for ProvinceCode {
    fn default() -> Self {
        Self(DEFAULT.into())
    }
}

impl Deref for ProvinceCode {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProvinceCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ProvinceCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_a_part_of_an_origin() {
        assert_eq!(ProvinceCode::default().origin("land"), "lienthong/H27/land");
        assert_eq!(ProvinceCode::parse("H29").map(|code| code.origin("land")).as_deref(), Some("lienthong/H29/land"));
        for bad in ["", "h27", "H 27", "H27/land", "ABCDEFGHIJKLMNOPQ", "Đ1"] {
            assert_eq!(ProvinceCode::parse(bad), None, "{bad}");
        }
    }
}
