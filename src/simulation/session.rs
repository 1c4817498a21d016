//! Sessions: worlds of their own beside the province's, each a private overlay over a snapshot. What there is to say of them, and the port by
//! which they are managed.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;

use super::clock::Reading;
use crate::base::{Caller, Error, PersonalId, Reason, RecordId, Result, SessionId, Timestamp};
use crate::registry::port::RegistryRecord;
use crate::trust::Operation;

/// The life of a session that asks for no other.
pub const TTL_DEFAULT: Duration = Duration::from_secs(3_600);
/// The longest life.
pub const TTL_MAX: Duration = Duration::from_secs(24 * 3_600);

/// How a session is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// Names the request, if it may be repeated.
    pub request_id: Option<String>,
    /// What to call it; may be empty.
    pub label: String,
    /// How long it lives.
    pub ttl: Duration,
    /// The session to begin from; `None`: the province.
    pub from: Option<SessionId>,
    /// The seed of its randomness; `None`: the system's.
    pub seed: Option<u64>,
    /// The personas whose faults hold, whether or not they hold where it begins from; `None`: all that hold there.
    pub persona_faults: Option<Vec<PersonalId>>,
    /// Whether calls may ask for faults of their own, by metadata.
    pub metadata_faults: bool,
    /// The id that it is to have, to replay a recording; `None`: a random one.
    pub id: Option<SessionId>,
}

/// What there is to say of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionFacts {
    /// Its id.
    pub id: SessionId,
    /// What it is called.
    pub label: String,
    /// Who created it.
    pub created_by: Caller,
    /// When, by the machine's time.
    pub created_at: Timestamp,
    /// When it ends, by the machine's time, unless its snapshot costs the store too much before.
    pub expires_at: Timestamp,
    /// The session that it began from.
    pub from: Option<SessionId>,
    /// How often it was reset.
    pub resets: u32,
    /// What was written in it, in bytes of memory.
    pub bytes: usize,
    /// How many calls were made in it.
    pub calls: u64,
    /// What its clock shows.
    pub clock: Reading,
}

/// A record version that was issued in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionChange {
    /// The registry.
    pub registry: String,
    /// The record's type.
    pub record_type: String,
    /// Its id.
    pub record_id: RecordId,
    /// Its version.
    pub version: u64,
    /// What the change was.
    pub operation: Operation,
    /// The index of its statement in the registry's log.
    pub log_index: u64,
}

/// The error of a session that is not there.
pub fn unknown() -> Error {
    let message = "there is no such session, or it has ended: SessionService/CreateSession creates one";
    Error::new(Reason::SessionUnknown, message).with_subject("session", "")
}

/// The position in a session's changes: the registry, by its index in the catalogue, and the index in its log.
pub type ChangePosition = (u16, u64);

/// Some of what a session changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionDiff {
    /// The changes.
    pub changes: Vec<SessionChange>,
    /// Where to go on; `None` at the end.
    pub next: Option<ChangePosition>,
    /// How many rows of the store were written or deleted, by the name of their space.
    pub rows: BTreeMap<&'static str, u64>,
}

/// Manages the sessions of a gateway. A session that is not there, or has ended, is
/// [`SessionUnknown`](crate::base::Reason::SessionUnknown).
#[async_trait]
pub trait SessionDesk: Send + Sync + 'static {
    /// Creates a session; says whether an earlier request of this id did.
    async fn create(&self, by: &Caller, new: NewSession) -> Result<(SessionFacts, bool)>;

    /// A session.
    fn get(&self, id: SessionId) -> Result<SessionFacts>;

    /// The sessions in the order of their creation.
    fn list(&self) -> Vec<SessionFacts>;

    /// Takes a session back to its beginning.
    async fn reset(&self, id: SessionId) -> Result<SessionFacts>;

    /// Ends a session, if it is there.
    fn delete(&self, id: SessionId);

    /// At most `limit` of a session's changes since it was reset so many times, from a position on.
    async fn diff(&self, id: SessionId, resets: u32, from: ChangePosition, limit: usize) -> Result<SessionDiff>;

    /// A session, with its trust anchor as a file.
    async fn anchor(&self, id: SessionId) -> Result<(SessionFacts, String)>;

    /// The records that a session issued since it was reset so many times, with their proofs: some from a position on, and where to go on.
    async fn issued(
        &self,
        id: SessionId,
        resets: u32,
        from: ChangePosition,
    ) -> Result<(Vec<RegistryRecord>, Option<ChangePosition>)>;
}
