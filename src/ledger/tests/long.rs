//! Logs of many tiles: started from their upper levels, proved from tiles in memory, and damaged.

use super::*;

/// A log so long that a start does not read all of its leaves.
const LONG: u64 = 131_072 + 300;

#[tokio::test]
async fn a_long_log_goes_on_from_its_upper_levels() {
    let store = memory();
    let grown = open(&store).await;
    for size in [LONG, LONG + 212, LONG + 213] {
        grow(&grown, size, 4_096).await;
        let found = open(&store).await;
        assert_eq!((found.head(), found.head().root), (grown.head(), root_of(size)), "{size}");
        for index in [0, 255, 70_000, size - 257, size - 1] {
            assert_eq!(found.prove(index).await.expect("proves"), grown.prove(index).await.expect("proves"), "{index}");
        }
    }
    let found = open(&store).await;
    grow(&found, LONG + 700, 90).await;
    assert_eq!(found.head().root, root_of(LONG + 700));
    StoredLog::open(&*store, LOG).await.expect("every tile fits");
}

/// Twice, since the second path from a tile takes what the first left in memory.
#[tokio::test]
async fn a_path_is_the_same_when_it_is_asked_for_again_and_after_growth() {
    let store = memory();
    let ledger = open(&store).await;
    for size in [256, 512, 700, 70_000] {
        grow(&ledger, size, 4_096).await;
        for index in [0, 1, 255, 256, 511, 512, 699].into_iter().filter(|index| *index < size) {
            for _ in 0..2 {
                verify(&ledger.prove(index).await.expect("proves"), &entry(index).leaf, size);
            }
        }
    }
    verify(&ledger.prove_at(300, 8_892).await.expect("proves"), &entry(300).leaf, 8_892);
    verify(&ledger.prove(300).await.expect("proves"), &entry(300).leaf, 70_000);
}

#[tokio::test]
async fn a_log_stored_without_nodes_gives_the_same_proofs() {
    let store = memory();
    let ledger = open(&store).await;
    grow(&ledger, 3_000, 1_000).await;
    let full = Scan::prefix(Space::LogTile, &LOG.tile_key(TileId { level: 0, index: 0 })[..2]);
    let rows = store.scan(full.clone()).await.expect("reads");
    let plain = rows.iter().fold(Batch::new(), |batch, (key, row)| {
        batch.put(Space::LogTile, key.clone(), row.slice(..row.len().min(256 * 32)))
    });
    assert!(rows[0].1.len() > 256 * 32);
    store.commit(plain).await.expect("commits");
    let before = open(&store).await;
    StoredLog::open(&*store, LOG).await.expect("whole");
    for index in [0, 7, 8, 1_000, 2_999] {
        assert_eq!(before.prove(index).await.expect("proves"), ledger.prove(index).await.expect("proves"));
    }
    let row = before.tile_row(TileId { level: 0, index: 0 }, 256).await.expect("reads");
    assert_eq!(row, ledger.tile_row(TileId { level: 0, index: 0 }, 256).await.expect("reads"));
    let log = StoredLog::open(&*store, LOG).await.expect("whole").expect("a log");
    log.complete_tiles().await.expect("completes");
    assert_eq!(store.scan(full).await.expect("reads"), rows);
}

#[tokio::test]
async fn damage_of_a_long_log_is_found_at_its_start_or_its_first_read() {
    let store = memory();
    grow(&*open(&store).await, LONG, 4_096).await;
    let tile = |level, index| LOG.tile_key(TileId { level, index });
    let kept = store.scan(Scan::prefix(Space::LogTile, &LOG.prefix())).await.expect("reads");
    let restore =
        || kept.iter().fold(Batch::new(), |batch, (key, row)| batch.put(Space::LogTile, key.clone(), row.clone()));
    let changed = |key: &[u8]| {
        let mut row = kept.iter().find(|(known, _)| known == key).expect("a tile").1.to_vec();
        row[7] ^= 1;
        row
    };
    // 512 full tiles of leaves under two tiles and a part, and one tile on top
    for key in [tile(0, 513), tile(0, 512), tile(1, 0), tile(1, 1), tile(1, 2), tile(2, 0)] {
        store.commit(Batch::new().put(Space::LogTile, key.clone(), changed(&key))).await.expect("commits");
        let error = open_at(store.clone(), ORIGIN, 1).await.err().expect("the start refuses");
        assert_eq!(error.reason, Reason::LedgerCorrupt, "{key:?}");
        store.commit(Batch::new().delete(Space::LogTile, key.clone())).await.expect("commits");
        let error = open_at(store.clone(), ORIGIN, 1).await.err().expect("the start refuses");
        assert_eq!(error.reason, Reason::LedgerCorrupt, "{key:?}");
        store.commit(restore()).await.expect("commits");
    }
    let (key, damage) = (tile(0, 3), changed(&tile(0, 3)));
    // the same in the nodes that are stored after the leaves
    let mut above = changed(&key);
    above[7] ^= 1;
    *above.last_mut().expect("a row") ^= 1;
    let put = |row: Vec<u8>| Batch::new().put(Space::LogTile, key.clone(), row);
    for batch in [put(damage), put(above), Batch::new().delete(Space::LogTile, key.clone())] {
        store.commit(batch).await.expect("commits");
        let ledger = open(&store).await;
        ledger.prove(5).await.expect("other tiles serve");
        let error = ledger.prove(3 * 256 + 7).await.expect_err("found when it is read");
        assert_eq!(ledger.prove_consistency(3 * 256 + 7, LONG).await.expect_err("there too").reason, error.reason);
        assert_eq!(error.reason, Reason::LedgerCorrupt);
        assert!(store.health().borrow().damaged.contains_key(&Space::LogTile), "the store's health says so");
        StoredLog::open(&*store, LOG).await.err().expect("a check finds it too");
        store.commit(restore()).await.expect("commits");
    }
}
