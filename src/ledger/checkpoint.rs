//! A log's own checkpoints: signed with its key, and read back only if that key, or a former one,
//! signed them for this log.

use std::sync::Arc;

use bytes::Bytes;

use crate::base::{Error, Reason, Result};
use crate::trust::Verifier;
use crate::trust::anchor::{KeyRecord, KeyState};
use crate::trust::keys::{PublicKey, Signer};
use crate::trust::merkle::Hash;
use crate::trust::note::{Checkpoint, Note};

/// Signs a state of the log.
pub(super) fn sign(origin: &str, size: u64, root: &Hash, signer: &dyn Signer) -> Result<Bytes> {
    Checkpoint { origin: origin.to_owned(), size, root: *root }.sign(signer)
}

/// Gives the keys whose signature a log's stored head may have: the key in use and former ones, with the name that they sign under.
pub type NoteKeys = Arc<dyn Fn() -> (String, Vec<PublicKey>) + Send + Sync>;

/// The keys of the log with this origin by the trust anchor that a verifier goes by: what a process has that does not sign.
pub fn note_keys_of(verifier: Arc<Verifier>, origin: &str) -> NoteKeys {
    let origin = origin.to_owned();
    Arc::new(move || {
        let anchor = verifier.anchor();
        let keys = anchor.keys().filter(|(of, record)| *of == origin && was_ever_good(record));
        let keys = keys.map(|(_, record)| record.key.clone()).collect();
        (origin.clone(), keys)
    })
}

/// Whether a key signed heads before anybody suspected it.
fn was_ever_good(record: &KeyRecord) -> bool {
    !matches!(record.state, KeyState::Compromised { suspect_from: 0, .. })
}

/// The keys of a signer.
pub(super) fn keys_of(signer: &dyn Signer) -> (String, Vec<PublicKey>) {
    let own = PublicKey::new(signer.algorithm(), signer.public_key()).ok();
    (signer.key_name().to_owned(), own.into_iter().chain(signer.former_keys().iter().cloned()).collect())
}

/// Reads a stored note; the message says why it is refused.
pub(super) fn verify(note: &[u8], origin: &str, (name, keys): &(String, Vec<PublicKey>)) -> Result<Checkpoint> {
    let refused = |why: String| Error::new(Reason::LedgerCorrupt, why);
    let note = Note::parse(note).map_err(|error| refused(error.to_string()))?;
    let signed = keys.iter().find_map(|key| Some((key, note.signatures.iter().find(|line| line.is_by(name, key))?)));
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
