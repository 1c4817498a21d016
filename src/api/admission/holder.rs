//! Whose memory a request takes: its caller's, or, while nobody knows whether the caller exists, that of the network that it comes from.

use crate::base::Caller;
use crate::base::peer::Network;

/// Whose memory a request takes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Holder {
    /// A caller's.
    Caller(Caller),
    /// A network's; `None` is this machine.
    Stranger(Option<Network>),
}
