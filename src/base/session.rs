//! The id of a session: a world of its own beside the province's, which a call chooses by metadata.

use std::fmt;

use super::id::{from_hex, to_hex};
use super::{Entropy, Result};

/// A session's id: 128 random bits, 32 lower-case hexadecimal digits on the wire. Whoever knows it may enter if the rights let them, so it is
/// not guessed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId([u8; 16]);

impl SessionId {
    /// A fresh id.
    pub fn random(entropy: &dyn Entropy) -> Result<Self> {
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Reads an id.
    pub fn parse(text: &str) -> Option<Self> {
        let id = Self(from_hex(text)?.try_into().ok()?);
        (id.to_string() == text).then_some(id)
    }

    /// The bits.
    pub fn bytes(&self) -> [u8; 16] {
        self.0
    }

    /// The first digits, by which logs and metrics tell sessions apart without letting anybody in.
    pub fn label(&self) -> String {
        to_hex(&self.0[..4])
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({}…)", self.label())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_form() {
        let text = "00112233445566778899aabbccddeeff";
        assert_eq!(SessionId::parse(text).map(|id| id.to_string()).as_deref(), Some(text));
        assert_eq!(SessionId::parse(text).map(|id| id.label()).as_deref(), Some("00112233"));
        for bad in [
            "",
            "0011",
            &text.to_uppercase(),
            &format!("{text}00"),
            "00112233445566778899aabbccddeefg",
            "00112233445566778899aabbccddeeé",
        ] {
            assert_eq!(SessionId::parse(bad), None, "{bad}");
        }
    }
}
