//! Audits over the tile paths as they are served, without a network between: honest logs, every kind of damage, forks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::world::*;
use crate::ledger::tile::TileId;
use crate::transparency::audit::state::State;
use crate::transparency::audit::{AuditReport, Stop, audit};
use crate::transparency::path::TilePath;
use crate::transparency::source::{Source, SourceError};
use crate::trust::entry::equivocation;
use crate::trust::*;

/// A copy of what a log serves, which can be damaged.
#[derive(Clone)]
struct Copy {
    note: Bytes,
    files: BTreeMap<String, Bytes>,
    asked: Arc<Mutex<usize>>,
}

impl Copy {
    async fn of(world: &World) -> Self {
        let head = world.ledger.head();
        let mut files = BTreeMap::new();
        for level in 0..4 {
            for index in 0.. {
                let id = TileId { level, index };
                let width = id.width_at(head.size);
                if width == 0 {
                    break;
                }
                let row = world.ledger.tile_row(id, width).await.expect("reads").expect("is there");
                files.insert(TilePath::Tile { id, width }.write(), row);
                if level == 0 {
                    let entries = world.ledger.entries(index * 256, width).await.expect("reads");
                    let bundle =
                        entries.iter().flat_map(|entry| [&(entry.len() as u16).to_be_bytes(), &entry[..]].concat());
                    files.insert(TilePath::Entries { index, width }.write(), bundle.collect());
                }
            }
        }
        Self { note: head.note.clone(), files, asked: Arc::default() }
    }

    fn audit(&self, state: Option<State>) -> Result<(AuditReport, State), Stop> {
        audit(self, &anchor(), state, NOW, &|_, _| ())
    }

    fn code(&self, state: Option<State>) -> Code {
        self.audit(state).expect_err("stops").code
    }

    fn flip(&self, path: &str, at: usize) -> Self {
        let mut copy = self.clone();
        let mut bytes = copy.files[path].to_vec();
        bytes[at] ^= 1;
        copy.files.insert(path.to_owned(), bytes.into());
        copy
    }
}

impl Source for Copy {
    fn checkpoint(&self) -> Result<Bytes, SourceError> {
        Ok(self.note.clone())
    }

    fn read(&self, path: TilePath) -> Result<Bytes, SourceError> {
        *self.asked.lock().expect("whole") += 1;
        self.files.get(&path.write()).cloned().ok_or_else(|| SourceError::Missing(path.write()))
    }
}

