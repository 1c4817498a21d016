//! Killed at any moment, the gateway finds on its next start everything that it acknowledged, and ledgers that rebuild.
//!
//! The built program serves from a folder; three kinds of callers change it as fast as they are answered; SIGKILL ends it in the
//! middle, again and again. Moments come from a seed, which a failure prints. Killed while it seeds a world, it makes the very same
//! world in the end; and of two that start at once over one folder, one serves.

#![allow(clippy::disallowed_methods, reason = "tests measure and wait by the machine's time")]
#![cfg(unix)]

mod common;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::process::{Serving, program};
use common::until::until_blocking;
use common::{as_agency, as_citizen};
use lienthong::base::Seed;
use lienthong::store::fjall::FjallStore;
use lienthong::store::{Scan, Space, Store};
use lienthong::wire::proto::access::v1::ListAccessesRequest;
use lienthong::wire::proto::access::v1::access_log_service_client::AccessLogServiceClient;
use lienthong::wire::proto::exchange::v1::FetchRecordsRequest;
use lienthong::wire::proto::exchange::v1::exchange_service_client::ExchangeServiceClient;
use lienthong::wire::proto::identity::v1::link_service_client::LinkServiceClient;
use lienthong::wire::proto::identity::v1::{
    DocumentType, GetLinkRequest, LinkDocumentRequest, LinkState, UnlinkDocumentRequest,
};
use lienthong::wire::proto::registry::v1::registry_service_client::RegistryServiceClient;
use lienthong::wire::proto::registry::v1::{
    Change, GetRecordsRequest, NaturalKey, Operation, Receipt, SubmitChangesRequest, get_records_request,
};
use prost_types::value::Kind;
use tonic::transport::{Channel, Endpoint};

const KILLS: u64 = 4;
const KILLS_WHILE_SEEDING: u64 = 8;
const MEMBERSHIP: &str = "social_insurance.membership.v1";
const ASKED_ABOUT: &str = "042090990001";
const LINKING: &str = "042185990002";

/// The changes that the gateway acknowledged.
#[derive(Default)]
struct Acknowledged {
    /// By request id: the submission, and its receipts.
    changes: BTreeMap<String, (SubmitChangesRequest, Vec<Receipt>)>,
    fetches: Vec<String>,
    /// By link id: whether its end was acknowledged, and whether its end was asked for.
    links: BTreeMap<String, (bool, bool)>,
}

type Shared = Arc<Mutex<Acknowledged>>;

async fn connect(serving: &Serving) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{}", serving.grpc)).expect("an address");
    endpoint.connect().await.expect("it accepts")
}

/// Two new memberships.
fn submission(number: u64) -> SubmitChangesRequest {
    let change = |person: u64| {
        let text = |text: String| prost_types::Value { kind: Some(Kind::StringValue(text)) };
        let fields = [("personal_id", format!("0421{person:08}")), ("status", "active".to_owned())];
        let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), text(value))).collect();
        Change {
            record_type: MEMBERSHIP.into(),
            operation: Operation::Create as i32,
            payload: Some(prost_types::Struct { fields }),
            ..Default::default()
        }
    };
    SubmitChangesRequest {
        registry: "social_insurance".into(),
        request_id: format!("crash-{number:08}"),
        changes: vec![change(2 * number), change(2 * number + 1)],
    }
}

async fn submit(channel: Channel, shared: Shared, round: u64) {
    let mut client = RegistryServiceClient::new(channel);
    for number in round * 100_000.. {
        let request = submission(number);
        let Ok(answer) = client.submit_changes(as_agency("social-insurance", request.clone())).await else { return };
        let receipts = answer.into_inner().receipts;
        shared.lock().expect("whole").changes.insert(request.request_id.clone(), (request, receipts));
    }
}

async fn fetch(channel: Channel, shared: Shared) {
    let mut client = ExchangeServiceClient::new(channel);
    loop {
        let request = FetchRecordsRequest {
            personal_id: ASKED_ABOUT.into(),
            record_types: vec!["vehicle.registration.v1".into()],
            purpose: "one_stop.verify_documents".into(),
            ..Default::default()
        };
        let Ok(answer) = client.fetch_records(as_agency("one-stop", request)).await else { return };
        shared.lock().expect("whole").fetches.push(answer.into_inner().request_id);
    }
}

