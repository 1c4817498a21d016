//! The rules for the entries of a log: for each entry alone, and after the entries before it.
//!
//! | entry | rule | code of a violation |
//! |---|---|---|
//! | any | it decodes | MALFORMED |
//! | statement | the anchor lets its issuer issue the schema; in a registry's log, it is that registry's | NOT_AUTHORISED, ISSUER_MISMATCH |
//! | statement | its version is the next of its record, and names the hash of the one before; or it is the latest, repeated byte for byte | LOG_RULE |
//! | issuer's checkpoint | a key that was good at this index signed it | NO_TRUSTED_SIGNATURE |
//! | issuer's checkpoint | it covers exactly the statements of that issuer that come before it | LOG_RULE |
//! | equivocation | it holds two different statements for one version of one record | LOG_RULE |
//! | key event, status digest | canonical JSON, of their form | NON_CANONICAL, LOG_RULE |
//! | key events | they agree with the trust anchor, see `audit/keys.rs` | LOG_RULE |
//! | status digest | the anchor lets the issuer issue the schema; it counts the statements of that type before its `ledger_size` | NOT_AUTHORISED, LOG_RULE |
//! | the end | every statement is covered by a checkpoint of its issuer | LOG_RULE |
//!
//! An equivocation entry is not a finding: it is the province's complaint about an issuer, and is counted.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::keys::{Told, discrepancies};
use super::tiles::root_of;
use crate::base::RecordId;
use crate::transparency::head::{HeadError, LogKind, SignedHead};
use crate::trust::entry::{EntryType, split_entry, split_equivocation};
use crate::trust::merkle::{CompactRange, Hash, hash_leaf};
use crate::trust::status_list::StatusDigest;
use crate::trust::{Code, KeyEvent, Statement, TrustAnchor, canonical, statement_hash};

/// Most findings that are reported individually; further ones are counted.
pub const FINDINGS_TOLD_MAX: usize = 100;

/// Most key events that are compared with the anchor: a hostile log must not exhaust memory.
const KEY_EVENTS_MAX: usize = 65_536;

/// An entry, decoded as far as it can be without the others.
#[derive(Debug)]
pub(super) enum Item {
    /// An entry of a log that publishes its tree only.
    Hidden,
    Statement(Box<Stated>),
    IssuerCheckpoint(Result<SignedHead, HeadError>),
    KeyEvent(Box<KeyEvent>),
    StatusDigest(Box<StatusDigest>),
    Equivocation,
    Bad(Code, String),
}

/// The properties of a statement that the rules use.
#[derive(Debug)]
pub(super) struct Stated {
    issuer: String,
    schema: String,
    record_id: RecordId,
    version: u64,
    previous: Hash,
    hash: Hash,
    leaf: Hash,
}

/// The number of entries of each type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // the names say it
pub struct Counts {
    pub statements: u64,
    pub issuer_checkpoints: u64,
    pub key_events: u64,
    pub status_digests: u64,
    pub equivocations: u64,
    pub hidden: u64,
}

/// An entry that violates a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The entry's index.
    pub index: u64,
    /// The code of the violation.
    pub code: String,
    /// The explanation.
    pub why: String,
}

/// The number of an issuer and record type, and the record's id: identifies a chain of versions.
pub(super) type RecordKey = (u16, [u8; 16]);

/// The statements of one record type of one issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pair {
    pub(super) issuer: String,
    pub(super) schema: String,
    /// Their number, without duplicates.
    pub(super) statements: u64,
    /// Index of the last one.
    pub(super) last: u64,
}

/// The latest version of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Latest {
    pub(super) version: u64,
    pub(super) statement: Hash,
}

/// The rules, with their state after the entries so far.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The registry whose log this is; `None` for the province's logs.
    own: Option<String>,
    /// The schemas that each issuer may issue.
    issuers: BTreeMap<String, Vec<String>>,
    /// Each issuer, by the origin of its log.
    origins: BTreeMap<String, String>,
    kind: LogKind,
    pub(super) pairs: Vec<Pair>,
    pub(super) latest: HashMap<RecordKey, Latest>,
    /// The tree of each issuer's statements in the ledger, and the size that its last checkpoint covers.
    pub(super) followed: BTreeMap<String, (CompactRange, u64)>,
    pub(super) key_events: Vec<Told>,
    pub(super) counts: Counts,
    pub(super) findings: Vec<Finding>,
    pub(super) findings_total: u64,
}

