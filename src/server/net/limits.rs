//! The limits on connections, with their reasons. Everything before admission is bounded here: the number of connections, the time
//! of each step, the memory of a connection. The resources of a call after admission are not the transport's concern.
//!
//! Except for the caps on connections they are not configurable; tests set them to milliseconds.

use std::time::Duration;

use crate::base::limits::ANSWER_QUEUED_BYTES;

/// Limits on connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Most connections in total, over all ports together.
    pub connections_max: usize,
    /// Most connections of one peer; processes of this machine have no such cap, since they have no addresses of their own.
    pub connections_per_peer_max: usize,
    /// The part of the total that gRPC leaves free, so that an operator can reach the console of a full gateway.
    pub kept_for_console: usize,
    /// Longest time for each step before HTTP: PROXY header, TLS handshake, preface. A step is two round trips at most;
    /// ten seconds are enough for a phone on a bad network.
    pub opening: Duration,
    /// Longest time until a new connection makes its first call. It bounds an incomplete header block too, since a call begins
    /// once its headers are complete. Clients connect when they have something to ask.
    pub first_call: Duration,
    /// Longest time without a call in progress. Clients that keep a connection reconnect without noticing.
    pub idle: Duration,
    /// Longest time that a peer may leave all written data unread. TCP keep-alive detects a vanished host, but a peer that answers
    /// the probes and never reads would hold its answers in memory forever.
    pub stalled: Duration,
    /// Longest time, within a factor of two, that a part of an answer may wait for the peer's flow-control window. A client that
    /// waits longer than any deadline has given up; a stream can be resumed where it ended.
    pub unread: Duration,
    /// Time without a frame from an HTTP/2 peer after which it is pinged (RFC 9113, section 6.7), whether calls are in progress or not. A proxy in
    /// between keeps its own side alive for a client that is gone, and answers the probes of TCP keep-alive for it; a stream without news would
    /// hold its place forever. Every client answers pings by itself, and one in a minute costs a small one nothing.
    pub ping: Duration,
    /// Longest time until the ping is answered. It includes the reading of data that the kernel has taken already, on however slow a line.
    pub pong: Duration,
    /// Longest time for a connection to close after GOAWAY, when it has no call in progress.
    pub farewell: Duration,
    /// Largest header list, in bytes: credentials and metadata take about one kilobyte.
    pub header_list_bytes_max: u32,
    /// Most HTTP/2 streams of a connection. Each may hold a header list while its call is in progress.
    pub streams_max: u32,
    /// Initial flow-control window of a stream, in bytes. At a round trip of 20 ms it allows 13 MB/s.
    pub stream_window_bytes: u32,
    /// Initial flow-control window of a connection, in bytes: bounds the unread bodies of all its streams together.
    pub connection_window_bytes: u32,
    /// Most bytes queued for sending on one stream, in addition to the message in progress.
    pub send_buffer_bytes_max: usize,
    /// Most streams that a peer resets before they are accepted (CVE-2023-44487); a client that cancels has few at once.
    pub pending_resets_max: usize,
    /// Most streams that are reset for the peer's own violations (CVE-2025-8671) before the connection ends.
    pub local_resets_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 1_024,
            connections_per_peer_max: 256,
            kept_for_console: 8,
            opening: Duration::from_secs(10),
            first_call: Duration::from_secs(30),
            idle: Duration::from_secs(300),
            stalled: Duration::from_secs(30),
            unread: Duration::from_secs(60),
            ping: Duration::from_secs(60),
            pong: Duration::from_secs(60),
            farewell: Duration::from_secs(5),
            header_list_bytes_max: 16 * 1024,
            streams_max: 256,
            stream_window_bytes: 256 * 1024,
            connection_window_bytes: 1024 * 1024,
            send_buffer_bytes_max: ANSWER_QUEUED_BYTES,
            pending_resets_max: 64,
            local_resets_max: 256,
        }
    }
}

impl Limits {
    /// Interval of the watch: each limit is kept within a quarter.
    pub(super) fn tick(&self) -> Duration {
        (self.first_call.min(self.idle).min(self.stalled).min(self.unread) / 4).max(Duration::from_millis(1))
    }
}
