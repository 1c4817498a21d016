//! Changing keys under a running gateway, so that no record is lost and none is mis-judged.
//!
//! The next version of the key registry names the ledger index of its key events, and is signed before they are written. So
//! the signing command and the gateway meet in the folder:
//!
//! | step | who | what |
//! |---|---|---|
//! | `change.json` | `lienthong keys` | names the log whose key changes |
//! | `place.json` | gateway | pauses that log, waits until the record ledger has all of it, pauses the record ledger, states its size |
//! | `anchors/<n>.json` | `lienthong keys` | the next version, signed |
//! | `done.json` | gateway | has checked it, accepts it, has appended the events at exactly that index, signs with the new key, and continues; or states why not |
//!
//! While the logs are paused, calls that write wait; calls that read do not. A step that does not come within
//! ten seconds ends the change, and everything continues as before.

#![allow(clippy::disallowed_methods, reason = "two processes meet in a folder")]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::KeptKeys;
use super::folder::KeyFolder;
use super::holder::{KeyHolder, PausedLog};
use super::sealed::invalid;
use super::unlock::Unlock;
use crate::base::entropy::SystemEntropy;
use crate::base::id::to_hex;
use crate::base::time::SystemClock;
use crate::base::{Clock, Entropy as _, Error, Reason, Result};
use crate::keys::anchors::AnchorBoard;
use crate::ledger::{Entry, Pause, Sequencer};
use crate::province::{FeedState, Progress, Province};
use crate::registry::Name;
use crate::registry::port::Inclusion as _;
use crate::store::file::{Readers, write_whole};
use crate::trust::{EntryType, KeyEvent, PublicKey, TrustAnchor, Verifier, accept_next};

const STEP_MAX: Duration = Duration::from_secs(10);
/// An index past every ledger's end, to try a change.
const LATER: u64 = u64::MAX >> 12;
const LOOK_EVERY: Duration = Duration::from_millis(50);

