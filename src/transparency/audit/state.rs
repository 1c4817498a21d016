//! The state of an auditor between audits: the verified head, the tree's right edge, and the state of the rules.
//!
//! Two files: `FILE`, JSON, small; and next to it `FILE.<size>.records`, the latest version of each record, 58 bytes each, sorted:
//! number of issuer and record type (2) ‖ record id (16) ‖ version (8) ‖ SHA-256 of the statement (32). The second is written first,
//! under a name of its own, so that after a crash the first still names one that is whole.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::rules::{Counts, Finding, Latest, Pair, Rules};
use crate::base::id::to_hex;
use crate::store::file::{Readers, replace};
use crate::transparency::head::{LogKind, log_keys};
use crate::trust::merkle::{CompactRange, Hash};
use crate::trust::{KeyEvent, TrustAnchor};

const FORMAT: &str = "lienthong/audit/v2";
const ROW: usize = 2 + 16 + 8 + 32;

/// The state of an auditor between audits.
#[derive(Debug, Clone)]
pub struct State {
    /// The origin of the log.
    pub origin: String,
    /// The signed note of the verified head.
    pub note: Bytes,
    /// The right edge of its tree.
    pub edge: CompactRange,
    /// The state of the rules after its entries.
    pub rules: Rules,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StateFile {
    format: String,
    origin: String,
    note: String,
    edge: Edge,
    pairs: Vec<Pair>,
    followed: Vec<Followed>,
    key_events: Vec<EventRow>,
    counts: Counts,
    findings: Vec<Finding>,
    findings_total: u64,
    records: u64,
    records_sha256: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Edge {
    size: u64,
    hashes: Vec<String>,
}

/// The index of a key event, and the body of its entry.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventRow {
    index: u64,
    event: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Followed {
    issuer: String,
    edge: Edge,
    covered: u64,
}

impl EventRow {
    fn of(index: u64, event: &KeyEvent) -> Self {
        Self { index, event: String::from_utf8_lossy(&event.body()).into_owned() }
    }
}

impl Edge {
    fn of(range: &CompactRange) -> Self {
        Self { size: range.size(), hashes: range.edge().iter().map(|hash| to_hex(hash)).collect() }
    }

    fn read(&self) -> Option<CompactRange> {
        let hashes = self.hashes.iter().map(|text| from_hex(text)).collect::<Option<Vec<Hash>>>()?;
        CompactRange::from_edge(self.size, hashes)
    }
}

fn from_hex(text: &str) -> Option<Hash> {
    let mut hash = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(hash)
}

impl State {
    /// The state before the first audit of a log.
    pub(super) fn begin(origin: &str, rules: Rules) -> Self {
        Self { origin: origin.to_owned(), note: Bytes::new(), edge: CompactRange::new(), rules }
    }

    /// Reads the state; `None` if there is no file.
    pub fn load(path: &Path, anchor: &TrustAnchor) -> io::Result<Option<Self>> {
        let json = match std::fs::read(path) {
            Ok(json) => json,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let broken = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
        let file: StateFile = serde_json::from_slice(&json).map_err(|error| broken(error.to_string()))?;
        if file.format != FORMAT {
            return Err(broken(format!("the format is {}, not {FORMAT}", file.format)));
        }
        let beside = records_path(path, file.edge.size);
        let missing = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", beside.display()));
        let rows = std::fs::read(&beside).map_err(missing)?;
        if to_hex(&Sha256::digest(&rows)) != file.records_sha256 || rows.len() as u64 != file.records * ROW as u64 {
            return Err(broken("the records file next to it is not the one that it names".into()));
        }
        let cut = || broken("an edge has the wrong number of hashes".into());
        let (kind, _) = log_keys(anchor, &file.origin).unwrap_or((LogKind::Records, &[]));
        let mut rules = Rules::new(kind, anchor, &file.origin);
        rules.pairs = file.pairs;
        for row in file.key_events {
            let event =
                KeyEvent::parse(row.event.as_bytes()).ok_or_else(|| broken("a key event does not decode".into()))?;
            rules.key_events.push((row.index, event));
        }
        rules.counts = file.counts;
        rules.findings = file.findings;
        rules.findings_total = file.findings_total;
        for followed in file.followed {
            let edge = followed.edge.read().ok_or_else(cut)?;
            rules.followed.insert(followed.issuer, (edge, followed.covered));
        }
        rules.latest.reserve(rows.len() / ROW);
        for row in rows.as_chunks::<ROW>().0 {
            let (key, latest) = read_row(row);
            rules.latest.insert(key, latest);
        }
        let edge = file.edge.read().ok_or_else(cut)?;
        Ok(Some(Self { origin: file.origin, note: file.note.into(), edge, rules }))
    }

    /// Writes the state; it is durable when this returns.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let rules = &self.rules;
        let mut records: Vec<_> = rules.latest.iter().collect();
        records.sort_unstable_by_key(|(key, _)| **key);
        let mut rows = Vec::with_capacity(records.len() * ROW);
        for ((pair, id), latest) in records {
            rows.extend_from_slice(&pair.to_be_bytes());
            rows.extend_from_slice(id);
            rows.extend_from_slice(&latest.version.to_be_bytes());
            rows.extend_from_slice(&latest.statement);
        }
        let followed = rules.followed.iter().map(|(issuer, (edge, covered))| Followed {
            issuer: issuer.clone(),
            edge: Edge::of(edge),
            covered: *covered,
        });
        let file = StateFile {
            format: FORMAT.to_owned(),
            origin: self.origin.clone(),
            note: String::from_utf8_lossy(&self.note).into_owned(),
            edge: Edge::of(&self.edge),
            pairs: rules.pairs.clone(),
            key_events: rules.key_events.iter().map(|(index, event)| EventRow::of(*index, event)).collect(),
            followed: followed.collect(),
            counts: rules.counts,
            findings: rules.findings.clone(),
            findings_total: rules.findings_total,
            records: rules.latest.len() as u64,
            records_sha256: to_hex(&Sha256::digest(&rows)),
        };
        let old = std::fs::read(path).ok().and_then(|json| serde_json::from_slice::<StateFile>(&json).ok());
        replace(&records_path(path, self.edge.size()), &rows, Readers::All)?;
        replace(path, &serde_json::to_vec_pretty(&file).map_err(io::Error::from)?, Readers::All)?;
        if let Some(old) = old.filter(|old| old.edge.size != self.edge.size()) {
            match std::fs::remove_file(records_path(path, old.edge.size)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

fn read_row(row: &[u8; ROW]) -> ((u16, [u8; 16]), Latest) {
    let (mut id, mut version, mut statement) = ([0; 16], [0; 8], [0; 32]);
    id.copy_from_slice(&row[2..18]);
    version.copy_from_slice(&row[18..26]);
    statement.copy_from_slice(&row[26..]);
    ((u16::from_be_bytes([row[0], row[1]]), id), Latest { version: u64::from_be_bytes(version), statement })
}

fn records_path(path: &Path, size: u64) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{size}.records"));
    name.into()
}
