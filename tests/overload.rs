//! More calls than the server can answer at once: the caller of many waits for their own, and the others hardly notice.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use common::{as_agency, gateway, reason};
use lienthong::base::limits;
use lienthong::server::Config;
use lienthong::wire::proto::exchange::v1::FetchRecordsRequest;
use lienthong::wire::proto::exchange::v1::exchange_service_client::ExchangeServiceClient;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

/// HTTP/2 streams of a connection.
const STREAMS: usize = 256;

async fn fetch(channel: &Channel, agency: &str) -> Result<(), Status> {
    let request = FetchRecordsRequest {
        personal_id: "042090990001".into(),
        record_types: vec!["resident.person.v1".into()],
        purpose: "one_stop.process_dossier".into(),
        ..Default::default()
    };
    let mut request = as_agency(agency, request);
    // with time for all of them, however slow the machine
    request.set_timeout(std::time::Duration::from_secs(60));
    ExchangeServiceClient::new(channel.clone()).fetch_records(request).await.map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agency_with_hundreds_of_calls_in_progress_does_not_keep_another_waiting() {
    let running = limits::CALLS_RUNNING_PER_PROCESSOR;
    let started =
        gateway().with(|config| Config { calls_running: Some(running), ..config }).on_a_socket().start().await;
    // many times as many as run at once
    let noisy = 8 * running;
    assert!(noisy < limits::CALLS_OF_AGENCY_MAX, "an agency may have them");
    let answered = Arc::new(AtomicUsize::new(0));
    let is_over = Arc::new(AtomicBool::new(false));
    let mut tasks = Vec::new();
    for _ in 0..noisy.div_ceil(STREAMS) {
        let address = format!("http://{}", started.address());
        let channel = Endpoint::from_shared(address).expect("an address").connect().await.expect("it accepts");
        for _ in 0..STREAMS.min(noisy - tasks.len()) {
            let (channel, answered, is_over) = (channel.clone(), answered.clone(), is_over.clone());
            tasks.push(tokio::spawn(async move {
                while !is_over.load(Ordering::Relaxed) {
                    match fetch(&channel, "one-stop").await {
                        Ok(()) => drop(answered.fetch_add(1, Ordering::Relaxed)),
                        Err(status) => {
                            assert_eq!(reason(&status), (Code::Unavailable, "OVERLOADED".into()), "{status}");
                            tokio::task::yield_now().await;
                        }
                    }
                }
            }));
        }
    }
    // once each of them has been answered, on average, all are in progress
    while answered.load(Ordering::Relaxed) < noisy {
        // one more of the same, and refused like them where the machine is slow
        let _ = fetch(&started.channel, "one-stop").await;
    }
    let mut overtaken = Vec::new();
    for _ in 0..20 {
        let before = answered.load(Ordering::Relaxed);
        fetch(&started.channel, "police").await.expect("another agency's call is answered");
        overtaken.push(answered.load(Ordering::Relaxed) - before);
    }
    is_over.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.expect("no call fails otherwise");
    }
    // in order of arrival each of them would have waited for all earlier ones
    overtaken.sort_unstable();
    let median = overtaken[overtaken.len() / 2];
    assert!(median < noisy / 2, "{median} of {noisy} came before it: {overtaken:?}");
}
