//! The published vectors of wallets' presentations (RFC 9901): the library and `lienthong verify` give the expected result of each.

#![allow(clippy::disallowed_methods, reason = "tests measure and wait by the machine's time")]

mod common;

use common::process::run;
use common::vectors::{at, list, text, vectors};
use lienthong::trust::sd_jwt::Binding;
use lienthong::trust::{Code, TrustAnchor, Verifier, credential};
use serde_json::Value;

#[test]
fn the_library_says_what_the_vectors_expect() {
    for vector in vectors("lienthong/presentation-vector/v1") {
        let (name, expected) = (text(&vector, "name"), &vector["expected"]);
        let anchor = TrustAnchor::from_json(vector["trust_anchor"].to_string().as_bytes()).expect(name);
        let asked = vector["nonce"].as_str().map(|nonce| Binding {
            nonce: nonce.to_owned(),
            audience: text(&vector, "audience").to_owned(),
            age_s_max: 600,
        });
        let found =
            credential::verify(&Verifier::new(anchor), text(&vector, "presentation"), asked.as_ref(), at(&vector));
        let report = found.report;
        assert_eq!(report.verdict.as_str(), expected["verdict"], "{name}: {report:#?}");
        assert_eq!(report.verdict.code().map(Code::as_str), expected["code"].as_str(), "{name}: {report:#?}");
        let fails: Vec<&str> = report.failed().map(|check| check.name).collect();
        assert_eq!(fails, list(expected, "fails"), "{name}: {report:#?}");
    }
}

#[test]
fn the_program_says_what_the_vectors_expect() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    for vector in vectors("lienthong/presentation-vector/v1") {
        let (name, expected) = (text(&vector, "name"), &vector["expected"]);
        std::fs::write(folder.join("presentation.txt"), text(&vector, "presentation")).expect("written");
        std::fs::write(folder.join("anchor.json"), vector["trust_anchor"].to_string()).expect("written");
        let mut arguments = vec!["verify", "presentation.txt", "--at", text(&vector, "at"), "--output", "json"];
        if let (Some(nonce), Some(audience)) = (vector["nonce"].as_str(), vector["audience"].as_str()) {
            arguments.extend(["--nonce", nonce, "--audience", audience]);
        }
        let output = run(folder, &arguments);
        let said = String::from_utf8_lossy(&output.stdout);
        let exit_code = output.status.code().expect("an exit code");
        assert_eq!(i64::from(exit_code), expected["exit_code"], "{name}: {said}");
        let said: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{name}: {error}: {said}"));
        let [said] = list(&said, "records") else { panic!("{name}: one credential: {said}") };
        assert_eq!((&said["verdict"], &said["code"]), (&expected["verdict"], &expected["code"]), "{name}");
        let failed = list(said, "checks").iter().filter(|check| check["outcome"] == "fail");
        let fails: Vec<&str> = failed.map(|check| text(check, "name")).collect();
        assert_eq!(fails, list(expected, "fails"), "{name}");
    }
}
