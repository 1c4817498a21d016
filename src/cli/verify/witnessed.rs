//! Beyond one record: whether witnesses cosigned its ledger's head, and whether that head fits the heads that were seen before.
//!
//! `--seen FILE` remembers every head (the newest 4,096): a second tree of one size is a split view, whoever shows it. `--log URL`
//! holds each head against the log as it is served now, by proofs made of its tiles, so that forks of different sizes show too.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::Args;
use serde::{Deserialize, Serialize};

use crate::base::Timestamp;
use crate::base::origins::RECORD_LEDGER;
use crate::cli::ca::CaArgs;
use crate::cli::ledger::prefix;
use crate::cli::output::Failure;
use crate::cli::policy;
use crate::store::file::{Readers, replace};
use crate::transparency::audit::{Stop, check_growth};
use crate::transparency::file::{conflict_beside, keep_conflict};
use crate::transparency::head::SignedHead;
use crate::transparency::source::{HttpSource, Source as _};
use crate::trust::verdict::{Check, Code, Outcome, Report, Verdict};
use crate::trust::{Policy, SignedRecord, TrustAnchor};

use super::exit::EXIT_FILE;

const FORMAT: &str = "lienthong/seen/v2";
/// Heads that are remembered.
const HEADS_MAX: usize = 4_096;

/// The flags.
#[derive(Debug, Args)]
pub(super) struct Flags {
    /// A witness policy (C2SP tlog-policy): with too few cosignatures on the ledger's checkpoint a record is INDETERMINATE QUORUM.
    #[arg(long, env = "LIENTHONG_POLICY", value_name = "FILE")]
    policy: Option<PathBuf>,
    /// With --policy: if the newest cosignature is older than this, a record is INDETERMINATE STALE.
    #[arg(long, default_value_t = 24, env = "LIENTHONG_MAX_WITNESS_AGE", value_name = "HOURS")]
    max_witness_age: u32,
    /// A file in which to remember the ledger's heads between runs. Heads that contradict each other are INVALID, and are stored in FILE.conflict.json.
    #[arg(long, env = "LIENTHONG_SEEN", value_name = "FILE")]
    seen: Option<PathBuf>,
    /// With --seen: the ledger's tiles, a URL or the console's address, with which every head is compared.
    #[arg(long, env = "LIENTHONG_LOG_URL", requires = "seen", value_name = "URL|ADDRESS")]
    log: Option<String>,
}

/// Judges heads.
#[derive(Default)]
pub(super) struct Heads {
    policy: Option<(Policy, i64)>,
    seen: Option<Seen>,
    served: Option<(HttpSource, SignedHead)>,
    /// The verdict about a note; one covers many records.
    said: BTreeMap<Bytes, Vec<(Check, Verdict)>>,
}

struct Seen {
    path: PathBuf,
    heads: BTreeMap<(String, u64), SignedHead>,
    /// By origin, the newest head that the log itself published.
    served: BTreeMap<String, SignedHead>,
    changed: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeenFile {
    format: String,
    notes: Vec<String>,
    /// The newest head of each log that it published itself.
    served: Vec<String>,
}

impl Heads {
    /// Reads what the flags name; asks the log for its head.
    pub(super) fn open(flags: &Flags, ca: &CaArgs, anchor: &TrustAnchor) -> Result<Self, Failure> {
        let policy = flags.policy.as_deref().map(policy::read).transpose()?;
        let seen = flags.seen.as_deref().map(|path| Seen::load(path, anchor)).transpose()?;
        let mut served = None;
        if let Some(place) = &flags.log {
            let source = HttpSource::new(prefix(place, RECORD_LEDGER, ca), ca.roots()?.as_ref());
            let failed = |why: String| Failure::with_code(why, Code::Unavailable.exit_code());
            let note = source.checkpoint().map_err(|error| failed(error.to_string()))?;
            let head = SignedHead::read(&note, anchor)
                .map_err(|error| Failure::with_code(error.to_string(), Code::NoTrustedSignature.exit_code()))?;
            served = Some((source, head));
        }
        let age = i64::from(flags.max_witness_age) * 3_600_000;
        Ok(Self { policy: policy.map(|policy| (policy, age)), seen, served, said: BTreeMap::new() })
    }

    /// Adds to a record's report what is to be said of the head that it was proved against.
    pub(super) fn judge(
        &mut self,
        record: &SignedRecord,
        report: &mut Report,
        anchor: &TrustAnchor,
        now: Timestamp,
    ) -> Result<(), Failure> {
        if self.policy.is_none() && self.seen.is_none() {
            return Ok(());
        }
        let is_signed = report.check("ledger_signature").is_some_and(|check| check.outcome == Outcome::Pass);
        let Some(proof) = record.ledger_proof.as_ref().filter(|_| is_signed) else { return Ok(()) };
        if !self.said.contains_key(&proof.checkpoint) {
            let said = self.examine(&proof.checkpoint, anchor, now)?;
            if self.said.len() >= HEADS_MAX {
                self.said.clear();
            }
            self.said.insert(proof.checkpoint.clone(), said);
        }
        for (check, verdict) in self.said.get(&proof.checkpoint).into_iter().flatten() {
            report.judge(check.clone(), *verdict);
        }
        Ok(())
    }

