//! A log's own checkpoints: signed with its key, and accepted from the store only if that key or a former one signed them for this
//! log.

use std::sync::Arc;

use bytes::Bytes;

use crate::base::{Error, Reason, Result};
use crate::trust::Verifier;
use crate::trust::anchor::{KeyRecord, KeyState};
use crate::trust::keys::{PublicKey, Signer};
use crate::trust::merkle::Hash;
use crate::trust::note::{Checkpoint, Note};

/// Signs a head of the log.
pub(super) fn sign(origin: &str, size: u64, root: &Hash, signer: &dyn Signer) -> Result<Bytes> {
    Checkpoint { origin: origin.to_owned(), size, root: *root }.sign(signer)
}

/// Returns the keys that may have signed a log's stored head, the present and former ones, and the name under which they sign.
pub type NoteKeys = Arc<dyn Fn() -> (String, Vec<PublicKey>) + Send + Sync>;

/// The keys that a verifier's trust anchor has for the log with this origin: for processes that do not sign.
pub fn note_keys_of(verifier: Arc<Verifier>, origin: &str) -> NoteKeys {
    let origin = origin.to_owned();
    Arc::new(move || {
        let anchor = verifier.anchor();
        let keys = anchor.keys().filter(|(of, record)| *of == origin && was_ever_good(record));
        let keys = keys.map(|(_, record)| record.key.clone()).collect();
        (origin.clone(), keys)
    })
}

/// Whether a key was ever in use before it was compromised.
fn was_ever_good(record: &KeyRecord) -> bool {
    !matches!(record.state, KeyState::Compromised { suspect_from: 0, .. })
}

/// The key of a signer, and its name.
pub(super) fn keys_of(signer: &dyn Signer) -> (String, Vec<PublicKey>) {
    let own = PublicKey::new(signer.algorithm(), signer.public_key()).ok();
    (signer.key_name().to_owned(), own.into_iter().chain(signer.former_keys().iter().cloned()).collect())
}

/// Verifies a stored note; the error is the explanation.
pub(super) fn verify(note: &[u8], origin: &str, (name, keys): &(String, Vec<PublicKey>)) -> Result<Checkpoint> {
    let refused = |why: String| Error::new(Reason::LedgerCorrupt, why);
    let note = Note::parse(note).map_err(|error| refused(error.to_string()))?;
    let signed = keys.iter().find_map(|key| Some((key, note.signatures.iter().find(|line| line.is_by(name, key))?)));
    let Some((key, line)) = signed else {
        return Err(refused(
            "no key of the log signed it: the world was created with other keys, or the note was changed".into(),
        ));
    };
    key.verify(note.text.as_bytes(), &line.signature).map_err(|error| refused(error.to_string()))?;
    let checkpoint = Checkpoint::parse(note.text).map_err(|error| refused(error.to_string()))?;
    if checkpoint.origin != origin {
        return Err(refused(format!("it belongs to the log {}", checkpoint.origin)));
    }
    Ok(checkpoint)
}
