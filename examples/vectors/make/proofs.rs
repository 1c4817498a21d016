//! Inclusion proofs: trees of edge sizes, paths that lead elsewhere, the wrong log, and no proof at all.

use lienthong::trust::merkle::{hash_leaf, root_in_place};
use lienthong::trust::note::sign_note;
use lienthong::trust::*;

use super::vector::{Expected, Vector, expect};
use super::world::*;

pub fn all() -> Vec<Vector> {
    let mut vectors = sizes();
    vectors.extend(paths());
    vectors.extend(logs());
    vectors.extend(checkpoints());
    vectors
}

/// Records in logs of exactly this many leaves, at these indices.
fn sizes() -> Vec<Vector> {
    let sizes: [(u16, &'static str, &[u16]); 8] = [
        (1, "A log of one leaf: the path is empty.", &[0]),
        (2, "A log of two leaves.", &[0, 1]),
        (3, "A log of three leaves: the last one's path is shorter.", &[0, 1, 2]),
        (5, "A log of five leaves: the last one is directly below the root.", &[0, 3, 4]),
        (8, "A log of eight leaves: all paths have the same length.", &[0, 5, 7]),
        (255, "A log of 255 leaves.", &[0, 128, 254]),
        (256, "A log of 256 leaves: one whole tile.", &[0, 127, 255]),
        (257, "A log of 257 leaves: the last one's path is one hash.", &[0, 255, 256]),
    ];
    let vector = |(size, shows, places): (u16, &'static str, &[u16])| {
        let mut world = World::with_leaves_before(size);
        let payload = canonical::write(&payload());
        let mut records = Vec::new();
        for place in places {
            let (_, statement) =
                build_record(Draft { status_index: u32::from(*place), ..draft() }, &payload, &SALT).expect("canonical");
            world.land.leaves[usize::from(*place)] = hash_leaf(&statement);
            // in the record ledger the same indices from the other end
            let mirrored = size - 1 - place;
            world.records.leaves[usize::from(mirrored)] = EntryType::Statement.leaf(&statement);
            records.push((*place, mirrored, statement));
        }
        let records: Vec<SignedRecord> = records
            .into_iter()
            .map(|(place, mirrored, statement)| SignedRecord {
                statement: statement.into(),
                disclosure: whole(payload.clone()),
                issuer_proof: Some(world.land.proof(place.into())),
                ledger_proof: Some(world.records.proof(mirrored.into())),
            })
            .collect();
        let valid = records.iter().map(|_| expect(Verdict::Valid, &[])).collect();
        let expected = Expected { exit_code: 0, records: valid };
        Vector::many(&format!("proof-tree-of-{size:03}"), shows, &world, records, expected)
    };
    sizes.into_iter().map(vector).collect()
}

fn paths() -> Vec<Vector> {
    let (world, good) = issued();
    let bad = |name: &str, shows, change: &dyn Fn(&mut LogProof)| {
        let mut record = good.clone();
        change(record.issuer_proof.as_mut().expect("a proof"));
        Vector::bad(name, shows, &world, &record, Code::Inclusion, &["issuer_inclusion"])
    };
    let mut ledger = good.clone();
    ledger.ledger_proof.as_mut().expect("a proof").path[0][0] ^= 1;
    // A node presented as a leaf: without the byte in front of each hash, leaf and node could be exchanged.
    let mut node_world = World::new();
    let node_record = node_world.issue(draft());
    let (one, other) = (node_world.land.leaves[0], node_world.land.leaves[1]);
    let forged = SignedRecord {
        statement: [one, other].concat().into(),
        issuer_proof: Some(LogProof { index: 0, ..node_world.land.proof(0) }),
        ..node_record
    };
    vec![
        bad("proof-path-changed", "One bit of the path is changed.", &|proof| proof.path[0][31] ^= 1),
        bad("proof-path-longer", "One hash more than index and size require.", &|proof| proof.path.push([0; 32])),
        bad("proof-path-shorter", "One hash less.", &|proof| proof.path.truncate(proof.path.len() - 1)),
        bad("proof-path-empty", "No path.", &|proof| proof.path.clear()),
        bad("proof-path-turned", "The path from the root down.", &|proof| proof.path.reverse()),
        bad("proof-path-of-neighbour", "The index is the neighbour's.", &|proof| proof.index ^= 1),
        bad("proof-index-at-size", "The index is the tree's size.", &|proof| proof.index = 12),
        bad("proof-index-huge", "The largest possible index.", &|proof| proof.index = u64::MAX),
        bad(
            "proof-path-of-a-hundred",
            "A hundred hashes: more than any tree has levels, refused by their number.",
            &|proof| {
                proof.path = vec![[0; 32]; 100];
            },
        ),
        Vector::bad(
            "proof-ledger-path-changed",
            "One bit of the path in the record ledger is changed.",
            &world,
            &ledger,
            Code::Inclusion,
            &["ledger_inclusion"],
        ),
        Vector::bad(
            "proof-node-as-leaf",
            "The bytes below a node are presented as a statement.",
            &node_world,
            &forged,
            Code::Inclusion,
            &["statement_decodes", "issuer_inclusion", "ledger_inclusion"],
        ),
    ]
}

fn logs() -> Vec<Vector> {
    let (mut world, good) = issued();
    let leaf = EntryType::Statement.leaf(&good.statement);
    let evidence = world.evidence.append(leaf);
    let land = world.land.append(leaf);
    let bare = world.records.append(hash_leaf(&good.statement));
    let typed = world.records.append(EntryType::Equivocation.leaf(&good.statement));
    let with = |ledger_proof| SignedRecord { ledger_proof, ..good.clone() };
    let signature: &[&'static str] = &["ledger_signature"];
    let inclusion: &[&'static str] = &["ledger_inclusion"];
    let mut neither = with(None);
    neither.issuer_proof = None;
    vec![
        Vector::bad(
            "ledger-is-evidence",
            "The proof is from the evidence ledger, although it contains the entry.",
            &world,
            &with(Some(world.evidence.proof(evidence))),
            Code::NoTrustedSignature,
            signature,
        ),
        Vector::bad(
            "ledger-is-issuers-log",
            "The proof is from the issuer's log, although it contains the entry.",
            &world,
            &with(Some(world.land.proof(land))),
            Code::NoTrustedSignature,
            signature,
        ),
        Vector::bad(
            "ledger-entry-without-type",
            "The record ledger holds the statement, but not as an entry of a type.",
            &world,
            &with(Some(world.records.proof(bare))),
            Code::Inclusion,
            inclusion,
        ),
        Vector::bad(
            "ledger-entry-of-other-type",
            "The record ledger holds the statement as an entry of type 5.",
            &world,
            &with(Some(world.records.proof(typed))),
            Code::Inclusion,
            inclusion,
        ),
        Vector::bad(
            "ledger-proof-missing",
            "No proof from the record ledger: no check fails, but proof is missing.",
            &world,
            &with(None),
            Code::NoPoe,
            inclusion,
        ),
        Vector::bad(
            "issuer-proof-missing",
            "No proof from the issuer's log: nobody signed.",
            &world,
            &SignedRecord { issuer_proof: None, ..good.clone() },
            Code::NoTrustedSignature,
            &["issuer_signature"],
        ),
        Vector::bad(
            "proofs-missing",
            "A statement and a payload alone.",
            &world,
            &neither,
            Code::NoTrustedSignature,
            &["issuer_signature", "ledger_inclusion"],
        ),
    ]
}

/// Checkpoints whose text is not in its one form; each is signed as written.
fn checkpoints() -> Vec<Vector> {
    let (world, good) = issued();
    let text = world.land.checkpoint().text();
    let with = |note: Vec<u8>| {
        let mut record = good.clone();
        record.issuer_proof.as_mut().expect("a proof").checkpoint = note.into();
        record
    };
    let signed = |text: &str| with(sign_note(text, &[&*world.land.signer]).expect("signs").to_vec());
    let bad = |name: &str, shows, record: SignedRecord| {
        Vector::bad(name, shows, &world, &record, Code::NoTrustedSignature, &["issuer_signature"])
    };
    let mut smaller = world.land.leaves.clone();
    smaller.truncate(6);
    let smaller = Checkpoint { origin: world.land.origin().to_owned(), size: 6, root: root_in_place(&mut smaller) };
    let mut older = signed(&smaller.text());
    older.issuer_proof.as_mut().expect("a proof").path = path(&world.land.leaves[..6], 5);
    let note = good.issuer_proof.as_ref().expect("a proof").checkpoint.to_vec();
    vec![
        Vector::good("checkpoint-older", "A proof against an older checkpoint is as good.", &world, &older),
        Vector::good(
            "checkpoint-extension",
            "Lines after the root are covered by the signature and ignored.",
            &world,
            &signed(&format!("{text}note: 7\n")),
        ),
        bad("checkpoint-size-zeros", "A size with a leading zero.", signed(&text.replace("\n12\n", "\n012\n"))),
        bad("checkpoint-size-sign", "A size with a plus sign.", signed(&text.replace("\n12\n", "\n+12\n"))),
        bad(
            "checkpoint-size-too-large",
            "A size beyond 64 bits.",
            signed(&text.replace("\n12\n", "\n18446744073709551616\n")),
        ),
        bad("checkpoint-root-short", "A root of three bytes.", signed("lienthong/H27/land\n12\nAAAA\n")),
        bad("checkpoint-two-lines", "A checkpoint without a root.", signed("lienthong/H27/land\n12\n")),
        bad(
            "checkpoint-carriage-return",
            "A control character.",
            with(String::from_utf8(note.clone()).expect("text").replacen('\n', "\r\n", 1).into()),
        ),
        bad("checkpoint-no-last-newline", "The last line does not end.", with(note[..note.len() - 1].to_vec())),
        bad("checkpoint-no-signature", "The text alone.", with(text.clone().into_bytes())),
        bad("checkpoint-trailing-text", "A line after the signatures.", with([&note[..], b"and more\n"].concat())),
    ]
}
