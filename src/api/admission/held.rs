//! What a call holds: a turn while its handler works, and a share of the capacity until its answer is sent.
//!
//! A handler is done long before its client has read the answer, and nothing obliges a client to read. So the share belongs to the answer: to its body
//! (`sending`), and to every part of it that HTTP still keeps for the socket.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::budget::Reservation;
use super::faults::Faults;
use super::holder::Holder;
use super::message::Take;
use super::requests::Cut;
use super::turns::Turn;
use super::under_way::CallSlot;
use crate::api::connection::OwnRoom;
use crate::api::streams::OpenStream;
use crate::base::peer::Network;

/// The resources of an admitted call.
pub(super) struct Held {
    /// Until the handler is done.
    pub(super) turn: Turn,
    /// Until the answer is sent.
    pub(super) share: Arc<Share>,
    /// The fault rules whose turn the call is.
    pub(super) faults: Faults,
    /// Why its stream of answers ends early, if it does.
    pub(super) cut: Cut,
}

/// A call's share of the capacity, until its answer is sent or dropped.
pub(super) struct Share {
    _slot: Option<CallSlot>,
    /// A stream of answers to anyone.
    _stream: Option<OpenStream<Option<Network>>>,
    memory: Mutex<Memory>,
}

impl Share {
    pub(super) fn new(
        slot: Option<CallSlot>,
        stream: Option<OpenStream<Option<Network>>>,
        memory: Memory,
    ) -> Arc<Self> {
        Arc::new(Self { _slot: slot, _stream: stream, memory: Mutex::new(memory) })
    }

    /// Reserves memory for a part of the answer; `false` when the budget is exhausted.
    pub(super) fn take(&self, bytes: usize) -> bool {
        self.memory().take(bytes)
    }

    /// Gives back memory of a part that was sent.
    pub(super) fn give_back(&self, bytes: usize) {
        self.memory().held.shrink(bytes);
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The memory of a call in the budget of its holder.
pub(super) struct Memory {
    holder: Holder,
    held: Reservation<Holder>,
    /// The room of its connection, which comes first and counts in no budget.
    own_room: Option<OwnRoom>,
}

impl Memory {
    pub(super) fn new(holder: Holder, held: Reservation<Holder>, own_room: Option<OwnRoom>) -> Self {
        Self { holder, held, own_room }
    }

    /// More memory of the same holder, which is given back by itself.
    pub(super) fn beside(&self) -> Self {
        Self::new(self.holder.clone(), self.held.beside(), None)
    }
}

impl Take for Memory {
    fn take(&mut self, bytes: usize) -> bool {
        self.own_room.as_mut().is_some_and(|room| room.take(bytes)) || self.held.grow(&self.holder, bytes)
    }
}
