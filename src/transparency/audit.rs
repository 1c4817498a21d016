//! The audit: reads a whole log from outside, and checks everything that is published.
//!
//! | check | code of a failure |
//! |---|---|
//! | the trust anchor has not expired | TRY_LATER |
//! | a key in use of the log signed the checkpoint | NO_TRUSTED_SIGNATURE |
//! | the log has not shrunk, and the part seen before is a prefix of it | LOG_ROLLBACK, both heads kept |
//! | no second tree of a size that was seen before | SPLIT_VIEW, both heads kept |
//! | every tile and every bundle is available and complete | UNAVAILABLE |
//! | every entry hashes to its leaf, every tile to the tile above, all of them to the signed root | TILE |
//! | the entries keep the log's rules, see [`rules`] | LOG_RULE and others, by entry |
//!
//! Tiles are fetched and hashed by a few threads and put together by one, in order. In memory are the tiles in progress, one tile for each level
//! of the tree, and for each record 58 bytes: its latest version and that statement's hash.

mod chunk;
mod fetch;
mod keys;
pub mod rules;
pub mod state;
mod stop;
mod tiles;
mod upper;

use serde::Serialize;

use super::head::{LogKind, SignedHead, log_keys};
use super::source::Source;
use crate::base::Timestamp;
use crate::ledger::tile::TILE_WIDTH;
use crate::trust::merkle::{CompactRange, Hash, Span, consistency_spans, verify_consistency};
use crate::trust::{Code, TrustAnchor};
pub use rules::FINDINGS_TOLD_MAX;
use rules::{Counts, Finding, Rules};
use state::State;
pub use stop::Stop;
use tiles::root_of;
use upper::Upper;

/// The result of an audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditReport {
    /// The origin of the log.
    pub origin: String,
    /// The size of the previously verified head; 0 for a first audit.
    pub from: u64,
    /// The size of the verified head.
    pub size: u64,
    /// The root hash of that head, in lower-case hexadecimal.
    pub root: String,
    /// The number of entries of each type.
    pub counts: Counts,
    /// Violations of the log's rules, at most [`FINDINGS_TOLD_MAX`].
    pub findings: Vec<Finding>,
    /// The number of all violations.
    pub findings_total: u64,
}

/// Audits a log from `state` on; returns the report and the new state. Calls `progress` with the number of entries done and in
/// total.
pub fn audit(
    source: &dyn Source,
    anchor: &TrustAnchor,
    state: Option<State>,
    now: Timestamp,
    progress: &dyn Fn(u64, u64),
) -> Result<(AuditReport, State), Stop> {
    if now >= anchor.expires_at {
        return Err(Stop::new(Code::TryLater, format!("the trust anchor expired at {}", anchor.expires_at)));
    }
    let head = SignedHead::read(&source.checkpoint()?, anchor)?;
    let unknown = || Stop::new(Code::NoTrustedSignature, format!("the trust anchor names no log {}", head.origin()));
    let (kind, _) = log_keys(anchor, head.origin()).ok_or_else(unknown)?;
    let state = match state {
        Some(state) => {
            let known = known_head(&state, &head, anchor)?;
            check_growth(source, &known, &head)?;
            state
        }
        None => State::begin(head.origin(), Rules::new(kind, anchor, head.origin())),
    };
    let State { edge, mut rules, .. } = state;
    let from = edge.size();
    rules.trust(kind, anchor);
    let edge = walk(source, kind, anchor, edge, &head, &mut rules, progress)?;
    let at_end = rules.at_end(anchor, head.size());
    let findings_total = rules.findings_total() + at_end.len() as u64;
    let mut findings = [rules.findings(), &at_end].concat();
    findings.sort_by_key(|finding| finding.index);
    findings.truncate(FINDINGS_TOLD_MAX);
    let report = AuditReport {
        origin: head.origin().to_owned(),
        from,
        size: head.size(),
        root: crate::base::id::to_hex(head.root()),
        counts: rules.counts(),
        findings,
        findings_total,
    };
    let state = State { origin: head.origin().to_owned(), note: head.note.clone(), edge, rules };
    Ok((report, state))
}

