//! A gateway that runs from an old copy of its data is caught by everybody who remembers its head: a witness, an auditor, a client. Each keeps both
//! signed heads. Everything here is the built program, over its sockets.

#![allow(clippy::disallowed_methods, reason = "tests measure and wait by the machine's time")]
#![cfg(unix)]

mod common;

use std::path::{Path, PathBuf};
use std::process::Output;

use common::dynamic::Call;
use common::enter_membership;
use common::process::{Serving, Witness, run, write_private};
use common::until::{until, until_answered};
use lienthong::transparency::head::SignedHead;
use lienthong::trust::TrustAnchor;
use serde_json::Value;
use tonic::transport::{Channel, Endpoint};

/// A witness with a key, a state and a line of the policy under its name.
fn witness(folder: &Path, name: &str) -> (Witness, String) {
    let (key, full) = (format!("{name}.key"), format!("witness.example/{name}"));
    let own = ["--key", &key, "--name", &full, "--state", name, "--passphrase-file", "pass"];
    let arguments = ["--listen", "127.0.0.1:0", "--trust", "data/anchor.json"];
    let started = Witness::start(folder, &[&arguments[..], &own].concat());
    let line = format!("witness {name} {} {}\n", started.key(), started.url());
    (started, line)
}

fn serve(folder: &Path, data: &str) -> Serving {
    Serving::start(folder, &["--data-dir", data, "--population", "0", "--witness-policy", "policy.txt"])
}

async fn connect(serving: &Serving) -> Channel {
    Endpoint::from_shared(format!("http://{}", serving.grpc)).expect("an address").connect().await.expect("accepts")
}

/// Enters new memberships, one submission each.
async fn enter(serving: &Serving, numbers: std::ops::Range<u64>) {
    let channel = connect(serving).await;
    for number in numbers {
        enter_membership(&channel, number).await;
    }
}

/// Fetches a record and writes the answer down.
async fn fetch(serving: &Serving, file: &Path) {
    let call = Call {
        headers: vec![("authorization".into(), "Bearer demo-one-stop".into())],
        body: r#"{"personal_id":"042090990001","record_types":["resident.person.v1"],"purpose":"one_stop.verify_documents"}"#
            .into(),
        method: "lienthong.exchange.v1.ExchangeService/FetchRecords".into(),
    };
    let answer = call.make(&connect(serving).await).await.expect("records");
    std::fs::write(file, answer.to_string()).expect("written");
}

