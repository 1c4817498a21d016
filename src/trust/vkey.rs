//! Keys as one line of text, with the name that they sign under and what they sign: C2SP signed-note verifier keys ("vkeys"),
//! `<name>+<key id in hexadecimal>+base64(type ‖ key)`.
//!
//! | type | key | signs |
//! |---|---|---|
//! | 01 | Ed25519, 32 bytes | notes, as logs do |
//! | 02 | ECDSA over P-256, a SubjectPublicKeyInfo; its id is that of the key alone | notes, as logs do |
//! | 04 | Ed25519, 32 bytes | cosignatures, as witnesses do |
//! | 06 | ML-DSA-44, 1,312 bytes | cosignatures, as witnesses do |
//!
//! Types 01 to 05 are those of signed-note v1; 06 is that of the draft of tlog-cosignature (C2SP, commit 01194db).
//! Policies are shared with programs that know more types. A reader of such a file takes a [`VerifierKey`], which keeps what nothing
//! can be verified with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::keys::{Algorithm, BadSignature, KeyError, MlDsaKey, PublicKey, Signer};
use super::merkle::Hash;
use super::note::{NoteSignature, is_key_name};
use crate::base::{Error, Result};

/// The use of a key; part of its id, so that a signature of one use is never taken for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyUse {
    /// Notes: logs. Types 0x01 and, for P-256, 0x02.
    Note,
    /// Cosignatures with a time: witnesses. Types 0x04 and, for ML-DSA-44, 0x06.
    Cosignature,
}

/// A named key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteKey {
    /// The name in signature lines; for logs, the origin.
    pub name: String,
    /// What it signs.
    pub usage: KeyUse,
    /// The key.
    pub key: LineKey,
}

/// The key that verifies a signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineKey {
    /// A key as records and anchors have it, too.
    Plain(PublicKey),
    /// A witness's ML-DSA-44 key.
    MlDsa44(MlDsaKey),
}

impl From<PublicKey> for LineKey {
    fn from(key: PublicKey) -> Self {
        Self::Plain(key)
    }
}

/// A key as a policy may name it: also one of a type that this program does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerifierKey {
    /// A key that signatures are verified with.
    Known(NoteKey),
    /// A key of another type, or of another curve: no signature is ever found to be by it.
    Unknown {
        /// The name in signature lines.
        name: String,
        /// The key as it is encoded after its type.
        encoded: Vec<u8>,
    },
}

/// Text that is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a verifier key: {0}")]
pub struct NoteKeyError(&'static str);

impl NoteKey {
    /// The key of a signer. There are no cosignatures by P-256.
    pub fn of(signer: &dyn Signer, usage: KeyUse) -> Result<Self> {
        let key = PublicKey::new(signer.algorithm(), signer.public_key()).map_err(Error::bug)?;
        if usage == KeyUse::Cosignature && key.algorithm() != Algorithm::Ed25519 {
            return Err(Error::bug("only Ed25519 keys cosign"));
        }
        Ok(Self { name: signer.key_name().to_owned(), usage, key: key.into() })
    }

    /// Reads the line; the id must be the key's.
    pub fn parse(text: &str) -> Result<Self, NoteKeyError> {
        match VerifierKey::parse(text)? {
            VerifierKey::Known(key) => Ok(key),
            VerifierKey::Unknown { .. } => Err(NoteKeyError("the key's type is unknown")),
        }
    }

    /// The id in signature lines.
    pub fn id(&self) -> u32 {
        match (self.usage, &self.key) {
            (KeyUse::Note, LineKey::Plain(key)) => key.note_key_id(&self.name),
            _ => {
                let name = Sha256::new().chain_update(&self.name).chain_update([b'\n', self.kind()]);
                let hash: Hash = name.chain_update(self.encoded()).finalize().into();
                u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])
            }
        }
    }

    /// The type.
    fn kind(&self) -> u8 {
        match (self.usage, &self.key) {
            (_, LineKey::MlDsa44(_)) => 6,
            (KeyUse::Cosignature, LineKey::Plain(_)) => 4,
            (KeyUse::Note, LineKey::Plain(key)) => match key.algorithm() {
                Algorithm::Ed25519 => 1,
                Algorithm::EcdsaP256 => 2,
            },
        }
    }

    /// Verifies a signature over what its line signs.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        match &self.key {
            LineKey::Plain(key) => key.verify(message, signature),
            LineKey::MlDsa44(key) => key.verify(message, signature),
        }
    }

    /// Whether a line claims to be by this key.
    pub fn claims(&self, line: &NoteSignature<'_>) -> bool {
        line.name == self.name && line.key_id == self.id()
    }

    /// The key as it is encoded after its type.
    fn encoded(&self) -> Vec<u8> {
        match &self.key {
            LineKey::MlDsa44(key) => key.bytes().to_vec(),
            LineKey::Plain(key) => match key.algorithm() {
                Algorithm::Ed25519 => key.bytes().to_vec(),
                Algorithm::EcdsaP256 => key.spki(),
            },
        }
    }
}

