//! A witness and whoever brings it the heads: cosigns what only grows, and remembers across every restart of the province.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use lienthong::base::Seed;
use lienthong::transparency::head::SignedHead;
use lienthong::transparency::witness::memory::Memory;
use lienthong::transparency::witness::request::AddCheckpoint;
use lienthong::transparency::witness::{Refusal, Witness};
use lienthong::trust::{Ed25519Signer, TrustAnchor};
use serde_json::json;

use super::client::{Client, Outcome};
use super::run::Run;

/// The logs that it is shown.
const LOGS: [&str; 3] = ["records", "evidence", "social_insurance"];

/// Shows the witness the heads of the logs, one after another.
pub async fn watches(run: Arc<Run>, works: usize) {
    let client = Client::new("witness", &run);
    let Ok(answer) = client.call("demo-one-stop", "trust.v1.TrustService/GetTrustAnchor", json!({})).await else {
        return;
    };
    let anchor = TrustAnchor::from_json(answer["anchorJson"].as_str().unwrap_or_default().as_bytes());
    let Ok(anchor) = anchor else { return run.log.violated("the trust anchor cannot be read") };
    let memory = Memory::open(&run.witness_folder()).expect("a folder of its own");
    let signer = Arc::new(Ed25519Signer::from_seed("witness.example/simulated", &Seed::root(1)));
    let witness = Witness::new(anchor.clone(), signer, run.clock.clone(), memory);
    let mut known = [0; LOGS.len()];
    for work in 0..works {
        client.pause(300, 2_500).await;
        let at = work % LOGS.len();
        shows(&client, &witness, &anchor, LOGS[at], &mut known[at]).await;
        if run.is_over() {
            return;
        }
    }
}

async fn shows(client: &Client, witness: &Witness, anchor: &TrustAnchor, log: &str, known: &mut u64) {
    let run = &client.run;
    let (newest, was_old) = (run.heads.newest(&format!("lienthong/H27/{log}")), run.may_show_old_heads());
    let asked = client.try_call("demo-one-stop", "trust.v1.LedgerService/GetCheckpoint", json!({ "log": log })).await;
    let Outcome::Answered(answer) = asked else { return };
    let note = answer["checkpoint"].as_str().unwrap_or_default();
    let Some(head) = run.heads.note(&client.name, note) else { return };
    if let Err(error) = SignedHead::read(note.as_bytes(), anchor) {
        return run.log.violated(format!("a head is not signed by its log: {error}"));
    }
    let may_be_old = was_old || run.may_show_old_heads();
    run.log.check(head.size >= newest || may_be_old, || {
        format!("{log} had {newest} entries, and now shows a head of {}", head.size)
    });
    if head.size < *known {
        return;
    }
    let path = match *known {
        0 => Vec::new(),
        old => {
            let body = json!({ "log": log, "oldSize": old.to_string(), "newSize": head.size.to_string() });
            let asked = client.try_call("demo-one-stop", "trust.v1.LedgerService/GetConsistencyProof", body).await;
            let Outcome::Answered(answer) = asked else { return };
            let hashes = answer["path"].as_array().into_iter().flatten();
            hashes.filter_map(|hash| STANDARD.decode(hash.as_str()?).ok()?.try_into().ok()).collect()
        }
    };
    let request = AddCheckpoint { old_size: *known, path, note: Bytes::copy_from_slice(note.as_bytes()) };
    match witness.add_checkpoint(&request.write()) {
        Ok(_) => {
            run.sometimes.met("a head is cosigned");
            run.log.note(&client.name, format!("cosigns {log} with {} entries", head.size));
            *known = head.size;
        }
        // A clock that is days back is before nothing that the witness knows.
        Err(refusal @ (Refusal::SplitView(_) | Refusal::Inconsistent(_))) => {
            run.log.violated(format!("{log} with {} entries is not what it was with {known}: {refusal:?}", head.size));
        }
        Err(refusal) => run.log.violated(format!("the witness does not cosign {log}: {refusal:?}")),
    }
}
