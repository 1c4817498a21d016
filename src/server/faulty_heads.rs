//! The heads that logs show while a fault rule says so: an older one, or one of another tree.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::base::Result;
use crate::ledger::{Head, Log};
use crate::simulation::faults::{Forge, Rules, StateAction};
use crate::transparency::logs::HeadView;
use crate::trust::merkle::hash_leaf;
use crate::trust::note::Checkpoint;

/// The heads of one log.
pub(super) struct FaultyHeads {
    log: String,
    rules: Arc<Rules>,
    forge: Forge,
}

impl FaultyHeads {
    /// The heads of `log`, whose signature is `forge`'s.
    pub(super) fn new(log: &Log, rules: Arc<Rules>, forge: Forge) -> Self {
        Self { log: log.origin().rsplit('/').next().unwrap_or_default().to_owned(), rules, forge }
    }
}

#[async_trait]
impl HeadView for FaultyHeads {
    async fn shown(&self, log: &Log, head: Arc<Head>) -> Result<(u64, Bytes)> {
        let is_of_heads = |action| matches!(action, StateAction::OldCheckpoint | StateAction::EquivocatingLog);
        let note = match self.rules.state(&self.log, is_of_heads).and_then(|rule| rule.state_action()) {
            Some(StateAction::OldCheckpoint) => log.checkpoint_before(head.size).await?,
            Some(StateAction::EquivocatingLog) => {
                // No tree has this root. Anyone who asks for the entries behind it notices, and so does anyone who saw the other head.
                let other =
                    Checkpoint { origin: log.origin().to_owned(), size: head.size, root: hash_leaf(&head.root) };
                Some((self.forge)(&other)?)
            }
            _ => None,
        };
        let Some(note) = note else { return Ok((head.size, head.note.clone())) };
        let size = Checkpoint::of_note(&note).map_err(crate::base::Error::bug)?.size;
        Ok((size, note))
    }
}
