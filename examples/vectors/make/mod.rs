//! All test vectors, as the names and texts of files.

mod canonical;
mod continued;
mod files;
mod keys;
mod logs;
mod page;
mod presentations;
mod proofs;
mod records;
mod signatures;
mod statements;
mod status;
mod successions;
mod trees;
mod vector;
mod witnesses;
mod world;

pub use page::fill;

/// The files, sorted by name; no two have one name.
pub fn files() -> Vec<(String, String)> {
    let of_records = [records::all(), statements::all(), canonical::all(), files::all()];
    let of_logs = [proofs::all(), signatures::all(), keys::all(), status::all(), continued::all()];
    let vectors = of_records.into_iter().chain(of_logs).flatten().map(|vector| vector.file());
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
