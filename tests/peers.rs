//! Cross-checks: others read our output, and we theirs. Canonical JSON against two implementations of RFC 8785, trees, proofs and
//! tiles against two of RFC 6962 and C2SP, notes and checkpoints against one of C2SP. None of them shares code with ours.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use lienthong::base::Seed;
use lienthong::ledger::tile::{TILE_WIDTH, Tile, TileId};
use lienthong::transparency::path::TilePath;
use lienthong::trust::canonical::{INTEGER_MAX, scan};
use lienthong::trust::merkle::{
    CompactRange, Hash, Node, ProofError, empty_root, hash_leaf, prove_consistency, prove_inclusion,
    verify_consistency, verify_inclusion,
};
use lienthong::trust::note::{is_key_name, sign_note};
use lienthong::trust::vkey::{KeyUse, NoteKey};
use lienthong::trust::{Checkpoint, Ed25519Signer, Note, Object, Value, canonical};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value as Json;
use sha2::Sha256;
use std::collections::{BTreeMap, BTreeSet};

// ---- canonical JSON: serde_json_canonicalizer, serde_jcs

/// Text with characters that are escaped, composed and ordered in remarkable ways.
fn any_text() -> impl Strategy<Value = String> {
    "([ -~\u{a0}-\u{24f}\u{1e00}-\u{1eff}\u{4e00}-\u{9fa5}]|[\\PC\n\t\r\u{8}\u{c}\u{1}\u{1f}\u{7f}\"\\\\/]|Nguyễn|e\u{301}|\u{212b}|😂|\u{e000}|\u{feff}|\0){0,8}"
}

fn any_json() -> impl Strategy<Value = Json> {
    let number = prop_oneof![
        4 => (-INTEGER_MAX..=INTEGER_MAX).prop_map(Json::from),
        4 => (-100i64..100).prop_map(Json::from),
        1 => prop::sample::select(vec![INTEGER_MAX + 1, -INTEGER_MAX - 1, i64::MAX, i64::MIN]).prop_map(Json::from),
        1 => any::<f64>().prop_map(Json::from),
    ];
    let leaf = prop_oneof![
        6 => any_text().prop_map(Json::from),
        6 => number,
        3 => any::<bool>().prop_map(Json::from),
        1 => Just(Json::Null),
    ];
    let name = || prop_oneof![20 => "[a-z][a-z0-9_]{0,8}", 1 => any_text()];
    leaf.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
            prop::collection::vec((name(), inner), 0..5).prop_map(|fields| Json::Object(fields.into_iter().collect())),
        ]
    })
}

/// The same as a value of ours; `None` outside the narrowed domain, but for strings that are not in NFC, which our writer composes.
fn ours(json: &Json) -> Option<Value> {
    Some(match json {
        Json::Null => return None,
        Json::Bool(truth) => Value::Bool(*truth),
        // RFC 8785 writes a double without a fraction as an integer
        Json::Number(number) => match number.as_i64() {
            Some(number) => Value::Integer(number),
            None => {
                let double = number.as_f64().filter(|double| double.fract() == 0.0 && double.abs() < 1e15)?;
                Value::Integer(double as i64)
            }
        },
        Json::String(text) => Value::String(text.clone()),
        Json::Array(items) => Value::Array(items.iter().map(ours).collect::<Option<_>>()?),
        Json::Object(fields) => Value::Object(object(fields)?),
    })
}

