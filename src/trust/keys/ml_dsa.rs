//! ML-DSA-44 (FIPS 204): the algorithm of witnesses whose cosignatures shall outlast quantum computers. It is verified and never signed
//! with here, and only in cosignatures: no record, anchor or token has such a key, so it is not an [`Algorithm`](super::Algorithm).

use ml_dsa::{EncodedVerifyingKey, MlDsa44, Signature, VerifyingKey};

use super::{BadSignature, KeyError};

/// A public key. Every string of 1,312 bytes is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MlDsaKey(Vec<u8>);

impl MlDsaKey {
    /// Takes an encoded key (FIPS 204, algorithm 22).
    pub fn new(bytes: &[u8]) -> Result<Self, KeyError> {
        EncodedVerifyingKey::<MlDsa44>::try_from(bytes).map_err(|_| KeyError::Encoding)?;
        Ok(Self(bytes.to_vec()))
    }

    /// The encoded key.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Verifies a signature of 2,420 bytes with an empty context (FIPS 204, algorithm 3).
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        let key = EncodedVerifyingKey::<MlDsa44>::try_from(&*self.0).map_err(|_| BadSignature)?;
        let signature = Signature::<MlDsa44>::try_from(signature).map_err(|_| BadSignature)?;
        let verifies = VerifyingKey::decode(&key).verify_with_context(message, &[], &signature);
        if verifies { Ok(()) } else { Err(BadSignature) }
    }
}
