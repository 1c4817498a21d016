//! Audits over the tile paths as they are served, without a network between: honest logs, every kind of damage, forks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::world::*;
use crate::base::time::FixedClock;
use crate::ledger::Entry;
use crate::ledger::tile::TileId;
use crate::transparency::audit::state::State;
use crate::transparency::audit::{AuditReport, Stop, audit};
use crate::transparency::head::SignedHead;
use crate::transparency::path::TilePath;
use crate::transparency::source::{Source, SourceError};
use crate::trust::entry::equivocation;
use crate::trust::merkle::CompactRange;
use crate::trust::status_list::StatusDigest;
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
    let mut world = World::without_keys(Arc::new(FixedClock::at(NOW))).await;
    let (report, mut state) = Copy::of(&world).await.audit(None).expect("an empty log");
    assert_eq!((report.size, report.findings_total), (0, 0));
    world.append(key_events(None, &anchor())).await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state.json");
    let mut read = 0;
    for batches in [1, 4, 25, 1] {
        world.grow(batches, 60).await;
        let copy = Copy::of(&world).await;
        let (report, next) = copy.audit(Some(state.clone())).expect("only grew");
        assert_eq!((report.size, report.findings), (world.ledger.head().size, vec![]));
        assert_eq!(report.counts.statements + report.counts.issuer_checkpoints + 2, report.size);
        assert_eq!(report.counts.key_events, 2);
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
    world.grow(1, 3).await; // entries 2 to 5; the first two are key events
    let statement = world.draft(0, 3, [0; 32]).encode();
    let foreign = Statement { schema: "other.v1".into(), ..world.draft(9, 1, [0; 32]) }.encode();
    let twin = Statement { fields_root: [8; 32], ..world.draft(0, 1, [0; 32]) }.encode();
    let first = world.draft(0, 1, [0; 32]).encode();
    let stranger = Checkpoint { origin: LAND.into(), size: 3, root: [0; 32] }.sign(&*signer(RECORDS)).expect("signs");
    let other = Checkpoint { origin: LAND.into(), size: 7, root: [0; 32] }.sign(&*signer(LAND)).expect("signs");
    let unknown = KeyEvent { anchor_version: 1, origin: LAND.into(), key_id: [7; 32], kind: KeyEventKind::Rotated };
    let digest = |count, ledger_size| {
        let (issuer, schema) = ("land".into(), "land.parcel.v1".into());
        StatusDigest { count, issuer, ledger_size, list: [1; 32], schema, token: [2; 32] }.body()
    };
    for (kind, body) in [
        (EntryType::Statement, &statement[..]),                   // 6: skips a version
        (EntryType::Statement, &foreign),                         // 7: a type that it may not issue
        (EntryType::Statement, b"none"),                          // 8
        (EntryType::IssuerCheckpoint, &stranger),                 // 9: another's key
        (EntryType::IssuerCheckpoint, &other),                    // 10: of another tree
        (EntryType::KeyEvent, b"{ }"),                            // 11: white space
        (EntryType::KeyEvent, br#"{"event":"rotated"}"#),         // 12: half of one
        (EntryType::KeyEvent, &unknown.body()), // 13: of a key that nobody added, and apart from its version
        (EntryType::StatusDigest, br#"{"digest":"00"}"#), // 14: none
        (EntryType::StatusDigest, &digest(4, 7)), // good: four statements stand before 7
        (EntryType::StatusDigest, &digest(3, 7)), // 16: it forgets one
        (EntryType::StatusDigest, &digest(3, 6)), // good: of before the fourth
        (EntryType::StatusDigest, &digest(4, 19)), // 18: ahead of itself
        (EntryType::Equivocation, &equivocation(&first, &twin)), // good: the province complains
        (EntryType::Equivocation, &equivocation(&first, &first)), // 20: none
        (EntryType::Statement, &twin),          // 21: a version again; and nothing covers it
    ] {
        world.append(vec![entry(kind, body)]).await;
    }
    let (report, _) = Copy::of(&world).await.audit(None).expect("the tree is whole");
    let found: Vec<_> = report.findings.iter().map(|finding| (finding.index, finding.code.as_str())).collect();
    let expected = [
        (6, "LOG_RULE"),
        (7, "NOT_AUTHORISED"),
        (8, "MALFORMED"),
        (9, "NO_TRUSTED_SIGNATURE"),
        (10, "LOG_RULE"),
        (11, "NON_CANONICAL"),
        (12, "LOG_RULE"),
        (13, "LOG_RULE"),
        (13, "LOG_RULE"),
        (14, "LOG_RULE"),
        (16, "LOG_RULE"),
        (18, "LOG_RULE"),
        (20, "LOG_RULE"),
        (21, "LOG_RULE"),
        (21, "LOG_RULE"),
    ];
    assert_eq!(found, expected, "{:#?}", report.findings);
    assert_eq!((report.counts.equivocations, report.counts.key_events, report.counts.status_digests), (1, 3, 4));
}

/// Audits a ledger of these key events by an anchor; returns the findings.
async fn held_against(anchor: &TrustAnchor, events: Vec<Entry>, more: u64) -> Vec<(u64, String)> {
    let mut world = World::without_keys(Arc::new(FixedClock::at(NOW))).await;
    world.append(events).await;
    world.grow(more as usize, 1).await;
    let (report, _) = audit(&Copy::of(&world).await, anchor, None, NOW, &|_, _| ()).expect("the tree is whole");
    report.findings.into_iter().map(|finding| (finding.index, finding.why)).collect()
}

#[tokio::test]
async fn key_events_and_the_anchor_say_the_same_or_it_is_found() {
    let first = anchor();
    let successor = PublicKey::new(Algorithm::Ed25519, signer("lienthong/H27/land/2").public_key()).expect("a key");
    let rotate = KeyChange::Rotate { origin: LAND.into(), successor };
    let second = first.changed(&rotate, 2, first.expires_at).expect("rotated");
    let old = first.keys().find(|(origin, _)| *origin == LAND).expect("its key").1.id();
    let stolen = KeyChange::Compromise { key: old, suspect_from: 1, successor: None };
    let third = second.changed(&stolen, 4, first.expires_at).expect("compromised");
    let stood_by = KeyChange::Reattest { key: old, range: 1..2 };
    let fourth = third.changed(&stood_by, 5, first.expires_at).expect("re-attested");
    let versions = [&first, &second, &third, &fourth];
    let told = |count: usize| -> Vec<Entry> {
        let before = std::iter::once(None).chain(versions.iter().copied().map(Some));
        before.zip(versions).take(count).flat_map(|(before, next)| key_events(before, next)).collect()
    };
    let sizes: Vec<usize> = (1..=4).map(|count| told(count).len()).collect();
    assert_eq!(sizes, [2, 4, 5, 6], "an added key each; added and rotated; compromised; re-attested");
    for (at, anchor) in versions.into_iter().enumerate() {
        assert_eq!(held_against(anchor, told(at + 1), 0).await, [], "version {}", at + 1);
        // what a later version brings waits for the later anchor
        assert_eq!(held_against(anchor, told(4), 0).await, [], "version {} of four", at + 1);
        // an anchor that is ahead of the ledger's head cannot be compared yet
        if at > 0 {
            assert_eq!(held_against(anchor, told(at), 0).await, [], "version {} before its events", at + 1);
        }
    }
    let finding = |found: Vec<(u64, String)>, index: u64, why: &str| {
        assert!(found.iter().any(|(at, said)| *at == index && said.contains(why)), "{why} at {index}: {found:?}");
    };
    // the province leaves an event out, and goes on
    for (missing, index, why) in [
        (0, 6, "no key event adds it"),
        (1, 1, "nothing says that it was added"),
        (2, 6, "another state"),
        (3, 6, "no key event adds it"),
        (4, 4, "its state does not allow"),
        (5, 6, "other re-attested records"),
    ] {
        let mut events = told(4);
        events.remove(missing);
        let mut at = fourth.clone();
        at.events_from = 4;
        finding(held_against(&at, events, 1).await, index, why);
    }
    // or has an event that the anchor lacks
    let with = |event: KeyEvent| [told(4), vec![entry(EntryType::KeyEvent, &event.body())]].concat();
    let event = |kind| KeyEvent { anchor_version: 4, origin: LAND.into(), key_id: old, kind };
    let stranger = PublicKey::new(Algorithm::Ed25519, signer("stranger").public_key()).expect("a key");
    let added = KeyEvent { key_id: stranger.id(), ..event(KeyEventKind::Added(stranger.clone())) };
    finding(held_against(&fourth, with(added.clone()), 0).await, 6, "does not know it");
    let misnamed = KeyEvent { key_id: [1; 32], ..added };
    finding(held_against(&fourth, with(misnamed), 0).await, 6, "not the key's");
    let again = second.keys().find(|(_, key)| key.state == KeyState::Active).expect("a key").1.key.clone();
    let again = KeyEvent { key_id: again.id(), ..event(KeyEventKind::Added(again)) };
    finding(held_against(&fourth, with(again), 0).await, 6, "a second time");
    finding(
        held_against(&fourth, with(event(KeyEventKind::Reattested(3..4))), 0).await,
        6,
        "other re-attested records",
    );
    finding(held_against(&fourth, with(event(KeyEventKind::Withdrawn)), 0).await, 6, "does not allow");
    finding(
        held_against(&fourth, with(event(KeyEventKind::Compromised { suspect_from: 0 })), 0).await,
        6,
        "another state",
    );
    finding(held_against(&fourth, with(event(KeyEventKind::Compromised { suspect_from: 3 })), 0).await, 6, "already");
    let late = KeyEvent { anchor_version: 2, ..event(KeyEventKind::Reattested(1..2)) };
    finding(held_against(&fourth, with(late), 0).await, 6, "is separated");
}

#[tokio::test]
async fn a_state_that_cannot_be_used_says_nothing_of_the_log() {
    let mut world = World::new().await;
    world.grow(2, 5).await;
    let copy = Copy::of(&world).await;
    let (_, state) = copy.audit(None).expect("passes");
    let of_land = State { origin: LAND.to_owned(), ..state.clone() };
    let spoilt = State { note: Bytes::from_static(b"nothing"), ..state.clone() };
    let shorter = State { edge: CompactRange::new(), ..state };
    for bad in [of_land, spoilt, shorter] {
        let stop = copy.audit(Some(bad)).expect_err("stops");
        assert!(stop.is_of_state && stop.heads.is_none(), "{stop:?}");
    }
}

#[tokio::test]
async fn the_log_of_a_withdrawn_issuer_keeps_its_head() {
    let first = anchor();
    let withdrawn =
        first.changed(&KeyChange::Withdraw { issuer: "land".into() }, 2, first.expires_at).expect("withdrawn");
    let note = Checkpoint { origin: LAND.into(), size: 5, root: [1; 32] }.sign(&*signer(LAND)).expect("signs");
    assert!(SignedHead::read(&note, &withdrawn).is_ok());
    let key = first.keys().find(|(origin, _)| *origin == LAND).expect("its key").1.id();
    let successor = PublicKey::new(Algorithm::Ed25519, signer("lienthong/H27/land/2").public_key()).expect("a key");
    let stolen = KeyChange::Compromise { key, suspect_from: 0, successor: Some(successor) };
    let stolen = first.changed(&stolen, 2, first.expires_at).expect("compromised");
    assert!(SignedHead::read(&note, &stolen).is_err());
}
