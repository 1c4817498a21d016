//! What a call holds until it is answered: its share of the calls in progress, its turn, its memory, its stream.

use super::budget::Reservation;
use super::faults::Faults;
use super::holder::Holder;
use super::message::Take;
use super::requests::Cut;
use super::turns::Turn;
use super::under_way::CallSlot;
use crate::api::streams::OpenStream;
use crate::base::peer::Network;

/// The resources of a call until it is answered.
pub(super) struct Held {
    pub(super) _under_way: Option<CallSlot>,
    pub(super) _turn: Turn,
    pub(super) _memory: Option<Memory>,
    /// A stream of answers to anyone, which counts as long as it is open.
    pub(super) stream: Option<OpenStream<Option<Network>>>,
    /// The fault rules whose turn the call is.
    pub(super) faults: Faults,
    /// Why its stream of requests was cut, if it is one that was.
    pub(super) cut: Cut,
}

/// The share of a request in the budget.
pub(super) struct Memory {
    pub(super) holder: Holder,
    pub(super) held: Reservation<Holder>,
}

impl Take for Memory {
    fn take(&mut self, bytes: usize) -> bool {
        self.held.grow(&self.holder, bytes)
    }
}