/// The head of an earlier audit, which must be of this log.
fn known_head(state: &State, head: &SignedHead, anchor: &TrustAnchor) -> Result<SignedHead, Stop> {
    let unusable = |why: String| Stop { is_of_state: true, ..Stop::new(Code::Unavailable, why) };
    if state.origin != head.origin() {
        return Err(unusable(format!("its origin is {}, the log's is {}", state.origin, head.origin())));
    }
    let known = SignedHead::read_old(&state.note, anchor).map_err(|error| unusable(error.to_string()))?;
    if (known.size(), *known.root()) != (state.edge.size(), root_of(&state.edge)) || known.origin() != state.origin {
        return Err(unusable("it contradicts the head that it contains".to_owned()));
    }
    Ok(known)
}

/// Verifies that the log only grew between two of its heads, with a consistency proof made from its own tiles.
pub fn check_growth(source: &dyn Source, known: &SignedHead, shown: &SignedHead) -> Result<(), Stop> {
    let (old, new) = (known.size(), shown.size());
    if new < old {
        let why = format!("the log had {old} entries and shows {new}");
        return Err(Stop::heads(Code::LogRollback, known, shown, why));
    }
    if old == new {
        if known.root() == shown.root() {
            return Ok(());
        }
        return Err(Stop::heads(Code::SplitView, known, shown, format!("two trees of {old} entries")));
    }
    let mut upper = Upper::new(source, new);
    let spans = consistency_spans(old, new).map_err(|error| Stop::new(Code::LogRollback, error.to_string()))?;
    let path = spans.into_iter().map(|span| upper.span(span)).collect::<Result<Vec<Hash>, Stop>>()?;
    if verify_consistency((old, known.root()), (new, shown.root()), &path).is_ok() {
        return Ok(());
    }
    // Either the tiles are not those of the shown head, or that head is of another history.
    if upper.span(Span { from: 0, to: new })? == *shown.root() {
        let why = format!("the {old} entries seen before are not a prefix of the {new} shown");
        return Err(Stop::heads(Code::LogRollback, known, shown, why));
    }
    Err(Stop::new(Code::Tile, "the tiles do not hash to the signed root"))
}

/// Reads the new entries and compares the tree with the signed root. Returns the tree's right edge.
fn walk(
    source: &dyn Source,
    kind: LogKind,
    anchor: &TrustAnchor,
    mut edge: CompactRange,
    head: &SignedHead,
    rules: &mut Rules,
    progress: &dyn Fn(u64, u64),
) -> Result<CompactRange, Stop> {
    let (from, size) = (edge.size(), head.size());
    let mut upper = Upper::new(source, size);
    let of_log = anchor.continuations().find(|(own, _)| *own == head.origin());
    let continues = of_log.map(|(_, from)| from).unwrap_or_default();
    let first_tile = from / TILE_WIDTH as u64;
    let tiles = if from == size { first_tile } else { size.div_ceil(TILE_WIDTH as u64) };
    let mut bad = None;
    fetch::in_order(
        first_tile..tiles,
        |index| chunk::read(source, kind, anchor, index, size),
        |chunk| {
            let chunk = chunk?;
            let begin = chunk.first;
            for (at, (leaf, item)) in chunk.leaves.iter().zip(chunk.items).enumerate() {
                let index = begin + at as u64;
                if index < from {
                    continue;
                }
                edge.append_with(*leaf, |node, hash| {
                    if node.level > 0 && node.level % 8 == 0 && bad.is_none() {
                        bad = upper.compare(node, &hash).err();
                    }
                });
                rules.take(index, item);
                let of_size = continues.iter().find(|continued| continued.size == edge.size());
                if let Some(continued) = of_size.filter(|continued| continued.root != root_of(&edge)) {
                    let why = format!("its first {} entries are not those of {}", continued.size, continued.origin);
                    return Err(Stop::new(Code::SplitView, why));
                }
            }
            progress(edge.size() - from, size - from);
            bad.take().map_or(Ok(()), Err)
        },
    )?;
    if root_of(&edge) != *head.root() {
        return Err(Stop::new(Code::Tile, "the tiles do not hash to the signed root"));
    }
    Ok(edge)
}
