//! Damage to a store on disk: each file of it lost, cut short, or zeroed in part. The start refuses, or the reads of damaged rows
//! fail with STORAGE_CORRUPT. An acknowledged row is never reported as missing, never another one, and nothing panics.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use lienthong::base::{Error, Kind, Reason};
use lienthong::store::fjall::{FjallOptions, FjallStore};
use lienthong::store::{Batch, Pace, Scan, Space, Store, Writes, recount};

const BLOCK: usize = 4_096;
/// One space of each tree, and one that shares its tree.
const SPACES: [Space; 4] = [Space::Record, Space::RecordIndex, Space::LogEntry, Space::Meta];
const ROWS: u32 = 1_200;

fn options() -> FjallOptions {
    // Small buffers, so that there are tables, files of values and a journal.
    FjallOptions { memtable_bytes: 128 * 1024, reserve_bytes: 0, ..FjallOptions::default() }
}

fn key(row: u32) -> Vec<u8> {
    row.to_be_bytes().to_vec()
}

/// Every third value is long enough to be stored outside the tree.
fn value(space: Space, row: u32) -> Bytes {
    let text = format!("{} {row} ", space.name());
    Bytes::from(text.repeat(if row.is_multiple_of(3) { 60 } else { 1 }))
}

/// Writes the rows in many batches, and closes.
async fn fill(folder: &Path) {
    let store = FjallStore::create(folder, options()).unwrap();
    for first in (0..ROWS).step_by(50) {
        let mut batch = Batch::new();
        for row in first..first + 50 {
            SPACES.iter().for_each(|space| batch.push_insert(*space, key(row), value(*space, row)));
        }
        store.commit(batch).await.unwrap();
    }
    assert!(SPACES.iter().all(|space| store.count(*space) == u64::from(ROWS)));
}

/// A folder's files as they are: journals are mostly holes, which are not kept.
#[derive(PartialEq)]
struct Image(BTreeMap<PathBuf, (Vec<u8>, u64)>);

impl Image {
    fn of(folder: &Path) -> Self {
        let (mut files, mut waiting) = (BTreeMap::new(), vec![folder.to_owned()]);
        while let Some(path) = waiting.pop() {
            if path.is_dir() {
                waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
                continue;
            }
            let mut bytes = fs::read(&path).unwrap();
            let length = bytes.len() as u64;
            bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
            files.insert(path.strip_prefix(folder).unwrap().to_owned(), (bytes, length));
        }
        Self(files)
    }

