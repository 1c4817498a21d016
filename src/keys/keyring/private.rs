//! The location of the private half of a key: sealed in its file, or in a token that the file names.
//!
//! The file of a token's key is JSON, `lienthong/token-key/v1`: whose key it is, its public half, the token's label and the
//! key's `CKA_ID` there. It is not secret; a file that was changed leads to another key, whose signatures are refused.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::sealed::{SealedKey, invalid, read_private};
use super::token::Token;
use super::unlock::Unlock;
use crate::base::id::{from_hex, to_hex};
use crate::base::{Error, Result};
use crate::trust::{Algorithm, PublicKey, Signer};

const TOKEN_KEY: &str = "lienthong/token-key/v1";

/// A private key, by where it is.
#[derive(Debug, Clone)]
pub enum PrivateKey {
    /// In its file, encrypted.
    Sealed(SealedKey),
    /// In a token.
    InToken(TokenKey),
}

/// Where a token's key is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenKey {
    format: String,
    /// What it signs: a log's origin, or `root`.
    name: String,
    id: String,
    algorithm: String,
    public_key: String,
    /// The token's label.
    pub token: String,
    object_id: String,
}

impl PrivateKey {
    /// Makes a key: in the token if there is one, else in a file.
    pub fn generate(name: &str, algorithm: Algorithm, unlock: &Unlock) -> Result<(Self, Arc<dyn Signer>)> {
        if let Some(token) = &unlock.token {
            let made = token.generate(name, algorithm)?;
            let place = TokenKey {
                format: TOKEN_KEY.into(),
                name: name.into(),
                id: to_hex(&made.key.id()),
                algorithm: algorithm.as_str().into(),
                public_key: STANDARD.encode(made.key.spki()),
                token: token.label().into(),
                object_id: to_hex(&made.object_id),
            };
            let signer = token.signer(name, &made.key, &made.object_id)?;
            return Ok((Self::InToken(place), Arc::new(signer)));
        }
        let secret = unlock.secret.as_ref().ok_or_else(|| invalid("a key in a file needs a passphrase"))?;
        let (sealed, signer) = SealedKey::generate(name, algorithm, secret)?;
        Ok((Self::Sealed(sealed), signer))
    }

    /// Reads a key's file.
    pub fn read(path: &Path) -> Result<Self> {
        #[derive(Deserialize)]
        struct Format {
            format: String,
        }
        let bytes = read_private(path)?;
        let wrong = |error: serde_json::Error| invalid(format!("{} is not a key: {error}", path.display()));
        let found: Format = serde_json::from_slice(&bytes).map_err(wrong)?;
        if found.format != TOKEN_KEY {
            return Ok(Self::Sealed(SealedKey::read(path)?));
        }
        let key: TokenKey = serde_json::from_slice(&bytes).map_err(wrong)?;
        let key = Self::InToken(key);
        key.public()?;
        Ok(key)
    }

    /// The file's bytes.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        match self {
            Self::Sealed(sealed) => sealed.to_json(),
            Self::InToken(key) => {
                let mut json = serde_json::to_vec_pretty(key).map_err(Error::bug)?;
                json.push(b'\n');
                Ok(json)
            }
        }
    }

    /// What it signs: a log's origin, or `root`.
    pub fn name(&self) -> &str {
        match self {
            Self::Sealed(sealed) => &sealed.name,
            Self::InToken(key) => &key.name,
        }
    }

    /// The public half.
    pub fn public(&self) -> Result<PublicKey> {
        match self {
            Self::Sealed(sealed) => sealed.public(),
            Self::InToken(key) => key.public(),
        }
    }

    /// Whether the secret that opens it is available; it may still be wrong.
    pub fn can_open(&self, unlock: &Unlock) -> bool {
        match self {
            Self::Sealed(_) => unlock.secret.is_some(),
            Self::InToken(key) => unlock.token.as_ref().is_some_and(|token| token.label() == key.token),
        }
    }

    /// Opens it.
    pub fn open(&self, unlock: &Unlock) -> Result<Arc<dyn Signer>> {
        match self {
            Self::Sealed(sealed) => {
                let secret = unlock.secret.as_ref().ok_or_else(|| {
                    invalid(format!("the private key of {} is encrypted: its passphrase is needed", sealed.name))
                })?;
                sealed.open(secret)
            }
            Self::InToken(key) => {
                Ok(Arc::new(key.token(unlock)?.signer(&key.name, &key.public()?, &key.object_id()?)?))
            }
        }
    }

    /// Destroys the part outside its file.
    pub fn destroy(&self, unlock: &Unlock) -> Result<()> {
        match self {
            Self::Sealed(_) => Ok(()),
            Self::InToken(key) => key.token(unlock)?.destroy(&key.object_id()?),
        }
    }
}

impl TokenKey {
    fn public(&self) -> Result<PublicKey> {
        let wrong = || self.unreadable("its public half");
        let algorithm = Algorithm::parse(&self.algorithm).ok_or_else(wrong)?;
        let spki = STANDARD.decode(&self.public_key).map_err(|_| wrong())?;
        let key = PublicKey::from_spki(algorithm, &spki).map_err(|_| wrong())?;
        if to_hex(&key.id()) == self.id { Ok(key) } else { Err(wrong()) }
    }

    /// The token that has it.
    fn token<'a>(&self, unlock: &'a Unlock) -> Result<&'a Arc<Token>> {
        let open = unlock.token.as_ref().filter(|token| token.label() == self.token);
        open.ok_or_else(|| {
            invalid(format!("the private key of {} is in token {}, which is not open", self.name, self.token))
        })
    }

    fn object_id(&self) -> Result<Vec<u8>> {
        from_hex(&self.object_id).ok_or_else(|| self.unreadable("its object ID in the token"))
    }

    fn unreadable(&self, what: &str) -> Error {
        invalid(format!("key {}: {what} cannot be read", self.id))
    }
}
