//! Long streams: when the server stops they end with a reason, and a client that resumes misses nothing. And the state of each registry's feed.

#![allow(clippy::disallowed_methods, reason = "tests measure and wait by the machine's time")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::until::until;
use common::{Started, as_agency, config, enter_membership, gateway, reason};
use lienthong::server::{Config, Storage};
use lienthong::wire::proto::exchange::v1::BulkFetchRecordsRequest;
use lienthong::wire::proto::exchange::v1::exchange_service_client::ExchangeServiceClient;
use lienthong::wire::proto::province::v1::province_service_client::ProvinceServiceClient;
use lienthong::wire::proto::province::v1::{FeedState, ListFeedsRequest, WatchChangesRequest};
use lienthong::wire::proto::registry::v1::StreamChangesRequest;
use lienthong::wire::proto::registry::v1::registry_service_client::RegistryServiceClient;
use tonic::{Code, Streaming};

const REGISTRY: &str = "social_insurance";

/// Reads a stream to its end with a pause after each message, and counts; returns its messages, and how it ended.
async fn drain<M>(mut stream: Streaming<M>, pause: Duration, count: &AtomicUsize) -> (Vec<M>, (Code, String)) {
    let mut messages = Vec::new();
    loop {
        match stream.message().await {
            Ok(Some(message)) => {
                messages.push(message);
                count.fetch_add(1, Ordering::Relaxed);
            }
            Ok(None) => panic!("an end without a reason after {} messages", messages.len()),
            Err(status) => return (messages, reason(&status)),
        }
        tokio::time::sleep(pause).await;
    }
}

async fn follow(
    started: &Started,
    resume_token: String,
) -> Streaming<lienthong::wire::proto::registry::v1::StreamChangesResponse> {
    let request = StreamChangesRequest { registry: REGISTRY.into(), resume_token, follow: true, ..Default::default() };
    let mut client = RegistryServiceClient::new(started.channel.clone());
    client.stream_changes(as_agency("social-insurance", request)).await.expect("streams").into_inner()
}