impl VerifierKey {
    /// Reads the line. The id must be the key's; how an unknown type makes its ids is not known, so there it is any.
    pub fn parse(text: &str) -> Result<Self, NoteKeyError> {
        let mut parts = text.splitn(3, '+');
        let mut part = || parts.next().ok_or(NoteKeyError("a part is missing"));
        let (name, id, encoded) = (part()?, part()?, part()?);
        if !is_key_name(name) {
            return Err(NoteKeyError("the name is not valid in a signature line"));
        }
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if id.len() != 8 || !id.bytes().all(is_hex) {
            return Err(NoteKeyError("the id is not eight lower-case hexadecimal digits"));
        }
        let bytes = STANDARD.decode(encoded).map_err(|_| NoteKeyError("the key is not base64"))?;
        let (kind, encoded) = match bytes.split_first() {
            Some((kind, encoded)) if !encoded.is_empty() => (*kind, encoded),
            _ => return Err(NoteKeyError("no key follows the type")),
        };
        let ed25519 = || PublicKey::new(Algorithm::Ed25519, encoded).map(LineKey::Plain);
        let (usage, key): (_, Result<_, KeyError>) = match kind {
            1 => (KeyUse::Note, ed25519()),
            2 if Algorithm::EcdsaP256.is_of(encoded) => {
                (KeyUse::Note, PublicKey::from_spki(Algorithm::EcdsaP256, encoded).map(LineKey::Plain))
            }
            4 => (KeyUse::Cosignature, ed25519()),
            6 => (KeyUse::Cosignature, MlDsaKey::new(encoded).map(LineKey::MlDsa44)),
            _ => return Ok(Self::Unknown { name: name.to_owned(), encoded: encoded.to_vec() }),
        };
        let key = key.map_err(|_| NoteKeyError("the key is not a valid key of its type"))?;
        let key = NoteKey { name: name.to_owned(), usage, key };
        if format!("{:08x}", key.id()) != id {
            return Err(NoteKeyError("the id does not match name and key"));
        }
        Ok(Self::Known(key))
    }

    /// The name in signature lines; for logs, the origin.
    pub fn name(&self) -> &str {
        match self {
            Self::Known(key) => &key.name,
            Self::Unknown { name, .. } => name,
        }
    }

    /// The key, if signatures can be verified with it.
    pub fn known(&self) -> Option<&NoteKey> {
        match self {
            Self::Known(key) => Some(key),
            Self::Unknown { .. } => None,
        }
    }

    /// Whether both wrap the same key, whatever their names, types and uses.
    pub fn is_same_key(&self, other: &Self) -> bool {
        self.encoded() == other.encoded()
    }

    fn encoded(&self) -> Vec<u8> {
        match self {
            Self::Known(key) => key.encoded(),
            Self::Unknown { encoded, .. } => encoded.clone(),
        }
    }
}