async fn link(channel: Channel, shared: Shared) {
    let mut client = LinkServiceClient::new(channel);
    loop {
        let document_type = DocumentType::HealthInsuranceCard as i32;
        let request = LinkDocumentRequest { personal_id: LINKING.into(), document_type, ..Default::default() };
        let link_id = match client.link_document(as_citizen(LINKING, request)).await {
            Ok(answer) => answer.into_inner().link.expect("a link").link_id,
            Err(status) if status.code() == tonic::Code::AlreadyExists => {
                // Made before the last kill, without an answer: end it, whichever it is.
                let list = lienthong::wire::proto::identity::v1::ListLinksRequest {
                    personal_id: LINKING.into(),
                    ..Default::default()
                };
                let Ok(listed) = client.list_links(as_citizen(LINKING, list)).await else { return };
                let card = listed.into_inner().links.into_iter().find(|link| link.document_type == document_type);
                card.expect("what is linked is listed").link_id
            }
            Err(_) => return,
        };
        shared.lock().expect("whole").links.insert(link_id.clone(), (false, true));
        let request = UnlinkDocumentRequest { personal_id: LINKING.into(), link_id: link_id.clone() };
        if client.unlink_document(as_citizen(LINKING, request)).await.is_err() {
            return;
        }
        shared.lock().expect("whole").links.insert(link_id, (true, true));
    }
}

