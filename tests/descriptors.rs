//! File descriptors and connections: idle peers in any number take none away from the store, and keep nobody out.

#![allow(clippy::disallowed_methods, reason = "tests measure and wait by the machine's time")]
#![cfg(unix)]

mod common;

use std::net::TcpStream;

use common::enter_membership;
use common::process::{Serving, limited};
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

/// Descriptors that the process may open: 48 in addition to the reserved ones.
const DESCRIPTORS: u64 = 400;
/// Idle connections to each port.
const IDLE: usize = 200;

/// Processor time that a process used so far, in clock ticks.
#[cfg(target_os = "linux")]
fn ticks_used(process: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("it lives");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    fields[11].parse::<u64>().expect("ticks") + fields[12].parse::<u64>().expect("ticks")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_keep_neither_a_writer_nor_the_store_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = ["--population", "0", "--data-dir", "data"];
    let serving = Serving::start_as(limited(&format!("-n {DESCRIPTORS}")), folder.path(), &arguments);
    let console = serving.console.as_ref().expect("a console");
    let endpoint = Endpoint::from_shared(format!("http://{}", serving.grpc)).expect("an address");
    let channel = endpoint.connect().await.expect("it accepts");
    enter_membership(&channel, 1).await;
    let mut idle = Vec::new();
    for _ in 0..IDLE {
        idle.extend([&serving.grpc, console].map(|address| TcpStream::connect(address).expect("it accepts")));
    }
    for number in 2..=20 {
        enter_membership(&channel, number).await;
    }
    let newcomer = endpoint.connect().await.expect("it accepts");
    enter_membership(&newcomer, 21).await;
    #[cfg(target_os = "linux")]
    {
        let open = std::fs::read_dir(format!("/proc/{}/fd", serving.child.id())).expect("it lives").count() as u64;
        assert!(open <= DESCRIPTORS - 256, "{open} descriptors: the store's are not set aside");
        // A loop that spins on an accept that fails takes most of a processor: a hundred ticks a second.
        let before = ticks_used(serving.child.id());
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        let used = ticks_used(serving.child.id()) - before;
        assert!(used < 20, "{used} ticks");
    }
}

/// Soft and hard limit of a process on open descriptors.
#[cfg(target_os = "linux")]
fn limits_of(process: u32) -> (String, String) {
    let limits = std::fs::read_to_string(format!("/proc/{process}/limits")).expect("it lives");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).expect("the limit");
    let mut columns = line.split_whitespace().map(str::to_owned);
    (columns.next().expect("soft"), columns.next().expect("hard"))
}

#[cfg(target_os = "linux")]
#[test]
fn the_soft_limit_is_raised_to_the_hard_one() {
    let folder = tempfile::tempdir().expect("a folder");
    // The soft limit alone would be too low to start.
    let limited = limited("-Sn 200; ulimit -Hn 500");
    let serving = Serving::start_as(limited, folder.path(), &["--population", "0"]);
    assert_eq!(limits_of(serving.child.id()), ("500".to_owned(), "500".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_who_watch_on_every_seat_keep_no_agency_out() {
    let folder = tempfile::tempdir().expect("a folder");
    // Four of 32 seats are the console's.
    let serving = Serving::start(folder.path(), &["--population", "0", "--max-connections", "32"]);
    let endpoint = Endpoint::from_shared(format!("http://{}", serving.grpc)).expect("an address");
    let mut watching = Vec::new();
    for _ in 0..28 {
        let mut health = HealthClient::new(endpoint.connect().await.expect("it accepts"));
        let mut stream = health.watch(HealthCheckRequest::default()).await.expect("it begins").into_inner();
        stream.message().await.expect("no error").expect("the status");
        watching.push(stream);
    }
    let agency = endpoint.connect().await.expect("it accepts");
    enter_membership(&agency, 1).await;
    watching.remove(0).message().await.expect_err("the oldest stranger made room");
    // Its peer is known from now on: as many strangers again displace each other, and not the agency.
    for _ in 0..28 {
        let mut health = HealthClient::new(endpoint.connect().await.expect("it accepts"));
        let mut stream = health.watch(HealthCheckRequest::default()).await.expect("it begins").into_inner();
        stream.message().await.expect("no error").expect("the status");
        watching.push(stream);
    }
    enter_membership(&agency, 2).await;
}

#[test]
fn too_few_descriptors_are_said_in_one_line() {
    let folder = tempfile::tempdir().expect("a folder");
    for descriptors in [64, 80] {
        let output = limited(&format!("-n {descriptors}"))
            .current_dir(folder.path())
            .args(["serve", "--listen", "127.0.0.1:0", "--console", "off", "--population", "0"])
            .output()
            .expect("the program runs");
        let stderr = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(&format!("may open {descriptors} descriptors, and needs 384")), "{stderr}");
    }
}
