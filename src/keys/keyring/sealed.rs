//! A private key at rest: PKCS #8, encrypted.
//!
//! The file is JSON, `lienthong/sealed-key/v1`: whose key it is, its public half, and the private half under
//! ChaCha20-Poly1305 (ring). The cipher's key is Argon2id over the secret, which is a passphrase or the contents of a key
//! file, with a salt of its own for each key (RFC 9106's second recommendation costs 64 MiB; these are OWASP's 19 MiB and two
//! passes, since a folder holds a dozen keys). The public half is authenticated with the private one.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::base::entropy::SystemEntropy;
use crate::base::id::to_hex;
use crate::base::{Entropy as _, Error, Reason, Result};
use crate::trust::keys::seal;
use crate::trust::{Algorithm, Ed25519Signer, P256Signer, PublicKey, Signer};

const FORMAT: &str = "lienthong/sealed-key/v1";
const FILE_BYTES_MAX: u64 = 16_384;
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
/// Files may ask for higher costs than ours, but not for so much that reading them exhausts the machine.
const MEMORY_KIB_MAX: u32 = 1 << 20;
const PASSES_MAX: u32 = 64;

/// The secret that opens private keys. Never displayed.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// A passphrase, or a key file's contents.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self> {
        let bytes = bytes.into();
        if bytes.len() < 8 {
            return Err(invalid("a passphrase or key file has at least 8 bytes"));
        }
        Ok(Self(bytes))
    }

    /// Reads a key file, or a file that holds a passphrase: one line's end at its end does not count. Only its owner may be
    /// able to read it.
    pub fn read(path: &Path) -> Result<Self> {
        Self::new(read_secret(path)?)
    }
}

/// A key with its private half encrypted.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedKey {
    format: String,
    /// What it signs: a log's origin, or `root`.
    pub name: String,
    id: String,
    algorithm: String,
    public_key: String,
    kdf: Kdf,
    cipher: String,
    nonce: String,
    ciphertext: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kdf {
    name: String,
    memory_kib: u32,
    passes: u32,
    salt: String,
}

impl SealedKey {
    /// Makes a new key and seals it.
    pub fn generate(name: &str, algorithm: Algorithm, secret: &Secret) -> Result<(Self, Arc<dyn Signer>)> {
        let pkcs8 = match algorithm {
            Algorithm::Ed25519 => Ed25519Signer::generate_pkcs8()?,
            Algorithm::EcdsaP256 => P256Signer::generate_pkcs8()?,
        };
        let signer = signer_of(name, algorithm, &pkcs8)?;
        let public = PublicKey::new(algorithm, signer.public_key()).map_err(Error::bug)?;
        let (mut salt, mut nonce) = ([0; 16], [0; 12]);
        let random = SystemEntropy::default();
        random.fill(&mut salt)?;
        random.fill(&mut nonce)?;
        let mut sealed = Self {
            format: FORMAT.into(),
            name: name.into(),
            id: to_hex(&public.id()),
            algorithm: algorithm.as_str().into(),
            public_key: STANDARD.encode(public.spki()),
            kdf: Kdf { name: "argon2id".into(), memory_kib: MEMORY_KIB, passes: PASSES, salt: STANDARD.encode(salt) },
            cipher: "chacha20-poly1305".into(),
            nonce: STANDARD.encode(nonce),
            ciphertext: String::new(),
        };
        let key = sealed.cipher_key(secret)?;
        let bytes = seal::seal(&key, nonce, &sealed.authenticated(), pkcs8);
        sealed.ciphertext = STANDARD.encode(bytes.map_err(|_| Error::bug("a key cannot be sealed"))?);
        Ok((sealed, signer))
    }

