//! Clients of a gateway with TLS under a private certificate authority: an auditor, a verifier, a witness. Everything
//! here is the built program; servers of plain HTTP are behind a TLS proxy, as in production.

#![allow(clippy::disallowed_methods, reason = "tests measure and wait by the machine's time")]
#![cfg(unix)]

mod common;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use common::dynamic::Call;
use common::process::{Serving, Witness, run, write_private};
use common::until::until_blocking;
use lienthong::api::credential::TokenMint;
use lienthong::base::{AgencyId, Caller, Clock as _};
use lienthong::keys::credential_key;
use serde_json::Value;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};

/// Accepts TLS and forwards to a plain address; returns its port.
async fn front(folder: &Path, target: String) -> u16 {
    let certificate = CertificateDer::from_pem_file(folder.join("cert.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|config| config.with_no_client_auth().with_single_cert(vec![certificate], key));
    let acceptor = TlsAcceptor::from(Arc::new(config.expect("a configuration")));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        while let Ok((outer, _)) = listener.accept().await {
            let (acceptor, target) = (acceptor.clone(), target.clone());
            tokio::spawn(async move {
                let Ok(mut outer) = acceptor.accept(outer).await else { return };
                let Ok(mut inner) = tokio::net::TcpStream::connect(target).await else { return };
                let _ = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
            });
        }
    });
    port
}

/// The witness, with these further arguments.
fn witness(folder: &Path, arguments: &[&str]) -> Witness {
    let own = ["--trust", "anchor.json", "--key", "w1.key", "--state", "w1", "--passphrase-file", "pass"];
    Witness::start(folder, &[&own, arguments].concat())
}

/// Fetches a person's record over TLS, with a token, and writes the answer down.
async fn fetch(folder: &Path, serving: &Serving) {
    let pem = std::fs::read(folder.join("cert.pem")).expect("a certificate");
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)).domain_name("localhost");
    let endpoint = Endpoint::from_shared(format!("https://{}", serving.grpc)).expect("an address");
    let channel = endpoint.tls_config(tls).expect("TLS").connect().await.expect("a handshake");
    let one_stop = Caller::Agency(AgencyId::parse("one-stop").expect("a key"));
    let now = lienthong::base::time::SystemClock.now();
    let secret = credential_key::read(&folder.join("data")).expect("readable").expect("made by the first start");
    let mint = TokenMint::new(&secret).expect("a mint");
    let token = mint.mint(&one_stop, now, 600).expect("a token");
    let call = Call {
        headers: vec![("authorization".into(), format!("Bearer {token}"))],
        body: r#"{"personal_id":"042090990001","record_types":["resident.person.v1"],"purpose":"one_stop.verify_documents"}"#
            .into(),
        method: "lienthong.exchange.v1.ExchangeService/FetchRecords".into(),
    };
    let answer = call.make(&channel).await.expect("records");
    std::fs::write(folder.join("answer.json"), answer.to_string()).expect("written");
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("{output:?}"))
}

