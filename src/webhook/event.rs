//! What is sent: a change, or a test.

use uuid::Uuid;

use crate::base::Timestamp;
use crate::province::ProvedStatement;

/// An event of a webhook.
#[derive(Debug, Clone)]
pub struct Event {
    /// The same in every attempt, and of no other event; without a full stop, which separates the parts of what is signed.
    pub id: String,
    /// The origin of the world's record ledger, which tells worlds apart.
    pub source: String,
    /// What happened.
    pub content: Content,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Content {
    /// A change was accepted.
    Change(Box<ProvedStatement>),
    /// The agency asked for a test, at this time of the world.
    Test(Timestamp),
}

/// The id of the event of a change.
pub(super) fn change_id(webhook: Uuid, ledger_index: u64) -> String {
    format!("{webhook}_{ledger_index}")
}

/// The id of the event of a test.
pub(super) fn test_id(webhook: Uuid, call: Uuid) -> String {
    format!("{webhook}_test_{call}")
}
