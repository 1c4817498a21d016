//! The party that a request's memory is counted for: its caller, or, while the caller is not authenticated, the network that it comes from.

use crate::base::Caller;
use crate::base::peer::Network;

/// The party that a request's memory is counted for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Holder {
    /// A caller's.
    Caller(Caller),
    /// A network's; `None` is this machine.
    Stranger(Option<Network>),
}