    fn examine(
        &mut self,
        note: &Bytes,
        anchor: &TrustAnchor,
        now: Timestamp,
    ) -> Result<Vec<(Check, Verdict)>, Failure> {
        let mut said = Vec::new();
        if let Some((policy, age)) = &self.policy {
            let (verdict, detail) = policy.judge(note, now, *age);
            said.push((check("witnesses", verdict, detail), verdict));
        }
        let Some(seen) = &mut self.seen else { return Ok(said) };
        // The verifier has accepted it a moment ago.
        let head = SignedHead::read_old(note, anchor).map_err(|error| Failure::new(error.to_string()))?;
        let mut found = seen.compare(&head);
        if let (Ok(()), Some((source, served))) = (&found, &self.served) {
            found = seen.served.get(served.origin()).map_or(Ok(()), |before| check_growth(source, before, served));
            for known in [Some(&head), seen.newest(head.origin())].into_iter().flatten() {
                found = found.and_then(|()| held_against(source, known, served));
            }
        }
        match found {
            Ok(()) => {
                if let Some((_, served)) = &self.served {
                    seen.remember_served(served);
                }
                seen.remember(head);
                said.push((check("ledger_growth", Verdict::Valid, String::new()), Verdict::Valid));
            }
            Err(stop) => {
                if let Some(heads) = &stop.heads {
                    seen.keep(&heads.0, &heads.1, stop.code)?;
                }
                let verdict = match stop.code {
                    Code::Unavailable => Verdict::Indeterminate(stop.code),
                    code => Verdict::Invalid(code),
                };
                said.push((check("ledger_growth", verdict, stop.why), verdict));
            }
        }
        Ok(said)
    }

    /// Writes down what was seen.
    pub(super) fn finish(&self) -> Result<(), Failure> {
        self.seen.as_ref().map_or(Ok(()), Seen::save)
    }
}

fn check(name: &'static str, verdict: Verdict, detail: String) -> Check {
    let outcome = if verdict.is_valid() { Outcome::Pass } else { Outcome::Fail };
    Check { name, outcome, detail }
}

/// One of the heads must be a beginning of the other. A record's proof can lead to a head that is not published yet, because its
/// witnesses are missing; so a smaller published head is not a rollback, unless it is smaller than one that was published before.
fn held_against(source: &HttpSource, head: &SignedHead, served: &SignedHead) -> Result<(), Stop> {
    match head.size() <= served.size() {
        _ if head.origin() != served.origin() => Ok(()),
        true => check_growth(source, head, served),
        false => check_growth(source, served, head),
    }
}

impl Seen {
    fn load(path: &Path, anchor: &TrustAnchor) -> Result<Self, Failure> {
        let failed = |why: String| Failure::with_code(format!("{}: {why}", path.display()), EXIT_FILE);
        let (mut heads, mut served) = (BTreeMap::new(), BTreeMap::new());
        match std::fs::read(path) {
            Ok(json) => {
                let file: SeenFile = serde_json::from_slice(&json).map_err(|error| failed(error.to_string()))?;
                if file.format != FORMAT {
                    return Err(failed(format!("the format is {}, not {FORMAT}", file.format)));
                }
                let read = |note: &String| {
                    SignedHead::read_old(note.as_bytes(), anchor).map_err(|error| failed(error.to_string()))
                };
                for head in file.notes.iter().map(read) {
                    let head = head?;
                    heads.insert((head.origin().to_owned(), head.size()), head);
                }
                for head in file.served.iter().map(read) {
                    let head = head?;
                    served.insert(head.origin().to_owned(), head);
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => (),
            Err(error) => return Err(failed(format!("cannot be read: {error}"))),
        }
        Ok(Self { path: path.to_owned(), heads, served, changed: false })
    }

    fn compare(&self, head: &SignedHead) -> Result<(), Stop> {
        match self.heads.get(&(head.origin().to_owned(), head.size())) {
            Some(known) if known.root() != head.root() => Err(Stop::heads(
                Code::SplitView,
                known,
                head,
                format!("there are two different trees of {} entries", head.size()),
            )),
            _ => Ok(()),
        }
    }

    fn newest(&self, origin: &str) -> Option<&SignedHead> {
        let range = (origin.to_owned(), 0)..=(origin.to_owned(), u64::MAX);
        self.heads.range(range).next_back().map(|(_, head)| head)
    }

    fn remember(&mut self, head: SignedHead) {
        let key = (head.origin().to_owned(), head.size());
        if let Entry::Vacant(place) = self.heads.entry(key) {
            place.insert(head);
            self.changed = true;
            if self.heads.len() > HEADS_MAX {
                self.heads.pop_first();
            }
        }
    }

    fn remember_served(&mut self, head: &SignedHead) {
        let before = self.served.insert(head.origin().to_owned(), head.clone());
        self.changed |= before.as_ref() != Some(head);
    }

    fn keep(&self, known: &SignedHead, shown: &SignedHead, code: Code) -> Result<(), Failure> {
        keep_conflict(|number| conflict_beside(&self.path, number), &known.conflict_json(shown, code.as_str()))
            .map(|_| ())
            .map_err(|error| Failure::with_code(format!("{}: {error}", self.path.display()), EXIT_FILE))
    }

    fn save(&self) -> Result<(), Failure> {
        if !self.changed {
            return Ok(());
        }
        let text = |head: &SignedHead| String::from_utf8_lossy(&head.note).into_owned();
        let (notes, served) = (self.heads.values().map(text), self.served.values().map(text));
        let file = SeenFile { format: FORMAT.to_owned(), notes: notes.collect(), served: served.collect() };
        let json = serde_json::to_vec_pretty(&file).map_err(|error| Failure::new(error.to_string()))?;
        replace(&self.path, &json, Readers::All)
            .map_err(|error| Failure::with_code(format!("{}: {error}", self.path.display()), EXIT_FILE))
    }
}
