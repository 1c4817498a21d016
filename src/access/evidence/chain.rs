//! The end of each subject's chain, and its rows in the store.
//!
//! `EvidenceSubject`: subject (32 bytes) ‖ sequence (8, big-endian) → ledger index (8) ‖ leaf hash (32).
//! `EvidenceTrace`: request id (16 bytes) → ledger index (8) ‖ the exchange's trace, whose form is its own.

use bytes::{Buf, BufMut, Bytes};
use futures::future::try_join_all;

use crate::base::{Error, Reason, RequestId, Result};
use crate::store::{Scan, Space, Store};
use crate::trust::Hash;

use super::Subject;

/// The last entry about a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) sequence: u64,
    pub(super) leaf: Hash,
}

/// The key of a link's row.
pub(super) fn link_key(subject: &Subject, sequence: u64) -> Vec<u8> {
    let mut key = Vec::with_capacity(40);
    key.put_slice(subject);
    key.put_u64(sequence);
    key
}

/// A link's row.
pub(super) fn link_row(index: u64, leaf: &Hash) -> Vec<u8> {
    let mut row = Vec::with_capacity(40);
    row.put_u64(index);
    row.put_slice(leaf);
    row
}

/// Sequence, ledger index and leaf of a row.
pub(super) fn read_link(key: &[u8], row: &Bytes) -> Result<(u64, u64, Hash)> {
    let corrupt = || Error::new(Reason::StorageCorrupt, "a row of the access log cannot be read");
    let sequence = key.get(32..).and_then(|tail| tail.try_into().ok()).map(u64::from_be_bytes);
    let mut rest = row.clone();
    let index = rest.try_get_u64().map_err(|_| corrupt())?;
    let leaf = rest.as_ref().try_into().map_err(|_| corrupt())?;
    Ok((sequence.ok_or_else(corrupt)?, index, leaf))
}

/// The last stored link of each subject's chain, in order. Most subjects have no chain, which a look-up of the first link shows;
/// finding a last link takes a scan.
pub(super) async fn last_links(store: &dyn Store, subjects: &[Subject]) -> Result<Vec<Option<Link>>> {
    let firsts: Vec<Vec<u8>> = subjects.iter().map(|subject| link_key(subject, 1)).collect();
    let firsts = store.get_many(Space::EvidenceSubject, &firsts).await?;
    let links = subjects.iter().zip(firsts).map(|(subject, first)| async move {
        match first {
            Some(_) => last_link(store, subject).await,
            None => Ok(None),
        }
    });
    try_join_all(links).await
}

async fn last_link(store: &dyn Store, subject: &Subject) -> Result<Option<Link>> {
    let rows = store.scan(Scan::prefix(Space::EvidenceSubject, subject).reverse().limit(1)).await?;
    let Some((key, row)) = rows.first() else { return Ok(None) };
    let (sequence, _, leaf) = read_link(key, row)?;
    Ok(Some(Link { sequence, leaf }))
}

/// The key of a trace's row.
pub(super) fn trace_key(request: RequestId) -> Vec<u8> {
    request.0.as_bytes().to_vec()
}

/// A trace's row.
pub(super) fn trace_row(index: u64, trace: &[u8]) -> Vec<u8> {
    let mut row = Vec::with_capacity(8 + trace.len());
    row.put_u64(index);
    row.put_slice(trace);
    row
}

/// Ledger index and trace of a row.
pub(super) fn read_trace(mut row: Bytes) -> Result<(u64, Bytes)> {
    let index = row
        .try_get_u64()
        .map_err(|_| Error::new(Reason::StorageCorrupt, "the decision log of a call cannot be read"))?;
    Ok((index, row))
}