/// Decodes an entry of a log.
pub(super) fn read_item(kind: LogKind, anchor: &TrustAnchor, index: u64, entry: &[u8]) -> Item {
    if kind == LogKind::Issuer {
        return read_statement(entry);
    }
    match split_entry(entry) {
        None => Item::Bad(Code::Malformed, "the entry has no known type".into()),
        Some((EntryType::Statement, body)) => read_statement(body),
        Some((EntryType::IssuerCheckpoint, body)) => Item::IssuerCheckpoint(SignedHead::read_at(body, anchor, index)),
        Some((EntryType::KeyEvent, body)) => read_json(body, KeyEvent::parse(body).map(Box::new), Item::KeyEvent),
        Some((EntryType::StatusDigest, body)) => {
            read_json(body, StatusDigest::parse(body).map(Box::new), Item::StatusDigest)
        }
        Some((EntryType::Equivocation, body)) => read_equivocation(body),
    }
}

fn read_statement(bytes: &[u8]) -> Item {
    match Statement::decode(bytes) {
        Ok(statement) => Item::Statement(Box::new(Stated {
            issuer: statement.issuer,
            schema: statement.schema,
            record_id: statement.record_id,
            version: statement.version,
            previous: statement.previous,
            hash: statement_hash(bytes),
            leaf: hash_leaf(bytes),
        })),
        Err(error) => Item::Bad(Code::Malformed, error.to_string()),
    }
}

fn read_json<T>(body: &[u8], read: Option<T>, item: impl FnOnce(T) -> Item) -> Item {
    match (read, canonical::scan(body)) {
        (Some(read), _) => item(read),
        (None, Ok(_)) => Item::Bad(Code::LogRule, "its fields differ from those of its type".to_owned()),
        (None, Err(error)) => Item::Bad(Code::NonCanonical, error.to_string()),
    }
}

fn read_equivocation(body: &[u8]) -> Item {
    let bad = |why: &str| Item::Bad(Code::LogRule, why.to_owned());
    let Some((one, other)) = split_equivocation(body) else { return bad("an equivocation that does not decode") };
    let (Ok(a), Ok(b)) = (Statement::decode(one), Statement::decode(other)) else {
        return bad("an equivocation with an entry that is no statement");
    };
    let place = |of: &Statement| (of.issuer.clone(), of.schema.clone(), of.record_id, of.version);
    if one == other || place(&a) != place(&b) {
        return bad("an equivocation whose statements do not conflict");
    }
    Item::Equivocation
}

impl Rules {
    /// The rules for a log without entries yet.
    pub fn new(kind: LogKind, anchor: &TrustAnchor, origin: &str) -> Self {
        let own = anchor.issuers.iter().find(|issuer| issuer.origin == origin).map(|issuer| issuer.name.clone());
        let mut rules = Self {
            own,
            issuers: BTreeMap::new(),
            origins: BTreeMap::new(),
            kind,
            pairs: Vec::new(),
            latest: HashMap::new(),
            followed: BTreeMap::new(),
            key_events: Vec::new(),
            counts: Counts::default(),
            findings: Vec::new(),
            findings_total: 0,
        };
        rules.trust(kind, anchor);
        rules
    }

    /// Replaces the trust anchor by one that may be newer.
    pub(super) fn trust(&mut self, kind: LogKind, anchor: &TrustAnchor) {
        let issuers = anchor.issuers.iter();
        self.kind = kind;
        self.issuers = issuers.clone().map(|issuer| (issuer.name.clone(), issuer.schemas.clone())).collect();
        self.origins = issuers.map(|issuer| (issuer.origin.clone(), issuer.name.clone())).collect();
        for issuer in &anchor.issuers {
            self.origins.extend(issuer.continues.iter().map(|from| (from.origin.clone(), issuer.name.clone())));
        }
    }

    /// Applies the rules to the next entry.
    pub(super) fn take(&mut self, index: u64, item: Item) {
        match item {
            Item::Hidden => self.counts.hidden += 1,
            Item::KeyEvent(event) => {
                self.counts.key_events += 1;
                if self.key_events.len() < KEY_EVENTS_MAX {
                    self.key_events.push((index, *event));
                } else {
                    self.find(index, Code::LogRule, format!("more than {KEY_EVENTS_MAX} key events"));
                }
            }
            Item::StatusDigest(digest) => {
                self.counts.status_digests += 1;
                self.status_digest(index, &digest);
            }
            Item::Equivocation => self.counts.equivocations += 1,
            Item::Bad(code, why) => self.find(index, code, why),
            Item::Statement(stated) => {
                self.counts.statements += 1;
                self.statement(index, *stated);
            }
            Item::IssuerCheckpoint(head) => {
                self.counts.issuer_checkpoints += 1;
                self.issuer_checkpoint(index, head);
            }
        }
    }

