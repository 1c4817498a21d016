//! The party that a call's memory is counted for.

use crate::base::peer::Network;
use crate::base::{Caller, PersonalId};

/// The party that a call's memory is counted for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Holder {
    /// A caller with a credential that nobody can make up.
    Caller(Caller),
    /// A citizen whom the province knows, with a demo credential. Anybody can write one, so these citizens share a part of their own: a client that poses
    /// as many of them takes nothing from other callers.
    DemoCitizen(PersonalId),
    /// A network, whose callers nobody knows; `None` is this machine.
    Stranger(Option<Network>),
}