fn object(fields: &serde_json::Map<String, Json>) -> Option<Object> {
    fields.iter().map(|(name, value)| Some((name.clone(), ours(value)?))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn canonical_json_is_that_of_two_others(fields in prop::collection::btree_map("[a-z][a-z0-9_]{0,8}", any_json(), 0..8)) {
        let fields: serde_json::Map<String, Json> = fields.into_iter().collect();
        let one = serde_json_canonicalizer::to_vec(&fields).expect("canonicalised");
        // serde_jcs 0.2.0 gives integers beyond a double's precision unchanged, and a double's digits in its own way: both out of our domain
        let two = serde_jcs::to_vec(&fields).expect("canonicalised");
        match object(&fields).map(|object| (canonical::write_checked(&object), object)) {
            Some((Ok(payload), object)) => {
                prop_assert_eq!(canonical::write(&object), payload.clone());
                // our writer composes; the others leave its output unchanged
                let read: Json = serde_json::from_slice(&payload).expect("JSON");
                prop_assert_eq!(&serde_json_canonicalizer::to_vec(&read).expect("canonicalised"), &payload);
                prop_assert_eq!(&serde_jcs::to_vec(&read).expect("canonicalised"), &payload);
                if scan(&one).is_ok() {
                    prop_assert_eq!(&one, &payload);
                    prop_assert_eq!(&two, &payload);
                }
            }
            // a value without a form here is not accepted when others write it
            _ => prop_assert!(scan(&one).is_err() && scan(&two).is_err(), "{}", String::from_utf8_lossy(&one)),
        }
        // and their accepted output equals ours
        for theirs in [&one, &two] {
            if let Ok(read) = canonical::parse(theirs) {
                prop_assert_eq!(&canonical::write(&read), theirs);
            }
        }
    }
}

// ---- trees, proofs and tiles: ct-merkle, tlog_tiles

/// A tree of ours with every node, and the same one of each of the others.
struct Trees {
    leaves: Vec<Vec<u8>>,
    nodes: BTreeMap<(u32, u64), Hash>,
    /// Roots by size.
    roots: Vec<Hash>,
    ct: MemoryBackedTree<Sha256, Vec<u8>>,
    tlog: Stored,
}

struct Stored(Vec<tlog_tiles::Hash>);

impl tlog_tiles::HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|index| self.0[*index as usize]).collect())
    }
}

impl Trees {
    fn new(size: u64) -> Self {
        let mut trees = Self {
            leaves: Vec::new(),
            nodes: BTreeMap::new(),
            roots: vec![empty_root()],
            ct: MemoryBackedTree::new(),
            tlog: Stored(Vec::new()),
        };
        let mut range = CompactRange::new();
        for leaf in 0..size {
            let data = format!("leaf {leaf}").into_bytes();
            range.append_with(hash_leaf(&data), |node, hash| {
                trees.nodes.insert((node.level, node.index), hash);
            });
            trees.roots.push(range.root());
            trees.ct.push(data.clone());
            let stored = tlog_tiles::stored_hashes(leaf, &data, &trees.tlog).expect("hashes");
            trees.tlog.0.extend(stored);
            trees.leaves.push(data);
        }
        trees
    }

    fn node(&self, node: Node) -> Result<Hash, ProofError> {
        self.nodes.get(&(node.level, node.index)).copied().ok_or(ProofError::OutOfRange)
    }
}

fn tlog_proof(path: &[Hash]) -> Vec<tlog_tiles::Hash> {
    path.iter().map(|hash| tlog_tiles::Hash(*hash)).collect()
}

