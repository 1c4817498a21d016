//! What a journal keeps, finds and forgets.

use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::base::call::Caller;
use crate::base::{AgencyId, ClientIds, PersonalId, SessionId, Timestamp};
use crate::simulation::clock::Reading;

const FETCH: &str = "lienthong.exchange.v1.ExchangeService/FetchRecords";
const ANCHOR: &str = "lienthong.trust.v1.TrustService/GetTrustAnchor";
const LINKS: &str = "lienthong.identity.v1.LinkService/ListLinks";

fn call(id: u128, method: &'static str, outcome: &'static str, bytes: usize) -> JournalCall {
    JournalCall {
        position: 0,
        number: id as u64,
        request_id: RequestId(uuid::Uuid::from_u128(id)),
        client_ids: ClientIds::default(),
        method,
        caller: AgencyId::parse("one-stop").map(Caller::Agency),
        is_stranger: false,
        protocol: Protocol::Grpc,
        asked_faults: Vec::new(),
        metadata: Vec::new(),
        called_at: Timestamp(id as i64 * 1_000),
        machine_time: Timestamp(0),
        took: Duration::ZERO,
        request: Some(Bytes::from(vec![0; bytes])),
        request_bytes: bytes as u64,
        answers: Vec::new(),
        answer_count: 0,
        answer_bytes: 0,
        outcome: outcome.into(),
        code: if outcome == "OK" { ("OK", 0) } else { ("PERMISSION_DENIED", 7) },
        message: String::new(),
        details: Bytes::new(),
        checks: Vec::new(),
        faults: Vec::new(),
    }
}

fn in_bytes(bytes_max: usize) -> Journal {
    Journal::new(bytes_max, &MemoryTotal::default())
}

fn of_stranger(id: u128, bytes: usize) -> JournalCall {
    JournalCall { caller: None, is_stranger: true, ..call(id, ANCHOR, "OK", bytes) }
}

/// Of a citizen whom nobody knows.
fn of_made_up(id: u128, bytes: usize) -> JournalCall {
    let caller = PersonalId::parse("042185990002").map(Caller::Citizen);
    JournalCall { caller, is_stranger: true, ..call(id, LINKS, "ACCOUNT_MISSING", bytes) }
}

fn ids(page: &Page) -> Vec<u64> {
    page.calls.iter().map(|call| call.number).collect()
}

fn everything() -> CallFilter {
    CallFilter::default()
}

#[test]
fn the_oldest_are_forgotten_and_counted() {
    let journal = in_bytes(20_000);
    (0..100).for_each(|id| journal.record(call(id, FETCH, "OK", 1_000)));
    let page = journal.page(&everything(), 0, 500, usize::MAX);
    let kept = page.calls.len() as u64;
    assert!((10..=16).contains(&kept), "{kept}");
    assert_eq!((page.forgotten, page.next), (100 - kept, None));
    assert_eq!(ids(&page), (100 - kept..100).collect::<Vec<_>>());
    assert_eq!(journal.count(&everything()).forgotten, 100 - kept);
    assert_eq!((journal.reset(), journal.count(&everything())), (kept, Count::default()));
    journal.record(call(100, FETCH, "OK", 0));
    let page = journal.page(&everything(), 0, 500, usize::MAX);
    assert_eq!((page.calls[0].position, page.forgotten), (101, 0), "positions go on");
}

#[test]
fn a_page_goes_on_where_the_one_before_ended_also_when_calls_are_forgotten() {
    let journal = in_bytes(1 << 20);
    for id in 0..10 {
        journal.record(call(id, if id % 2 == 0 { FETCH } else { LINKS }, "OK", 1_000));
    }
    let filter = CallFilter { method: Some(WhichMethod::One(FETCH.into())), ..everything() };
    let first = journal.page(&filter, 0, 2, usize::MAX);
    assert_eq!((ids(&first), first.next), (vec![0, 2], Some(3)));
    let rest = journal.page(&filter, 3, 10, usize::MAX);
    assert_eq!((ids(&rest), rest.next), (vec![4, 6, 8], None));
    let short = journal.page(&filter, 0, 10, 1_500);
    assert_eq!((ids(&short), short.next), (vec![0, 2], Some(3)), "a page of long calls has fewer");
}