    fn write(&self, folder: &Path) {
        for (path, (bytes, length)) in &self.0 {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, bytes).unwrap();
            fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(*length).unwrap();
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Damage {
    Deleted,
    CutTo(u64),
    ZeroedAt(usize),
}

impl Damage {
    /// Kinds of damage to a file of `length` bytes that is not empty.
    fn all(length: usize) -> Vec<Self> {
        let mut all = vec![Self::Deleted, Self::CutTo(0), Self::CutTo(length as u64 / 2)];
        let blocks = length.div_ceil(BLOCK);
        all.extend((0..blocks).step_by(blocks.div_ceil(6).max(1)).map(|block| Self::ZeroedAt(block * BLOCK)));
        all
    }

    fn apply(self, path: &Path) {
        match self {
            Self::Deleted => fs::remove_file(path).unwrap(),
            Self::CutTo(length) => fs::OpenOptions::new().write(true).open(path).unwrap().set_len(length).unwrap(),
            Self::ZeroedAt(at) => {
                let mut bytes = fs::read(path).unwrap();
                let end = bytes.len().min(at + BLOCK);
                bytes[at..end].fill(0);
                fs::write(path, bytes).unwrap();
            }
        }
    }
}

fn is_refusal(error: &Error) -> bool {
    matches!(error.reason, Reason::StorageCorrupt | Reason::ConfigurationInvalid)
}

/// The files after a refusal, without the empty lock file.
fn remaining(folder: &Path) -> Image {
    let mut image = Image::of(folder);
    image.0.remove(Path::new("lock"));
    image
}

/// Opens and reads everything; returns whether damage was detected. A start that is refused has changed nothing, nor has a look through a view.
async fn shows(folder: &Path, what: &str) -> bool {
    let before = remaining(folder);
    let viewed = FjallStore::open_view(folder, options(), None).map(drop).map_err(|error| error.reason);
    assert!(remaining(folder) == before, "{what}: a view changes nothing");
    let store = match FjallStore::open_existing(folder, options()) {
        Ok(store) => store,
        Err(error) => {
            assert!(is_refusal(&error), "{what}: {error}");
            assert!(viewed.is_err(), "{what}: a view shows the same");
            assert!(remaining(folder) == before, "{what}: a refusal changes nothing");
            return true;
        }
    };
    let mut failed = false;
    for space in SPACES {
        for row in 0..ROWS {
            match store.get(space, &key(row)).await {
                Ok(found) => assert_eq!(found, Some(value(space, row)), "{what}: row {row} of {}", space.name()),
                Err(error) => {
                    assert_eq!(error.reason, Reason::StorageCorrupt, "{what}: {error}");
                    assert!(store.health().borrow().damaged.contains_key(&space), "{what}: the store says where");
                    failed = true;
                }
            }
        }
        match store.scan(Scan::prefix(space, b"")).await {
            Ok(rows) => assert_eq!(rows.len() as u32, ROWS, "{what}: {}", space.name()),
            Err(error) => assert_eq!(error.reason, Reason::StorageCorrupt, "{what}: {error}"),
        }
    }
    failed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_damaged_is_never_missing() {
    let whole = tempfile::tempdir().unwrap();
    fill(whole.path()).await;
    // Open and close once more: a store at rest between two runs is measured.
    drop(FjallStore::open_existing(whole.path(), options()).unwrap());
    let image = Image::of(whole.path());
    let tables = image.0.keys().filter(|path| path.to_string_lossy().contains("tables")).count();
    assert!(tables >= SPACES.len() - 1, "there are tables to damage: {:?}", image.0.keys());
    let (mut shown, mut harmless) = (0, Vec::new());
    for (path, (bytes, _)) in &image.0 {
        for damage in Damage::all(bytes.len()) {
            let folder = tempfile::tempdir().unwrap();
            image.write(folder.path());
            damage.apply(&folder.path().join(path));
            let what = format!("{} {damage:?}", path.display());
            if shows(folder.path(), &what).await {
                shown += 1;
            } else {
                harmless.push(what);
            }
        }
    }
    println!("{shown} damages shown; without effect: {harmless:#?}");
    assert!(shown > harmless.len(), "most damage shows");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tree_that_is_gone_refuses_the_start() {
    let whole = tempfile::tempdir().unwrap();
    fill(whole.path()).await;
    let image = Image::of(whole.path());
    for tree in 0..4 {
        let folder = tempfile::tempdir().unwrap();
        image.write(folder.path());
        fs::remove_dir_all(folder.path().join(format!("keyspaces/{tree}"))).unwrap();
        let error = FjallStore::open_existing(folder.path(), options()).err().unwrap();
        assert_eq!(error.reason, Reason::StorageCorrupt, "{tree}");
        let (names, remedy) = match tree {
            0 => ("catalogue", "from a copy"),
            1 => ("record, ", "from a copy"),
            2 => ("record_index", "store rebuild"),
            _ => ("log_entry", "from a copy"),
        };
        assert!(error.message.contains(names) && error.message.contains(remedy), "{}", error.message);
        assert!(folder.path().join("keyspaces").join(if tree == 1 { "2" } else { "1" }).exists(), "nothing else went");
    }
    let nothing = tempfile::tempdir().unwrap();
    let error = FjallStore::open_existing(nothing.path(), options()).err().unwrap();
    assert!(error.message.contains("the store is missing"), "{}", error.message);
    assert_eq!(fs::read_dir(nothing.path()).unwrap().count(), 0, "none was begun");
    let error = FjallStore::create(whole.path(), options()).err().unwrap();
    assert!(error.message.contains("holds a store already"), "{}", error.message);
}

/// The engine deletes the trees that its catalogue does not name: with an older one, those that came later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_catalogue_or_version_deletes_nothing() {
    let whole = tempfile::tempdir().unwrap();
    fill(whole.path()).await;
    let newest = Image::of(whole.path());
    let store = FjallStore::open_existing(whole.path(), options()).unwrap();
    for row in ROWS..ROWS + 600 {
        let batch = SPACES.iter().fold(Batch::new(), |batch, space| batch.put(*space, key(row), value(*space, row)));
        store.commit(batch).await.unwrap();
    }
    drop(store);
    let empty = tempfile::tempdir().unwrap();
    drop(fjall::Database::builder(empty.path()).open().unwrap());
    let catalogue = Image::of(&empty.path().join("keyspaces/0"));
    let versions = |tree: &str| {
        let folder = PathBuf::from(format!("keyspaces/{tree}"));
        let small = |path: &PathBuf| path.parent() == Some(&folder);
        Image(
            newest.0.iter().filter(|(path, _)| small(path)).map(|(path, file)| (path.clone(), file.clone())).collect(),
        )
    };
    let now = Image::of(whole.path());
    for older in ["0", "1", "2", "3"] {
        let folder = tempfile::tempdir().unwrap();
        now.write(folder.path());
        match older {
            "0" => {
                fs::remove_dir_all(folder.path().join("keyspaces/0")).unwrap();
                catalogue.write(&folder.path().join("keyspaces/0"));
            }
            tree => versions(tree).write(folder.path()),
        }
        let before = remaining(folder.path());
        match FjallStore::open_existing(folder.path(), options()) {
            Err(error) => {
                assert_eq!(error.reason, Reason::StorageCorrupt, "{older}: {error}");
                assert!(remaining(folder.path()) == before, "{older}: nothing was deleted");
            }
            // The further rows of its tables are still in the journal.
            Ok(store) => {
                assert_ne!(older, "0");
                for space in SPACES {
                    let found = recount(&store, space, Pace::Full, |_| {}).await.unwrap();
                    assert!(found.agrees && found.read == u64::from(ROWS) + 600, "{older}: {found:?}");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_hold_nothing_are_made_again_and_the_others_are_named() {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path()).await;
    for gone in ["lock", "closed"] {
        fs::remove_file(folder.path().join(gone)).unwrap();
        drop(FjallStore::open_view(folder.path(), options(), None).expect(gone));
        drop(FjallStore::open_existing(folder.path(), options()).expect(gone));
        assert!(folder.path().join(gone).exists());
    }
    let version = fs::read(folder.path().join("version")).unwrap();
    for (bytes, says) in [
        (b"".as_slice(), "version file differs from what was written"),
        (b"FJL\x09", "by a version of the engine that this one cannot read"),
    ] {
        fs::write(folder.path().join("version"), bytes).unwrap();
        let error = FjallStore::open_existing(folder.path(), options()).err().unwrap();
        assert!(error.message.contains(says), "{}", error.message);
    }
    fs::write(folder.path().join("version"), version).unwrap();
    let whole = Image::of(folder.path());
    for journal in whole.0.keys().filter(|path| path.extension().is_some_and(|ending| ending == "jnl")) {
        fs::remove_file(folder.path().join(journal)).unwrap();
    }
    let error = FjallStore::open_existing(folder.path(), options()).err().unwrap();
    assert_eq!(error.reason, Reason::StorageCorrupt);
    assert!(!error.message.contains("an earlier version"), "{}", error.message);
    whole.write(folder.path());
    drop(FjallStore::open_existing(folder.path(), options()).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_tree_among_newer_ones_refuses_the_start() {
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path()).await;
    let old = Image::of(folder.path());
    let store = FjallStore::open_existing(folder.path(), options()).unwrap();
    // More than the buffers hold, so that each tree writes tables.
    for row in ROWS..ROWS + 600 {
        let batch = SPACES.iter().fold(Batch::new(), |batch, space| batch.put(*space, key(row), value(*space, row)));
        store.commit(batch).await.unwrap();
    }
    drop(store);
    let index = Path::new("keyspaces/2");
    fs::remove_dir_all(folder.path().join(index)).unwrap();
    Image(old.0.into_iter().filter(|(path, _)| path.starts_with(index)).collect()).write(folder.path());
    // With the journal the engine would bring the old tree up to date.
    for entry in fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.extension().is_some_and(|extension| extension == "jnl") {
            fs::remove_file(entry).unwrap();
        }
    }
    let error = FjallStore::open_existing(folder.path(), options()).err().unwrap();
    assert_eq!(error.reason, Reason::StorageCorrupt);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_follow_every_kind_of_write_and_outlast_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = FjallStore::create(folder.path(), options()).unwrap();
    let space = Space::Record;
    store.commit(Batch::new().put(space, "a", "1").put(space, "b", "1").put(space, "a", "2")).await.unwrap();
    assert_eq!(store.count(space), 2);
    let mut batch = Batch::new().delete(space, "never was").delete(space, "b").require_value(space, "a", "2");
    batch.push_update(space, "a", "3");
    batch.push_insert(space, "c", "1");
    store.commit(batch).await.unwrap();
    assert_eq!(store.count(space), 2);
    let refused = Batch::new().require_absent(space, "a").put(space, "d", "1");
    assert_eq!(store.commit(refused).await.unwrap_err().reason, Reason::StorageConflict);
    let together = (0..64).map(|row| store.commit(Batch::new().put(space, format!("t{}", row % 16), "")));
    futures::future::try_join_all(together).await.unwrap();
    assert_eq!(store.count(space), 18);
    drop(store);
    let store = FjallStore::open_existing(folder.path(), options()).unwrap();
    assert_eq!(store.count(space), 18);
    let found = recount(&store, space, Pace::Full, |_| {}).await.unwrap();
    assert!(found.agrees && found.read == 18, "{found:?}");
}

const LIMITED: &str = "LIENTHONG_DAMAGE_FOLDER";

/// A disk that really refuses a write: the system takes no file beyond a size, as little as it would on a full one.
#[test]
#[cfg(unix)]
fn a_write_that_fails_stops_writes_and_not_reads() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    if let Some(folder) = std::env::var_os(LIMITED) {
        return runtime.block_on(write_beyond_the_limit(Path::new(&folder)));
    }
    let folder = tempfile::tempdir().unwrap();
    runtime.block_on(fill(folder.path()));
    let status = std::process::Command::new("sh")
        // Ignored, the signal becomes an error of the write.
        .args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "a_write_that_fails_stops_writes_and_not_reads"])
        .env(LIMITED, folder.path())
        .stdout(std::process::Stdio::null())
        .status();
    assert!(status.unwrap().success(), "the child's assertions hold");
    let store = FjallStore::open_existing(folder.path(), options()).unwrap();
    let row = runtime.block_on(store.get(Space::Record, b"late")).unwrap();
    assert_eq!(row, None, "what was refused is not there");
}

async fn write_beyond_the_limit(folder: &Path) {
    let store = FjallStore::open_existing(folder, options()).expect("opening needs no room");
    let put = || store.commit(Batch::new().put(Space::Record, "late", "1"));
    for _ in 0..2 {
        let error = put().await.unwrap_err();
        assert_eq!((error.reason, error.kind()), (Reason::StorageUnavailable, Kind::SourceDown), "{error}");
        assert!(error.retry_after.is_some());
    }
    assert_eq!(store.health().borrow().writes, Writes::Stopped);
    for row in 0..ROWS {
        assert_eq!(store.get(Space::Record, &key(row)).await.unwrap(), Some(value(Space::Record, row)));
    }
}
