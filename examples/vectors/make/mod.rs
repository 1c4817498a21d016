//! All test vectors, as the names and texts of files.

mod canonical;
mod keys;
mod logs;
mod page;
mod presentations;
mod proofs;
mod records;
mod signatures;
mod status;
mod successions;
mod trees;
mod vector;
mod witnesses;
mod world;

pub use page::fill;

/// The files, sorted by name; no two have one name.
pub fn files() -> Vec<(String, String)> {
    let vectors = [records::all(), canonical::all(), proofs::all(), signatures::all(), keys::all(), status::all()];
    let vectors = vectors.into_iter().flatten().map(|vector| vector.file());
    let mut files: Vec<(String, String)> = vectors
        .chain(trees::all())
        .chain(witnesses::all())
        .chain(logs::all())
        .chain(presentations::all())
        .chain(successions::all())
        .collect();
    files.sort();
    let count = files.len();
    files.dedup_by(|one, other| one.0 == other.0);
    assert_eq!(files.len(), count, "two vectors have one name");
    files
}