async fn check(channel: Channel, acknowledged: &Acknowledged) {
    let mut registry = RegistryServiceClient::new(channel.clone());
    for (request, receipts) in acknowledged.changes.values() {
        for (change, receipt) in request.changes.iter().zip(receipts) {
            let fields = &change.payload.as_ref().expect("a payload").fields;
            let Some(Kind::StringValue(person)) = &fields["personal_id"].kind else { panic!("a text") };
            let key = NaturalKey { record_type: MEMBERSHIP.into(), values: vec![person.clone()] };
            let selector = Some(get_records_request::Selector::NaturalKey(key));
            let request = GetRecordsRequest { registry: "social_insurance".into(), selector, ..Default::default() };
            let found = registry.get_records(as_agency("social-insurance", request)).await.expect("read").into_inner();
            let found: Vec<_> =
                found.records.iter().map(|record| (record.record_id.as_str(), record.version)).collect();
            assert_eq!(found, [(receipt.record_id.as_str(), receipt.version)], "an acknowledged change is found");
        }
        let again = registry.submit_changes(as_agency("social-insurance", request.clone())).await.expect("repeatable");
        assert_eq!(again.into_inner().receipts, *receipts, "{} has the same receipts", request.request_id);
    }
    let mut seen = std::collections::BTreeSet::new();
    let mut log = AccessLogServiceClient::new(channel.clone());
    let mut page_token = String::new();
    loop {
        let request =
            ListAccessesRequest { personal_id: ASKED_ABOUT.into(), page_size: 500, page_token, ..Default::default() };
        let page = log.list_accesses(as_citizen(ASKED_ABOUT, request)).await.expect("listed").into_inner();
        seen.extend(page.accesses.into_iter().map(|access| access.request_id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    for request_id in &acknowledged.fetches {
        assert!(seen.contains(request_id), "an answered fetch left its evidence");
    }
    let mut links = LinkServiceClient::new(channel);
    for (link_id, (ended, asked)) in &acknowledged.links {
        let request = GetLinkRequest { personal_id: LINKING.into(), link_id: link_id.clone() };
        let link = links.get_link(as_citizen(LINKING, request)).await.expect("a link is found").into_inner();
        let state = link.link.expect("a link").state();
        if *ended {
            assert_eq!(state, LinkState::Unlinked, "an acknowledged end holds");
        } else {
            assert!(state == LinkState::Linked || *asked, "an acknowledged link holds");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_was_acknowledged_survives_being_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let seed = std::process::id().into();
    println!("moments of death come from seed {seed}");
    let mut draws = Seed::root(seed).draws();
    let shared = Shared::default();
    for round in 0..KILLS {
        let mut serving = Serving::start(folder.path(), &["--data-dir", "data", "--population", "0"]);
        let channel = connect(&serving).await;
        let callers = [
            tokio::spawn(submit(channel.clone(), shared.clone(), 2 * round)),
            tokio::spawn(submit(channel.clone(), shared.clone(), 2 * round + 1)),
            tokio::spawn(fetch(channel.clone(), shared.clone())),
            tokio::spawn(link(channel.clone(), shared.clone())),
        ];
        tokio::time::sleep(Duration::from_millis(draws.between(150, 900) as u64)).await;
        serving.signal("KILL");
        serving.wait();
        for caller in callers {
            caller.await.expect("a caller ends with the connection");
        }
    }
    let mut serving = Serving::start(folder.path(), &["--data-dir", "data"]);
    let acknowledged = std::mem::take(&mut *shared.lock().expect("whole"));
    let (changes, fetches, links) = (acknowledged.changes.len(), acknowledged.fetches.len(), acknowledged.links.len());
    println!("{changes} submissions, {fetches} fetches and {links} links were acknowledged");
    assert!(changes > 0 && fetches > 0 && links > 0, "the load came through");
    check(connect(&serving).await, &acknowledged).await;
    serving.signal("TERM");
    assert_eq!(serving.wait().0, Some(0));
    Serving::start(folder.path(), &["--data-dir", "data"]);
}

/// Generates a population in `folder/name`.
fn generate(folder: &Path, name: &str) -> Child {
    program()
        .current_dir(folder)
        .args(["population", "generate", "--population", "150", "--data-dir", name])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts")
}

fn finish(mut child: Child) {
    assert!(child.wait().expect("it can be waited for").success(), "a population is generated");
}

/// Every row of every space of a data folder's store.
async fn rows(folder: &Path) -> BTreeMap<(&'static str, Vec<u8>), Vec<u8>> {
    let store = FjallStore::open(&folder.join("store")).expect("opens");
    let mut rows = BTreeMap::new();
    for space in Space::ALL {
        let found = store.scan(Scan::prefix(*space, b"").limit(usize::MAX)).await.expect("rows");
        rows.extend(found.into_iter().map(|(key, value)| ((space.name(), key.to_vec()), value.to_vec())));
    }
    rows
}

#[tokio::test]
async fn a_world_that_was_killed_while_it_was_seeded_is_the_very_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let seed = std::process::id().into();
    println!("moments of death come from seed {seed}");
    let mut draws = Seed::root(seed).draws();
    let (killed, undisturbed) = (folder.path().join("killed"), folder.path().join("undisturbed"));
    let mut first = generate(folder.path(), "killed");
    until_blocking("a world is begun", || killed.join("world.json").exists().then_some(()));
    first.kill().expect("killed");
    first.wait().expect("it ended");
    // The same beginning, undisturbed.
    std::fs::create_dir(&undisturbed).expect("made");
    std::fs::copy(killed.join("world.json"), undisturbed.join("world.json")).expect("copied");
    let begun = Instant::now();
    finish(generate(folder.path(), "undisturbed"));
    let whole_ms = begun.elapsed().as_millis() as i64;
    let mut kills = 0;
    while kills < KILLS_WHILE_SEEDING && !killed.join("store").exists() {
        let mut child = generate(folder.path(), "killed");
        std::thread::sleep(Duration::from_millis(draws.between(0, whole_ms) as u64));
        child.kill().expect("killed");
        child.wait().expect("it ended");
        kills += 1;
    }
    println!("killed {kills} times within {whole_ms} ms");
    finish(generate(folder.path(), "killed"));
    assert!(rows(&killed).await == rows(&undisturbed).await, "every row of every space is the same");
}

/// Two that start over one folder, the second a little later; gives the one that serves.
fn start_two(folder: &Path, apart: Duration) -> Serving {
    let spawn = |ready: &str| {
        let child = program()
            .current_dir(folder)
            .args(["serve", "--listen", "127.0.0.1:0", "--console", "off", "--ready-file", ready])
            .args(["--data-dir", "data", "--population", "150"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        (child.expect("the program starts"), folder.join(ready))
    };
    let first = spawn("first.json");
    std::thread::sleep(apart);
    let mut both = vec![first, spawn("second.json")];
    let lost = until_blocking("one of them is refused", || {
        both.iter_mut().position(|(child, _)| child.try_wait().expect("asked").is_some())
    });
    let mut loser = both.remove(lost).0;
    let (mut child, ready) = both.remove(0);
    let mut why = String::new();
    loser.stderr.take().expect("piped").read_to_string(&mut why).expect("UTF-8");
    assert_eq!(loser.wait().expect("it ended").code(), Some(1), "{why}");
    assert!(why.contains("in use by another process"), "{why}");
    assert!(why.contains(&format!("({})", child.id())), "{why}");
    let text = until_blocking("the other one serves", || {
        assert!(child.try_wait().expect("asked").is_none(), "the other one serves");
        std::fs::read_to_string(&ready).ok()
    });
    let ready: serde_json::Value = serde_json::from_str(&text).expect("the ready-file is whole");
    let grpc = ready["grpc"].as_str().expect("an address").to_owned();
    Serving { child, grpc, console: None }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_start_at_once_one_serves_and_nothing_is_lost() {
    for apart_ms in [0, 40, 150, 300, 450] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut serving = start_two(folder.path(), Duration::from_millis(apart_ms));
        let mut acknowledged = Acknowledged::default();
        let mut client = RegistryServiceClient::new(connect(&serving).await);
        for number in 0..10 {
            let request = submission(number);
            let answer = client.submit_changes(as_agency("social-insurance", request.clone())).await.expect("accepted");
            acknowledged.changes.insert(request.request_id.clone(), (request, answer.into_inner().receipts));
        }
        serving.signal("KILL");
        serving.wait();
        let serving = Serving::start(folder.path(), &["--data-dir", "data"]);
        check(connect(&serving).await, &acknowledged).await;
    }
}
