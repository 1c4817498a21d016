//! The cost of sessions: creating one compared with a call that only reads, its first call, and its memory: untouched, opened, and after 100 changes.
//!
//! A plain harness over a gateway in this process with a store on disk. `LIENTHONG_BENCH_CITIZENS` (default 100,000) sets the size of the
//! province.

#![allow(clippy::disallowed_methods, reason = "benchmarks measure")]
#![allow(clippy::print_stdout)] // its output is what it is for

#[path = "../tests/world/gateway.rs"]
mod gateway;

use std::time::{Duration, Instant};

use lienthong::server::{Config, Storage};
use lienthong::wire::proto::registry::v1::registry_service_client::RegistryServiceClient;
use lienthong::wire::proto::registry::v1::{Change, Operation, SubmitChangesRequest};
use lienthong::wire::proto::simulation::v1::session_service_client::SessionServiceClient;
use lienthong::wire::proto::simulation::v1::simulation_service_client::SimulationServiceClient;
use lienthong::wire::proto::simulation::v1::{CreateSessionRequest, GetWorldRequest};
use prost_types::value::Kind;
use tonic::Request;
use tonic::transport::Channel;

const SESSIONS: usize = 500;
const OPENED: usize = 100;
const CHANGED: usize = 20;
const CHANGES: usize = 100;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let citizens: u64 = std::env::var("LIENTHONG_BENCH_CITIZENS").ok().and_then(|n| n.parse().ok()).unwrap_or(100_000);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let on_disk = |config| Config { storage: Storage::Temporary, ..config };
        let started = gateway::gateway().people(citizens).with(on_disk).start().await;
        println!("a province of {citizens} citizens");
        measure(&started.channel).await
    })
}

fn call<Q>(who: &str, session: Option<&str>, message: Q) -> Result<Request<Q>, Failure> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer demo-{who}").parse()?);
    if let Some(session) = session {
        request.metadata_mut().insert("x-lienthong-session", session.parse()?);
    }
    Ok(request)
}

/// Bytes of this process in memory.
fn resident() -> Result<u64, Failure> {
    let pages = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = pages.split(' ').nth(1).ok_or("no resident pages")?.parse()?;
    Ok(pages * 4_096)
}

fn median(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort_unstable();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

async fn measure(channel: &Channel) -> Result<(), Failure> {
    let (mut sessions, mut world) =
        (SessionServiceClient::new(channel.clone()), SimulationServiceClient::new(channel.clone()));
    let mut reads = Vec::new();
    for _ in 0..SESSIONS {
        let begun = Instant::now();
        world.get_world(call("operator", None, GetWorldRequest {})?).await?;
        reads.push(begun.elapsed());
    }
    let (mut ids, mut times, before) = (Vec::new(), Vec::new(), resident()?);
    for _ in 0..SESSIONS {
        let begun = Instant::now();
        let created = sessions.create_session(call("operator", None, CreateSessionRequest::default())?).await?;
        times.push(begun.elapsed());
        ids.push(created.into_inner().session.ok_or("no session")?.session_id);
    }
    let ((read, _), (created, late)) = (median(reads), median(times));
    let ratio = created.as_secs_f64() / read.as_secs_f64();
    println!("create: median {created:.1?}, p99 {late:.1?}; {ratio:.1} times a call that reads ({read:.1?})");
    println!("untouched: {} KiB each, of {SESSIONS}", (resident()?.saturating_sub(before)) / SESSIONS as u64 / 1024);

    let (mut times, before) = (Vec::new(), resident()?);
    for id in &ids[..OPENED] {
        let begun = Instant::now();
        world.get_world(call("operator", Some(id), GetWorldRequest {})?).await?;
        times.push(begun.elapsed());
    }
    let (first, late) = median(times);
    println!("first call: median {first:.1?}, p99 {late:.1?}");
    println!("opened: {} KiB each, of {OPENED}", resident()?.saturating_sub(before) / OPENED as u64 / 1024);

    let (before, begun) = (resident()?, Instant::now());
    let mut registry = RegistryServiceClient::new(channel.clone());
    for id in &ids[..CHANGED] {
        for change in 0..CHANGES {
            registry.submit_changes(call("social-insurance", Some(id), membership(change))?).await?;
        }
    }
    let each = begun.elapsed() / (CHANGED * CHANGES) as u32;
    println!("a change: {each:.1?}, one after another");
    println!(
        "{CHANGES} changes: {} KiB each, of {CHANGED}",
        resident()?.saturating_sub(before) / CHANGED as u64 / 1024
    );
    Ok(())
}

/// A new membership of the social insurance.
fn membership(number: usize) -> SubmitChangesRequest {
    let text = |text: String| prost_types::Value { kind: Some(Kind::StringValue(text)) };
    let fields = [("personal_id", format!("0421{:08}", 99_000_000 + number)), ("status", "active".to_owned())];
    SubmitChangesRequest {
        registry: "social_insurance".into(),
        request_id: format!("membership-{number:08}"),
        changes: vec![Change {
            record_type: "social_insurance.membership.v1".into(),
            operation: Operation::Create as i32,
            payload: Some(prost_types::Struct {
                fields: fields.into_iter().map(|(name, value)| (name.to_owned(), text(value))).collect(),
            }),
            ..Default::default()
        }],
    }
}