#[test]
fn every_condition_must_hold() {
    let journal = in_bytes(1 << 20);
    journal.record(call(0, FETCH, "OK", 0));
    journal.record(call(1, FETCH, "CONSENT_MISSING", 0));
    journal.record(JournalCall { faults: vec!["slow".into()], ..call(2, LINKS, "OK", 0) });
    journal.record(JournalCall { caller: None, ..call(3, "", "CREDENTIAL_MISSING", 0) });
    let of_service = |name: &str| CallFilter { method: Some(WhichMethod::OfService(name.into())), ..everything() };
    let outcome = |name: &str| CallFilter { outcome: Some(name.into()), ..everything() };
    for (filter, expected) in [
        (everything(), vec![0, 1, 2, 3]),
        (of_service("lienthong.exchange.v1.ExchangeService"), vec![0, 1]),
        (of_service("lienthong.exchange.v1"), vec![]),
        (CallFilter { caller: Some("one-stop".into()), ..everything() }, vec![0, 1, 2]),
        (CallFilter { caller: Some("bank".into()), ..everything() }, vec![]),
        (outcome("OK"), vec![0, 2]),
        (outcome("REFUSED"), vec![1, 3]),
        (outcome("CONSENT_MISSING"), vec![1]),
        (outcome("PERMISSION_DENIED"), vec![1, 3]),
        (CallFilter { with_faults: true, ..everything() }, vec![2]),
        (CallFilter { since: Some(Timestamp(1_000)), until: Some(Timestamp(3_000)), ..everything() }, vec![1, 2]),
        (CallFilter { request_id: Some(uuid::Uuid::from_u128(2).to_string()), ..everything() }, vec![2]),
        (CallFilter { caller: Some("one-stop".into()), ..outcome("REFUSED") }, vec![1]),
    ] {
        assert_eq!(ids(&journal.page(&filter, 0, 10, usize::MAX)), expected, "{filter:?}");
        assert_eq!(journal.count(&filter).count, expected.len() as u64);
    }
}

fn session() -> RecordedSession {
    let clock = Reading { now: Timestamp(0), machine: Timestamp(0), is_frozen: true };
    let id = SessionId::parse("00112233445566778899aabbccddeeff").expect("an id");
    RecordedSession {
        id,
        seed: Some(7),
        persona_faults: Vec::new(),
        metadata_faults: false,
        resets: 0,
        from: None,
        inherited_faults: Vec::new(),
        clock,
    }
}

#[test]
fn a_recording_keeps_whole_what_the_journal_cuts() {
    let journal = in_bytes(1 << 20);
    assert_eq!(journal.begin(false).1, limits::JOURNAL_CALL_BYTES_MAX);
    let refused = in_bytes(1);
    refused.begin(false);
    assert_eq!(refused.start_recording(session()).expect_err("it was called").reason, Reason::RecordingImpossible);

    let journal = in_bytes(1 << 20);
    journal.start_recording(session()).expect("nothing was called");
    assert_eq!(journal.begin(false).1, limits::RECORDED_CALL_BYTES_MAX);
    let long = limits::JOURNAL_CALL_BYTES_MAX + 1;
    journal.record(call(0, FETCH, "OK", long));
    let kept = journal.page(&everything(), 0, 1, usize::MAX);
    assert_eq!((kept.calls[0].request.as_ref(), kept.calls[0].request_bytes), (None, long as u64));
    assert_eq!(journal.recording().expect("there").calls[0].message_bytes(), long);
    assert_eq!(journal.stop_recording(), (1, false));
    journal.record(call(1, FETCH, "OK", 0));
    let gap = journal.start_recording(session()).expect_err("the call that was missed cannot be replayed");
    assert_eq!(gap.reason, Reason::RecordingImpossible);
    journal.reset();
    let numbers = |journal: &Journal| -> Vec<u64> {
        journal.recording().expect("there").calls.iter().map(|call| call.number).collect()
    };
    assert_eq!(numbers(&journal), [0]);
    // What was not kept whole ends it.
    for broken in [
        JournalCall { answer_count: 1, ..call(1, FETCH, "OK", 0) },
        JournalCall { request: None, request_bytes: 1, ..call(1, FETCH, "MESSAGE_MALFORMED", 0) },
    ] {
        let journal = in_bytes(1 << 20);
        journal.start_recording(session()).expect("nothing was called");
        journal.record(call(0, FETCH, "OK", 0));
        journal.start_recording(session()).expect("it is on");
        journal.record(broken);
        journal.record(call(2, FETCH, "OK", 0));
        assert_eq!((numbers(&journal), journal.stop_recording()), (vec![0], (1, true)));
    }
}

