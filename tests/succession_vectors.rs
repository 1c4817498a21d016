//! The published vectors of one trust anchor after another: the library and `lienthong keys update` accept and refuse as expected.

#![allow(clippy::disallowed_methods, reason = "tests measure and wait by the machine's time")]

mod common;

use common::process::run;
use common::vectors::{at, text, vectors};
use lienthong::trust::{TrustAnchor, accept_next};

#[test]
fn the_library_says_what_the_vectors_expect() {
    for vector in vectors("lienthong/succession-vector/v1") {
        let name = text(&vector, "name");
        let read = |field: &str| TrustAnchor::from_json(vector[field].to_string().as_bytes());
        let current = read("trust_anchor").expect(name);
        // A version that its own root keys did not sign is refused when it is read.
        let accepted = read("next").is_ok_and(|next| accept_next(&current, &next, at(&vector)).is_ok());
        assert_eq!(accepted, vector["expected"]["accepted"], "{name}");
    }
}

#[test]
fn the_program_says_what_the_vectors_expect() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    for vector in vectors("lienthong/succession-vector/v1") {
        let name = text(&vector, "name");
        let current = vector["trust_anchor"].to_string();
        std::fs::write(folder.join("anchor.json"), &current).expect("written");
        std::fs::write(folder.join("next.json"), vector["next"].to_string()).expect("written");
        let output = run(folder, &["keys", "update", "--anchor", "anchor.json", "--from", "next.json"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), vector["expected"]["accepted"], "{name}: {said}");
        let kept = std::fs::read_to_string(folder.join("anchor.json")).expect("is there");
        assert_eq!(kept != current, output.status.success(), "{name}: the file changes only when all is well");
    }
}
