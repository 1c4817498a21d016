//! A witness's private key as a file: one line, `PRIVATE+KEY+<name>+<key id>+base64(04 ‖ 32 bytes)`, for its owner alone.

use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::base::{Entropy, Error, Reason, Result, Seed};
use crate::trust::note::is_key_name;
use crate::trust::{Ed25519Signer, KeyUse, NoteKey};

const HEAD: &str = "PRIVATE+KEY+";

fn refused(path: &Path, why: impl std::fmt::Display) -> Error {
    Error::new(Reason::ConfigurationInvalid, format!("the key file {}: {why}", path.display()))
}

/// Makes a new key under a name, in a file that must not be there yet.
pub fn create(path: &Path, name: &str, entropy: &dyn Entropy) -> Result<Ed25519Signer> {
    if !is_key_name(name) {
        return Err(refused(path, "the name must have no white space and no `+`"));
    }
    let mut secret = [0; 32];
    entropy.fill(&mut secret)?;
    let signer = Ed25519Signer::from_seed(name, &Seed::from_bytes(secret));
    let id = NoteKey::of(&signer, KeyUse::Cosignature)?.id();
    let text = format!("{HEAD}{name}+{id:08x}+{}\n", STANDARD.encode([&[4][..], &secret].concat()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|error| refused(path, error))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|error| refused(path, error))?;
    Ok(signer)
}

/// Reads a key; refuses a file that others may read.
pub fn read(path: &Path) -> Result<Ed25519Signer> {
    let file = std::fs::File::open(path).map_err(|error| refused(path, error))?;
    #[cfg(unix)]
    {
        let metadata = file.metadata().map_err(|error| refused(path, error))?;
        if std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077 != 0 {
            return Err(refused(path, "others may read it; chmod 600 it, or better make a new one"));
        }
    }
    let mut text = String::new();
    file.take(4_096).read_to_string(&mut text).map_err(|error| refused(path, error))?;
    let parse = || {
        let (name, rest) = text.strip_suffix('\n').unwrap_or(&text).strip_prefix(HEAD)?.split_once('+')?;
        let (id, encoded) = rest.split_once('+')?;
        let bytes = STANDARD.decode(encoded).ok()?;
        let secret: [u8; 32] = bytes.strip_prefix(&[4])?.try_into().ok()?;
        let signer = Ed25519Signer::from_seed(name, &Seed::from_bytes(secret));
        let key = NoteKey::of(&signer, KeyUse::Cosignature).ok()?;
        (is_key_name(name) && format!("{:08x}", key.id()) == id).then_some(signer)
    };
    parse().ok_or_else(|| refused(path, "it holds no private key of a witness"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::SystemEntropy;
    use crate::trust::Signer as _;

    #[test]
    fn keys_are_made_once_and_for_their_owner() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("w1.key");
        let made = create(&path, "witness.example/w1", &SystemEntropy::default()).expect("makes");
        let read_back = read(&path).expect("reads");
        assert_eq!((made.key_name(), made.public_key()), (read_back.key_name(), read_back.public_key()));
        assert!(create(&path, "witness.example/w1", &SystemEntropy::default()).is_err(), "never replaced");
        assert!(create(&folder.path().join("w2.key"), "two words", &SystemEntropy::default()).is_err());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("sets");
            assert!(read(&path).is_err());
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("sets");
        }
        let text = std::fs::read_to_string(&path).expect("reads").replace("w1+", "w3+");
        std::fs::write(&path, text).expect("writes");
        assert!(read(&path).is_err(), "the id is of name and key");
    }
}
