//! Trees by themselves: roots, inclusion and consistency proofs of edge sizes. Hashes are hexadecimal here.

use lienthong::base::id::to_hex;
use lienthong::trust::merkle::{Node, ProofError, prove_consistency, root_in_place};
use lienthong::trust::*;
use serde::Serialize;

use super::vector::json_file;
use super::world::{node_hash, other_leaf, path};

const SIZES: [u16; 12] = [0, 1, 2, 3, 4, 5, 7, 8, 9, 255, 256, 257];

#[derive(Serialize)]
struct TreeJson {
    format: &'static str,
    name: String,
    shows: String,
    size: u16,
    root: String,
    inclusion: Vec<Inclusion>,
    consistency: Vec<Consistency>,
    refused_consistency: Vec<Consistency>,
}

#[derive(Serialize)]
struct Inclusion {
    index: u16,
    leaf: String,
    path: Vec<String>,
}

#[derive(Serialize)]
struct Consistency {
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
    old_size: u64,
    old_root: String,
    path: Vec<String>,
}

fn hexes(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(|hash| to_hex(hash)).collect()
}

fn root(leaves: &[Hash]) -> Hash {
    root_in_place(&mut leaves.to_vec())
}

fn proof(leaves: &[Hash], old_size: u16) -> Vec<Hash> {
    let node = |node: Node| Ok::<_, ProofError>(node_hash(leaves, node));
    prove_consistency(old_size.into(), leaves.len() as u64, node).expect("an older size")
}

pub fn all() -> Vec<(String, String)> {
    SIZES.iter().map(|size| tree(*size)).collect()
}

fn tree(size: u16) -> (String, String) {
    let leaves: Vec<Hash> = (0..size).map(other_leaf).collect();
    let few = |limit: u16| (0..limit).filter(move |at| limit < 10 || [0, 1, 127, 128, 254, 255, 256].contains(at));
    let consistency = |why, old_size: u16, path: &[Hash]| Consistency {
        why,
        old_size: old_size.into(),
        old_root: to_hex(&root(&leaves[..usize::from(old_size)])),
        path: hexes(path),
    };
    let mut refused = Vec::new();
    for old_size in few(size).filter(|old_size| *old_size > 0) {
        let good = proof(&leaves, old_size);
        let longer = [&good[..], &[[0; 32]]].concat();
        let mut changed = good.clone();
        changed[0][0] ^= 1;
        refused.push(consistency(Some("a hash is missing"), old_size, &good[1..]));
        refused.push(consistency(Some("a hash too many"), old_size, &longer));
        refused.push(consistency(Some("a hash is changed"), old_size, &changed));
        refused
            .push(Consistency { old_root: to_hex(&[1; 32]), ..consistency(Some("another old root"), old_size, &good) });
    }
    refused.push(Consistency {
        why: Some("the older tree is the larger one"),
        old_size: u64::from(size) + 1,
        old_root: to_hex(&root(&leaves)),
        path: vec![],
    });
    let name = format!("tree-{size:03}");
    let row = TreeJson {
        format: "lienthong/tree-vector/v1",
        shows: format!(
            "A tree of {size} leaves, with proofs for older sizes and for leaves. Leaf n is the hash of a leaf whose data is n in two bytes."
        ),
        size,
        root: to_hex(&root(&leaves)),
        inclusion: few(size)
            .map(|index| Inclusion {
                index,
                leaf: to_hex(&leaves[usize::from(index)]),
                path: hexes(&path(&leaves, index.into())),
            })
            .collect(),
        consistency: few(size)
            .chain([size])
            .map(|old_size| consistency(None, old_size, &proof(&leaves, old_size)))
            .collect(),
        refused_consistency: refused,
        name: name.clone(),
    };
    json_file(&name, &row)
}
