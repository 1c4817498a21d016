//! Counters of connections, for the metrics and for the diagnosis of refused clients.

use std::sync::atomic::{AtomicU64, Ordering};

/// The reason why a connection was refused or closed from this side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The cap on connections is reached, and all are of known peers.
    Total,
    /// The cap on connections of one peer is reached.
    PeerTotal,
    /// A stranger's, closed to make room for a newer one.
    Displaced,
    /// A PROXY header from a peer that is not a trusted proxy.
    ProxyUntrusted,
    /// A trusted proxy without a valid PROXY header.
    ProxyInvalid,
    /// A TLS handshake that failed.
    Tls,
    /// HTTP/1.x on the gRPC port.
    Http1,
    /// Neither HTTP/2 nor HTTP/1.x.
    NotHttp,
}

impl Refusal {
    /// All reasons, in the order of declaration.
    pub const ALL: [Self; 8] = [
        Self::Total,
        Self::PeerTotal,
        Self::Displaced,
        Self::ProxyUntrusted,
        Self::ProxyInvalid,
        Self::Tls,
        Self::Http1,
        Self::NotHttp,
    ];

    /// Its name in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::PeerTotal => "peer_total",
            Self::Displaced => "displaced",
            Self::ProxyUntrusted => "proxy_untrusted",
            Self::ProxyInvalid => "proxy_invalid",
            Self::Tls => "tls",
            Self::Http1 => "http1",
            Self::NotHttp => "not_http",
        }
    }
}

/// The stage at which a connection timed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Before the PROXY header was complete.
    ProxyHeader,
    /// In the TLS handshake.
    TlsHandshake,
    /// Before the preface was complete.
    Preface,
    /// Before the first call: nothing, or an incomplete header block.
    FirstCall,
    /// Without a call in progress.
    Idle,
    /// With written data that the peer does not read.
    Stalled,
    /// With an answer that waits for its flow-control window.
    Unread,
    /// With a ping that the peer does not answer.
    Silent,
}

impl Stage {
    /// All stages, in the order of declaration.
    pub const ALL: [Self; 8] = [
        Self::ProxyHeader,
        Self::TlsHandshake,
        Self::Preface,
        Self::FirstCall,
        Self::Idle,
        Self::Stalled,
        Self::Unread,
        Self::Silent,
    ];

    /// Its name in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ProxyHeader => "proxy_header",
            Self::TlsHandshake => "tls_handshake",
            Self::Preface => "preface",
            Self::FirstCall => "first_call",
            Self::Idle => "idle",
            Self::Stalled => "stalled",
            Self::Unread => "unread",
            Self::Silent => "silent",
        }
    }
}

/// Counters since the start, except `open`.
#[derive(Debug, Default)]
pub struct Connections {
    open: AtomicU64,
    accepted: AtomicU64,
    accept_errors: AtomicU64,
    refused: [AtomicU64; Refusal::ALL.len()],
    timed_out: [AtomicU64; Stage::ALL.len()],
}

impl Connections {
    /// The number of open connections.
    pub fn open(&self) -> u64 {
        self.open.load(Ordering::Relaxed)
    }

    /// Connections accepted from the operating system.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Failed accepts.
    pub fn accept_errors(&self) -> u64 {
        self.accept_errors.load(Ordering::Relaxed)
    }

    /// Connections refused for a reason.
    pub fn refused(&self, reason: Refusal) -> u64 {
        self.refused[reason as usize].load(Ordering::Relaxed)
    }

    /// Connections that timed out at a stage.
    pub fn timed_out(&self, stage: Stage) -> u64 {
        self.timed_out[stage as usize].load(Ordering::Relaxed)
    }

    pub(super) fn set_open(&self, open: usize) {
        self.open.store(open as u64, Ordering::Relaxed);
    }

    pub(super) fn note_accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn note_accept_error(&self) {
        self.accept_errors.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn note_refused(&self, reason: Refusal) {
        self.refused[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn note_timed_out(&self, stage: Stage) {
        self.timed_out[stage as usize].fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_and_stage_has_a_count_and_a_name_of_its_own() {
        let connections = Connections::default();
        for (at, reason) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, at);
            connections.note_refused(reason);
        }
        for (at, stage) in Stage::ALL.into_iter().enumerate() {
            assert_eq!(stage as usize, at);
            connections.note_timed_out(stage);
        }
        assert!(Refusal::ALL.iter().all(|reason| connections.refused(*reason) == 1));
        assert!(Stage::ALL.iter().all(|stage| connections.timed_out(*stage) == 1));
        let mut names: Vec<_> =
            Refusal::ALL.map(Refusal::as_str).into_iter().chain(Stage::ALL.map(Stage::as_str)).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Refusal::ALL.len() + Stage::ALL.len());
    }
}
