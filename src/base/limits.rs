//! The limits on everything that a caller can make large. A request over one of them is refused before work begins.

/// Largest gRPC message that the server accepts, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Largest canonical payload of a record, in bytes.
pub const PAYLOAD_BYTES_MAX: usize = 48 * 1024;
/// Deepest nesting of a payload.
pub const PAYLOAD_DEPTH_MAX: usize = 8;
/// Most top-level fields of a payload.
pub const PAYLOAD_FIELDS_MAX: usize = 64;
/// Most changes in one `SubmitChanges`, and most leaves in one signed batch.
pub const BATCH_RECORDS_MAX: usize = 4_096;
/// Oldest a queued change gets before its batch is signed, in milliseconds.
pub const BATCH_AGE_MS_MAX: u64 = 100;
/// Page size when the caller names none.
pub const PAGE_SIZE_DEFAULT: usize = 50;
/// Largest page.
pub const PAGE_SIZE_MAX: usize = 500;
/// Bytes of payload after which a page of records ends, however few they are: with their typed forms and proofs, and one more record of
/// the longest, they make a message that every client takes.
pub const PAGE_PAYLOAD_BYTES_MAX: usize = 1024 * 1024;
/// Longest text in a request's field, in bytes, where no narrower limit is said.
pub const TEXT_BYTES_MAX: usize = 512;
/// Most citizens in one bulk fetch.
pub const BULK_CITIZENS_MAX: usize = 10_000;
/// Most record types in one fetch.
pub const RECORD_TYPES_MAX: usize = 16;
/// Deadline of a call that names none, in milliseconds.
pub const DEADLINE_MS_DEFAULT: u64 = 10_000;
/// Longest deadline that is honoured, in milliseconds.
pub const DEADLINE_MS_MAX: u64 = 60_000;
/// How far ahead of us an issuer's clock may run, in milliseconds.
pub const CLOCK_SKEW_MS_MAX: i64 = 5 * 60_000;
/// How long a presentation lives when the citizen names no time, in seconds.
pub const PRESENTATION_SECONDS_DEFAULT: u32 = 300;
/// Longest life of a presentation, in seconds.
pub const PRESENTATION_SECONDS_MAX: u32 = 3_600;
/// Most open streams of one caller.
pub const STREAMS_PER_CALLER_MAX: usize = 32;
/// Most HTTP/2 streams on one connection.
pub const STREAMS_PER_CONNECTION_MAX: u32 = 1_024;
