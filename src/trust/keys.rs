//! Keys: signing behind a trait, and strict verification.
//!
//! A key record decides the algorithm; a message never does. ring computes; this module refuses what ring or the
//! mathematics would let pass: keys and signature points of small order, encodings that are not the canonical one, and
//! the second signature that anyone can make out of a first (for Ed25519 ring refuses S ≥ L; for ECDSA, S above half
//! the group's order is refused here). Sources: RFC 8032, RFC 8410, RFC 5480, FIPS 186-5, "Taming the many EdDSAs".

use ring::signature::{ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey};
use sha2::{Digest, Sha256};

use super::merkle::Hash;
use crate::base::{Error, Reason, Result};

mod ecdsa;
mod ml_dsa;
pub mod seal;
mod signer;
#[cfg(test)]
mod tests;

pub use ml_dsa::MlDsaKey;
pub use signer::{Ed25519Signer, P256Signer, Successor};

/// A key's id: SHA-256 of its SubjectPublicKeyInfo in DER.
pub type KeyId = Hash;

/// A signature algorithm of records, anchors and tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// Ed25519 (RFC 8032): the default.
    Ed25519,
    /// ECDSA over P-256 with SHA-256, signatures in DER: for hardware modules without Ed25519.
    EcdsaP256,
}

impl Algorithm {
    /// The name in trust anchors.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::EcdsaP256 => "ecdsa-p256-sha256",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Ed25519, Self::EcdsaP256].into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    /// The head of a SubjectPublicKeyInfo, which the raw key follows (RFC 8410; RFC 5480 for P-256).
    fn spki_head(self) -> &'static [u8] {
        match self {
            Self::Ed25519 => b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00",
            Self::EcdsaP256 => {
                b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00"
            }
        }
    }

    /// A raw key as a SubjectPublicKeyInfo in DER; [`PublicKey`] checks whether it is a good one.
    pub fn spki_of(self, raw: &[u8]) -> Vec<u8> {
        [self.spki_head(), raw].concat()
    }

    /// Whether a SubjectPublicKeyInfo begins as this algorithm's do.
    pub fn is_of(self, spki: &[u8]) -> bool {
        spki.starts_with(self.spki_head())
    }

    /// A signer's signature as tokens carry it (RFC 7518 section 3.4): 64 bytes, for P-256 r and s without DER around them.
    pub fn to_fixed(self, signature: Vec<u8>) -> Result<Vec<u8>> {
        match self {
            Self::Ed25519 => Ok(signature),
            Self::EcdsaP256 => {
                let fixed =
                    ecdsa::fixed_from_der(&signature).ok_or_else(|| Error::bug("a signer's DER does not read"))?;
                Ok(fixed.to_vec())
            }
        }
    }

    /// A signature of 64 bytes, as tokens and hardware modules give it, in the form that a signer gives: the counterpart of
    /// [`to_fixed`](Self::to_fixed).
    pub fn from_fixed(self, fixed: &[u8; 64]) -> Vec<u8> {
        match self {
            Self::Ed25519 => fixed.to_vec(),
            Self::EcdsaP256 => ecdsa::der_from_fixed(fixed),
        }
    }

    fn key_length(self) -> usize {
        match self {
            Self::Ed25519 => 32,
            Self::EcdsaP256 => 65,
        }
    }
}

/// A key that may not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Another length, or another encoding than the canonical one.
    #[error("the public key is not in its canonical encoding")]
    Encoding,
    /// A point of small order, with which signatures mean nothing.
    #[error("the public key is a point of small order")]
    SmallOrder,
}

/// A signature that does not verify; deliberately without details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct BadSignature;

/// A public key that passed the checks on its form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    algorithm: Algorithm,
    bytes: Vec<u8>,
}