async fn watch(
    started: &Started,
    resume_token: String,
) -> Streaming<lienthong::wire::proto::province::v1::WatchChangesResponse> {
    let request = WatchChangesRequest { registry: REGISTRY.into(), resume_token, ..Default::default() };
    let mut client = ProvinceServiceClient::new(started.channel.clone());
    client.watch_changes(as_agency("social-insurance", request)).await.expect("streams").into_inner()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_end_with_a_reason_when_the_server_stops_and_are_resumed_without_a_gap() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = || Config { storage: Storage::Folder(folder.path().join("data")), ..config() };
    let started = gateway().with(|_| settings()).on_a_socket().start().await;
    let feeds = ProvinceServiceClient::new(started.channel.clone())
        .list_feeds(as_agency("auditor", ListFeedsRequest {}))
        .await
        .expect("feeds")
        .into_inner()
        .feeds;
    assert_eq!(feeds.len(), 9);
    for feed in &feeds {
        assert_eq!((feed.state(), &feed.reason[..]), (FeedState::Following, ""), "{}", feed.registry);
        assert!(feed.log_size > 0 && feed.shown_checkpoint.is_empty(), "{}", feed.registry);
    }

    let (changes, accepted) = (follow(&started, String::new()).await, watch(&started, "latest".into()).await);
    let bulk = BulkFetchRecordsRequest {
        personal_ids: vec!["042090990001".into(); 3_000],
        record_types: vec!["resident.person.v1".into()],
        purpose: "one_stop.verify_documents".into(),
        ..Default::default()
    };
    let mut client = ExchangeServiceClient::new(started.channel.clone());
    let bulk = client.bulk_fetch_records(as_agency("one-stop", bulk)).await.expect("streams").into_inner();
    enter_membership(&started.channel, 1).await;
    let (none, little) = (Duration::ZERO, Duration::from_millis(5));
    let counts = Arc::new([const { AtomicUsize::new(0) }; 3]);
    let counting = counts.clone();
    let reading = tokio::spawn(async move {
        let [a, b, c] = &*counting;
        tokio::join!(drain(changes, none, a), drain(accepted, none, b), drain(bulk, little, c))
    });
    let has_begun = || counts.iter().all(|count| count.load(Ordering::Relaxed) > 0).then_some(());
    until("each stream sends something", has_begun).await;
    let ended = started.end().await;
    let (changes, accepted, bulk) = reading.await.expect("read");
    ended.close().await;
    let stopping = (Code::Unavailable, "SHUTTING_DOWN".to_owned());
    assert_eq!([&changes.1, &accepted.1, &bulk.1], [&stopping; 3]);
    let last = changes.0.last().expect("changes");
    let (cursor, resumed) = (last.next_cursor, last.resume_token.clone());
    let token = accepted.0.last().expect("one").resume_token.clone();
    let indices: Vec<u32> = bulk.0.iter().map(|answer| answer.index).collect();
    assert!(!indices.is_empty() && indices.len() < 3_000 && indices.iter().zip(0..).all(|(index, at)| *index == at));

    // The next server goes on where the streams ended.
    let started = gateway().with(|_| settings()).on_a_socket().start().await;
    let (mut changes, mut accepted) = (follow(&started, resumed.clone()).await, watch(&started, token).await);
    enter_membership(&started.channel, 2).await;
    let next = changes.message().await.expect("goes on").expect("a batch");
    assert_eq!((next.first_index, next.next_cursor, next.records.len()), (cursor, cursor + 1, 1));
    let begun = accepted.message().await.expect("goes on").expect("where it begins");
    assert!(begun.progress.is_some() && begun.record_id.is_empty());
    let next = accepted.message().await.expect("goes on").expect("a change");
    assert_eq!((next.registry.as_str(), next.version), (REGISTRY, 1));
    drop((changes, accepted));
    started.end().await;

    // Another world's log is another one, however alike the worlds are.
    let started = gateway().start().await;
    let mut client = RegistryServiceClient::new(started.channel.clone());
    for (cursor, resume_token, expected) in [
        (0, resumed, "PAGE_TOKEN_INVALID"),
        (0, "x".into(), "PAGE_TOKEN_INVALID"),
        (u64::MAX, String::new(), "CURSOR_GONE"),
    ] {
        let request = StreamChangesRequest { registry: REGISTRY.into(), cursor, resume_token, ..Default::default() };
        let refused = client.stream_changes(as_agency("social-insurance", request)).await.expect_err("refused");
        assert_eq!(reason(&refused).1, expected);
    }
}

/// The citizen in the middle is one for whom the registries are slower than any deadline.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_citizen_costs_a_bulk_stream_their_own_outcome() {
    use lienthong::wire::proto::exchange::v1::bulk_fetch_records_response::Outcome;
    let started = gateway().start().await;
    let mut request = as_agency(
        "one-stop",
        BulkFetchRecordsRequest {
            personal_ids: ["042090990001", "042090990203", "042185990002"].map(str::to_owned).into(),
            record_types: vec!["resident.person.v1".into()],
            purpose: "one_stop.verify_documents".into(),
            ..Default::default()
        },
    );
    request.set_timeout(Duration::from_secs(4));
    let mut client = ExchangeServiceClient::new(started.channel.clone());
    let mut stream = client.bulk_fetch_records(request).await.expect("streams").into_inner();
    let mut outcomes = Vec::new();
    while let Some(answer) = stream.message().await.expect("the stream goes on to its end") {
        outcomes.push(match answer.outcome.expect("an outcome") {
            Outcome::Found(found) => (answer.index, found.records.len(), String::new()),
            Outcome::Refused(refused) => (answer.index, 0, refused.code),
        });
    }
    let [first, slow, last] = outcomes.as_slice() else { panic!("{outcomes:?}") };
    assert_eq!(([first, last]), [&(0, 1, String::new()), &(2, 1, String::new())]);
    assert_eq!(slow, &(1, 0, "DEADLINE_EXCEEDED".to_owned()));
}
