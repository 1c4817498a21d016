//! A log that continues another under an origin and a key of its own, in a copy of the store that the other is in.
//!
//! Its first checkpoint has the size and root of the other's newest head. There are no checkpoints of its own of smaller sizes: what the store
//! has of those was signed under the other origin, and is never handed out.

use bytes::Bytes;

use super::checkpoint;
use super::clock::LogClock;
use super::load::{corrupt, edge};
use super::rows::{self, LogId};
use crate::base::Result;
use crate::store::{Batch, Space, Store};
use crate::trust::Signer;
use crate::trust::anchor::Continued;
use crate::trust::note::Checkpoint;

/// Makes the log `id` of a store, whose origin was `before`, go on under `origin`, with a first checkpoint signed by `signer`. Returns what it
/// continues.
pub async fn continue_log(
    store: &dyn Store,
    id: LogId,
    before: &str,
    origin: &str,
    signer: &dyn Signer,
    clock: &LogClock,
) -> Result<Continued> {
    let key = Bytes::from(id.prefix());
    let row = store.get(Space::LogHead, &key).await?.ok_or_else(|| corrupt(before, "its head is missing"))?;
    let (at, note) = rows::read_note(&row).ok_or_else(|| corrupt(before, "its head cannot be read"))?;
    let head = Checkpoint::of_note(&note).map_err(|error| corrupt(before, error.to_string()))?;
    let tree = edge(0, store, id, before, head.size).await?;
    if head.origin != before || tree.root() != head.root {
        return Err(corrupt(before, "its tiles do not lead to its head"));
    }
    clock.resume(at)?;
    let note = checkpoint::sign(origin, head.size, &head.root, signer)?;
    let own = rows::write_note(clock.next_head()?, &note);
    let batch = Batch::new()
        .require_value(Space::LogHead, key.clone(), row)
        .put(Space::LogHead, key, own.clone())
        .put(Space::LogCheckpoint, id.numbered_key(head.size), own)
        .put(Space::Meta, id.begins_key(), head.size.to_be_bytes().to_vec());
    store.commit(batch).await?;
    Ok(Continued { origin: head.origin, size: head.size, root: head.root })
}
