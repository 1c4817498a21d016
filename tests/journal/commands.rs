//! `lienthong journal` against a running server.

use std::time::Duration;

use serde_json::{Value, json};

use super::common::process::{Serving, program};
use super::common::sessions::{CITIZEN, PURPOSE, base};
use super::fetch;
use super::replay::command;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_that_follows_prints_calls_as_they_end() {
    use std::io::BufRead as _;
    let folder = tempfile::tempdir().expect("a folder");
    let serving = Serving::start(folder.path(), &["--population", "0"]);
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{}", serving.grpc)).expect("an address");
    let world = base(&endpoint.connect().await.expect("it accepts"));
    let follow = ["journal", "follow", "--method", "FetchRecords", "--from-beginning", "--address", &serving.grpc];
    let mut following = program();
    let mut following = following.args(follow).stdout(std::process::Stdio::piped()).spawn().expect("it starts");
    let lines = std::io::BufReader::new(following.stdout.take().expect("piped")).lines();
    let (send, mut told) = tokio::sync::mpsc::channel(8);
    std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| send.blocking_send(line)));
    let mut next = async || tokio::time::timeout(Duration::from_secs(20), told.recv()).await.expect("in time");
    fetch(&world, "demo-one-stop", PURPOSE).await.expect("fetched");
    let first = next().await.expect("a line");
    assert!(first.contains("  one-stop  OK  ") && !first.contains(CITIZEN), "{first}");
    world.now().await; // is of another method
    assert!(fetch(&world, "demo-bank", "bank.know_your_customer").await.is_none());
    let second = next().await.expect("a line");
    assert!(second.contains("  bank  CONSENT_MISSING  "), "{second}");
    drop(serving);
    assert_eq!(next().await, None, "it ends with the server");
    let _ = following.wait();
    // A filter that can match nothing is refused with a suggestion.
    let serving = Serving::start(folder.path(), &["--population", "0"]);
    let typo = ["journal", "follow", "--caller", "one-stpo", "--address", &serving.grpc].map(str::to_owned);
    let (code, text) = command(folder.path(), typo.to_vec()).await;
    assert!(code == Some(1) && text.contains("nearest: one-stop"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_forgets_the_calls_of_its_own_world_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let serving = Serving::start(at, &["--population", "0"]);
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{}", serving.grpc)).expect("an address");
    let base = base(&endpoint.connect().await.expect("it accepts"));
    let session = base.create(json!({})).await;
    let journal = async |arguments: &[&str]| {
        let arguments = [&["journal"], arguments, &["--address", &serving.grpc]].concat();
        command(at, arguments.into_iter().map(str::to_owned).collect()).await
    };
    let count = async |world: &[&str]| {
        let verify =
            [&["verify", "--method", "FetchRecords", "--at-least", "0"], world, &["--output", "json"]].concat();
        let (code, text) = journal(&verify).await;
        assert_eq!(code, Some(0), "{text}");
        let counted: Value = serde_json::from_str(&text).expect("JSON");
        counted["count"].as_str().map_or(0, |count| count.parse().expect("a number"))
    };
    let inside = ["--session", session.id()];
    fetch(&base, "demo-one-stop", PURPOSE).await.expect("fetched");
    for _ in 0..2 {
        fetch(&session, "demo-one-stop", PURPOSE).await.expect("fetched");
    }
    assert_eq!((count(&[]).await, count(&inside).await), (1, 2));
    let (code, text) = journal(&[&["reset"][..], &inside].concat()).await;
    assert_eq!((code, text.trim()), (Some(0), "2 calls are forgotten"));
    assert_eq!((count(&[]).await, count(&inside).await), (1, 0));
    let (code, text) = journal(&["reset", "--output", "json"]).await;
    let said: Value = serde_json::from_str(&text).expect("JSON");
    assert!(code == Some(0) && said["forgotten"].as_u64().is_some_and(|count| count >= 2), "{text}");
    assert_eq!(count(&[]).await, 0);
}