/// The key that signed the newest checkpoint of the record ledger, once the witness has cosigned it.
fn cosigned_by_the_log(console: &str, but: &str) -> String {
    until_blocking("a cosignature", || {
        let note = ureq::get(format!("http://{console}/logs/records/checkpoint")).call().expect("a checkpoint");
        let note = note.into_body().read_to_string().expect("text");
        let key = note.split("— lienthong/H27/records ").nth(1).expect("signed")[..5].to_owned(); // of the key id alone
        (note.contains("— witness.example/w1 ") && key != but).then_some(key)
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auditor_verifier_and_witness_believe_a_private_authority() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).expect("written");
    write_private(&folder.join("key.pem"), &made.signing_key.serialize_pem());
    write_private(&folder.join("pass"), "correct horse battery\n");
    write_private(&folder.join("wrong"), "another horse\n");
    let kept = ["--keys", "keys", "--passphrase-file", "pass"];
    assert_eq!(code(&run(folder, &[&["keys", "init"][..], &kept].concat())), 0);
    std::fs::write(folder.join("anchor.json"), run(folder, &["keys", "export-anchor", "--keys", "keys"]).stdout)
        .expect("written");

    // The witness's key: encrypted, for its owner alone.
    let first = witness(folder, &["--name", "witness.example/w1", "--listen", "127.0.0.1:0"]);
    let (key, url) = (first.key().to_owned(), first.url().to_owned());
    drop(first);
    let witness_at = url.strip_prefix("http://").expect("plain").to_owned();
    let sealed = std::fs::read_to_string(folder.join("w1.key")).expect("reads");
    assert!(sealed.contains("lienthong/sealed-key/v1") && sealed.contains("argon2id"), "{sealed}");
    let refused = |more: &[&str]| {
        let arguments = ["witness", "--trust", "anchor.json", "--key", "w1.key", "--state", "w1"];
        let output = run(folder, &[&arguments, more].concat());
        assert_eq!(code(&output), 1);
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(refused(&["--passphrase-file", "wrong"]).contains("does not open"));
    assert!(refused(&[]).contains("no passphrase"));
    let mode = |mode| std::fs::set_permissions(folder.join("w1.key"), std::fs::Permissions::from_mode(mode));
    mode(0o644).expect("set");
    assert!(refused(&["--passphrase-file", "pass"]).contains("chmod 600"));
    mode(0o600).expect("set");

    // The gateway asks it over TLS; the auditor and the verifier ask the gateway over TLS.
    let witness_front = front(folder, witness_at.clone()).await;
    let policy = format!("witness w1 {key} https://localhost:{witness_front}\nquorum w1\n");
    std::fs::write(folder.join("policy.txt"), policy).expect("written");
    let arguments = "--population 0 --data-dir data --anchor served.json --tls-cert cert.pem --tls-key key.pem \
                     --witness-policy policy.txt --witness-ca cert.pem";
    let serving = Serving::start(folder, &arguments.split_whitespace().chain(kept).collect::<Vec<_>>());
    let grpc = format!("localhost:{}", serving.grpc.rsplit(':').next().expect("a port"));
    let console = serving.console.clone().expect("a console");
    let _witness = witness(folder, &["--listen", &witness_at, "--follow", &grpc, "--ca", "cert.pem"]);
    let before = cosigned_by_the_log(&console, "");

    let port = front(folder, console.clone()).await;
    let url = format!("https://localhost:{port}/logs/records");
    let audit = |more: &[&str]| run(folder, &[&["ledger", "audit", "--trust", "anchor.json"], more].concat());
    let state = ["--ca", "cert.pem", "--state", "auditor.json", "--output", "json"];
    let whole = audit(&[&[&url[..]], &state[..]].concat());
    assert_eq!(code(&whole), 0, "{whole:?}");
    let address = format!("localhost:{port}");
    let again = audit(&[&[&address[..]], &state[..]].concat());
    let report = |output: &Output| serde_json::from_slice::<Value>(&output.stdout).expect("JSON")["report"].clone();
    assert_eq!((code(&again), &report(&again)["from"]), (0, &report(&whole)["size"]), "it goes on from where it was");
    assert_eq!(report(&whole)["from"], 0);
    assert_eq!(code(&audit(&[&url])), 35, "an authority that the world does not know");
    assert_eq!(code(&audit(&[&url, "--ca", "w1.key"])), 1, "no certificate");

    fetch(folder, &serving).await;
    let list = format!("https://localhost:{port}/status/resident/resident.person.v1");
    let verify = |more: &[&str]| {
        run(folder, &[&["verify", "answer.json", "--trust", "anchor.json", "--status", &list], more].concat())
    };
    let judged = verify(&["--ca", "cert.pem", "--seen", "seen.json", "--log", &url, "--policy", "policy.txt"]);
    assert_eq!(code(&judged), 0, "{judged:?}");
    assert_eq!(code(&verify(&[])), 35, "an authority that the world does not know");

    // The record ledger's key changes: the witness follows the trust anchor, and goes on.
    let rotated = run(folder, &[&["keys", "rotate", "--log", "records"][..], &kept].concat());
    assert_eq!(code(&rotated), 0, "{rotated:?}");
    cosigned_by_the_log(&console, &before);
    let anchor: Value =
        serde_json::from_slice(&std::fs::read(folder.join("anchor.json")).expect("reads")).expect("JSON");
    assert_eq!(anchor["version"], 2, "its file followed");
}
