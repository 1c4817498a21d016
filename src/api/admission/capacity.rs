//! The capacity of a process for calls in all of its worlds: turns, memory, rates, streams.

use std::sync::Arc;

use super::budget::Budget;
use super::holder::Holder;
use super::lanes::Lanes;
use super::load::Load;
use super::turns::Turns;
use super::under_way::UnderWay;
use crate::api::rate::{CallerRate, StrangerRate};
use crate::api::streams::OpenStreams;
use crate::base::peer::Network;
use crate::base::{AgencyId, limits};

/// The capacity of a process.
pub struct Capacity {
    pub(super) callers: CallerRate,
    pub(super) strangers: StrangerRate,
    pub(super) public: Arc<StrangerRate>,
    pub(super) budget: Arc<Budget<Holder>>,
    pub(super) strangers_budget: Arc<Budget<Holder>>,
    pub(super) lanes: Lanes,
    pub(super) under_way: Arc<UnderWay>,
    pub(super) turns: Arc<Turns>,
    pub(super) public_streams: OpenStreams<Option<Network>>,
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
        Arc::new(Self {
            callers: CallerRate::new(rate_limit),
            strangers: StrangerRate::new(stranger_rate_limit),
            public: Arc::new(public),
            budget: Budget::new(limits::REQUESTS_BYTES_MAX, limits::REQUESTS_OF_CALLER_BYTES_MAX),
            strangers_budget: Budget::new(limits::STRANGERS_BYTES_MAX, limits::STRANGERS_OF_NETWORK_BYTES_MAX),
            under_way: UnderWay::new(&lanes),
            turns: Turns::new(running, &lanes),
            lanes,
            public_streams: OpenStreams::new(limits::PUBLIC_STREAMS_OF_NETWORK_MAX, limits::PUBLIC_STREAMS_MAX),
        })
    }

    /// The rate limit of public data, shared by all ports.
    pub fn public(&self) -> Arc<StrangerRate> {
        self.public.clone()
    }

    /// The load, for metrics: it keeps neither services nor stores alive.
    pub fn load(&self) -> Load {
        let Self { under_way, turns, budget, .. } = self;
        Load { under_way: under_way.clone(), turns: turns.clone(), budget: budget.clone() }
    }
}
