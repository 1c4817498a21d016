//! The code of an organisation, and the parties that records name: people and organisations.

use std::fmt;

use super::error::Result;
use super::id::PersonalId;
use super::violation::Violation;

/// The code of an enterprise, a cooperative or another organisation with a tax code: 10 digits whose last is the check digit, a branch's with
/// `-001` to `-999` behind it (Circular 86/2024/TT-BTC).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrganisationCode {
    digits: [u8; 10],
    /// 0 for the organisation itself.
    branch: u16,
}

impl OrganisationCode {
    /// Parses a code, with or without the hyphen of a branch.
    ///
    /// ```
    /// use lienthong::base::OrganisationCode;
    /// let branch = OrganisationCode::parse("0100233488-001").expect("a branch");
    /// assert_eq!(OrganisationCode::parse("0100233488001"), Some(branch));
    /// assert_eq!(branch.to_string(), "0100233488-001");
    /// assert_eq!(OrganisationCode::parse("0100233489"), None); // the check digit
    /// assert_eq!(OrganisationCode::parse("0100233488-000"), None);
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let (code, rest) = text.as_bytes().split_at_checked(10)?;
        let digits: [u8; 10] = code.try_into().ok()?;
        if check_digit(&digits[..9])? != digits[9] {
            return None;
        }
        let branch = match rest.strip_prefix(b"-").unwrap_or(rest) {
            b"" if rest.is_empty() => 0,
            branch if branch.len() == 3 && branch.iter().all(u8::is_ascii_digit) && branch != b"000" => {
                branch.iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0'))
            }
            _ => return None,
        };
        Some(Self { digits, branch })
    }

    /// Parses a request's field.
    pub fn from_field(field: &str, text: &str) -> Result<Self, Violation> {
        if text.is_empty() {
            return Err(Violation::new(field, "REQUIRED", "an organisation code is required"));
        }
        let says = "an organisation code has 10 digits with check digit, a branch's adds -001 to -999";
        Self::parse(text).ok_or_else(|| Violation::new(field, "FORMAT", says))
    }
}

impl fmt::Display for OrganisationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.digits).unwrap_or_default())?;
        if self.branch > 0 {
            write!(f, "-{:03}", self.branch)?;
        }
        Ok(())
    }
}

impl fmt::Debug for OrganisationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The check digit of a code's first nine digits, as an ASCII digit; `None` where there is none.
pub fn check_digit(nine: &[u8]) -> Option<u8> {
    const WEIGHTS: [u32; 9] = [31, 29, 23, 19, 17, 13, 7, 5, 3];
    if nine.len() != 9 || !nine.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let sum: u32 = nine.iter().zip(WEIGHTS).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    u8::try_from(10_u32.checked_sub(sum % 11)?).ok().filter(|digit| *digit < 10).map(|digit| b'0' + digit)
}

/// A person or an organisation, as a record or a request names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Party {
    /// By personal ID.
    Person(PersonalId),
    /// By organisation code.
    Organisation(OrganisationCode),
}

impl From<PersonalId> for Party {
    fn from(person: PersonalId) -> Self {
        Self::Person(person)
    }
}

impl From<OrganisationCode> for Party {
    fn from(code: OrganisationCode) -> Self {
        Self::Organisation(code)
    }
}
