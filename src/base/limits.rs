//! The limits on everything that a caller can make large. A request over one of them is refused before work begins.

/// Largest gRPC message that the server accepts, in bytes: for the methods that take many things at once.
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Largest request message of all other methods, in bytes.
pub const REQUEST_BYTES_MAX: usize = 64 * 1024;
/// Most sessions at a time, unless the operator says otherwise.
pub const SESSIONS_MAX: usize = 500;
/// What may be written in one session, in bytes of memory: beyond it, calls in the session are refused.
pub const SESSION_BYTES_MAX: usize = 64 * 1024 * 1024;
/// What may be written in all sessions together, in bytes of memory.
pub const SESSIONS_BYTES_MAX: usize = 2 * 1024 * 1024 * 1024;
/// About how much may be written to the store while the snapshot of a session holds back what becomes old, in bytes: beyond it, the session ends.
pub const SESSION_HELD_BACK_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// What may be written in each session, whatever the others hold.
pub const SESSION_BYTES_SURE: usize = 4 * 1024 * 1024;
/// Most sessions that begin from one another, one upon the other.
pub const SESSION_DEPTH_MAX: u32 = 8;
/// What the journal of the province's calls holds, in bytes.
pub const JOURNAL_BYTES_MAX: usize = 16 * 1024 * 1024;
/// What the journal of a session holds, in bytes.
pub const SESSION_JOURNAL_BYTES_MAX: usize = 1024 * 1024;
/// What a journal keeps of the messages of one call, in bytes.
pub const JOURNAL_CALL_BYTES_MAX: usize = 64 * 1024;
/// What the recording of a session holds, in bytes: a call that does not fit ends it.
pub const RECORDING_BYTES_MAX: usize = 64 * 1024 * 1024;
/// What a recording keeps of the messages of one call, in bytes.
pub const RECORDED_CALL_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Most fields in the request message of those methods, the fields of embedded messages included.
pub const REQUEST_FIELDS_MAX: usize = 4_096;
/// How long a request message may take to come, in milliseconds.
pub const REQUEST_MS_MAX: u64 = 10_000;
/// Approximate memory of a decoded field in addition to its bytes: an empty embedded message is as large as a full one.
pub const FIELD_DECODED_BYTES: usize = 96;
/// Most messages in one list of a request: beyond the largest batch, so that the batch's own limit is what callers hear of.
pub const REQUEST_LIST_MAX: usize = 2 * BATCH_RECORDS_MAX;
/// What all calls in progress may hold, in bytes: their requests, and their answers until they are sent.
pub const CALLS_BYTES_MAX: usize = 256 * 1024 * 1024;
/// What those of one caller may hold, in bytes.
pub const CALLS_OF_CALLER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// What the calls in progress of all strangers may hold, in bytes; and as much again those of all citizens by demo credentials.
pub const STRANGERS_BYTES_MAX: usize = 32 * 1024 * 1024;
/// What those of one network may hold, or of one such citizen, in bytes.
pub const STRANGERS_OF_NETWORK_BYTES_MAX: usize = 8 * 1024 * 1024;
/// What a call of a stranger counts in addition to its messages, in bytes.
pub const STRANGER_CALL_BYTES: usize = 4 * 1024;
/// What one call of a stranger on each connection may hold beyond all that, in bytes: enough for a check of the health.
pub const STRANGER_CONNECTION_BYTES: usize = 8 * 1024;
/// How much of a stream of answers HTTP keeps for a client that does not take it, in addition to the part that it was given last, in bytes.
pub const ANSWER_QUEUED_BYTES: usize = 256 * 1024;
/// How much of a refused request is read and discarded, in bytes.
pub const REFUSED_BYTES_MAX: usize = 1024 * 1024;
/// The same of a request over HTTP/1.1, in bytes: of the longest message in base64 and a little more, because a browser that is cut off while it
/// sends never sees why.
pub const REFUSED_WEB_BYTES_MAX: usize = 6 * 1024 * 1024;
/// How long that may take, in milliseconds.
pub const REFUSED_MS_MAX: u64 = 2_000;
/// Most calls under way at once.
pub const CALLS_UNDER_WAY_MAX: usize = 8_192;
/// Most calls of one agency under way at once.
pub const CALLS_OF_AGENCY_MAX: usize = 4_096;
/// Most calls of one citizen under way at once.
pub const CALLS_OF_CITIZEN_MAX: usize = 64;
/// Most calls that run at once, for each processor; the others wait for their turn, caller by caller.
pub const CALLS_RUNNING_PER_PROCESSOR: usize = 64;
/// Most bytes of a stream of request messages (reflection).
pub const REQUEST_STREAM_BYTES_MAX: usize = 256 * 1024;
/// Longest pause in a stream of request messages, in milliseconds.
pub const REQUEST_STREAM_IDLE_MS_MAX: u64 = 60_000;
/// Multiple of the strangers' rate at which one address may call public methods: health, reflection, the public trust data.
pub const PUBLIC_CALLS_FACTOR: u32 = 10;
/// Calls a second that one address may make without an accepted credential, when nothing else is said.
pub const STRANGER_CALLS_PER_SECOND: u32 = 100;
/// Log lines a second about requests of strangers that were not admitted; what is over it is counted in the next line.
pub const STRANGER_LOG_LINES_PER_SECOND: u32 = 20;
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
/// Most records of one citizen from one registry, in one answer.
pub const ANSWER_RECORDS_MAX: usize = 256;
/// Longest answer that holds records, in bytes, about: most clients take messages of 4 MiB.
pub const ANSWER_BYTES_MAX: usize = 3 * 1024 * 1024;
/// Shortest message of an answer that is compressed, in bytes: what fits into the first round trip of a connection (ten segments, RFC 6928)
/// arrives no sooner for being shorter, and compressing it would cost more than the call.
pub const COMPRESSED_BYTES_MIN: usize = 16 * 1024;
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
/// Most open streams of public methods (health, reflection) of one network.
pub const PUBLIC_STREAMS_OF_NETWORK_MAX: usize = 128;
/// Most of them in all: half as many as there are connections by default, so that strangers' streams alone never fill the seats.
pub const PUBLIC_STREAMS_MAX: usize = 512;
/// Most bytes of an error's headers or trailers: below the 8 KiB from which clients refuse a response for its metadata.
pub const ERROR_METADATA_BYTES_MAX: usize = 6 * 1024;
/// Largest file of rights, in bytes: some hundred agencies with all their rights take a tenth of it.
pub const RIGHTS_BYTES_MAX: usize = 1024 * 1024;
/// How many entries of the record ledger may wait for the reader of a watch that had come to its end, before the watch ends.
pub const WATCH_BEHIND_MAX: u64 = 100_000;
/// Most webhooks of one agency.
pub const WEBHOOKS_OF_AGENCY_MAX: usize = 20;
/// Longest target of a webhook, in bytes.
pub const WEBHOOK_TARGET_BYTES_MAX: usize = 1_024;
/// Most events of one webhook that were given up and wait for its agency: with more, the webhook is disabled.
pub const DEAD_LETTERS_MAX: usize = 1_000;
/// Most deliveries of webhooks in progress in a process, each of them with a connection.
pub const WEBHOOK_DELIVERIES_MAX: usize = 128;