#[test]
fn roots_and_proofs_are_those_of_two_others() {
    let largest = 70;
    let all = Trees::new(largest);
    assert_eq!(all.ct.root().as_bytes().as_slice(), all.roots[largest as usize]);
    for size in 1..=largest {
        let (root, trees) = (all.roots[size as usize], Trees::new(size));
        let (ct_root, tlog_root) = (trees.ct.root(), tlog_tiles::Hash(root));
        assert_eq!(ct_root.as_bytes().as_slice(), root, "{size}");
        assert_eq!(tlog_tiles::tree_hash(size, &all.tlog).expect("a root"), tlog_root, "{size}");
        for index in 0..size {
            let path = prove_inclusion(index, size, |node| all.node(node)).expect("a path");
            let data = &all.leaves[index as usize];
            assert_eq!(trees.ct.prove_inclusion(index as usize).as_bytes(), path.as_flattened(), "{index} of {size}");
            assert_eq!(tlog_tiles::prove_record(size, index, &all.tlog).expect("a path"), tlog_proof(&path));
            let proof = InclusionProof::<Sha256>::from_bytes(path.concat());
            ct_root.verify_inclusion(data, index, &proof).expect("verifies there");
            tlog_tiles::check_record(&tlog_proof(&path), size, tlog_root, index, tlog_tiles::record_hash(data))
                .expect("verifies there");
        }
        for old in 1..=size {
            let path = prove_consistency(old, size, |node| all.node(node)).expect("a path");
            let old_root = all.roots[old as usize];
            assert_eq!(
                trees.ct.prove_consistency((size - old) as usize).as_bytes(),
                path.as_flattened(),
                "{old} to {size}"
            );
            assert_eq!(tlog_tiles::prove_tree(size, old, &all.tlog).expect("a path"), tlog_proof(&path));
            let proof = ConsistencyProof::<Sha256>::try_from_bytes(path.concat()).expect("whole hashes");
            let ct_old = RootHash::<Sha256>::new(old_root.into(), old);
            ct_root.verify_consistency(&ct_old, &proof).expect("verifies there");
            tlog_tiles::check_tree(&tlog_proof(&path), size, tlog_root, old, tlog_tiles::Hash(old_root))
                .expect("verifies there");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever is done to a proof, three verifiers give the same result.
    #[test]
    fn changed_proofs_are_judged_alike(
        (size, first, changes) in (1..40u64, 0..42u64, prop::collection::vec((0..4u8, any::<Index>(), any::<Index>()), 0..3))
    ) {
        let all = Trees::new(40);
        let (root, data) = (all.roots[size as usize], b"leaf 3".to_vec());
        let mut path = prove_inclusion(first.min(size - 1), size, |node| all.node(node)).expect("a path");
        let mut growth = prove_consistency(first.clamp(1, size), size, |node| all.node(node)).expect("a path");
        let mut index = if size > 3 { 3 } else { first };
        for (kind, one, other) in changes {
            for path in [&mut path, &mut growth] {
                let (one, other) = (one.index(path.len().max(1)), other.index(path.len().max(1)));
                match kind {
                    0 if !path.is_empty() => drop(path.remove(one)),
                    1 if !path.is_empty() => path.insert(one, path[other]),
                    2 if !path.is_empty() => path.swap(one, other),
                    _ => index = first,
                }
            }
        }
        let (ct_root, tlog_root) = (RootHash::<Sha256>::new(root.into(), size), tlog_tiles::Hash(root));
        let said = verify_inclusion(&hash_leaf(&data), index, size, &path, &root).is_ok();
        let proof = InclusionProof::<Sha256>::from_bytes(path.concat());
        prop_assert_eq!(said, ct_root.verify_inclusion(&data, index, &proof).is_ok());
        let leaf = tlog_tiles::record_hash(&data);
        prop_assert_eq!(said, tlog_tiles::check_record(&tlog_proof(&path), size, tlog_root, index, leaf).is_ok());

        let old = first.max(1);
        let old_root = all.roots.get(old as usize).copied().unwrap_or([1; 32]);
        let said = verify_consistency((old, &old_root), (size, &root), &growth).is_ok();
        let proof = ConsistencyProof::<Sha256>::try_from_bytes(growth.concat()).expect("whole hashes");
        let ct_old = RootHash::<Sha256>::new(old_root.into(), old);
        prop_assert_eq!(said, ct_root.verify_consistency(&ct_old, &proof).is_ok(), "{} to {}", old, size);
        let tlog = tlog_tiles::check_tree(&tlog_proof(&growth), size, tlog_root, old, tlog_tiles::Hash(old_root));
        prop_assert_eq!(said, tlog.is_ok(), "{} to {}", old, size);
    }
}

/// Our tiles of a tree of `size` leaves, by their paths.
fn tiles(trees: &Trees, size: u64) -> BTreeMap<String, Vec<u8>> {
    let mut tiles = BTreeMap::new();
    for level in 0..3u8 {
        for index in 0.. {
            let id = TileId { level, index };
            let width = id.width_at(size);
            if width == 0 {
                break;
            }
            let mut tile = Tile::new(id);
            for place in 0..width as u64 {
                let node = Node { level: u32::from(level) * 8, index: index * TILE_WIDTH as u64 + place };
                tile.put(node, trees.node(node).expect("a complete node"));
            }
            tiles.insert(TilePath::Tile { id, width }.write(), tile.row_bytes());
        }
    }
    tiles
}

/// Reads our tiles for the other implementation.
struct OurTiles(BTreeMap<String, Vec<u8>>);

/// C2SP's paths leave out the height, which is always 8.
fn c2sp_path(tile: &tlog_tiles::Tile) -> String {
    tile.path().replacen("tile/8/", "tile/", 1)
}

impl tlog_tiles::TileReader for OurTiles {
    fn height(&self) -> u8 {
        8
    }
    fn read_tiles(&self, tiles: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        tiles.iter().map(|tile| self.0.get(&c2sp_path(tile)).cloned().ok_or(tlog_tiles::Error::InvalidTile)).collect()
    }
    fn save_tiles(&self, _: &[tlog_tiles::Tile], _: &[Vec<u8>]) {}
}

#[test]
fn tiles_are_those_of_another_and_it_reads_ours() {
    let sizes = [1, 2, 255, 256, 257, 511, 512, 600];
    let all = Trees::new(600);
    for size in sizes {
        let ours = tiles(&all, size);
        let theirs = tlog_tiles::Tile::new_tiles(8, 0, size);
        let paths: BTreeSet<String> = theirs.iter().map(c2sp_path).collect();
        assert_eq!(ours.keys().cloned().collect::<BTreeSet<_>>(), paths, "{size}");
        for tile in &theirs {
            assert_eq!(ours[&c2sp_path(tile)], tile.read_data(&all.tlog).expect("a tile"), "{}", tile.path());
        }
        // their client proves a record out of our tiles, and checks them on the way
        let root = tlog_tiles::Hash(all.roots[size as usize]);
        let tiles = OurTiles(ours);
        let reader = tlog_tiles::TileHashReader::new(size, root, &tiles);
        for index in [0, size / 2, size - 1] {
            let path = tlog_tiles::prove_record(size, index, &reader).expect("proved from our tiles");
            let path: Vec<Hash> = path.into_iter().map(|hash| hash.0).collect();
            let leaf = hash_leaf(&all.leaves[index as usize]);
            assert_eq!(verify_inclusion(&leaf, index, size, &path, &all.roots[size as usize]), Ok(()));
        }
    }
}

proptest! {
    #[test]
    fn tile_paths_are_those_of_another(
        (level, index, width) in (0..64u8, prop_oneof![0..2_000u64, any::<u64>()], 1..=256usize), change in any::<(Index, char)>()
    ) {
        let path = TilePath::Tile { id: TileId { level, index }, width };
        let written = path.write();
        let theirs = tlog_tiles::Tile::new(8, level, index, width as u32, false);
        prop_assert_eq!(&c2sp_path(&theirs), &written);
        // a changed path is refused by both or means the same to both
        let mut changed: Vec<char> = written.chars().collect();
        let at = 5 + change.0.index(changed.len() - 5);
        changed[at] = change.1;
        let changed: String = changed.into_iter().collect();
        let rest = changed.strip_prefix("tile/").expect("unchanged");
        // theirs panics on levels above 63 and on widths of 0, where ours refuses
        let theirs = std::panic::catch_unwind(|| tlog_tiles::Tile::from_path(&format!("tile/8/{rest}")).ok());
        let theirs = theirs.ok().flatten().filter(|tile| tile.level() < 64 && tile.width() > 0 && !tile.is_data());
        let theirs = theirs.map(|tile| TilePath::Tile {
            id: TileId { level: tile.level(), index: tile.level_index() },
            width: tile.width() as usize,
        });
        prop_assert_eq!(TilePath::parse(rest), theirs, "{}", changed);
    }
}

// ---- ML-DSA-44: fips204

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn ml_dsa_signatures_are_judged_alike(
        seed in any::<[u8; 32]>(), message in proptest::collection::vec(any::<u8>(), 0..200), at in 0_usize..2_420, bit in 0_u32..8
    ) {
        use fips204::ml_dsa_44::KG;
        use fips204::traits::{KeyGen as _, SerDes as _, Signer as _, Verifier as _};
        let (theirs, private) = KG::keygen_from_seed(&seed);
        let ours = lienthong::trust::keys::MlDsaKey::new(&theirs.clone().into_bytes()).expect("a key");
        let mut signature = private.try_sign_with_seed(&seed, &message, &[]).expect("signs");
        prop_assert!(ours.verify(&message, &signature).is_ok());
        let elsewhere = private.try_sign_with_seed(&seed, &message, b"another context").expect("signs");
        prop_assert!(ours.verify(&message, &elsewhere).is_err());
        signature[at] ^= 1 << bit;
        prop_assert_eq!(ours.verify(&message, &signature).is_ok(), theirs.verify(&message, &signature, &[]));
        prop_assert!(ours.verify(&message, &signature[..2_419]).is_err());
    }
}

// ---- notes and checkpoints: signed_note, tlog_tiles

/// A key pair of the other implementation, by its text form.
fn their_signer(name: &str, seed: [u8; 32]) -> (signed_note::StandardSigner, NoteKey) {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let pair = ring::signature::Ed25519KeyPair::from_seed_unchecked(&seed).expect("a seed");
    let public = ring::signature::KeyPair::public_key(&pair).as_ref().to_vec();
    let key = lienthong::trust::PublicKey::new(lienthong::trust::Algorithm::Ed25519, &public).expect("a good key");
    let key = NoteKey { name: name.to_owned(), usage: KeyUse::Note, key: key.into() };
    let text = format!("PRIVATE+KEY+{name}+{:08x}+{}", key.id(), STANDARD.encode([&[1][..], &seed].concat()));
    (signed_note::StandardSigner::new(&text).expect("a key"), key)
}

fn their_verifiers(key: &NoteKey) -> signed_note::VerifierList {
    let verifier = signed_note::StandardVerifier::new(&key.to_string()).expect("our form of a key is read there");
    signed_note::VerifierList::new(vec![Box::new(verifier)])
}

fn any_checkpoint() -> impl Strategy<Value = Checkpoint> {
    ("[a-z0-9/.-]{1,30}", any::<u64>(), any::<[u8; 32]>()).prop_map(|(origin, size, root)| Checkpoint {
        origin,
        size,
        root,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn notes_and_checkpoints_are_read_both_ways(checkpoint in any_checkpoint(), seed in any::<[u8; 32]>(), lines in "([a-z ]{1,9}\n){0,3}") {
        // ours, read there
        let signer = Ed25519Signer::from_seed(&*checkpoint.origin, &Seed::root(u64::from(seed[0])));
        let key = NoteKey::of(&signer, KeyUse::Note).expect("a key");
        let text = checkpoint.text() + &lines;
        let note = sign_note(&text, &[&signer]).expect("signs");
        let theirs = signed_note::Note::from_bytes(&note).expect("read there");
        let (verified, strangers) = theirs.verify(&their_verifiers(&key)).expect("verifies there");
        prop_assert_eq!((verified.len(), strangers.len()), (1, 0));
        let read = tlog_tiles::Checkpoint::from_bytes(theirs.text()).expect("read there");
        prop_assert_eq!((read.origin(), read.size(), read.hash().0), (&*checkpoint.origin, checkpoint.size, checkpoint.root));
        prop_assert_eq!(read.extension(), &lines);
        // theirs, read here
        let (signer, key) = their_signer(&checkpoint.origin, seed);
        let written = tlog_tiles::Checkpoint::new(&checkpoint.origin, checkpoint.size, tlog_tiles::Hash(checkpoint.root), &lines);
        let mut theirs = signed_note::Note::new(&written.expect("good").to_bytes(), &[]).expect("a note");
        theirs.add_sigs(&[&signer]).expect("signs");
        let bytes = theirs.to_bytes();
        let note = Note::parse(&bytes).expect("read here");
        let [line] = note.signatures.as_slice() else { panic!("one line") };
        prop_assert!(key.claims(line));
        prop_assert_eq!(key.verify(note.text.as_bytes(), &line.signature), Ok(()));
        prop_assert_eq!(Checkpoint::parse(note.text), Ok(checkpoint));
    }

    #[test]
    fn changed_notes_are_read_alike(
        checkpoint in any_checkpoint(),
        changes in prop::collection::vec((any::<Index>(), 0..3u8, prop::sample::select("\n\n — +=aA01\u{7}\u{a0}\u{3000}é".chars().collect::<Vec<_>>())), 1..4),
    ) {
        let signer = Ed25519Signer::from_seed(&*checkpoint.origin, &Seed::root(1));
        let note = checkpoint.sign(&signer).expect("signs");
        let mut note: Vec<char> = std::str::from_utf8(&note).expect("text").chars().collect();
        for (at, kind, c) in changes {
            let at = at.index(note.len());
            match kind {
                0 => note[at] = c,
                1 => note.insert(at, c),
                _ => drop(note.remove(at)),
            }
        }
        let note: String = note.into_iter().collect();
        let (ours, theirs) = (Note::parse(note.as_bytes()), signed_note::Note::from_bytes(note.as_bytes()));
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?}", note);
        let (Ok(ours), Ok(theirs)) = (ours, theirs) else { return Ok(()) };
        prop_assert_eq!(ours.text.as_bytes(), theirs.text());
        prop_assert!(ours.signatures.iter().all(|line| is_key_name(line.name)));
        let read = tlog_tiles::Checkpoint::from_bytes(theirs.text()).ok();
        let read = read.map(|read| Checkpoint { origin: read.origin().into(), size: read.size(), root: read.hash().0 });
        prop_assert_eq!(Checkpoint::parse(ours.text).ok(), read, "{:?}", note);
    }
}