async fn checkpoint(serving: &Serving, log: &str) -> String {
    let call = Call {
        headers: vec![],
        body: format!(r#"{{"log":"{log}"}}"#),
        method: "lienthong.trust.v1.LedgerService/GetCheckpoint".into(),
    };
    let answer = call.make(&connect(serving).await).await.expect("a checkpoint, without a credential");
    answer["checkpoint"].as_str().expect("text").to_owned()
}

fn size_of(note: &str) -> u64 {
    note.lines().nth(1).expect("a size").parse().expect("a number")
}

/// Waits until the published head of the record ledger covers `at_least` entries, with two cosignatures.
async fn cosigned(serving: &Serving, at_least: u64) -> String {
    until_answered("a quorum", async || {
        let note = checkpoint(serving, "records").await;
        let is_cosigned = note.matches("— witness.example/").count() >= 2 && size_of(&note) >= at_least;
        is_cosigned.then_some(note)
    })
    .await
}

fn audit(folder: &Path, serving: &Serving) -> Output {
    let console = serving.console.as_deref().expect("a console");
    run(folder, &["ledger", "audit", console, "--trust", "data/anchor.json", "--state", "auditor.json"])
}

fn verify(folder: &Path, serving: &Serving, file: &str, more: &[&str]) -> Output {
    let console = serving.console.as_deref().expect("a console");
    let mut arguments = vec!["verify", file, "--trust", "data/anchor.json", "--policy", "policy.txt"];
    arguments.extend(more.iter().map(|word| if *word == "CONSOLE" { console } else { word }));
    run(folder, &arguments)
}

fn end(mut serving: Serving) {
    serving.signal("TERM");
    assert_eq!(serving.wait().0, Some(0));
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("readable") {
        let entry = entry.expect("readable");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)
        } else {
            std::fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// Both heads of a stored conflict: their sizes, known and shown. Each is a whole note, which the log's own key signed: a proof for
/// everybody who has the trust anchor.
fn heads(folder: &Path, path: &Path, what: &str) -> (u64, u64) {
    let json: Value = serde_json::from_slice(&std::fs::read(path).expect("kept")).expect("JSON");
    assert_eq!(json["what"], what);
    let anchor = std::fs::read(folder.join("data/anchor.json")).expect("an anchor");
    let anchor = TrustAnchor::from_json(&anchor).expect("an anchor");
    let [known, shown] = ["known", "shown"].map(|head| {
        let note = json[head]["note"].as_str().expect("a note");
        let read = SignedHead::read(note.as_bytes(), &anchor).expect("signed by the log");
        assert_eq!((read.origin(), json[head]["size"].as_u64()), ("lienthong/H27/records", Some(read.size())));
        read
    });
    assert_ne!(known.root(), shown.root());
    (known.size(), shown.size())
}

/// Stored conflicts of the record ledger; the evidence ledger was forked too.
fn conflicts(folder: &Path) -> Vec<PathBuf> {
    let is_records = |path: &PathBuf| {
        std::fs::read_to_string(path).expect("reads").contains("\"origin\": \"lienthong/H27/records\"")
    };
    let files = std::fs::read_dir(folder).expect("readable").map(|entry| entry.expect("readable").path());
    files.filter(|path| path.extension().is_some_and(|ending| ending == "json")).filter(is_records).collect()
}

/// Waits until both witnesses have kept both heads of the record ledger.
async fn kept_by_witnesses(folder: &Path, what: &str, honest: &str) {
    for witness in ["w1", "w2"] {
        let is_it = |path: &PathBuf| path.to_string_lossy().contains(&format!(".{what}."));
        let kept = until("a conflict", || conflicts(&folder.join(witness)).into_iter().find(is_it)).await;
        let (known, shown) = heads(folder, &kept, what);
        assert!(known == size_of(honest) && shown >= known);
    }
}

#[tokio::test]
async fn a_gateway_from_an_old_copy_is_caught_by_witness_auditor_and_client() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    end(Serving::start(folder, &["--data-dir", "data", "--population", "0"]));
    write_private(&folder.join("pass"), "correct horse battery\n");
    let witnesses = [witness(folder, "w1"), witness(folder, "w2")];
    let lines: String = witnesses.iter().map(|(_, line)| line.as_str()).collect();
    std::fs::write(folder.join("policy.txt"), format!("{lines}group both all w1 w2\nquorum both\n")).expect("written");

    // The honest gateway: cosigned, audited, accepted.
    let serving = serve(folder, "data");
    let before = size_of(&cosigned(&serving, 1).await);
    end(serving);
    copy(&folder.join("data"), &folder.join("old"));
    let serving = serve(folder, "data");
    enter(&serving, 0..4).await;
    // four statements, and the registry's checkpoint after each
    let honest = cosigned(&serving, before + 8).await;
    assert_eq!(audit(folder, &serving).status.code(), Some(0));
    fetch(&serving, &folder.join("honest.json")).await;
    let believed = verify(folder, &serving, "honest.json", &["--seen", "seen.json", "--log", "CONSOLE"]);
    assert_eq!(believed.status.code(), Some(0), "{believed:?}");
    let land = checkpoint(&serving, "land").await;
    assert!(land.contains("\n— lienthong/H27/witness "), "the province cosigns a registry's head:\n{land}");
    end(serving);

    // The old copy goes on, first with less than was seen before …
    // stored conflicts stay: each further one is a file of its own
    let [auditors, clients] = ["auditor.json", "seen.json"]
        .map(|file| ["", ".2", ".3"].map(|number| folder.join(format!("{file}.conflict{number}.json"))));
    let seen = ["--seen", "seen.json", "--log", "CONSOLE"];
    let serving = serve(folder, "old");
    let stopped = audit(folder, &serving);
    assert_eq!(stopped.status.code(), Some(20), "{stopped:?}");
    let (known, shown) = heads(folder, &auditors[0], "LOG_ROLLBACK");
    assert!(known == size_of(&honest) && shown < known);
    let less = verify(folder, &serving, "honest.json", &seen);
    assert_eq!(less.status.code(), Some(20), "{less:?}");
    let (known, shown) = heads(folder, &clients[0], "LOG_ROLLBACK");
    assert!(known == size_of(&honest) && shown < known);

    // … then with as much, and other contents …
    enter(&serving, 100..104).await;
    assert_eq!(size_of(&checkpoint(&serving, "records").await), size_of(&honest));
    let stopped = audit(folder, &serving);
    assert_eq!(stopped.status.code(), Some(21), "{stopped:?}");
    assert_eq!(heads(folder, &auditors[1], "SPLIT_VIEW"), (size_of(&honest), size_of(&honest)));
    fetch(&serving, &folder.join("split.json")).await;
    let split = verify(folder, &serving, "split.json", &seen[..2]);
    assert_eq!(split.status.code(), Some(21), "{split:?}");
    assert_eq!(heads(folder, &clients[1], "SPLIT_VIEW"), (size_of(&honest), size_of(&honest)));
    kept_by_witnesses(folder, "SPLIT_VIEW", &honest).await;

    // … then with more.
    enter(&serving, 104..110).await;
    let stopped = audit(folder, &serving);
    assert_eq!(stopped.status.code(), Some(20), "{stopped:?}");
    let (known, shown) = heads(folder, &auditors[2], "LOG_ROLLBACK");
    assert!(known == size_of(&honest) && shown > known);
    fetch(&serving, &folder.join("forked.json")).await;
    let short = verify(folder, &serving, "forked.json", &[]);
    assert_eq!(short.status.code(), Some(33), "no quorum for the fork: {short:?}");
    let caught = verify(folder, &serving, "forked.json", &seen);
    assert_eq!(caught.status.code(), Some(20), "{caught:?}");
    let (known, shown) = heads(folder, &clients[2], "LOG_ROLLBACK");
    assert!(known == size_of(&honest) && shown > known);
    kept_by_witnesses(folder, "LOG_ROLLBACK", &honest).await;
    assert!(!checkpoint(&serving, "records").await.contains("— witness.example/"), "the fork is never cosigned");
    end(serving);

    // The honest log goes on where it was, with the same witnesses.
    let serving = serve(folder, "data");
    enter(&serving, 4..5).await;
    cosigned(&serving, size_of(&honest) + 2).await;
    assert_eq!(audit(folder, &serving).status.code(), Some(0));
    let believed = verify(folder, &serving, "honest.json", &seen);
    assert_eq!(believed.status.code(), Some(0), "{believed:?}");
    end(serving);
}

/// Reads a membership that was entered, with its proofs, from its registry.
async fn read_membership(serving: &Serving, number: u64, file: &Path) {
    let call = Call {
        headers: vec![("authorization".into(), "Bearer demo-social-insurance".into())],
        body: format!(r#"{{"registry":"social_insurance","personal_id":"0421{number:08}"}}"#),
        method: "lienthong.registry.v1.RegistryService/GetRecords".into(),
    };
    let answer = call.make(&connect(serving).await).await.expect("records");
    std::fs::write(file, answer.to_string()).expect("written");
}

#[tokio::test]
async fn an_honest_ledger_is_not_accused_when_its_witnesses_are_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    end(Serving::start(folder, &["--data-dir", "data", "--population", "0"]));
    write_private(&folder.join("pass"), "correct horse battery\n");
    let witnesses = [witness(folder, "w1"), witness(folder, "w2")];
    let lines: String = witnesses.iter().map(|(_, line)| line.as_str()).collect();
    std::fs::write(folder.join("policy.txt"), format!("{lines}group both all w1 w2\nquorum both\n")).expect("written");
    let serving = serve(folder, "data");
    let published = size_of(&cosigned(&serving, 1).await);
    let check = |file: &str| {
        let console = serving.console.as_deref().expect("a console");
        run(folder, &["verify", file, "--trust", "data/anchor.json", "--seen", "seen.json", "--log", console])
    };
    fetch(&serving, &folder.join("first.json")).await;
    assert_eq!(check("first.json").status.code(), Some(0));

    drop(witnesses);
    enter(&serving, 0..2).await;
    read_membership(&serving, 1, &folder.join("ahead.json")).await;
    let text = std::fs::read_to_string(folder.join("ahead.json")).expect("reads");
    let answer: Value = serde_json::from_str(&text).expect("JSON");
    let head = answer["records"][0]["record"]["ledgerProof"]["checkpoint"].as_str().expect("a head");
    assert!(size_of(head) > published, "its proof is ahead of what is published");
    assert_eq!(size_of(&checkpoint(&serving, "records").await), published);
    for file in ["ahead.json", "first.json"] {
        let said = check(file);
        assert_eq!(said.status.code(), Some(0), "{said:?}");
    }
    assert!(!folder.join("seen.json.conflict.json").exists());
    end(serving);
}
