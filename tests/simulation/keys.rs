//! Keys that change while clients write and the machine dies: a province with kept keys, whose logs get other keys by the steps of `lienthong keys`, in
//! simulated time, until a registry loses the right to issue. Whichever step is the last before a crash, the change has happened or has not: what the former
//! key signed stays valid, what its successor signs is valid too, and every version of the trust anchor follows the one before.
//!
//! The keys themselves are drawn by the system, as always: runs of one seed differ in them, and in nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use lienthong::base::Clock as _;
use lienthong::keys::keyring::{Beginning, KeptKeys, KeyFolder, Secret, Unlock};
use lienthong::registry::Catalogue;
use lienthong::transparency::head::SignedHead;
use lienthong::trust::{Algorithm, KeyChange, KeyRecord, KeyState, PublicKey, TrustAnchor, accept_next};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::audit;
use super::client::{Client, GIVEN_UP};
use super::clock::BEGUN;
use super::dice::Dice;
use super::follower;
use super::log::Log;
use super::machine::Machine;
use super::reader;
use super::registrar::{self, member};
use super::run::{Run, runtime};
use super::sometimes::Sometimes;

/// No registrar has this number: its members are made between changes of keys.
const OWN: u64 = 8_500;
const DAY_MS: i64 = 86_400_000;
/// Looks for the gateway's part of a change, one in ten milliseconds, after which it is given up.
const LOOKS_MAX: usize = 1_500;

/// Looks at a log's head until the province has cosigned it.
const LOOKS_AT_HEADS_MAX: usize = 50;
/// Attempts to write after which nothing is written any more.
const ATTEMPTS_MAX: usize = 100;

/// The last step of a change before the machine dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    /// The change was asked for.
    Asked,
    /// The logs are paused, and the place of its events is known.
    Placed,
    /// The next version is signed and written.
    Written,
    /// It is in force. The machine does not die.
    Done,
}

/// The kinds of changes.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Rotate,
    Compromise,
}

fn unlock() -> Unlock {
    Unlock::secret(Secret::new("correct horse battery").expect("long enough"))
}

/// The keys with which every run begins: making them takes longer than all else.
fn first_keys() -> &'static Path {
    static KEYS: OnceLock<TempDir> = OnceLock::new();
    let made = KEYS.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let expires_at = BEGUN.plus_ms(400 * DAY_MS);
        let beginning = Beginning { algorithm: Algorithm::Ed25519, root_keys: 1, threshold: 1, expires_at };
        KeyFolder::init(folder.path(), &Catalogue::built_in(), &beginning, &unlock()).expect("made");
        folder
    });
    made.path()
}

fn copied(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").map(|entry| entry.expect("an entry")) {
        let (path, copy) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copied(&path, &copy);
        } else {
            fs::copy(&path, &copy).expect("copied, with who may read it");
        }
    }
}

struct Keeper {
    run: Arc<Run>,
    machine: Arc<Mutex<Machine>>,
    folder: KeyFolder,
    client: Client,
}

/// Changes keys again and again; gives the log.
pub fn change(number: u64) -> Log {
    runtime().block_on(async {
        let run = Run::new(number, Sometimes::default(), None);
        let path = run.folder().with_file_name("keys");
        copied(first_keys(), &path);
        let kept = KeptKeys { folder: path.clone(), unlock: unlock() };
        let machine = Arc::new(Mutex::new(Machine::with_keys(run.clone(), kept)));
        machine.lock().await.must_start().await;
        let folder = KeyFolder::open(&path).expect("keys");
        let keeper = Keeper { client: Client::new("keeper", &run), run: run.clone(), machine, folder };
        keeper.works().await;
        run.log.clone()
    })
}

