//! The load of admission, for metrics.

use std::sync::Arc;

use super::budget::Budget;
use super::holder::Holder;
use super::turns::Turns;
use super::under_way::UnderWay;

/// The load of admission.
#[derive(Debug, Clone)]
pub struct Load {
    pub(super) under_way: Arc<UnderWay>,
    pub(super) turns: Arc<Turns>,
    pub(super) budget: Arc<Budget<Holder>>,
}

impl Load {
    /// Calls that are admitted and not answered yet.
    pub fn calls(&self) -> usize {
        self.under_way.count()
    }

    /// Those of them that wait for their turn.
    pub fn waiting(&self) -> usize {
        self.turns.waiting()
    }

    /// Memory that their requests hold, in bytes.
    pub fn bytes(&self) -> usize {
        self.budget.taken()
    }
}