impl std::fmt::Display for NoteKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = [&[self.kind()], &self.encoded()[..]].concat();
        write!(f, "{}+{:08x}+{}", self.name, self.id(), STANDARD.encode(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Seed;
    use crate::trust::keys::{Ed25519Signer, P256Signer};

    #[test]
    fn keys_read_what_was_written() {
        let known =
            NoteKey::parse("sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8").expect("a key");
        assert_eq!((known.name.as_str(), known.usage, known.id()), ("sum.golang.org", KeyUse::Note, 0x033d_e0ae));
        let signer = Ed25519Signer::from_seed("witness.example/w1", &Seed::root(1));
        let pkcs8 = P256Signer::generate_pkcs8().expect("a key");
        let p256 = P256Signer::from_pkcs8("witness.example/w1", &pkcs8).expect("a signer");
        let keys = [
            NoteKey::of(&signer, KeyUse::Note),
            NoteKey::of(&p256, KeyUse::Note),
            NoteKey::of(&signer, KeyUse::Cosignature),
        ];
        for (key, kind) in keys.into_iter().zip([1, 2, 4]) {
            let key = key.expect("a key");
            let text = key.to_string();
            let (id, encoded) = text.split_once('+').and_then(|(_, rest)| rest.split_once('+')).expect("three parts");
            assert_eq!(STANDARD.decode(encoded).expect("base64")[0], kind);
            assert_eq!(NoteKey::parse(&text), Ok(key));
            for bad in [text.replacen("w1+", "w1+0", 1), text.replace('+', " "), text.replacen("w1+", "w 1+", 1)] {
                assert!(VerifierKey::parse(&bad).is_err(), "{bad}");
            }
            // One id in forty of the key that is made anew each time has no letter.
            if id.bytes().any(|b| b.is_ascii_lowercase()) {
                assert!(VerifierKey::parse(&text.to_uppercase()).is_err(), "{text}");
            }
            if kind != 2 {
                assert!(NoteKey::parse(&text.replacen('w', "v", 1)).is_err(), "the name is part of the id");
            }
        }
        assert!(NoteKey::of(&p256, KeyUse::Cosignature).is_err());
    }

    #[test]
    fn ml_dsa_keys_cosign_and_have_one_length() {
        let name = "witness.example/pq";
        let key = |length: usize| MlDsaKey::new(&vec![0x5a; length]).map(LineKey::MlDsa44);
        let key = NoteKey { name: name.into(), usage: KeyUse::Cosignature, key: key(1_312).expect("a key") };
        let text = key.to_string();
        assert_eq!(NoteKey::parse(&text), Ok(key));
        let (head, encoded) = text.rsplit_once('+').expect("three parts");
        assert_eq!(STANDARD.decode(encoded).expect("base64")[..2], [6, 0x5a]);
        for length in [1, 32, 1_311, 1_313] {
            let other = format!("{head}+{}", STANDARD.encode([&[6][..], &vec![0x5a; length]].concat()));
            assert!(VerifierKey::parse(&other).is_err(), "{length}");
        }
        assert!(VerifierKey::parse(&text.replacen("/pq", "/other", 1)).is_err(), "the name is part of the id");
    }

    #[test]
    fn keys_of_unknown_types_are_kept_and_never_known() {
        let line = |id: &str, bytes: &[u8]| format!("witness.example/pq+{id}+{}", STANDARD.encode(bytes));
        let own = b"\xffexample.org/post-quantum\x01\x02";
        let p384 =
            [&b"\x02\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22"[..], &[1; 98]]
                .concat();
        for bytes in [&own[..], &p384, b"\xff", b"\0a", b"\x03a", b"\x05a"] {
            let text = line("0123abcd", bytes);
            if bytes.len() == 1 {
                assert!(VerifierKey::parse(&text).is_err(), "a type and no key");
                continue;
            }
            let key = VerifierKey::parse(&text).expect("a key");
            assert!(key.name() == "witness.example/pq" && key.known().is_none(), "{text}");
            assert!(NoteKey::parse(&text).is_err(), "{text}");
            assert!(key.is_same_key(&VerifierKey::parse(&text.replace("/pq", "/other")).expect("a key")));
        }
        for id in ["0123abc", "0123ABCD", "0123abcd0", "0123abcg", ""] {
            assert!(VerifierKey::parse(&line(id, own)).is_err(), "{id}");
        }
        // a key that begins as those of P-256 do is of P-256, or of nothing
        let mut spki = vec![2];
        spki.extend_from_slice(b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00\x02");
        assert!(VerifierKey::parse(&line("0123abcd", &spki)).is_err());
    }
}