impl Keeper {
    async fn works(&self) {
        let run = &self.run;
        let mut clients = JoinSet::new();
        clients.spawn(registrar::memberships(run.clone(), 0, 12));
        clients.spawn(registrar::memberships(run.clone(), 1, 12));
        clients.spawn(reader::one_stop(run.clone(), 2, 12));
        clients.spawn(follower::follows(run.clone(), 10));
        let mut dice = Dice::new(run.seed, "keys", 0);
        let mut lasts = vec![Last::Asked, Last::Placed, Last::Written, Last::Done, Last::Done];
        let mut number = 0;
        while !lasts.is_empty() && !run.is_over() {
            let last = lasts.swap_remove(dice.below(lasts.len() as u64) as usize);
            let log = *dice.pick(&["social_insurance", "social_insurance", "records", "evidence"]);
            // Nothing that a compromised key of the record ledger signed is accepted any more, whatever it signed before.
            let kind =
                if log == "social_insurance" { *dice.pick(&[Kind::Rotate, Kind::Compromise]) } else { Kind::Rotate };
            self.holds(number).await;
            self.changes(log, kind, last, number).await;
            number += 1;
        }
        self.holds(number).await;
        while let Some(ended) = clients.join_next().await {
            ended.expect("a client ends by itself");
        }
        if !run.is_over() {
            self.withdraws(number, dice.happens(500)).await;
        }
        if !run.is_over() {
            audit::all(run, &self.machine).await;
        }
    }

    /// The registry loses the right to issue. It writes nothing any more, also when the machine has died; what it issued before stays valid.
    async fn withdraws(&self, number: u64, dies: bool) {
        let run = &self.run;
        run.log.note(
            "keeper",
            format!("social_insurance is withdrawn, and the machine {}", if dies { "dies" } else { "goes on" }),
        );
        let Some(before) = self.anchor().await else { return };
        let (id, origin) = (format!("change-{number}-withdrawn"), "lienthong/H27/social_insurance");
        let asked = self.asks(&id, origin);
        let withdrawal = |_| KeyChange::Withdraw { issuer: "social_insurance".to_owned() };
        if !self.goes_on(&id, &before, withdrawal, Last::Done).await {
            return run.log.violated("a withdrawal that nothing is in the way of comes to nothing");
        }
        if dies {
            self.dies().await;
        }
        fs::remove_file(asked).expect("it was there");
        let refused = registrar::refused(&self.client, &member(OWN, number + 1)).await;
        let is_told = refused.as_deref().is_some_and(|reason| reason == "ISSUER_WITHDRAWN" || reason == GIVEN_UP);
        run.log.check(is_told, || format!("a registry without the right to issue is asked to write: {refused:?}"));
        for number in 0..=number {
            reader::fetch_membership(&self.client, &member(OWN, number)).await;
        }
    }

    /// Asks the gateway for its part of a change, as `lienthong keys` does.
    fn asks(&self, id: &str, origin: &str) -> PathBuf {
        let change = self.folder.path().join("change.json");
        fs::write(&change, json!({ "id": id, "origin": origin }).to_string()).expect("written");
        change
    }

    /// A record is written and read, and the logs' heads are signed by keys of the newest version.
    async fn holds(&self, number: u64) {
        let id = member(OWN, number);
        let mut attempts = 0;
        while !registrar::create(&self.client, &id).await {
            attempts += 1;
            self.run.log.check(attempts < ATTEMPTS_MAX, || "nothing is written any more after a change of keys".into());
            if self.run.is_over() {
                return;
            }
            self.client.pause(200, 500).await;
        }
        // All that were written before, by whichever key.
        for number in 0..=number {
            reader::fetch_membership(&self.client, &member(OWN, number)).await;
        }
        let Some(anchor) = self.anchor().await else { return };
        for log in ["records", "evidence", "social_insurance"] {
            if !self.is_signed(log, &anchor).await {
                self.run.log.violated(format!("the head of {log} is not signed by a key of the newest version"));
            }
        }
    }

    /// Whether a log shows a head that a key of this version signed. A registry's is cosigned a moment after its key has changed; until then the one before is
    /// shown.
    async fn is_signed(&self, log: &str, anchor: &TrustAnchor) -> bool {
        for _ in 0..LOOKS_AT_HEADS_MAX {
            let asked = json!({ "log": log });
            let asked = self.client.call("demo-one-stop", "trust.v1.LedgerService/GetCheckpoint", asked).await;
            let Ok(answer) = asked else { return true };
            let note = answer["checkpoint"].as_str().unwrap_or_default();
            self.run.heads.note(&self.client.name, note);
            if SignedHead::read(note.as_bytes(), anchor).is_ok() {
                return true;
            }
            self.client.pause(100, 100).await;
        }
        false
    }

    async fn anchor(&self) -> Option<TrustAnchor> {
        let asked = self.client.call("demo-one-stop", "trust.v1.TrustService/GetTrustAnchor", json!({})).await.ok()?;
        let anchor = TrustAnchor::from_json(asked["anchorJson"].as_str().unwrap_or_default().as_bytes());
        self.run.log.check(anchor.is_ok(), || "the trust anchor cannot be read".into());
        anchor.ok()
    }

