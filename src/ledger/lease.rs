//! The lease of a log's sequencer: a row that grants the right to append, where several processes may open the store.
//!
//! | key in `Meta` | value |
//! |---|---|
//! | `lease/` ‖ log (1) | term (8) ‖ beat (8) ‖ whether it is held (1) |
//!
//! Each holder has a term of its own, one more than the last. Every batch of a holder requires the row as it knows it, so a batch of
//! a former holder fails, however long it was on its way: safety rests on that condition, not on any clock.
//!
//! Only when another may take over is a matter of time, and of the machine's: a world's clock may be stopped or jump, and a process
//! that died does neither. No two machines' clocks are compared. A candidate for the lease watches the row: the holder renews it three times in
//! [`LEASE`], and a row that did not change for that long, by the watcher's own clock, belongs to a dead process. A clean end gives the
//! lease back at once.
//!
//! A store of one opener has no row: its lock is the lease, and a start writes nothing.

#![allow(
    clippy::disallowed_methods,
    reason = "a lease ends by the machine's time: it is about processes, not about the world"
)]

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::rows::LogId;
use crate::base::time::Instant;
use crate::base::{Error, Reason, Result};
use crate::store::{Batch, Openers, Space, Store};

/// Lifetime of a lease whose row does not change.
pub const LEASE: Duration = Duration::from_secs(30);
/// How often the holder renews the lease.
const BEAT: Duration = Duration::from_secs(10);

/// The decoded row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct LeaseRow {
    term: u64,
    beat: u64,
    is_held: bool,
}

impl LeaseRow {
    fn write(self) -> Bytes {
        let mut row = BytesMut::with_capacity(17);
        row.put_u64(self.term);
        row.put_u64(self.beat);
        row.put_u8(self.is_held.into());
        row.freeze()
    }

    fn read(row: &Bytes) -> Result<Self> {
        let mut rest = row.clone();
        let read = (|| {
            let (term, beat) = (rest.try_get_u64().ok()?, rest.try_get_u64().ok()?);
            Some(Self { term, beat, is_held: rest.try_get_u8().ok()? == 1 })
        })();
        read.ok_or_else(|| Error::new(Reason::StorageCorrupt, "the lease of a log cannot be read"))
    }
}

/// The right to append to a log.
pub(super) enum Lease {
    /// The store has one opener: its lock is the lease.
    Lock,
    /// A row; as the holder last wrote it.
    Held(Held),
    /// Another process has taken the lease.
    Lost,
}

/// A lease that is a row.
pub(super) struct Held {
    store: Arc<dyn Store>,
    key: Vec<u8>,
    row: LeaseRow,
    next_beat: Instant,
}

impl Lease {
    /// Acquires the lease of a log, unless a live process holds it.
    pub(super) async fn take(store: &Arc<dyn Store>, id: LogId, origin: &str) -> Result<Self> {
        if store.openers() == Openers::One {
            return Ok(Self::Lock);
        }
        let key = [&b"lease/"[..], &id.prefix()].concat();
        let mut found = store.get(Space::Meta, &key).await?;
        if let Some(held) = &found
            && LeaseRow::read(held)?.is_held
        {
            found = Some(still(store, &key, held, origin).await?);
        }
        let last = found.as_ref().map(LeaseRow::read).transpose()?;
        let row = LeaseRow { term: last.map_or(1, |last| last.term + 1), beat: 0, is_held: true };
        let batch = Batch::new().require(Space::Meta, key.clone(), found).put(Space::Meta, key.clone(), row.write());
        match store.commit(batch).await {
            Ok(()) => Ok(Self::Held(Held { store: store.clone(), key, row, next_beat: Instant::now() + BEAT })),
            Err(error) if error.reason == Reason::StorageConflict => Err(taken(origin)),
            Err(error) => Err(error),
        }
    }