impl PublicKey {
    /// Takes a raw key: 32 bytes for Ed25519, the uncompressed point (65 bytes) for P-256.
    pub fn new(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, KeyError> {
        if bytes.len() != algorithm.key_length() {
            return Err(KeyError::Encoding);
        }
        match algorithm {
            Algorithm::Ed25519 => {
                if is_small_order(bytes) {
                    return Err(KeyError::SmallOrder);
                }
                if !is_canonical_point(bytes) {
                    return Err(KeyError::Encoding);
                }
            }
            Algorithm::EcdsaP256 if bytes[0] != 4 => return Err(KeyError::Encoding),
            Algorithm::EcdsaP256 => {}
        }
        Ok(Self { algorithm, bytes: bytes.to_vec() })
    }

    /// Takes a SubjectPublicKeyInfo in DER.
    pub fn from_spki(algorithm: Algorithm, spki: &[u8]) -> Result<Self, KeyError> {
        Self::new(algorithm, spki.strip_prefix(algorithm.spki_head()).ok_or(KeyError::Encoding)?)
    }

    /// The SubjectPublicKeyInfo in DER.
    pub fn spki(&self) -> Vec<u8> {
        self.algorithm.spki_of(&self.bytes)
    }

    /// The key's id.
    pub fn id(&self) -> KeyId {
        Sha256::digest(self.spki()).into()
    }

    /// The algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The raw key.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The 32-bit id in a signed note's signature line (C2SP signed-note: types 0x01 and 0x02).
    pub fn note_key_id(&self, name: &str) -> u32 {
        let hash: Hash = match self.algorithm {
            Algorithm::Ed25519 => {
                Sha256::new().chain_update(name).chain_update(b"\n\x01").chain_update(&self.bytes).finalize().into()
            }
            Algorithm::EcdsaP256 => self.id(),
        };
        u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])
    }

    /// Verifies a signature in the form of tokens: 64 bytes. For P-256 either half of the group's order is accepted: tokens are
    /// also signed by wallets, many of which don't choose, and no token's identity hangs on its signature's bytes.
    pub fn verify_fixed(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        match self.algorithm {
            Algorithm::Ed25519 => self.verify(message, signature),
            Algorithm::EcdsaP256 => {
                let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.bytes);
                key.verify(message, signature).map_err(|_| BadSignature)
            }
        }
    }

    /// Verifies a signature over `message`.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        match self.algorithm {
            Algorithm::Ed25519 => {
                // R of small order: never made by an honest signer, and verifiers disagree about it
                if signature.len() != 64 || is_small_order(&signature[..32]) {
                    return Err(BadSignature);
                }
                UnparsedPublicKey::new(&ED25519, &self.bytes).verify(message, signature).map_err(|_| BadSignature)
            }
            Algorithm::EcdsaP256 => {
                let fixed = ecdsa::fixed_from_der(signature).ok_or(BadSignature)?;
                let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.bytes);
                key.verify(message, &fixed).map_err(|_| BadSignature)
            }
        }
    }
}

/// Signs with one key; ring today, a hardware module's adapter tomorrow.
pub trait Signer: Send + Sync {
    /// The name in signature lines; for logs, the origin.
    fn key_name(&self) -> &str;
    /// The key's algorithm.
    fn algorithm(&self) -> Algorithm;
    /// The raw public key, as [`PublicKey::new`] takes it.
    fn public_key(&self) -> &[u8];
    /// Keys that signed under this name before; a log's head may still be theirs.
    fn former_keys(&self) -> &[PublicKey] {
        &[]
    }
    /// Signs a message. May take as long as a hardware module takes; fails when that fails.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>>;
}

/// The same key under another name: that of a log that continues another.
pub struct Renamed {
    /// The name in signature lines.
    pub name: String,
    /// The key.
    pub signer: std::sync::Arc<dyn Signer>,
}

impl Signer for Renamed {
    fn key_name(&self) -> &str {
        &self.name
    }

    fn algorithm(&self) -> Algorithm {
        self.signer.algorithm()
    }

    fn public_key(&self) -> &[u8] {
        self.signer.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        self.signer.sign(message)
    }
}

/// A key that is held elsewhere: others verify with it, and nobody here signs.
pub struct HeldElsewhere {
    /// The name in signature lines.
    pub name: String,
    /// The key.
    pub key: PublicKey,
}

impl Signer for HeldElsewhere {
    fn key_name(&self) -> &str {
        &self.name
    }

    fn algorithm(&self) -> Algorithm {
        self.key.algorithm()
    }

    fn public_key(&self) -> &[u8] {
        self.key.bytes()
    }

    fn sign(&self, _: &[u8]) -> Result<Vec<u8>> {
        let message = format!("the private key of {} is on another host", self.name);
        Err(Error::new(Reason::SignerUnavailable, message))
    }
}

/// Whether an encoded Edwards point has order 8 or less: its y is one of five values, or a second encoding of one.
fn is_small_order(point: &[u8]) -> bool {
    const ORDER_8_A: &[u8; 32] =
        b"\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0\xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05";
    const ORDER_8_B: &[u8; 32] =
        b"\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f\x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\x7a";
    let Ok(mut y) = <[u8; 32]>::try_from(point) else { return false };
    y[31] &= 0x7f;
    let zeros_after_first = y[1..].iter().all(|byte| *byte == 0);
    // p = 2^255 − 19 ends, little-endian, in 0x7f and begins with 0xed
    let near_p = y[31] == 0x7f && y[1..31].iter().all(|byte| *byte == 0xff);
    (zeros_after_first && y[0] <= 1) || (near_p && (0xec..=0xee).contains(&y[0])) || y == *ORDER_8_A || y == *ORDER_8_B
}

/// Whether y is below p.
fn is_canonical_point(point: &[u8]) -> bool {
    let top = point[31] & 0x7f == 0x7f && point[1..31].iter().all(|byte| *byte == 0xff);
    !(top && point[0] >= 0xed)
}
