//! Entries of the record ledger: one type byte, then the body. The leaf hash covers both.
//!
//! | type | entry | body |
//! |---|---|---|
//! | 1 | statement | the encoded [`Statement`](super::Statement) |
//! | 2 | issuer checkpoint | the signed note that covered the batch |
//! | 3 | key event | canonical JSON |
//! | 4 | status digest | canonical JSON: SHA-256 of a status list |
//! | 5 | equivocation | both encoded statements, each after its length in 32 bits |

use sha2::{Digest, Sha256};

use super::merkle::Hash;

/// The type of an entry of the record ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryType {
    /// A version of a record was accepted.
    Statement,
    /// An issuer's log had this head.
    IssuerCheckpoint,
    /// A key was added, rotated, found compromised or withdrawn.
    KeyEvent,
    /// A status list had this digest.
    StatusDigest,
    /// An issuer signed two statements for one version of one record.
    Equivocation,
}

impl EntryType {
    /// The type byte.
    pub fn code(self) -> u8 {
        match self {
            Self::Statement => 1,
            Self::IssuerCheckpoint => 2,
            Self::KeyEvent => 3,
            Self::StatusDigest => 4,
            Self::Equivocation => 5,
        }
    }

    /// Reads a type byte.
    pub fn from_code(code: u8) -> Option<Self> {
        let all = [Self::Statement, Self::IssuerCheckpoint, Self::KeyEvent, Self::StatusDigest, Self::Equivocation];
        all.into_iter().find(|kind| kind.code() == code)
    }

    /// The entry's bytes.
    pub fn entry(self, body: &[u8]) -> Vec<u8> {
        [&[self.code()], body].concat()
    }

    /// The entry's leaf hash, without making its bytes.
    pub fn leaf(self, body: &[u8]) -> Hash {
        Sha256::new().chain_update([0, self.code()]).chain_update(body).finalize().into()
    }
}

/// Takes an entry apart.
pub fn split_entry(entry: &[u8]) -> Option<(EntryType, &[u8])> {
    let (code, body) = entry.split_first()?;
    Some((EntryType::from_code(*code)?, body))
}

/// The body of an equivocation: two statements.
pub fn equivocation(accepted: &[u8], other: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(accepted.len() + other.len() + 8);
    for statement in [accepted, other] {
        body.extend_from_slice(&(statement.len() as u32).to_be_bytes());
        body.extend_from_slice(statement);
    }
    body
}

/// Takes the body of an equivocation apart.
pub fn split_equivocation(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let take = |bytes: &'_ [u8]| -> Option<(usize, usize)> {
        let (length, rest) = bytes.split_first_chunk()?;
        let length = u32::from_be_bytes(*length) as usize;
        (length <= rest.len()).then_some((4, 4 + length))
    };
    let (from, to) = take(body)?;
    let (one, rest) = (&body[from..to], &body[to..]);
    let (from, to) = take(rest)?;
    (to == rest.len()).then_some((one, &rest[from..to]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::merkle::hash_leaf;

    #[test]
    fn leaf_and_entry_agree() {
        for code in 0..=255 {
            let Some(kind) = EntryType::from_code(code) else {
                assert!(!(1..=5).contains(&code));
                continue;
            };
            assert_eq!(hash_leaf(&kind.entry(b"body")), kind.leaf(b"body"));
            assert_eq!(split_entry(&kind.entry(b"body")), Some((kind, &b"body"[..])));
        }
        let both = equivocation(b"one", b"other");
        assert_eq!(split_equivocation(&both), Some((&b"one"[..], &b"other"[..])));
        for bad in [&both[..both.len() - 1], &both[..5], &[0; 3], &[&both[..], &[0]].concat()] {
            assert_eq!(split_equivocation(bad), None);
        }
        assert_eq!(split_entry(&[]), None);
        assert_eq!(split_entry(&[9, 1]), None);
    }
}
