//! A log's own checkpoints: signed with its key, and read back only if that key, or a former one,
//! signed them for this log.

use bytes::Bytes;

use crate::base::{Error, Reason, Result};
use crate::trust::keys::{PublicKey, Signer};
use crate::trust::merkle::Hash;
use crate::trust::note::{Checkpoint, Note};

/// Signs a state of the log.
pub(super) fn sign(origin: &str, size: u64, root: &Hash, signer: &dyn Signer) -> Result<Bytes> {
    Checkpoint { origin: origin.to_owned(), size, root: *root }.sign(signer)
}

/// Reads a stored note; the message says why it is refused.
pub(super) fn verify(note: &[u8], origin: &str, signer: &dyn Signer) -> Result<Checkpoint> {
    let refused = |why: String| Error::new(Reason::LedgerCorrupt, why);
    let note = Note::parse(note).map_err(|error| refused(error.to_string()))?;
    let key = PublicKey::new(signer.algorithm(), signer.public_key()).map_err(Error::bug)?;
    let keys = || std::iter::once(&key).chain(signer.former_keys());
    let signed =
        keys().find_map(|key| Some((key, note.signatures.iter().find(|line| line.is_by(signer.key_name(), key))?)));
    let Some((key, line)) = signed else {
        return Err(refused(
            "it is not signed by the log's key: the world was begun with other keys, or somebody changed it".into(),
        ));
    };
    key.verify(note.text.as_bytes(), &line.signature).map_err(|error| refused(error.to_string()))?;
    let checkpoint = Checkpoint::parse(note.text).map_err(|error| refused(error.to_string()))?;
    if checkpoint.origin != origin {
        return Err(refused(format!("it is of the log {}", checkpoint.origin)));
    }
    Ok(checkpoint)
}
