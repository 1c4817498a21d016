//! The names that a client gives its call: an id of its own, and the call's span in a distributed trace.
//!
//! They accompany the server's own id and never replace it: clients repeat theirs, on purpose (a retry) or not, and evidence must lead to one
//! call. What comes from outside is taken only in a known shape, of bounded length, without anything that could be a personal ID: it
//! is logged, and kept in the evidence ledger for good.

use std::fmt;
use std::sync::Arc;

use super::RequestId;
use super::id::{from_hex, holds_personal_id, to_hex};

/// The names that a client gave its call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientIds {
    /// Its own id for the call.
    pub request_id: Option<ClientRequestId>,
    /// The trace that the call belongs to.
    pub trace: Option<TraceParent>,
    /// For whom a gateway asks a registry's host: an agency's key, or `citizen`.
    pub on_behalf_of: Option<ClientRequestId>,
}

impl ClientIds {
    /// The client's id as text.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_ref().map(ClientRequestId::as_str)
    }

    /// For whom the call is made, as text.
    pub fn on_behalf_of(&self) -> Option<&str> {
        self.on_behalf_of.as_ref().map(ClientRequestId::as_str)
    }

    /// The trace's id as text.
    pub fn trace_id(&self) -> Option<String> {
        self.trace.as_ref().map(|trace| to_hex(&trace.trace))
    }
}

/// Longest id of a client, in bytes.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// A client's own id for a call: up to 128 ASCII letters, digits and `- . _ ~ + / = :`, so that it needs no escape anywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientRequestId(Arc<str>);

impl ClientRequestId {
    /// Reads one; `None` when it has another shape, or could hold a personal ID.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=:".contains(&byte);
        let fits = !text.is_empty() && text.len() <= REQUEST_ID_BYTES_MAX && text.bytes().all(plain);
        // By chance one UUID in three hundred has twelve digits in a row.
        let is_free = || uuid::Uuid::try_parse(text).is_ok() || !holds_personal_id(text);
        (fits && is_free()).then(|| Self(text.into()))
    }

    /// As it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A `traceparent` (W3C Trace Context, section 3.2): which trace, and which part of it calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    trace: [u8; 16],
    parent: [u8; 8],
    flags: u8,
}

/// The flags of version 00: sampled, and random.
const KNOWN_FLAGS: u8 = 0b11;

impl TraceParent {
    /// Reads the header. A later version is read as far as version 00 goes (section 3.2.4).
    pub fn parse(text: &str) -> Option<Self> {
        let (known, rest) = text.split_at_checked(55)?;
        let mut parts = known.split('-');
        let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_lower = known.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'));
        let fits = match version {
            "00" => rest.is_empty(),
            "ff" => false,
            _ => rest.is_empty() || rest.starts_with('-'),
        };
        let lengths = (version.len(), trace.len(), parent.len(), flags.len());
        if !fits || !is_lower || parts.next().is_some() || lengths != (2, 32, 16, 2) {
            return None;
        }
        let trace: [u8; 16] = from_hex(trace)?.try_into().ok()?;
        let parent: [u8; 8] = from_hex(parent)?.try_into().ok()?;
        let flags = u8::from_str_radix(flags, 16).ok()?;
        (trace != [0; 16] && parent != [0; 8]).then_some(Self { trace, parent, flags })
    }

    /// The same trace, continued by the call that has this id: its last eight bytes, which are never all zero, name the server's part.
    pub fn continued(self, by: RequestId) -> Self {
        let [.., a, b, c, d, e, f, g, h] = by.0.into_bytes();
        Self { parent: [a, b, c, d, e, f, g, h], flags: self.flags & KNOWN_FLAGS, ..self }
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", to_hex(&self.trace), to_hex(&self.parent), self.flags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_id_has_a_plain_shape_and_no_personal_id() {
        for good in [
            "a",
            "7f3e8a4c-1b2d-4c5e-9f60-123456789012",
            "Root=1-67891233-abcdef012345678912345678",
            "01JD2Q5X8Y3N7M4K6H9T0V1W2Z",
            "4b41a3f3e1d74f0b8f6c2a9d5e7f1c3a",
            &"x".repeat(128),
        ] {
            assert_eq!(ClientRequestId::parse(good).expect(good).as_str(), good);
        }
        for bad in ["", "a b", "a\"b", "a\\b", "é", "a\n", "042185990002", "of-042.185.990.002", &"x".repeat(129)] {
            assert_eq!(ClientRequestId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_trace_is_read_as_the_specification_says_and_continued() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let read = TraceParent::parse(text).expect("the specification's example");
        assert_eq!(read.to_string(), text);
        let id = RequestId(uuid::Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_002a));
        assert_eq!(read.continued(id).to_string(), "00-4bf92f3577b34da6a3ce929d0e0e4736-800000000000002a-01");
        let ids = ClientIds { trace: Some(read), ..ClientIds::default() };
        assert_eq!(ids.trace_id().as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        let later = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff";
        assert_eq!(
            TraceParent::parse(later).expect("a later version").continued(id).flags,
            3,
            "the flags that we know"
        );
        assert!(TraceParent::parse(&format!("{later}-what-is-new")).is_some());
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more",
            "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
            "00-4bf92f3577b34da6a3ce929d0e0e47-3600f067aa0ba902b7-01-",
            "00-4bf92f3577b34da6a3ce929d0e0e473é-0f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceParent::parse(bad), None, "{bad}");
        }
    }
}