#[tokio::test]
async fn whoever_watches_hears_of_every_call() {
    let journal = in_bytes(1 << 20);
    let mut watch = journal.watch();
    journal.record(call(0, FETCH, "OK", 0));
    assert_eq!(watch.wait_for(|newest| *newest >= 1).await.expect("there"), 1);
    assert_eq!(journal.page(&everything(), 0, 1, 1).missed, 0);
    journal.record(call(1, FETCH, "OK", 0));
    journal.reset();
    journal.record(call(2, LINKS, "OK", 0));
    let page = journal.page(&everything(), 1, 1, 1);
    assert_eq!((ids(&page), page.missed), (vec![2], 1), "the second was forgotten before anybody looked");
}

#[test]
fn strangers_push_out_nothing_but_what_is_theirs() {
    let journal = in_bytes(100_000);
    (0..20).for_each(|id| journal.record(call(id, FETCH, "OK", 1_000)));
    (20..2_020).for_each(|id| journal.record(if id % 2 == 0 { of_stranger(id, 1_000) } else { of_made_up(id, 1_000) }));
    journal.record(call(2_020, LINKS, "OK", 0));
    let page = journal.page(&everything(), 0, 500, usize::MAX);
    let kept = ids(&page);
    assert_eq!((&kept[..20], kept.last()), (&(0..20).collect::<Vec<_>>()[..], Some(&2_020)));
    assert!(kept.is_sorted() && (22..40).contains(&kept.len()), "{kept:?}");
    assert_eq!(page.missed, 2_021 - kept.len() as u64);
    // A count of a caller's calls is exact all the same.
    let of_caller = CallFilter { caller: Some("one-stop".into()), ..everything() };
    assert_eq!((journal.count(&of_caller).count, journal.count(&of_caller).forgotten), (21, 0));
    // Those of a citizen may be among the forgotten ones of strangers.
    let of_citizens = CallFilter { caller: Some(Caller::CITIZEN.into()), ..everything() };
    let forgotten = 2_021 - kept.len() as u64;
    assert_eq!(
        [journal.count(&of_citizens), journal.count(&everything())].map(|count| count.forgotten),
        [forgotten; 2]
    );
    assert_eq!(journal.reset(), kept.len() as u64);
}

#[test]
fn strangers_neither_keep_a_session_from_being_recorded_nor_fill_the_recording() {
    let journal = in_bytes(1 << 20);
    assert_eq!(journal.begin(true), (0, limits::JOURNAL_CALL_BYTES_MAX));
    journal.record(of_stranger(0, 0));
    journal.start_recording(session()).expect("no caller was there");
    let share = limits::RECORDING_BYTES_MAX / 8;
    (1..=10).for_each(|id| journal.record(of_stranger(id, share / 4)));
    journal.record(JournalCall { answer_count: 1, ..of_stranger(11, 0) });
    journal.record(call(12, FETCH, "OK", 0));
    let numbers: Vec<u64> = journal.recording().expect("there").calls.iter().map(|call| call.number).collect();
    assert_eq!((numbers, journal.stop_recording()), (vec![1, 2, 3, 12], (4, false)));
}

#[test]
fn recordings_share_the_memory_of_all_sessions() {
    let memory = MemoryTotal::default();
    let mut others = memory.share();
    others.grow(limits::SESSIONS_BYTES_MAX - 100_000);
    let journal = Journal::new(1 << 20, &memory);
    journal.start_recording(session()).expect("nothing was called");
    journal.record(call(0, FETCH, "OK", 10_000));
    let recorded = journal.recorded_bytes();
    assert!((10_000..12_000).contains(&recorded), "{recorded}");
    assert_eq!(memory.bytes(), limits::SESSIONS_BYTES_MAX - 100_000 + recorded);
    journal.record(call(1, FETCH, "OK", 100_000));
    assert_eq!(journal.stop_recording(), (1, true), "no room, though it is within its own limit");
    drop(journal);
    assert_eq!(memory.bytes(), limits::SESSIONS_BYTES_MAX - 100_000, "what ended holds nothing");
}
