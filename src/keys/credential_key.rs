//! The key that signs bearer tokens: random, created at the first start, and kept in the data folder, readable by its owner only.
//!
//! It does not derive from the seed, which many may know: a seed is typed, printed and shared so that others see the same world, and anybody who
//! can mint tokens can act as every agency. To rotate it, end the server, delete the file and start again: all tokens are refused from then on.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::keyring::read_private;
use crate::base::entropy::SystemEntropy;
use crate::base::{Entropy as _, Error, Reason, Result, Seed};
use crate::store::file::{Readers, is_full, write_whole};

const FILE: &str = "credentials.key";
const FORMAT: &str = "lienthong/credential-key/v1";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    format: String,
    /// 32 bytes, base64.
    secret: String,
}

/// Where the key is in a data folder.
pub fn path(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

/// The key of a data folder that is held by this process, a new one if there is none; without a folder, or on a full disk, one that ends
/// with the process. Its randomness is the operating system's, even if that of the world derives from the seed.
pub fn open(folder: Option<&Path>) -> Result<Seed> {
    if let Some(kept) = folder.map(read).transpose()?.flatten() {
        return Ok(kept);
    }
    let mut secret = [0; 32];
    SystemEntropy::default().fill(&mut secret)?;
    if let Some(folder) = folder {
        let kept = Kept { format: FORMAT.into(), secret: STANDARD.encode(secret) };
        let mut json = serde_json::to_vec(&kept).map_err(Error::bug)?;
        json.push(b'\n');
        match write_whole(&path(folder), &json, Readers::Owner) {
            Err(error) if is_full(&error) => {
                let what = "the token key cannot be stored: no token is accepted until a start has room to store one";
                tracing::error!(%error, "{what}");
            }
            written => written?,
        }
    }
    Ok(Seed::from_bytes(secret))
}

/// The key of a data folder; `None` if no server has created one yet.
pub fn read(folder: &Path) -> Result<Option<Seed>> {
    let path = path(folder);
    if !path.exists() {
        return Ok(None);
    }
    let wrong = || {
        let message = format!("{} is not a token key: delete it, and the next start creates another", path.display());
        Error::new(Reason::ConfigurationInvalid, message)
    };
    let kept: Kept = serde_json::from_slice(&read_private(&path)?).map_err(|_| wrong())?;
    let secret = STANDARD.decode(&kept.secret).ok().and_then(|secret| secret.try_into().ok());
    match secret {
        Some(secret) if kept.format == FORMAT => Ok(Some(Seed::from_bytes(secret))),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_kept_until_its_file_is_deleted() {
        let folder = tempfile::tempdir().expect("a folder");
        let opened = |folder| *open(folder).expect("a key").bytes();
        assert!(read(folder.path()).expect("readable").is_none());
        let first = opened(Some(folder.path()));
        assert_eq!(opened(Some(folder.path())), first);
        assert_eq!(*read(folder.path()).expect("readable").expect("kept").bytes(), first);
        std::fs::remove_file(path(folder.path())).expect("deleted");
        assert_ne!(opened(Some(folder.path())), first);
        assert_ne!(opened(None), opened(None), "without a folder each is new");
    }

    #[test]
    fn a_file_that_is_no_key_or_is_not_private_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = path(folder.path());
        for text in ["", "{}", r#"{"format":"lienthong/credential-key/v1","secret":"AAAA"}"#] {
            write_whole(&file, text.as_bytes(), Readers::Owner).expect("written");
            let refused = read(folder.path()).expect_err(text);
            assert!(refused.message.contains("credentials.key"), "{}", refused.message);
        }
        write_whole(&file, b"{}", Readers::All).expect("written");
        if cfg!(unix) {
            assert!(read(folder.path()).expect_err("others read it").message.contains("chmod 600"));
        }
    }
}
