//! `lienthong journal` against a running server.

use std::time::Duration;

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
