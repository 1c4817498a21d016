//! The load of admission, for metrics.

use std::sync::Arc;

use super::part::Part;
use super::turns::Turns;

/// The load of admission.
#[derive(Debug, Clone)]
pub struct Load {
    pub(super) parts: [Part; 4],
    pub(super) turns: Arc<Turns>,
}

impl Load {
    /// Calls of callers that are admitted, and whose answers are not sent yet.
    pub fn calls(&self) -> usize {
        self.parts.iter().map(|part| part.under_way.count()).sum()
    }

    /// Those of them that wait for their turn.
    pub fn waiting(&self) -> usize {
        self.turns.waiting()
    }

    /// Memory that calls hold, requests and unsent answers together, and unsent pages and files, in bytes.
    pub fn bytes(&self) -> usize {
        self.parts.iter().map(|part| part.budget.taken()).sum()
    }
}
