//! Followers: of the changes that the province accepts, and of a registry's log. Each reads a little, is cut off or goes away, and resumes by the token of
//! the last message that it read. Nothing may be missing, come twice or come in another order, whatever was restarted in between.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lienthong::trust::merkle::{CompactRange, hash_leaf};
use serde_json::{Value, json};

use super::client::{Client, Messages, Outcome};
use super::disk::lock;
use super::registrar::version;
use super::run::Run;

const WATCH: &str = "province.v1.ProvinceService/WatchChanges";
const STREAM: &str = "registry.v1.RegistryService/StreamChanges";
const REGISTRY: &str = "social_insurance";
/// Reads of the stream after which an acknowledged change has to have come, when nothing is broken any more.
const READS_MAX: usize = 60;

/// What a follower of the province has seen.
#[derive(Debug, Default)]
pub struct Watched {
    token: String,
    /// Index in the record ledger of the last change.
    last: Option<u64>,
    /// The newest version of each record.
    versions: BTreeMap<String, u64>,
}

/// What a follower of a registry's log has seen.
#[derive(Debug)]
pub struct Followed {
    token: String,
    log: CompactRange,
    /// Leaves of a batch whose checkpoint is still to come.
    open: Vec<[u8; 32]>,
}

impl Default for Followed {
    fn default() -> Self {
        Self { token: String::new(), log: CompactRange::new(), open: Vec::new() }
    }
}

/// A number of protobuf JSON.
fn number(value: &Value) -> u64 {
    value.as_str().and_then(|text| text.parse().ok()).or_else(|| value.as_u64()).unwrap_or_default()
}

/// A stream that was opened; a refusal that is not of the moment breaks a promise: every token was given by the province itself.
async fn opened(client: &Client, who: &str, method: &str, body: Value) -> Option<Messages> {
    match client.open(who, method, body).await {
        Ok(messages) => Some(messages),
        Err(Outcome::Refused(reason)) => {
            client.run.log.violated(format!("a follower is refused where it left off: {reason}"));
            None
        }
        Err(Outcome::Answered(_) | Outcome::Unknown(_)) => None,
    }
}

/// Watches what the province accepts of one registry, and follows that registry's log, a little of each in turn.
pub async fn follows(run: Arc<Run>, works: usize) {
    let client = Client::new("follower", &run);
    for _ in 0..works {
        client.pause(200, 2_500).await;
        let messages = lock(&client.dice).below(30) as usize + 1;
        if lock(&client.dice).happens(500) {
            watch(&client, messages).await;
        } else {
            follow(&client, messages).await;
        }
        if run.is_over() {
            return;
        }
    }
}

/// Reads at most so many messages of the stream of accepted changes.
async fn watch(client: &Client, most: usize) {
    let run = &client.run;
    let token = lock(&run.watched).token.clone();
    let body = json!({ "resumeToken": token, "registry": REGISTRY });
    let Some(mut messages) = opened(client, "demo-operator", WATCH, body).await else { return };
    for _ in 0..most {
        let Ok(Some(change)) = messages.next().await else { return };
        if !token.is_empty() {
            run.sometimes.met("a watcher of changes resumes where it was");
        }
        take_change(run, &change);
    }
}

fn take_change(run: &Run, change: &Value) {
    let mut watched = lock(&run.watched);
    if change["progress"].is_object() {
        change["resumeToken"].as_str().unwrap_or_default().clone_into(&mut watched.token);
        return;
    }
    let (index, version, record) = (number(&change["ledgerIndex"]), version(change), change["recordId"].to_string());
    run.log.check(watched.last.is_none_or(|last| last < index), || {
        format!("the change {index} of the record ledger came after {:?}", watched.last)
    });
    let before = watched.versions.insert(record, version).unwrap_or_default();
    run.log.check(version == before + 1, || format!("of a record version {version} came after {before}"));
    watched.last = Some(index);
    change["resumeToken"].as_str().unwrap_or_default().clone_into(&mut watched.token);
}

/// Reads at most so many messages of a registry's log, and holds each checkpoint to the statements that came.
async fn follow(client: &Client, most: usize) {
    let run = &client.run;
    let token = {
        let mut followed = lock(&run.followed);
        // A batch that broke off comes again from its beginning.
        followed.open.clear();
        followed.token.clone()
    };
    let body = json!({ "registry": REGISTRY, "resumeToken": token });
    let Some(mut messages) = opened(client, "demo-social-insurance", STREAM, body).await else { return };
    for _ in 0..most {
        let Ok(Some(batch)) = messages.next().await else { return };
        if !token.is_empty() {
            run.sometimes.met("a follower of a log resumes where it was");
        }
        take_batch(client, &batch);
    }
}

fn take_batch(client: &Client, batch: &Value) {
    let run = &client.run;
    let mut followed = lock(&run.followed);
    let (first, expected) = (number(&batch["firstIndex"]), followed.log.size() + followed.open.len() as u64);
    run.log.check(first == expected, || format!("the log goes on at {expected}, and {first} came"));
    for record in batch["records"].as_array().into_iter().flatten() {
        let statement = STANDARD.decode(record["statement"].as_str().unwrap_or_default()).unwrap_or_default();
        followed.open.push(hash_leaf(&statement));
    }
    let Some(note) = batch["checkpoint"].as_str().filter(|note| !note.is_empty()) else { return };
    let leaves = std::mem::take(&mut followed.open);
    leaves.into_iter().for_each(|leaf| followed.log.append(leaf));
    if let Some(head) = run.heads.note_streamed(&client.name, note) {
        let seen = (followed.log.size(), followed.log.root());
        run.log.check(seen == (head.size, head.root), || {
            format!("{} changes came, and they are not under the checkpoint of {}", seen.0, head.size)
        });
    }
    batch["resumeToken"].as_str().unwrap_or_default().clone_into(&mut followed.token);
}

/// Every change that was acknowledged comes to whoever follows, and the log that was followed goes on to its end.
pub async fn all_came(client: &Client) {
    let run = &client.run;
    let acknowledged = lock(&run.facts).changes.clone();
    for _ in 0..READS_MAX {
        let missing = {
            let watched = lock(&run.watched);
            let has = |(record, version): &&(String, u64)| {
                watched.versions.get(&json!(record).to_string()).is_some_and(|newest| newest >= version)
            };
            acknowledged.iter().find(|change| !has(change)).cloned()
        };
        let Some((record, version)) = missing else {
            follow(client, usize::MAX).await;
            let (size, newest) =
                (lock(&run.followed).log.size(), run.heads.newest(&format!("lienthong/H27/{REGISTRY}")));
            return run.log.check(size >= newest || run.is_over(), || {
                format!("a log of {newest} entries was followed to {size}")
            });
        };
        watch(client, 40).await;
        if run.is_over() {
            return;
        }
        run.log.note(&client.name, format!("waits for version {version} of {record}"));
    }
    run.log.violated("a change that was acknowledged never came to whoever watches");
}