    /// Makes a batch conditional on the lease.
    pub(super) fn fence(&self, batch: Batch) -> Batch {
        match self {
            Self::Lock | Self::Lost => batch,
            Self::Held(held) => batch.require_value(Space::Meta, held.key.clone(), held.row.write()),
        }
    }

    /// Waits until a renewal is due.
    pub(super) async fn beat_due(&self) {
        match self {
            Self::Lock | Self::Lost => std::future::pending().await,
            Self::Held(held) => tokio::time::sleep_until(held.next_beat).await,
        }
    }

    /// Whether a renewal is due.
    pub(super) fn is_beat_due(&self) -> bool {
        matches!(self, Self::Held(held) if Instant::now() >= held.next_beat)
    }

    /// Renews the lease. Fails with [`StorageConflict`](Reason::StorageConflict) if another process has taken it.
    pub(super) async fn beat(&mut self) -> Result<()> {
        let Self::Held(held) = self else { return Ok(()) };
        // Also after a failure: a store that refuses writes is retried at the next renewal.
        held.next_beat = Instant::now() + BEAT;
        let outcome = held.put(LeaseRow { beat: held.row.beat + 1, ..held.row }).await;
        let Err(error) = outcome else { return Ok(()) };
        if error.reason == Reason::StorageConflict {
            // A renewal whose answer was lost may have been written: the row is then still this holder's.
            match held.stored().await? {
                Some(row) => {
                    held.row = row;
                    return Ok(());
                }
                None => *self = Self::Lost,
            }
        }
        Err(error)
    }

    /// Runs `work`, and renews the lease meanwhile.
    pub(super) async fn beating<T>(&mut self, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = self.beat_due() => {
                    if let Err(error) = self.beat().await {
                        tracing::warn!(%error, "a lease cannot be renewed");
                    }
                }
            }
        }
    }

    /// Whether another process has taken the lease.
    pub(super) async fn is_lost(&self) -> Result<bool> {
        match self {
            Self::Lock => Ok(false),
            Self::Lost => Ok(true),
            Self::Held(held) => Ok(held.stored().await?.is_none()),
        }
    }

    /// Releases the lease. If that fails, it expires.
    pub(super) async fn give_back(self) {
        if let Self::Held(mut held) = self
            && let Err(error) = held.put(LeaseRow { is_held: false, ..held.row }).await
        {
            tracing::debug!(%error, "a lease was not released; it will expire");
        }
    }
}

impl Held {
    /// The stored row, if it is this holder's, which its term tells.
    async fn stored(&self) -> Result<Option<LeaseRow>> {
        let found = self.store.get(Space::Meta, &self.key).await?;
        let row = found.as_ref().map(LeaseRow::read).transpose()?;
        Ok(row.filter(|row| row.term == self.row.term && row.is_held))
    }

    async fn put(&mut self, next: LeaseRow) -> Result<()> {
        let batch = Batch::new().require_value(Space::Meta, self.key.clone(), self.row.write());
        self.store.commit(batch.put(Space::Meta, self.key.clone(), next.write())).await?;
        self.row = next;
        Ok(())
    }
}

/// Waits until a held row has not changed for the lifetime of a lease, or was released; fails if its holder renews it.
async fn still(store: &Arc<dyn Store>, key: &[u8], held: &Bytes, origin: &str) -> Result<Bytes> {
    let mut changes = store.changes(Space::Meta);
    let until = Instant::now() + LEASE;
    loop {
        let found = store.get(Space::Meta, key).await?.ok_or_else(|| taken(origin))?;
        if found != *held {
            return if LeaseRow::read(&found)?.is_held { Err(taken(origin)) } else { Ok(found) };
        }
        tokio::select! {
            biased;
            () = tokio::time::sleep_until(until) => return Ok(found),
            changed = changes.next() => changed?,
        }
    }
}

/// The error of a second sequencer, and of one whose lease was taken.
pub(super) fn taken(origin: &str) -> Error {
    let message = format!("another process appends to the log {origin}, which takes one sequencer at a time");
    Error::new(Reason::StorageConflict, message).with_subject("log", origin)
}