    /// Reads a file; refuses one that others than its owner can read.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = read_private(path)?;
        let wrong = |why: String| invalid(format!("{} is not a sealed key: {why}", path.display()));
        let sealed: Self = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        if sealed.format != FORMAT || sealed.cipher != "chacha20-poly1305" || sealed.kdf.name != "argon2id" {
            return Err(wrong(format!("it is not {FORMAT} with argon2id and chacha20-poly1305")));
        }
        sealed.public()?;
        Ok(sealed)
    }

    /// The file's bytes.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        let mut json = serde_json::to_vec_pretty(self).map_err(Error::bug)?;
        json.push(b'\n');
        Ok(json)
    }

    /// The public half.
    pub fn public(&self) -> Result<PublicKey> {
        let wrong = || invalid(format!("key {}: its public half cannot be read", self.id));
        let algorithm = Algorithm::parse(&self.algorithm).ok_or_else(wrong)?;
        let spki = STANDARD.decode(&self.public_key).map_err(|_| wrong())?;
        let key = PublicKey::from_spki(algorithm, &spki).map_err(|_| wrong())?;
        if to_hex(&key.id()) == self.id { Ok(key) } else { Err(wrong()) }
    }

    /// Opens the private half.
    pub fn open(&self, secret: &Secret) -> Result<Arc<dyn Signer>> {
        let public = self.public()?;
        let closed = || invalid(format!("key {} does not open: another passphrase, or the file is damaged", self.id));
        let nonce = STANDARD.decode(&self.nonce).ok().and_then(|nonce| nonce.try_into().ok()).ok_or_else(closed)?;
        let bytes = STANDARD.decode(&self.ciphertext).map_err(|_| closed())?;
        let key = self.cipher_key(secret)?;
        let pkcs8 = seal::open(&key, nonce, &self.authenticated(), bytes).map_err(|_| closed())?;
        let signer = signer_of(&self.name, public.algorithm(), &pkcs8)?;
        if signer.public_key() == public.bytes() { Ok(signer) } else { Err(closed()) }
    }

    fn authenticated(&self) -> Vec<u8> {
        [FORMAT, &self.name, &self.algorithm, &self.public_key].join("\n").into_bytes()
    }

    fn cipher_key(&self, secret: &Secret) -> Result<[u8; 32]> {
        let wrong = || invalid(format!("key {}: its key derivation is out of bounds", self.id));
        let Kdf { memory_kib, passes, ref salt, .. } = self.kdf;
        if memory_kib > MEMORY_KIB_MAX || passes > PASSES_MAX {
            return Err(wrong());
        }
        let salt = STANDARD.decode(salt).map_err(|_| wrong())?;
        let params = argon2::Params::new(memory_kib, passes, 1, Some(32)).map_err(|_| wrong())?;
        let argon = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
        let mut key = [0; 32];
        argon.hash_password_into(&secret.0, &salt, &mut key).map_err(|_| wrong())?;
        Ok(key)
    }
}

fn signer_of(name: &str, algorithm: Algorithm, pkcs8: &[u8]) -> Result<Arc<dyn Signer>> {
    Ok(match algorithm {
        Algorithm::Ed25519 => Arc::new(Ed25519Signer::from_pkcs8(name, pkcs8)?),
        Algorithm::EcdsaP256 => Arc::new(P256Signer::from_pkcs8(name, pkcs8)?),
    })
}

/// Reads a file that holds a secret, without one line's end at its end.
pub(super) fn read_secret(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = read_private(path)?;
    if bytes.ends_with(b"\n") {
        bytes.pop();
    }
    if bytes.ends_with(b"\r") {
        bytes.pop();
    }
    Ok(bytes)
}

/// Reads a file that only its owner may be able to read.
pub(in crate::keys) fn read_private(path: &Path) -> Result<Vec<u8>> {
    let unreadable = |error: std::io::Error| invalid(format!("{} cannot be read: {error}", path.display()));
    let found = std::fs::metadata(path).map_err(unreadable)?;
    if found.len() > FILE_BYTES_MAX {
        return Err(invalid(format!("{} is too long for a secret", path.display())));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = found.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            let name = path.display();
            return Err(invalid(format!(
                "{name} holds a secret, but others can read it (mode {mode:03o}): chmod 600 {name}"
            )));
        }
    }
    std::fs::read(path).map_err(unreadable)
}

pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::new(Reason::ConfigurationInvalid, message.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::file::{Readers, write_whole};

    #[test]
    fn a_key_opens_with_its_secret_alone() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("key.json");
        let secret = Secret::new("correct horse").expect("long enough");
        for algorithm in [Algorithm::Ed25519, Algorithm::EcdsaP256] {
            let (sealed, signer) = SealedKey::generate("lienthong/H27/land", algorithm, &secret).expect("made");
            write_whole(&path, &sealed.to_json().expect("JSON"), Readers::Owner).expect("written");
            let read = SealedKey::read(&path).expect("read");
            let opened = read.open(&secret).expect("opened");
            assert_eq!((opened.public_key(), opened.key_name()), (signer.public_key(), "lienthong/H27/land"));
            let signature = opened.sign(b"x").expect("signs");
            assert!(read.public().expect("a key").verify(b"x", &signature).is_ok());
            read.open(&Secret::new("another horse").expect("long enough")).err().expect("another passphrase");
            let moved = SealedKey { name: "lienthong/H27/vehicle".into(), ..read };
            moved.open(&secret).err().expect("another name");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("passphrase");
        std::fs::write(&path, "correct horse\n").expect("written");
        for mode in [0o644, 0o640, 0o604] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("set");
            let refused = Secret::read(&path).expect_err("refused");
            assert!(refused.message.contains("chmod 600"), "{}", refused.message);
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("set");
        assert_eq!(Secret::read(&path).expect("read").0, b"correct horse");
        Secret::new("short").expect_err("too short");
    }
}
