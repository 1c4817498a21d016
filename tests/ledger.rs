//! `LedgerService` without a credential: heads, proofs, tiles and entries that fit together, and every refusal with its reason.

#![allow(clippy::disallowed_methods, reason = "tests measure and wait by the machine's time")]

mod common;

use common::{gateway, reason};
use lienthong::trust::Checkpoint;
use lienthong::trust::merkle::{Hash, hash_leaf, root_in_place, verify_consistency, verify_inclusion};
use lienthong::wire::proto::trust::v1::ledger_service_client::LedgerServiceClient;
use lienthong::wire::proto::trust::v1::*;
use tonic::Code;

fn hashes(path: &[bytes::Bytes]) -> Vec<Hash> {
    path.iter().map(|hash| hash[..].try_into().expect("32 bytes")).collect()
}

#[tokio::test]
async fn what_the_ledger_service_gives_fits_together() {
    let started = gateway().start().await;
    let mut client = LedgerServiceClient::new(started.channel.clone());
    for log in ["records", "lienthong/H27/land", "resident"] {
        let note = client.get_checkpoint(GetCheckpointRequest { log: log.into() }).await.expect("a head").into_inner();
        let head = Checkpoint::of_note(note.checkpoint.as_bytes()).expect("a checkpoint");
        assert!(head.size > 2 && head.origin.ends_with(log.rsplit('/').next().expect("a name")));
        let mut leaves: Vec<Hash> = Vec::new();
        while (leaves.len() as u64) < head.size {
            let index = leaves.len() as u64 / 256;
            let width = (head.size - index * 256).min(256) as u32;
            let request = GetTileRequest { log: log.into(), level: 0, index, width };
            let tile = client.get_tile(request).await.expect("a tile").into_inner();
            leaves.extend(tile.hashes.as_chunks::<32>().0);
        }
        for index in [0, 1, head.size - 1] {
            let entry = GetEntryRequest { log: log.into(), index };
            let entry = client.get_entry(entry).await.expect("an entry").into_inner();
            let proof = entry.proof.expect("a proof");
            assert_eq!(hash_leaf(&entry.entry), leaves[index as usize]);
            let request = GetInclusionProofRequest { log: log.into(), index, size: 0 };
            let proved =
                client.get_inclusion_proof(request).await.expect("a proof").into_inner().proof.expect("a proof");
            for proof in [proof, proved] {
                let head = Checkpoint::of_note(proof.checkpoint.as_bytes()).expect("a checkpoint");
                let leaf = &leaves[index as usize];
                verify_inclusion(leaf, index, head.size, &hashes(&proof.path), &head.root).expect("it stands there");
            }
        }
        let old = head.size / 2;
        let request = GetConsistencyProofRequest { log: log.into(), old_size: old, new_size: head.size };
        let proof = client.get_consistency_proof(request).await.expect("a proof").into_inner();
        let root = root_in_place(&mut leaves[..old as usize].to_vec());
        verify_consistency((old, &root), (head.size, &head.root), &hashes(&proof.path)).expect("it only grew");
        assert_eq!(root_in_place(&mut leaves), head.root);
    }
}

#[tokio::test]
async fn refusals_have_their_reasons() {
    let started = gateway().start().await;
    let mut client = LedgerServiceClient::new(started.channel.clone());
    let invalid = (Code::InvalidArgument, "INVALID_REQUEST".to_owned());
    let missing = (Code::NotFound, "NOT_FOUND".to_owned());
    for (log, expected) in [("", &invalid), (&"x".repeat(200)[..], &invalid), ("other", &invalid)] {
        let refused = client.get_checkpoint(GetCheckpointRequest { log: log.into() }).await.expect_err(log);
        assert_eq!(&reason(&refused), expected, "{log}");
        assert!(refused.metadata().contains_key("x-request-id"));
    }
    for (level, index, width, expected) in
        [(64, 0, 1, &invalid), (0, 0, 257, &invalid), (0, u64::MAX, 1, &missing), (9, 0, 1, &missing)]
    {
        let request = GetTileRequest { log: "records".into(), level, index, width };
        assert_eq!(&reason(&client.get_tile(request).await.expect_err("no tile")), expected, "{level} {index} {width}");
    }
    for (old_size, new_size, expected) in [(0, 1, &invalid), (3, 2, &invalid), (1, u64::MAX, &missing)] {
        let request = GetConsistencyProofRequest { log: "records".into(), old_size, new_size };
        let refused = client.get_consistency_proof(request).await.expect_err("no proof");
        assert_eq!(&reason(&refused), expected, "{old_size} {new_size}");
    }
    for (index, size) in [(u64::MAX, 0), (0, u64::MAX)] {
        let request = GetInclusionProofRequest { log: "records".into(), index, size };
        assert_eq!(reason(&client.get_inclusion_proof(request).await.expect_err("no proof")), missing);
    }
    let hidden = client.get_entry(GetEntryRequest { log: "evidence".into(), index: 0 }).await.expect_err("hidden");
    assert_eq!(reason(&hidden), (Code::FailedPrecondition, "ENTRIES_NOT_PUBLIC".to_owned()));
}
