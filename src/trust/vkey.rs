//! Keys as one line of text, with the name that they sign under and what they sign: C2SP signed-note verifier keys ("vkeys"),
//! `<name>+<key id in hexadecimal>+base64(type ‖ key)`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::keys::{Algorithm, PublicKey, Signer};
use super::merkle::Hash;
use super::note::{NoteSignature, is_key_name};
use crate::base::{Error, Result};

/// What a key signs; part of its id, so that a signature of one use is never taken for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyUse {
    /// Notes as they stand: logs. Type 0x01.
    Note,
    /// Cosignatures with a time: witnesses. Type 0x04.
    Cosignature,
}

/// A named Ed25519 key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteKey {
    /// The name in signature lines; for logs, the origin.
    pub name: String,
    /// What it signs.
    pub usage: KeyUse,
    /// The key.
    pub key: PublicKey,
}

/// Text that is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a verifier key: {0}")]
pub struct NoteKeyError(&'static str);

impl NoteKey {
    /// The key of a signer.
    pub fn of(signer: &dyn Signer, usage: KeyUse) -> Result<Self> {
        let key = PublicKey::new(signer.algorithm(), signer.public_key()).map_err(Error::bug)?;
        Ok(Self { name: signer.key_name().to_owned(), usage, key })
    }

    /// Reads the line; the id must be the key's.
    pub fn parse(text: &str) -> Result<Self, NoteKeyError> {
        let mut parts = text.splitn(3, '+');
        let mut part = || parts.next().ok_or(NoteKeyError("a part is missing"));
        let (name, id, encoded) = (part()?, part()?, part()?);
        let bytes = STANDARD.decode(encoded).map_err(|_| NoteKeyError("the key is no base64"))?;
        let (usage, key) = match bytes.split_first() {
            Some((1, key)) => (KeyUse::Note, key),
            Some((4, key)) => (KeyUse::Cosignature, key),
            _ => return Err(NoteKeyError("the type is neither 1, Ed25519, nor 4, Ed25519 cosignatures")),
        };
        if !is_key_name(name) {
            return Err(NoteKeyError("the name cannot stand in a signature line"));
        }
        let key =
            PublicKey::new(Algorithm::Ed25519, key).map_err(|_| NoteKeyError("the key is no good Ed25519 key"))?;
        let key = Self { name: name.to_owned(), usage, key };
        if format!("{:08x}", key.id()) != id {
            return Err(NoteKeyError("the id is not that of name and key"));
        }
        Ok(key)
    }

    /// The id in signature lines.
    pub fn id(&self) -> u32 {
        match self.usage {
            KeyUse::Note => self.key.note_key_id(&self.name),
            KeyUse::Cosignature => {
                let hash: Hash = Sha256::new()
                    .chain_update(&self.name)
                    .chain_update(b"\n\x04")
                    .chain_update(self.key.bytes())
                    .finalize()
                    .into();
                u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])
            }
        }
    }

    /// Whether a line claims to be by this key.
    pub fn claims(&self, line: &NoteSignature<'_>) -> bool {
        line.name == self.name && line.key_id == self.id()
    }
}

impl std::fmt::Display for NoteKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.usage {
            KeyUse::Note => 1,
            KeyUse::Cosignature => 4,
        };
        let bytes = [&[kind], self.key.bytes()].concat();
        write!(f, "{}+{:08x}+{}", self.name, self.id(), STANDARD.encode(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Seed;
    use crate::trust::keys::Ed25519Signer;

    #[test]
    fn keys_read_what_was_written() {
        let known =
            NoteKey::parse("sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8").expect("a key");
        assert_eq!((known.name.as_str(), known.usage, known.id()), ("sum.golang.org", KeyUse::Note, 0x033d_e0ae));
        let signer = Ed25519Signer::from_seed("witness.example/w1", &Seed::root(1));
        for usage in [KeyUse::Note, KeyUse::Cosignature] {
            let key = NoteKey::of(&signer, usage).expect("a key");
            assert_eq!(NoteKey::parse(&key.to_string()), Ok(key.clone()));
            let text = key.to_string();
            for bad in [
                text.replacen('w', "v", 1),
                text.replacen("w1+", "w1+0", 1),
                text.replace('+', " "),
                text[1..].to_owned(),
            ] {
                assert!(NoteKey::parse(&bad).is_err(), "{bad}");
            }
        }
    }
}