#[derive(Debug, Serialize, Deserialize)]
struct Wanted {
    id: String,
    /// The log whose key changes, if one does.
    origin: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct LedgerPosition {
    id: String,
    index: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Done {
    id: String,
    error: Option<String>,
}

/// Asks the gateway that uses this folder for a change, and waits until it is in force. `next` makes the next version, unsigned,
/// from the newest one and the index of its events.
pub fn request(
    folder: &KeyFolder,
    unlock: &Unlock,
    origin: Option<&str>,
    next: impl Fn(&TrustAnchor, u64) -> Result<TrustAnchor>,
) -> Result<TrustAnchor> {
    let signed = |current: &TrustAnchor, at| {
        let mut anchor = next(current, at)?;
        folder.sign_version(current, &mut anchor, unlock)?;
        Ok(anchor)
    };
    // A wrong passphrase or a missing root key is found before the gateway waits for anybody.
    let current = folder.newest()?;
    follows(&current, &signed(&current, LATER)?)?;
    meet(folder, origin, signed)
}

/// Hands a version to the gateway that its root keys' holders have signed, each where they keep them. It can only be one
/// without key events: their index is not known before the gateway pauses the ledger.
pub fn publish(folder: &KeyFolder, anchor: TrustAnchor) -> Result<TrustAnchor> {
    let current = folder.newest()?;
    follows(&current, &anchor)?;
    if !entries(Some(&current), &anchor)?.is_empty() {
        return Err(invalid(
            "it changes the keys of logs: only the running gateway knows the ledger position of such a change",
        ));
    }
    meet(folder, None, |_, _| Ok(anchor))
}

fn follows(current: &TrustAnchor, next: &TrustAnchor) -> Result<()> {
    accept_next(current, next, SystemClock.now()).map_err(|error| invalid(error.to_string()))
}

fn meet(
    folder: &KeyFolder,
    origin: Option<&str>,
    next: impl FnOnce(&TrustAnchor, u64) -> Result<TrustAnchor>,
) -> Result<TrustAnchor> {
    let current = folder.newest()?;
    let id = new_id()?;
    let [change, place, done] = ["change.json", "place.json", "done.json"].map(|name| folder.path().join(name));
    let _claim = Claim::take(change, &Wanted { id: id.clone(), origin: origin.map(str::to_owned) })?;
    let place: LedgerPosition =
        wait_for(|| read::<LedgerPosition>(&place).filter(|place| place.id == id), || ended(&done, &id)).map_err(
            |error| match error {
                None => Error::new(
                    Reason::RegistryUnavailable,
                    "no gateway answers: keys change only while `lienthong serve --keys` runs with this folder",
                ),
                Some(why) => invalid(format!("the gateway refused: {why}")),
            },
        )?;
    let anchor = next(&current, place.index)?;
    folder.write_version(&anchor)?;
    let answer = wait_for(|| read::<Done>(&done).filter(|done| done.id == id), || None);
    match answer.map(|done| done.error) {
        Ok(None) => Ok(anchor),
        Ok(Some(why)) => Err(invalid(format!("the gateway refused: {why}"))),
        Err(_) => {
            Err(invalid("the gateway did not say whether it accepted the change: `lienthong keys list` shows it"))
        }
    }
}

fn new_id() -> Result<String> {
    let mut id = [0; 16];
    SystemEntropy::default().fill(&mut id)?;
    Ok(to_hex(&id))
}

/// One change at a time: the file exists while it is in progress.
struct Claim(PathBuf);

impl Claim {
    fn take(path: PathBuf, wanted: &Wanted) -> Result<Self> {
        let age = fs::metadata(&path).and_then(|found| found.modified()).ok().and_then(|at| at.elapsed().ok());
        if age.is_some_and(|age| age < 3 * STEP_MAX) {
            return Err(invalid("another change is in progress"));
        }
        write_whole(&path, &serde_json::to_vec(wanted).map_err(Error::bug)?, Readers::Owner)?;
        Ok(Self(path))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // A file left behind is ignored once it is old.
        let _ = fs::remove_file(&self.0);
    }
}

fn ended(done: &std::path::Path, id: &str) -> Option<String> {
    read::<Done>(done).filter(|done| done.id == id).and_then(|done| done.error)
}

fn wait_for<T>(found: impl Fn() -> Option<T>, refused: impl Fn() -> Option<String>) -> Result<T, Option<String>> {
    let begun = Instant::now();
    while begun.elapsed() < STEP_MAX + Duration::from_secs(2) {
        if let Some(found) = found() {
            return Ok(found);
        }
        if let Some(why) = refused() {
            return Err(Some(why));
        }
        std::thread::sleep(LOOK_EVERY / 5);
    }
    Err(None)
}

fn read<T: for<'a> Deserialize<'a>>(path: &std::path::Path) -> Option<T> {
    // Files are written whole; one that is absent or of an older change is not there yet.
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Puts the events of a version into the record ledger, if the ledger ends just where they belong: the first version's at
/// the first start, and those of a change that a crash cut short. Returns how many versions are in the ledger.
pub async fn place_events(
    records: &Sequencer,
    before: Option<&TrustAnchor>,
    versions: &[TrustAnchor],
) -> Result<usize> {
    for (standing, version) in versions.iter().enumerate() {
        let entries = entries(standing.checked_sub(1).map_or(before, |before| Some(&versions[before])), version)?;
        let size = records.head().size;
        if size < version.events_from {
            return Err(invalid(
                "the record ledger is shorter than the key registry says: these are another folder's keys",
            ));
        }
        let found = records.entries(version.events_from, entries.len()).await?;
        if found.iter().eq(entries.iter().map(|entry| &entry.body)) {
            continue;
        }
        if size != version.events_from {
            let is_last_change = standing > 0 && standing + 1 == versions.len();
            let other = || invalid("the record ledger lists other keys than these, which belong to another folder");
            return if is_last_change { Ok(standing) } else { Err(other()) };
        }
        records.append(entries, |_| crate::store::Batch::new()).await?;
    }
    Ok(versions.len())
}

fn entries(before: Option<&TrustAnchor>, next: &TrustAnchor) -> Result<Vec<Entry>> {
    let events = KeyEvent::between(before, next).map_err(invalid)?;
    let entry = |event: &KeyEvent| {
        let body = event.body();
        Entry { leaf: EntryType::KeyEvent.leaf(&body), body: EntryType::KeyEvent.entry(&body).into() }
    };
    Ok(events.iter().map(entry).collect())
}

/// The gateway's side: looks for changes until it is dropped.
pub struct Watcher {
    /// The keys.
    pub keys: KeptKeys,
    /// The registries whose keys change here.
    pub issuers: Vec<Arc<dyn KeyHolder>>,
    /// What accepts their statements.
    pub province: Arc<Province>,
    /// The record ledger.
    pub records: Arc<Sequencer>,
    /// The evidence ledger.
    pub evidence: Arc<Sequencer>,
    /// What verifies by the newest version.
    pub verifier: Arc<Verifier>,
    /// Where versions are handed out.
    pub board: AnchorBoard,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Watcher {
    /// Looks for changes.
    pub async fn run(self) {
        let folder = match KeyFolder::open(&self.keys.folder) {
            Ok(folder) => folder,
            Err(error) => return tracing::error!(%error, "keys cannot change"),
        };
        let mut last = String::new();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let Some(wanted) = read::<Wanted>(&folder.path().join("change.json")) else { continue };
            if wanted.id == last {
                continue;
            }
            last.clone_from(&wanted.id);
            let outcome = self.change(&folder, &wanted).await;
            match &outcome {
                Ok(version) => tracing::info!(version, "the key registry has a new version"),
                Err(error) => tracing::warn!(%error, "a change of keys was not taken"),
            }
            let done = Done { id: wanted.id, error: outcome.err().map(|error| error.message.clone()) };
            if let Err(error) = write(&folder, "done.json", &done) {
                tracing::error!(%error, "the outcome of a change of keys cannot be written");
            }
        }
    }

    async fn change(&self, folder: &KeyFolder, wanted: &Wanted) -> Result<u64> {
        let current = self.verifier.anchor();
        let issuer = self.issuers.iter().find(|issuer| wanted.origin.as_deref() == Some(issuer.origin()));
        let log = match (issuer, wanted.origin.as_deref()) {
            (Some(issuer), _) => Some(self.pause_issuer(&**issuer).await?),
            (None, Some(origin)) if origin == self.evidence.origin() => Some(self.pause_evidence().await?),
            _ => None,
        };
        let records = self.records.pause().await?;
        write(folder, "place.json", &LedgerPosition { id: wanted.id.clone(), index: records.size() })?;
        let path = folder.anchor_path(current.version + 1);
        let begun = Instant::now();
        let change = folder.path().join("change.json");
        while !path.exists() {
            // The command that requested the change has given up: nothing may wait for it.
            if read::<Wanted>(&change).is_none_or(|asked| asked.id != wanted.id) && !path.exists() {
                return Err(invalid("the change was given up before the next version was written"));
            }
            if begun.elapsed() > STEP_MAX {
                return Err(invalid("the next version did not arrive in time"));
            }
            tokio::time::sleep(LOOK_EVERY / 5).await;
        }
        let taken = self.take(folder, &current, log, records).await;
        if taken.is_err() {
            folder.refuse_version(current.version + 1)?;
        }
        taken
    }

    /// Pauses an issuer's log once all of it is in the record ledger.
    async fn pause_issuer(&self, issuer: &dyn KeyHolder) -> Result<PausedLog> {
        let paused = issuer.pause().await?;
        let accepted = self.province.wait_for(issuer.name(), paused.size());
        let accepted = tokio::time::timeout(STEP_MAX, accepted).await;
        let accepted = accepted.map_err(|_| invalid("the record ledger does not follow the registry"))?;
        let is_halted = |(registry, progress): (Name, Progress)| {
            registry == issuer.name() && matches!(progress.state, FeedState::Halted { .. })
        };
        // Nothing more of a halted feed gets into the record ledger, and its key may be the very one that was stolen.
        if accepted.is_err() && !self.province.progress().into_iter().any(is_halted) {
            accepted?;
        }
        Ok(paused)
    }

    async fn pause_evidence(&self) -> Result<PausedLog> {
        let (keys, origin) = (self.keys.clone(), self.evidence.origin().to_owned());
        let pause = self.evidence.pause().await?;
        let opens = origin.clone();
        let later =
            move |version: &TrustAnchor| KeyFolder::open(&keys.folder)?.log_signer(version, &opens, &keys.unlock);
        Ok(PausedLog::new(&origin, pause, Arc::new(later)))
    }

    async fn take(
        &self,
        folder: &KeyFolder,
        current: &Arc<TrustAnchor>,
        mut log: Option<PausedLog>,
        records: Pause,
    ) -> Result<u64> {
        let next = folder.versions()?.pop().ok_or_else(|| invalid("there is no version"))?;
        accept_next(current, &next, self.clock.now()).map_err(|error| invalid(error.to_string()))?;
        let entries = entries(Some(current), &next)?;
        let is_placed =
            if entries.is_empty() { next.events_from <= records.size() } else { next.events_from == records.size() };
        if !is_placed {
            return Err(invalid("its events have other positions"));
        }
        let is_paused =
            |origin: &str| origin == self.records.origin() || log.as_ref().is_some_and(|log| log.origin() == origin);
        let fresh = |key: &PublicKey| !current.keys().any(|(_, old)| old.key == *key);
        // Nobody writes to the log of an issuer that this version admits.
        let is_new = |origin: &str| !current.keys().any(|(known, _)| known == origin);
        if next.keys().any(|(origin, key)| fresh(&key.key) && !is_paused(origin) && !is_new(origin)) {
            return Err(invalid("it changes the key of a log other than the one named"));
        }
        let changes = |origin: &str| next.keys().any(|(of, key)| of == origin && fresh(&key.key));
        if let Some(log) = log.as_mut().filter(|log| changes(log.origin())) {
            log.change_to(&next)?;
        }
        let origin = self.records.origin();
        let records_signer =
            changes(origin).then(|| folder.log_signer(&next, origin, &self.keys.unlock)).transpose()?;
        let version = next.version;
        let published = self.board.prepare(&next)?;
        // Accepted first: the ledger's next head may be signed with the new key. Earlier signatures are still valid under the new version.
        self.issuers.iter().for_each(|issuer| issuer.heed(&next));
        self.verifier.adopt(next);
        if let Err(error) = records.release(entries, records_signer).await {
            self.verifier.adopt(current.clone());
            return Err(error);
        }
        self.board.publish(published);
        if let Some(log) = log {
            let origin = log.origin().to_owned();
            if let Err(error) = log.resume().await {
                tracing::warn!(log = origin, %error, "the log's head keeps its former signature until the next batch");
            }
        }
        Ok(version)
    }
}

fn write(folder: &KeyFolder, name: &str, value: &impl Serialize) -> Result<()> {
    write_whole(&folder.path().join(name), &serde_json::to_vec(value).map_err(Error::bug)?, Readers::Owner)
}
