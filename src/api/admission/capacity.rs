//! The capacity of a process for calls in all of its worlds: turns, memory, rates, streams.

use std::sync::Arc;

use super::held::Memory;
use super::holder::Holder;
use super::lanes::{Lane, Lanes};
use super::load::Load;
use super::part::Part;
use super::turns::Turns;
use super::under_way::CallSlot;
use crate::api::connection::CallConnection;
use crate::api::rate::{CallerRate, StrangerRate};
use crate::api::streams::OpenStreams;
use crate::base::peer::Network;
use crate::base::{AgencyId, Caller, Result, limits};

/// The capacity of a process.
pub struct Capacity {
    pub(super) callers: CallerRate,
    pub(super) strangers: StrangerRate,
    pub(super) public: Arc<StrangerRate>,
    pub(super) turns: Arc<Turns>,
    pub(super) public_streams: OpenStreams<Option<Network>>,
    of_callers: Part,
    of_demo_citizens: Part,
    of_strangers: Part,
    /// Pages and files, which anyone may read.
    pub(super) files: Part,
    lanes: Lanes,
}

impl Capacity {
    /// At most `running` calls at once, of these `agencies` and others; `rate_limit` and `stranger_rate_limit` are calls a second of one caller,
    /// and of one address without an accepted credential, with 0 for no limit.
    pub fn new(
        running: usize,
        agencies: impl IntoIterator<Item = AgencyId>,
        rate_limit: u32,
        stranger_rate_limit: u32,
    ) -> Arc<Self> {
        let public = StrangerRate::new(stranger_rate_limit.saturating_mul(limits::PUBLIC_CALLS_FACTOR));
        let lanes = Lanes::new(agencies);
        let as_strangers = || Part::new(&lanes, limits::STRANGERS_BYTES_MAX, limits::STRANGERS_OF_NETWORK_BYTES_MAX);
        Arc::new(Self {
            callers: CallerRate::new(rate_limit),
            strangers: StrangerRate::new(stranger_rate_limit),
            public: Arc::new(public),
            turns: Turns::new(running, &lanes),
            public_streams: OpenStreams::new(limits::PUBLIC_STREAMS_OF_NETWORK_MAX, limits::PUBLIC_STREAMS_MAX),
            of_callers: Part::new(&lanes, limits::CALLS_BYTES_MAX, limits::CALLS_OF_CALLER_BYTES_MAX),
            of_demo_citizens: as_strangers(),
            of_strangers: as_strangers(),
            files: as_strangers(),
            lanes,
        })
    }

    fn part(&self, holder: &Holder) -> &Part {
        match holder {
            Holder::Caller(_) => &self.of_callers,
            Holder::DemoCitizen(_) => &self.of_demo_citizens,
            Holder::Stranger(_) => &self.of_strangers,
        }
    }

    /// The lane in which a call of this holder from this network queues, and its slot. The calls of strangers are bounded by their memory.
    pub(super) fn begin(
        &self,
        holder: &Holder,
        network: Option<Network>,
        is_public: bool,
    ) -> Result<(Lane, Option<CallSlot>)> {
        let slot = |caller: &Caller| self.part(holder).under_way.begin(caller, self.lanes.of_caller(caller)).map(Some);
        Ok(match holder {
            Holder::Caller(caller) => (self.lanes.of_caller(caller), slot(caller)?),
            Holder::DemoCitizen(person) => (self.lanes.of_demo_citizens(network), slot(&Caller::Citizen(*person))?),
            Holder::Stranger(_) if is_public => (self.lanes.of_anyone(network), None),
            Holder::Stranger(_) => (self.lanes.of_made_up(network), None),
        })
    }

    /// Memory for a call of this holder. That of a stranger is first of all the room of its connection, so that a small call on a connection of its own
    /// gets through whatever other strangers hold.
    pub(super) fn memory(&self, holder: Holder, connection: Option<&CallConnection>) -> Memory {
        let part = self.part(&holder);
        Self::memory_of(part, holder, connection)
    }

    /// The same of this part.
    pub(super) fn memory_of(part: &Part, holder: Holder, connection: Option<&CallConnection>) -> Memory {
        let held = part.budget.begin();
        let is_stranger = matches!(holder, Holder::Stranger(_));
        let own_room = connection.filter(|_| is_stranger).and_then(CallConnection::own_room);
        Memory::new(holder, held, own_room)
    }

    /// The rate limit of public data, shared by all ports.
    pub fn public(&self) -> Arc<StrangerRate> {
        self.public.clone()
    }

    /// The load, for metrics: it keeps neither services nor stores alive.
    pub fn load(&self) -> Load {
        let Self { of_callers, of_demo_citizens, of_strangers, files, turns, .. } = self;
        let parts = [of_callers, of_demo_citizens, of_strangers, files].map(Part::clone);
        Load { parts, turns: turns.clone() }
    }
}