    /// A change of keys that ends with this step, and the machine with it unless it is done.
    async fn changes(&self, log: &str, kind: Kind, last: Last, number: u64) {
        let run = &self.run;
        run.log.note("keeper", format!("{kind:?} {log}, to {last:?}"));
        let Some(before) = self.anchor().await else { return };
        let (id, origin) = (format!("change-{number}"), format!("lienthong/H27/{log}"));
        let signer = self.folder.generate(&origin, Algorithm::Ed25519, &unlock()).expect("a key");
        let successor = PublicKey::new(Algorithm::Ed25519, signer.public_key()).expect("a good key");
        let asked = self.asks(&id, &origin);
        let change = |at| match kind {
            Kind::Rotate => KeyChange::Rotate { origin: origin.clone(), successor: successor.clone() },
            Kind::Compromise => {
                let is_active = |key: &&KeyRecord| key.state == KeyState::Active;
                let mut keys = before.keys().filter(|(of, _)| **of == origin).map(|(_, key)| key);
                let key = keys.find(is_active).expect("one in use").id();
                KeyChange::Compromise { key, suspect_from: at, successor: Some(successor.clone()) }
            }
        };
        if last != Last::Asked && !self.goes_on(&id, &before, change, last).await {
            run.log
                .violated(format!("a change of keys that nothing is in the way of comes to nothing: {kind:?} {log}"));
        }
        if last != Last::Done {
            self.dies().await;
        }
        // Whoever asked has gone, or has what they wanted.
        fs::remove_file(asked).expect("it was there");
        self.folder.give_up(std::slice::from_ref(&successor), &unlock()).expect("destroyed where no version names it");
        let Some(after) = self.anchor().await else { return };
        let is_changed = after.version == before.version + 1;
        run.log.check(is_changed || after.version == before.version, || {
            format!("version {} came after {}", after.version, before.version)
        });
        run.log.check(is_changed || last != Last::Done, || "a change of keys that was done is not in force".into());
        run.log.check(!is_changed || matches!(last, Last::Written | Last::Done), || {
            "a change of keys is in force that nobody signed".into()
        });
        if is_changed {
            let follows = accept_next(&before, &after, run.clock.now());
            run.log.check(follows.is_ok(), || format!("version {} does not follow: {follows:?}", after.version));
            let signs = after.keys().filter(|(of, _)| **of == *origin).any(|(_, key)| key.key == successor);
            run.log.check(signs, || "the next version does not name the successor".into());
        }
    }

    /// The steps of `lienthong keys` after it has asked, for a change whose events begin at the index that it is given; whether they all were taken.
    async fn goes_on(&self, id: &str, current: &TrustAnchor, change: impl Fn(u64) -> KeyChange, last: Last) -> bool {
        let Some(place) = self.comes("place.json", id).await else { return false };
        if last == Last::Placed {
            return true;
        }
        let at = place["index"].as_u64().expect("a number");
        let mut next = current.changed(&change(at), at, current.expires_at).expect("a change of this version");
        self.folder.sign_version(current, &mut next, &unlock()).expect("signed");
        self.folder.write_version(&next).expect("written");
        if last == Last::Written {
            return true;
        }
        let done = self.comes("done.json", id).await;
        let error = done.as_ref().map(|done| done["error"].clone());
        self.run.log.check(error == Some(Value::Null), || format!("a change of keys is refused: {error:?}"));
        done.is_some()
    }

    /// Waits for the gateway's part of a change.
    #[allow(clippy::disallowed_methods, reason = "the runtime's time is the simulated one")]
    async fn comes(&self, file: &str, id: &str) -> Option<Value> {
        let path = self.folder.path().join(file);
        for _ in 0..LOOKS_MAX {
            let found = fs::read(&path).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
            if let Some(found) = found.filter(|found| found["id"] == id) {
                return Some(found);
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        None
    }

    /// The machine dies and starts again. A version that was written and never took effect is set aside by the first start, which says so.
    async fn dies(&self) {
        let mut machine = self.machine.lock().await;
        machine.crash().await;
        self.client.pause(50, 500).await;
        if let Err(error) = machine.start().await {
            self.run.log.check(error.message.contains("set aside"), || format!("a start is refused: {error}"));
            machine.must_start().await;
        }
    }
}
