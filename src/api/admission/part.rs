//! A part of the capacity: the memory and the call slots of one kind of callers, which no other kind can use up.

use std::sync::Arc;

use super::budget::Budget;
use super::holder::Holder;
use super::lanes::Lanes;
use super::under_way::UnderWay;

/// A part of the capacity.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) budget: Arc<Budget<Holder>>,
    pub(super) under_way: Arc<UnderWay>,
}

impl Part {
    /// The bytes of memory of all calls, and of those of each caller.
    pub(super) fn new(lanes: &Lanes, total_max: usize, each_max: usize) -> Self {
        Self { budget: Budget::new(total_max, each_max), under_way: UnderWay::new(lanes) }
    }
}
