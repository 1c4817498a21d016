//! The published vectors of logs as they are served: the auditor gives the expected result for each, in the library and as
//! `lienthong ledger audit` over HTTP.

#![allow(clippy::disallowed_methods, reason = "tests measure and wait by the machine's time")]

mod common;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use common::process::run;
use common::vectors::{text, vectors};
use lienthong::base::Clock as _;
use lienthong::base::time::SystemClock;
use lienthong::transparency::audit::state::State;
use lienthong::transparency::audit::{AuditReport, Stop, audit};
use lienthong::transparency::path::TilePath;
use lienthong::transparency::source::{Source, SourceError};
use lienthong::trust::{Code, TrustAnchor};
use serde_json::Value;

/// The content that a log serves, by path.
struct Served(BTreeMap<String, Bytes>);

impl Served {
    fn of(vector: &Value) -> Self {
        let bytes = |value: &Value| STANDARD.decode(value.as_str().expect("text")).expect("base64").into();
        let files = vector["files"].as_object().expect("files");
        let mut served: BTreeMap<String, Bytes> =
            files.iter().map(|(path, value)| (path.clone(), bytes(value))).collect();
        served.insert("checkpoint".into(), text(vector, "checkpoint").to_owned().into());
        Self(served)
    }

    fn get(&self, path: &str) -> Result<Bytes, SourceError> {
        self.0.get(path).cloned().ok_or_else(|| SourceError::Missing(path.to_owned()))
    }
}

impl Source for Served {
    fn checkpoint(&self) -> Result<Bytes, SourceError> {
        self.get("checkpoint")
    }

    fn read(&self, path: TilePath) -> Result<Bytes, SourceError> {
        self.get(&path.write())
    }
}

#[test]
fn the_library_says_what_the_vectors_expect() {
    for vector in vectors("lienthong/log-vector/v1") {
        let name = text(&vector, "name");
        let anchor = TrustAnchor::from_json(vector["trust_anchor"].to_string().as_bytes()).expect(name);
        let audited = |served: &Value, state: Option<State>| -> Result<(AuditReport, State), Stop> {
            audit(&Served::of(served), &anchor, state, SystemClock.now(), &|_, _| ())
        };
        let state = vector.get("before").map(|before| audited(before, None).expect(name).1);
        let code = match audited(&vector["served"], state) {
            Ok((report, _)) => report.findings.first().map(|finding| finding.code.clone()),
            Err(stop) => {
                let contradicts = [Code::LogRollback, Code::SplitView].contains(&stop.code);
                assert_eq!(stop.heads.is_some(), contradicts, "{name}: both heads are kept");
                Some(stop.code.as_str().to_owned())
            }
        };
        assert_eq!(code.as_deref(), vector["expected"]["code"].as_str(), "{name}");
    }
}

/// Serves what is in the slot under the prefix of any log until the test ends.
fn serve(slot: Arc<Mutex<Served>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { break };
            let _ = answer(stream, &slot.lock().expect("whole"));
        }
    });
    address
}

fn answer(mut stream: TcpStream, served: &Served) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    for line in lines.by_ref() {
        if line?.is_empty() {
            break;
        }
    }
    let path = request.split(' ').nth(1).and_then(|path| path.strip_prefix("/logs/")?.split_once('/'));
    let path = path.map_or("", |(_, path)| path);
    let (status, body) = served.get(path).map_or(("404 Not Found", Bytes::new()), |body| ("200 OK", body));
    write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len())?;
    stream.write_all(&body)
}

#[test]
fn the_program_says_what_the_vectors_expect() {
    let slot = Arc::new(Mutex::new(Served(BTreeMap::new())));
    let address = serve(slot.clone());
    for vector in vectors("lienthong/log-vector/v1") {
        let name = text(&vector, "name");
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        std::fs::write(folder.join("anchor.json"), vector["trust_anchor"].to_string()).expect("written");
        let audit = |served: &Value| {
            *slot.lock().expect("whole") = Served::of(served);
            let place = ["ledger", "audit", &address, "--log", text(&vector, "log")];
            let output = run(folder, &[&place[..], &["--state", "state.json", "--output", "json"]].concat());
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            (output.status.code().expect("an exit code"), said)
        };
        if let Some(before) = vector.get("before") {
            assert_eq!(audit(before).0, 0, "{name}");
        }
        let (exit_code, said) = audit(&vector["served"]);
        let expected = &vector["expected"];
        assert_eq!(i64::from(exit_code), expected["exit_code"], "{name}: {said}");
        if let Some(code) = expected["code"].as_str() {
            assert!(said.contains(&format!("\"{code}\"")), "{name}: {said}");
        }
        let kept = folder.join("state.json.conflict.json").exists();
        assert_eq!(kept, matches!(expected["code"].as_str(), Some("LOG_ROLLBACK" | "SPLIT_VIEW")), "{name}");
    }
}
