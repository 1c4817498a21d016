//! Collects cosignatures: asks all witnesses after each new head of a log, in the background; a head with a quorum is published.
//!
//! A witness that knows a longer log than ours means that an old copy of the data is running; one that knows another tree means
//! that two copies ran. Neither can be repaired here: such a head is never published as cosigned, and the reason is logged.

#![allow(clippy::disallowed_methods, reason = "a pause between rounds, and back-off")]

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::client::{HttpAnswer, HttpClient, Roots};
use super::logs::{Logs, PublicLog};
use super::witness::request::AddCheckpoint;
use crate::base::origins::{EVIDENCE_LEDGER, RECORD_LEDGER};
use crate::base::{Clock, Error, OnPanic, Reason, Result};
use crate::ledger::Head;
use crate::trust::cosignature::{verify_cosignature, with_lines};
use crate::trust::note::Note;
use crate::trust::{NoteKey, Policy};

/// Pause between two rounds, so that a log that grows a thousand times a second asks a few times a second.
const PAUSE: Duration = Duration::from_millis(250);
/// Pause after a round without a quorum.
const RETRY: Duration = Duration::from_secs(3);
/// The newest head is cosigned again after this long, in milliseconds of the world's clock, so that its cosignatures do not grow
/// stale.
const REFRESH_MS: i64 = 600_000;
/// Timeout of a request to a witness.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Most requests to one witness in a round: the first answer may only state the size that it knows.
const TRIES: usize = 3;
/// Longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: u64 = 16 * 1024;

/// Collects cosignatures from the policy's witnesses until dropped.
pub struct Collector(JoinSet<()>);

/// A witness, for one log.
#[derive(Clone)]
struct Peer {
    name: String,
    key: NoteKey,
    url: String,
    /// The size that it cosigned last, as far as we know.
    known: u64,
    /// Its last failure, which is logged once.
    trouble: Option<String>,
}

impl Collector {
    /// Collects for every log that the policy names, or for the province's own logs if it names none. The certificates of witnesses
    /// with `https` addresses are verified against `roots`. `defect` is called for each task that a panic ends.
    pub fn start(
        policy: Policy,
        roots: Option<&Roots>,
        logs: &Logs,
        clock: Arc<dyn Clock>,
        defect: &Arc<dyn Fn() + Send + Sync>,
    ) -> Self {
        let policy = Arc::new(policy);
        let client = HttpClient::new(TIMEOUT, roots);
        let mut tasks = JoinSet::new();
        for log in logs.iter() {
            let is_named = policy.logs.iter().any(|named| named.name == log.ledger.origin());
            let is_own = matches!(log.name.as_str(), RECORD_LEDGER | EVIDENCE_LEDGER);
            if is_named || (policy.logs.is_empty() && is_own) {
                let collected = collect(policy.clone(), log.clone(), client.clone(), clock.clone());
                let defect = defect.clone();
                tasks.spawn(async move {
                    let _tells = OnPanic::new(|| defect());
                    collected.await;
                });
            }
        }
        Self(tasks)
    }

    /// The number of logs.
    pub fn logs(&self) -> usize {
        self.0.len()
    }
}

async fn collect(policy: Arc<Policy>, log: Arc<PublicLog>, client: HttpClient, clock: Arc<dyn Clock>) {
    let mut sizes = log.ledger.watch();
    let witnesses = policy.witnesses.iter().filter_map(|witness| {
        let url = witness.url.as_ref()?.trim_end_matches('/').to_owned();
        let Some(key) = witness.key.known() else {
            tracing::warn!(log = log.name, witness = witness.name, "its key's type is not known: it is not asked");
            return None;
        };
        Some(Peer { name: witness.name.clone(), key: key.clone(), url, known: 0, trouble: None })
    });
    let mut peers: Vec<Peer> = witnesses.collect();
    loop {
        sizes.mark_unchanged();
        let head = log.ledger.head();
        let lines = round(&mut peers, &log, &head, &client).await;
        let note = with_lines(&head.note, &lines);
        let met = Note::parse(&note)
            .is_ok_and(|note| policy.cosignatures(&note, clock.now()).is_ok_and(|found| policy.is_met(&found)));
        if met {
            let cosigned = Arc::new(Head { note, ..(*head).clone() });
            log.ledger.lead_proofs_to(cosigned.clone());
            log.publish(cosigned);
        }
        tokio::time::sleep(PAUSE).await;
        let again = async {
            match met {
                true => clock.sleep_until(clock.now().plus_ms(REFRESH_MS)).await,
                false => tokio::time::sleep(RETRY).await,
            }
        };
        tokio::select! {
            biased;
            changed = sizes.changed() => if changed.is_err() {
                return; // the log is closed
            },
            () = again => {}
        }
    }
}

