//! The port by which events leave: composes the body of an event, and posts it to a target.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::event::Event;
use super::secret::SignedHeaders;
use super::target::Target;
use crate::base::Result;

/// How long a target has to answer, from the resolution of its name to the status of its answer.
pub const ANSWERS_WITHIN: Duration = Duration::from_secs(15);

/// Writes and sends events.
#[async_trait]
pub trait Post: Send + Sync + 'static {
    /// The body of an event: a CloudEvent in JSON.
    fn body(&self, event: &Event) -> Result<Bytes>;

    /// Sends a body once, and says how the target answered within the time. `Ok`: it accepted it.
    async fn post(
        &self,
        target: &Target,
        headers: &SignedHeaders,
        body: Bytes,
        within: Duration,
    ) -> std::result::Result<(), Failure>;
}

/// Why an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The target answered with a status that is neither a success nor one of those below, and may have said when to try again.
    Status {
        /// The status.
        status: u16,
        /// How long it asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// It answered with a redirect, which is not followed: it would lead around the list of targets.
    Redirect,
    /// It answered that it is gone for good.
    Gone,
    /// No answer in time.
    Timeout,
    /// The name has no address.
    NameUnknown,
    /// The name leads to no address that may be called.
    AddressRefused,
    /// No connection.
    NotConnected,
    /// No TLS with a certificate of this name.
    TlsFailed,
    /// An answer that is not HTTP, or a connection that ended before one.
    ProtocolError,
}

impl Failure {
    /// How long the target asks to be left alone.
    pub(super) fn retry_after(self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => retry_after,
            _ => None,
        }
    }
}

impl fmt::Display for Failure {
    /// The word by which callers are told.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Status { status, .. } => return write!(f, "HTTP_{status}"),
            Self::Redirect => "REDIRECT",
            Self::Gone => "GONE",
            Self::Timeout => "TIMEOUT",
            Self::NameUnknown => "NAME_UNKNOWN",
            Self::AddressRefused => "ADDRESS_REFUSED",
            Self::NotConnected => "NOT_CONNECTED",
            Self::TlsFailed => "TLS_FAILED",
            Self::ProtocolError => "PROTOCOL_ERROR",
        })
    }
}
