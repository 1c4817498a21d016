//! The eight-leaf tree that Certificate Transparency implementations test with, and every proof of small trees
//! against the definition.

use proptest::prelude::*;

use super::*;
use crate::base::id::{from_hex, to_hex};

/// Leaves and roots of the reference tree of RFC 6962 implementations.
const LEAVES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn leaves() -> Vec<Hash> {
    LEAVES.iter().map(|hex| hash_leaf(&from_hex(hex).expect("hex"))).collect()
}

/// The definition of RFC 6962, section 2.1, as it is written.
fn reference_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [one] => *one,
        many => {
            let k = 1 << (many.len() - 1).ilog2();
            hash_node(&reference_root(&many[..k]), &reference_root(&many[k..]))
        }
    }
}

fn numbered(count: u64) -> Vec<Hash> {
    (0..count).map(|i| hash_leaf(&i.to_be_bytes())).collect()
}

fn node_of(leaves: &[Hash]) -> impl FnMut(Node) -> Result<Hash, ProofError> + '_ {
    |node| {
        let from = (node.index << node.level) as usize;
        Ok(reference_root(&leaves[from..from + (1 << node.level)]))
    }
}

#[test]
fn roots_are_those_of_the_reference_tree() {
    let mut range = CompactRange::new();
    for (size, root) in ROOTS.into_iter().enumerate() {
        assert_eq!(to_hex(&reference_root(&leaves()[..size])), root);
        assert_eq!(to_hex(&root_in_place(&mut leaves()[..size])), root);
        assert_eq!(to_hex(&range.root()), root);
        if let Some(leaf) = leaves().get(size) {
            range.append(*leaf);
        }
    }
}

#[test]
fn paths_are_those_of_the_reference_tree() {
    let path = |index, size| {
        let leaves = leaves();
        let path = prove_inclusion(index, size, node_of(&leaves)).expect("in range");
        path.iter().map(|hash| to_hex(hash)).collect::<Vec<_>>()
    };
    assert_eq!(path(0, 1), [""; 0]);
    assert_eq!(
        path(0, 8),
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ]
    );
    assert_eq!(path(2, 3), ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]);
}

#[test]
fn every_proof_of_small_trees_verifies_and_no_other() {
    for size in 1..=33u64 {
        let leaves = numbered(size);
        let root = reference_root(&leaves);
        for index in 0..size {
            let path = prove_inclusion(index, size, node_of(&leaves)).expect("in range");
            let leaf = &leaves[index as usize];
            assert_eq!(verify_inclusion(leaf, index, size, &path, &root), Ok(()));
            for other in (0..size + 2).filter(|other| *other != index) {
                assert!(verify_inclusion(leaf, other, size, &path, &root).is_err(), "{index} as {other} of {size}");
            }
            let longer = [path.as_slice(), &[root]].concat();
            assert_eq!(verify_inclusion(leaf, index, size, &longer, &root), Err(ProofError::Length));
            if let Some((_, shorter)) = path.split_last() {
                assert_eq!(verify_inclusion(leaf, index, size, shorter, &root), Err(ProofError::Length));
            }
        }
        for old in 0..=size {
            let old_root = reference_root(&leaves[..old as usize]);
            let path = prove_consistency(old, size, node_of(&leaves)).expect("in range");
            assert_eq!(verify_consistency((old, &old_root), (size, &root), &path), Ok(()), "{old} to {size}");
            for at in 0..path.len() {
                let mut bad = path.clone();
                bad[at][31] ^= 1;
                assert!(verify_consistency((old, &old_root), (size, &root), &bad).is_err());
            }
            if old > 0 {
                let mut other = old_root;
                other[0] ^= 1;
                assert!(verify_consistency((old, &other), (size, &root), &path).is_err());
            }
            let longer = [path.as_slice(), &[root]].concat();
            assert_eq!(verify_consistency((old, &old_root), (size, &root), &longer), Err(ProofError::Length));
        }
    }
}

#[test]
fn what_lies_outside_the_tree_is_refused_before_hashing() {
    let leaf = [7; 32];
    assert_eq!(verify_inclusion(&leaf, 0, 0, &[], &leaf), Err(ProofError::OutOfRange));
    assert_eq!(verify_inclusion(&leaf, 5, 5, &[], &leaf), Err(ProofError::OutOfRange));
    assert_eq!(verify_inclusion(&leaf, 0, u64::MAX, &[leaf; 65], &leaf), Err(ProofError::Length));
    assert_eq!(verify_inclusion(&leaf, u64::MAX - 1, u64::MAX, &[], &leaf), Err(ProofError::Length));
    assert_eq!(verify_consistency((2, &leaf), (1, &leaf), &[]), Err(ProofError::OutOfRange));
    assert_eq!(verify_consistency((3, &leaf), (5, &leaf), &[]), Err(ProofError::Length));
    assert_eq!(verify_consistency((5, &leaf), (5, &[8; 32]), &[]), Err(ProofError::Root));
    assert_eq!(inclusion_spans(3, 3), Err(ProofError::OutOfRange));
    assert_eq!(consistency_spans(4, 3), Err(ProofError::OutOfRange));
    for size in [1, 2, u64::MAX - 1, u64::MAX] {
        assert!(inclusion_length(size - 1, size).expect("in range") <= PATH_LENGTH_MAX);
        assert!(inclusion_length(0, size).expect("in range") <= PATH_LENGTH_MAX);
    }
}

#[test]
fn a_stored_edge_is_taken_up_again() {
    let leaves = numbered(21);
    let mut whole = CompactRange::new();
    let mut nodes = std::collections::BTreeMap::new();
    for leaf in &leaves {
        whole.append_with(*leaf, |node, hash| assert_eq!(nodes.insert(node, hash), None));
    }
    for (node, hash) in &nodes {
        assert_eq!(node_of(&leaves)(*node), Ok(*hash));
    }
    let edge = CompactRange::edge_nodes(13).iter().map(|node| nodes[node]).collect();
    let mut range = CompactRange::from_edge(13, edge).expect("fits");
    leaves[13..].iter().for_each(|leaf| range.append(*leaf));
    assert_eq!(range, whole);
    assert_eq!(CompactRange::from_edge(13, vec![[0; 32]; 2]), None);
}

proptest! {
    #[test]
    fn roots_and_proofs_agree_for_any_size(size in 1u64..400, pick in any::<prop::sample::Index>()) {
        let leaves = numbered(size);
        let root = reference_root(&leaves);
        let mut range = CompactRange::new();
        leaves.iter().for_each(|leaf| range.append(*leaf));
        prop_assert_eq!(range.root(), root);
        prop_assert_eq!(root_in_place(&mut leaves.clone()), root);
        let index = pick.index(size as usize) as u64;
        let path = prove_inclusion(index, size, node_of(&leaves)).expect("in range");
        prop_assert_eq!(path.len(), inclusion_length(index, size).expect("in range"));
        prop_assert_eq!(verify_inclusion(&leaves[index as usize], index, size, &path, &root), Ok(()));
    }
}