/// Asks all witnesses concurrently; returns the signature lines of those that cosigned, in the policy's order.
async fn round(peers: &mut [Peer], log: &Arc<PublicLog>, head: &Arc<Head>, client: &HttpClient) -> Vec<String> {
    let asked = peers.iter_mut().map(|peer| async {
        match ask(peer, log, head, client).await {
            Ok(line) => {
                if peer.trouble.take().is_some() {
                    tracing::info!(log = log.name, witness = peer.name, "the witness cosigns again");
                }
                Some(line)
            }
            Err(error) => {
                let why = error.to_string();
                if peer.trouble.as_ref() != Some(&why) {
                    if matches!(error.reason, Reason::LogRollback | Reason::SplitView) {
                        tracing::error!(log = log.name, witness = peer.name, why, "the witness knows another history");
                    } else {
                        tracing::warn!(log = log.name, witness = peer.name, why, "the witness does not cosign");
                    }
                    peer.trouble = Some(why);
                }
                None
            }
        }
    });
    futures::future::join_all(asked).await.into_iter().flatten().collect()
}

async fn ask(peer: &mut Peer, log: &PublicLog, head: &Arc<Head>, client: &HttpClient) -> Result<String> {
    for _ in 0..TRIES {
        if peer.known > head.size {
            let message =
                format!("it has seen {} entries, this log has {}: is this an old copy?", peer.known, head.size);
            // That size may be of a log that its owner rolled back there, too: ask again next time.
            peer.known = 0;
            return Err(Error::new(Reason::LogRollback, message));
        }
        let path = match peer.known {
            0 => Vec::new(),
            known => log.ledger.prove_consistency(known, head.size).await?,
        };
        let request = AddCheckpoint { old_size: peer.known, path, note: head.note.clone() };
        let HttpAnswer { status, body } =
            post(client.clone(), format!("{}/add-checkpoint", peer.url), request.write()).await?;
        match status {
            200 => {
                let line = read_line(&body, head, &peer.key)?;
                peer.known = head.size;
                return Ok(line);
            }
            409 => {
                let text = String::from_utf8_lossy(&body);
                let size: Option<u64> = text.strip_suffix('\n').and_then(|size| size.parse().ok());
                let size = size.ok_or_else(|| unavailable("it answers 409 without a size"))?;
                if size == peer.known {
                    return Err(split_view(size)); // as in version 1.0.0 of the specification
                }
                peer.known = size;
            }
            422 if peer.known == head.size => return Err(split_view(head.size)),
            422 => {
                let message = format!("the {} entries that it has seen are not a prefix of this log", peer.known);
                return Err(Error::new(Reason::LogRollback, message));
            }
            other => return Err(unavailable(format!("it answers with HTTP status {other}"))),
        }
    }
    Err(unavailable("it cosigns faster than it can be asked"))
}

/// The witness's own signature line of an answer, verified; other lines are ignored.
fn read_line(body: &[u8], head: &Head, key: &NoteKey) -> Result<String> {
    let whole = [&head.note[..], body].concat();
    let note = Note::parse(&whole).map_err(|error| unavailable(error.to_string()))?;
    let line = note.signatures.iter().position(|line| key.claims(line));
    let line = line.ok_or_else(|| unavailable("its answer holds no cosignature by its key"))?;
    verify_cosignature(note.text, &note.signatures[line], key).map_err(|error| unavailable(error.to_string()))?;
    let text = note.text.len();
    // The signature lines follow the text and an empty line.
    let lines = std::str::from_utf8(&whole[text + 1..]).map_err(Error::bug)?;
    let own = lines.split_inclusive('\n').nth(line).ok_or_else(|| Error::bug("a line that was parsed is gone"))?;
    Ok(own.to_owned())
}

async fn post(client: HttpClient, url: String, body: Vec<u8>) -> Result<HttpAnswer> {
    let asked = tokio::task::spawn_blocking(move || client.post(&url, &body, ANSWER_BYTES_MAX));
    asked.await.map_err(Error::bug)?.map_err(|error| unavailable(format!("it does not answer: {error}")))
}

fn split_view(size: u64) -> Error {
    Error::new(Reason::SplitView, format!("it has seen another tree of {size} entries: did two copies run?"))
}

fn unavailable(why: impl Into<String>) -> Error {
    Error::new(Reason::Unavailable, why)
}
