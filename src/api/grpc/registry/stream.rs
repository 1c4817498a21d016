//! Changes as messages of a stream: small signed batches are joined, and a batch that is too long for one message comes in several.

use std::sync::Arc;

use futures::{Stream, StreamExt as _, TryStreamExt as _};
use prost::Message as _;

use crate::base::{Result, limits};
use crate::registry::port::{ChangeBatch, Registry};
use crate::wire::proto::registry::v1;
use crate::wire::record;

/// Changes that are read at once; small batches are joined up to it.
pub(super) const STREAM_RECORDS: usize = 512;
/// Bytes of records in one message: clients refuse messages of more than 4 MiB unless they are told otherwise. The longest record and
/// the checkpoint fit into the remaining room.
const STREAM_BYTES_MAX: usize = limits::MESSAGE_BYTES_MAX - limits::PAYLOAD_BYTES_MAX - 128 * 1024;

/// The messages of the changes from a cursor on, about `join` in each, of which `first` was read already; they have no resume tokens yet.
pub(super) fn changes(
    registry: Arc<dyn Registry>,
    cursor: u64,
    join: usize,
    follow: bool,
    first: Option<ChangeBatch>,
) -> impl Stream<Item = Result<v1::StreamChangesResponse>> + Send + use<> {
    let begun = first.is_some() || follow;
    let state = begun.then_some((registry, cursor, first));
    let batches = futures::stream::unfold(state, move |state| async move {
        let (registry, cursor, ready) = state?;
        let next = match ready {
            Some(batch) => Ok(Some(batch)),
            None => next_batch(&registry, cursor, join, follow).await,
        };
        match next {
            Ok(Some(batch)) => {
                let cursor = batch.first_index + batch.records.len() as u64;
                Some((Ok(batch), Some((registry, cursor, None))))
            }
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    });
    let in_messages = |batch: Result<ChangeBatch>| {
        batch.and_then(messages).map(|messages| futures::stream::iter(messages.into_iter().map(Ok)))
    };
    batches.map(in_messages).try_flatten()
}

async fn next_batch(
    registry: &Arc<dyn Registry>,
    cursor: u64,
    join: usize,
    follow: bool,
) -> Result<Option<ChangeBatch>> {
    loop {
        match registry.changes(cursor, join).await? {
            None if follow => registry.wait_beyond(cursor).await?,
            batch => return Ok(batch),
        }
    }
}

/// A batch in as few messages as possible. Only the last has the checkpoint and moves the cursor: a client that resumes before it begins
/// with the batch again.
fn messages(batch: ChangeBatch) -> Result<Vec<v1::StreamChangesResponse>> {
    let part = |first_index| v1::StreamChangesResponse {
        first_index,
        next_cursor: batch.first_index,
        records: Vec::new(),
        checkpoint: String::new(),
        resume_token: String::new(),
    };
    let mut messages = Vec::new();
    let (mut open, mut bytes) = (part(batch.first_index), 0);
    for (index, record) in (batch.first_index..).zip(&batch.records) {
        let record = record::to_message(record)?;
        let length = record.encoded_len() + 8; // with its tag and its length
        if bytes + length > STREAM_BYTES_MAX && !open.records.is_empty() {
            messages.push(std::mem::replace(&mut open, part(index)));
            bytes = 0;
        }
        bytes += length;
        open.records.push(record);
    }
    open.next_cursor = batch.first_index + batch.records.len() as u64;
    open.checkpoint = record::note_text(&batch.checkpoint)?;
    messages.push(open);
    Ok(messages)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::{Disclosure, SignedRecord};

    #[test]
    fn a_long_batch_comes_in_messages_that_every_client_takes() {
        let record = |bytes: usize| SignedRecord {
            statement: vec![1; 200].into(),
            disclosure: Disclosure::Whole { payload: vec![b'a'; bytes].into(), salt: [7; 32] },
            issuer_proof: None,
            ledger_proof: None,
        };
        for (records, bytes, expected) in
            [(0, 1, 1), (3, 100, 1), (4_096, 400, 1), (512, 48 << 10, 7), (4_096, 48 << 10, 51)]
        {
            let batch =
                ChangeBatch { first_index: 40, records: vec![record(bytes); records], checkpoint: "a note".into() };
            let messages = messages(batch).expect("messages");
            assert_eq!(messages.len(), expected, "{records} of {bytes}");
            let mut next = 40;
            for (at, message) in messages.iter().enumerate() {
                assert!(message.encoded_len() <= limits::MESSAGE_BYTES_MAX, "{}", message.encoded_len());
                assert_eq!(message.first_index, next);
                next += message.records.len() as u64;
                let is_last = at + 1 == messages.len();
                let ends = if is_last { (next, "a note") } else { (40, "") };
                assert_eq!((message.next_cursor, &message.checkpoint[..]), ends);
            }
            assert_eq!(next, 40 + records as u64);
        }
    }
}