    fn statement(&mut self, index: u64, stated: Stated) {
        if self.own.as_ref().is_some_and(|own| *own != stated.issuer) {
            let why = format!("a statement of {} in another registry's log", stated.issuer);
            self.find(index, Code::IssuerMismatch, why);
        }
        self.expect_right(index, &stated.issuer, &stated.schema);
        if self.kind == LogKind::Records {
            match self.followed.get_mut(&stated.issuer) {
                Some((edge, _)) => edge.append(stated.leaf),
                None => {
                    let mut edge = CompactRange::new();
                    edge.append(stated.leaf);
                    self.followed.insert(stated.issuer.clone(), (edge, 0));
                }
            }
        }
        let pair = self.pair(&stated.issuer, &stated.schema);
        let key = (pair as u16, stated.record_id.0);
        let latest = Latest { version: stated.version, statement: stated.hash };
        let before = self.latest.insert(key, latest).unwrap_or(Latest { version: 0, statement: [0; 32] });
        if latest == before {
            return; // an issuer's log may hold it twice; the first position counts
        }
        if let Some(pair) = self.pairs.get_mut(pair) {
            pair.statements += 1;
            pair.last = index;
        }
        if Some(stated.version) != before.version.checked_add(1) {
            let id = stated.record_id.to_hex();
            let why = format!("version {} of record {id} follows version {}", stated.version, before.version);
            self.find(index, Code::LogRule, why);
        } else if stated.previous != before.statement {
            let id = stated.record_id.to_hex();
            let why = format!("version {} of record {id} names another statement as the one before", stated.version);
            self.find(index, Code::LogRule, why);
        }
    }

    fn expect_right(&mut self, index: u64, issuer: &str, schema: &str) {
        let may = self.issuers.get(issuer).is_some_and(|schemas| schemas.iter().any(|known| known == schema));
        if !may {
            self.find(index, Code::NotAuthorised, format!("{issuer} may not issue {schema}"));
        }
    }

    fn status_digest(&mut self, index: u64, digest: &StatusDigest) {
        self.expect_right(index, &digest.issuer, &digest.schema);
        let is_theirs = |pair: &&Pair| pair.issuer == digest.issuer && pair.schema == digest.schema;
        let (statements, last) = self.pairs.iter().find(is_theirs).map_or((0, 0), |pair| (pair.statements, pair.last));
        let count = u64::from(digest.count);
        // Statements may be accepted while a status digest is on its way to the ledger; it then counts fewer.
        let agrees = if last < digest.ledger_size { count == statements } else { count < statements };
        if digest.ledger_size > index || !(agrees || (count, statements) == (0, 0)) {
            let why = format!(
                "a status list of {count} at size {}, where there are {statements} statements",
                digest.ledger_size
            );
            self.find(index, Code::LogRule, why);
        }
    }

    fn issuer_checkpoint(&mut self, index: u64, head: Result<SignedHead, HeadError>) {
        let head = match head {
            Ok(head) => head,
            Err(error) => return self.find(index, Code::NoTrustedSignature, error.to_string()),
        };
        let Some(name) = self.origins.get(head.origin()) else {
            return self.find(index, Code::IssuerMismatch, format!("{} is not an issuer's log", head.origin()));
        };
        let (edge, covered) = self.followed.entry(name.clone()).or_default();
        let agrees = edge.size() == head.size() && root_of(edge) == *head.root();
        *covered = edge.size();
        if !agrees {
            let why =
                format!("the checkpoint of {name} does not cover exactly the {} statements before it", edge.size());
            self.find(index, Code::LogRule, why);
        }
    }

    /// Violations of a log that ends here, at `size`; further entries may cure them. In addition to [`findings`](Self::findings).
    pub(super) fn at_end(&self, anchor: &TrustAnchor, size: u64) -> Vec<Finding> {
        let finding = |(index, why)| Finding { index, code: Code::LogRule.as_str().to_owned(), why };
        let open = self.followed.iter().filter(|(_, (edge, covered))| edge.size() > *covered);
        let open = open
            .map(|(name, _)| (size.saturating_sub(1), format!("no checkpoint of {name} covers its last statements")));
        let of_keys = match self.kind {
            LogKind::Records => discrepancies(&self.key_events, anchor, size),
            LogKind::Evidence | LogKind::Issuer => Vec::new(),
        };
        open.chain(of_keys).map(finding).collect()
    }

    /// The index of a record type in `pairs`. A ledger with more record types than a [`RecordKey`] can number is not one of ours;
    /// their chains then mix, and show as findings.
    fn pair(&mut self, issuer: &str, schema: &str) -> usize {
        let known = self.pairs.iter().position(|pair| pair.issuer == issuer && pair.schema == schema);
        known.unwrap_or_else(|| {
            self.pairs.push(Pair { issuer: issuer.to_owned(), schema: schema.to_owned(), statements: 0, last: 0 });
            self.pairs.len() - 1
        })
    }

    fn find(&mut self, index: u64, code: Code, why: String) {
        self.findings_total += 1;
        if self.findings.len() < FINDINGS_TOLD_MAX {
            self.findings.push(Finding { index, code: code.as_str().to_owned(), why });
        }
    }

    /// The number of entries of each type.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The first [`FINDINGS_TOLD_MAX`] violations.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The number of violations.
    pub fn findings_total(&self) -> u64 {
        self.findings_total
    }
}
