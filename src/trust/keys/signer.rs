//! Signers over ring.

use std::sync::Arc;

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};

use super::{Algorithm, PublicKey, Signer, ecdsa};
use crate::base::{Error, Reason, Result, Seed};

/// Signs with Ed25519. The same seed gives the same key and the same signatures.
#[derive(Debug)]
pub struct Ed25519Signer {
    name: String,
    pair: Ed25519KeyPair,
}

impl Ed25519Signer {
    /// The key of a node of the seed tree; `name` goes into signature lines.
    pub fn from_seed(name: impl Into<String>, seed: &Seed) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.bytes())
            .unwrap_or_else(|_| unreachable!("any 32 bytes are an Ed25519 seed"));
        Self { name: name.into(), pair }
    }
}

impl Ed25519Signer {
    /// Takes a private key in PKCS #8 (DER); `name` goes into signature lines.
    pub fn from_pkcs8(name: impl Into<String>, pkcs8: &[u8]) -> Result<Self> {
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|error| {
            Error::new(Reason::ConfigurationInvalid, "the private key is not an Ed25519 key in PKCS #8")
                .with_source(error.to_string())
        })?;
        Ok(Self { name: name.into(), pair })
    }

    /// Makes a new private key in PKCS #8 (DER).
    pub fn generate_pkcs8() -> Result<Vec<u8>> {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
        Ok(pkcs8.map_err(|_| Error::bug("no randomness for an Ed25519 key"))?.as_ref().to_vec())
    }
}

impl Signer for Ed25519Signer {
    fn key_name(&self) -> &str {
        &self.name
    }

    fn algorithm(&self) -> Algorithm {
        Algorithm::Ed25519
    }

    fn public_key(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        Ok(self.pair.sign(message).as_ref().to_vec())
    }
}

/// Signs with ECDSA over P-256. Signatures differ from call to call: each takes fresh randomness.
#[derive(Debug)]
pub struct P256Signer {
    name: String,
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

impl P256Signer {
    /// Takes a private key in PKCS #8 (DER); `name` goes into signature lines.
    pub fn from_pkcs8(name: impl Into<String>, pkcs8: &[u8]) -> Result<Self> {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &random).map_err(|error| {
            Error::new(Reason::ConfigurationInvalid, "the private key is not a P-256 key in PKCS #8")
                .with_source(error.to_string())
        })?;
        Ok(Self { name: name.into(), pair, random })
    }

    /// Makes a new private key in PKCS #8 (DER).
    pub fn generate_pkcs8() -> Result<Vec<u8>> {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        Ok(pkcs8.map_err(|_| Error::bug("no randomness for a P-256 key"))?.as_ref().to_vec())
    }
}

impl Signer for P256Signer {
    fn key_name(&self) -> &str {
        &self.name
    }

    fn algorithm(&self) -> Algorithm {
        Algorithm::EcdsaP256
    }

    fn public_key(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let signature = self.pair.sign(&self.random, message).map_err(|_| Error::bug("P-256 did not sign"))?;
        let fixed = signature.as_ref().try_into().map_err(Error::bug)?;
        Ok(ecdsa::der_from_fixed(fixed))
    }
}

/// A log's key in use, and those that it follows.
pub struct Successor {
    signer: Arc<dyn Signer>,
    former: Vec<PublicKey>,
}

impl Successor {
    /// `signer`, after `former`.
    pub fn new(signer: Arc<dyn Signer>, former: Vec<PublicKey>) -> Self {
        Self { signer, former }
    }
}

impl Signer for Successor {
    fn key_name(&self) -> &str {
        self.signer.key_name()
    }

    fn algorithm(&self) -> Algorithm {
        self.signer.algorithm()
    }

    fn public_key(&self) -> &[u8] {
        self.signer.public_key()
    }

    fn former_keys(&self) -> &[PublicKey] {
        &self.former
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        self.signer.sign(message)
    }
}