#[tokio::test]
async fn an_honest_log_passes_and_is_continued() {
    let mut world = World::new().await;
    let (report, mut state) = Copy::of(&world).await.audit(None).expect("an empty log");
    assert_eq!((report.size, report.findings_total), (0, 0));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state.json");
    let mut read = 0;
    for batches in [1, 4, 25, 1] {
        world.grow(batches, 60).await;
        let copy = Copy::of(&world).await;
        let (report, next) = copy.audit(Some(state.clone())).expect("only grew");
        assert_eq!((report.size, report.findings), (world.ledger.head().size, vec![]));
        assert_eq!(report.counts.statements + report.counts.issuer_checkpoints, report.size);
        next.save(&path).expect("writes");
        state = State::load(&path, &anchor()).expect("reads").expect("is there");
        assert_eq!((state.edge.clone(), &state.note), (next.edge.clone(), &next.note));
        read = *copy.asked.lock().expect("whole");
        let (whole, _) = copy.audit(None).expect("passes");
        assert_eq!((whole.size, whole.counts, whole.findings_total), (report.size, report.counts, 0));
    }
    assert!(read < 12, "a continued audit reads what is new: {read}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 2, "old records go");
    let records = folder.path().join(format!("state.json.{}.records", state.edge.size()));
    std::fs::write(records, b"").expect("writes");
    assert!(State::load(&path, &anchor()).is_err());
}

#[tokio::test]
async fn every_damage_to_tiles_and_entries_is_found() {
    let mut world = World::new().await;
    world.grow(12, 60).await;
    let good = Copy::of(&world).await;
    good.audit(None).expect("passes");
    for (path, bytes) in &good.files {
        for at in [0, bytes.len() / 2, bytes.len() - 1] {
            assert_eq!(good.flip(path, at).code(None), Code::Tile, "{path} {at}");
        }
        let mut copy = good.clone();
        copy.files.insert(path.clone(), bytes.slice(..bytes.len() - 1));
        assert_eq!(copy.code(None), Code::Tile, "{path} cut short");
        copy.files.remove(path);
        assert_eq!(copy.code(None), Code::Unavailable, "{path} missing");
    }
    let mut copy = good.clone();
    copy.note = Checkpoint { origin: RECORDS.into(), size: 5, root: [1; 32] }.sign(&*signer(LAND)).expect("signs");
    assert_eq!(copy.code(None), Code::NoTrustedSignature);
}

#[tokio::test]
async fn rollback_and_forks_keep_both_heads() {
    let mut world = World::new().await;
    world.grow(5, 60).await;
    let old = Copy::of(&world).await;
    world.grow(5, 60).await;
    let new = Copy::of(&world).await;
    let (_, state) = new.audit(None).expect("passes");
    let stop = old.audit(Some(state.clone())).expect_err("smaller");
    assert_eq!(stop.code, Code::LogRollback);
    let (known, shown) = *stop.heads.expect("both");
    assert_eq!((&known.note, &shown.note), (&new.note, &old.note));

    // another history of the same length, and a longer one
    let mut other = World::new().await;
    other.grow(9, 60).await;
    let statements = (500..560).map(|record| other.statement(record)).collect();
    other.take(statements).await;
    let fork = Copy::of(&other).await;
    let stop = fork.audit(Some(state.clone())).expect_err("another tree");
    assert_eq!(stop.code, Code::SplitView);
    assert_eq!(stop.heads.map(|heads| heads.1.note), Some(fork.note.clone()));
    other.grow(3, 60).await;
    let stop = Copy::of(&other).await.audit(Some(state)).expect_err("no beginning of it");
    assert_eq!(stop.code, Code::LogRollback);
    assert_eq!(stop.heads.map(|heads| heads.0.note), Some(new.note));
}

#[tokio::test]
async fn broken_rules_are_found_by_their_entries() {
    let mut world = World::new().await;
    world.grow(1, 3).await; // entries 0 to 3
    let statement = world.draft(0, 3, [0; 32]).encode();
    let foreign = Statement { schema: "other.v1".into(), ..world.draft(9, 1, [0; 32]) }.encode();
    let twin = Statement { fields_root: [8; 32], ..world.draft(0, 1, [0; 32]) }.encode();
    let first = world.draft(0, 1, [0; 32]).encode();
    let stranger = Checkpoint { origin: LAND.into(), size: 3, root: [0; 32] }.sign(&*signer(RECORDS)).expect("signs");
    let other = Checkpoint { origin: LAND.into(), size: 7, root: [0; 32] }.sign(&*signer(LAND)).expect("signs");
    for (kind, body) in [
        (EntryType::Statement, &statement[..]),                   // 4: skips a version
        (EntryType::Statement, &foreign),                         // 5: a type that it may not issue
        (EntryType::Statement, b"none"),                          // 6
        (EntryType::IssuerCheckpoint, &stranger),                 // 7: another's key
        (EntryType::IssuerCheckpoint, &other),                    // 8: of another tree
        (EntryType::KeyEvent, b"{ }"),                            // 9: white space
        (EntryType::KeyEvent, br#"{"event":"rotated"}"#),         // good
        (EntryType::StatusDigest, br#"{"digest":"00"}"#),         // good
        (EntryType::Equivocation, &equivocation(&first, &twin)),  // good: the province complains
        (EntryType::Equivocation, &equivocation(&first, &first)), // 13: none
        (EntryType::Statement, &twin),                            // 14: a version again; and nothing covers it
    ] {
        world.append(vec![entry(kind, body)]).await;
    }
    let (report, _) = Copy::of(&world).await.audit(None).expect("the tree is whole");
    let found: Vec<_> = report.findings.iter().map(|finding| (finding.index, finding.code.as_str())).collect();
    let expected = [
        (4, "LOG_RULE"),
        (5, "NOT_AUTHORISED"),
        (6, "MALFORMED"),
        (7, "NO_TRUSTED_SIGNATURE"),
        (8, "LOG_RULE"),
        (9, "NON_CANONICAL"),
        (13, "LOG_RULE"),
        (14, "LOG_RULE"),
        (14, "LOG_RULE"),
    ];
    assert_eq!(found, expected, "{:#?}", report.findings);
    assert_eq!((report.counts.equivocations, report.counts.key_events, report.counts.status_digests), (1, 1, 1));
}
