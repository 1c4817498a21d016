//! The surroundings of records: answers that name something else than they hold, and files and anchors that cannot be read.

use lienthong::trust::*;

use super::vector::{Contents, Expected, Vector, expect, record_text};
use super::world::*;

const NOTHING_READ: fn(u8) -> Expected = |exit_code| Expected { exit_code, records: vec![] };

pub fn all() -> Vec<Vector> {
    [frames(), unreadable(), anchors()].into_iter().flatten().collect()
}

/// The displayed form next to the signed bytes in an answer.
fn frames() -> Vec<Vector> {
    let (world, record) = issued();
    let signed = record_text(&record);
    let framed = |record_type: &str, id: &str, version: &str, verdict: &str| {
        format!(
            r#"{{"records":[{{"recordType":"{record_type}","recordId":"{id}","version":"{version}","signed":{signed},"verdict":"{verdict}"}}]}}"#
        )
    };
    let id = "05050505050505050505050505050505";
    let file = |name: &str, text, contents: String, verdict: Verdict| {
        let fails: &[&'static str] = if verdict.is_valid() { &[] } else { &["frame"] };
        let expected = Expected { exit_code: verdict.exit_code(), records: vec![expect(verdict, fails)] };
        Vector::text_file(name, text, &world, contents, expected)
    };
    const DIFFERS: Verdict = Verdict::Invalid(Code::TypedFormMismatch);
    let evidence = |name: &str, text, note: &Log, index: u64, exit_code: u8| {
        let note = note.proof(0).checkpoint;
        let note = serde_json::to_string(std::str::from_utf8(&note).expect("text")).expect("JSON");
        let contents = format!(r#"{{"records":[{signed}],"evidence":{{"index":"{index}","checkpoint":{note}}}}}"#);
        let expected = Expected { exit_code, records: vec![expect(Verdict::Valid, &[])] };
        Vector::text_file(name, text, &world, contents, expected)
    };
    vec![
        file(
            "frame-agrees",
            "An answer with a record: type, id, version and verdict outside the signed bytes agree with them.",
            framed("land.parcel.v1", id, "1", "VALID"),
            Verdict::Valid,
        ),
        file(
            "frame-type-differs",
            "The type outside the statement differs from it.",
            framed("land.certificate.v1", id, "1", "VALID"),
            DIFFERS,
        ),
        file(
            "frame-id-differs",
            "The id outside the statement differs from it.",
            framed("land.parcel.v1", &id.replace('5', "6"), "1", "VALID"),
            DIFFERS,
        ),
        file(
            "frame-version-differs",
            "The version outside the statement differs from it.",
            framed("land.parcel.v1", id, "2", "VALID"),
            DIFFERS,
        ),
        file(
            "frame-verdict-differs",
            "The gateway calls a record INVALID that verifies.",
            framed("land.parcel.v1", id, "1", "INVALID PAYLOAD_MISMATCH"),
            DIFFERS,
        ),
        evidence(
            "evidence-agrees",
            "An answer's evidence: an entry that the evidence ledger's checkpoint covers.",
            &world.evidence,
            4,
            0,
        ),
        evidence(
            "evidence-behind-checkpoint",
            "The entry is after the last one that the checkpoint covers.",
            &world.evidence,
            5,
            Code::Inclusion.exit_code(),
        ),
        evidence(
            "evidence-other-log",
            "The checkpoint is of the record ledger.",
            &world.records,
            4,
            Code::NoTrustedSignature.exit_code(),
        ),
    ]
}

/// Files that protobuf JSON does not allow, or that show a reader content that is not verified: exit code 3.
fn unreadable() -> Vec<Vector> {
    let (world, record) = issued();
    let good = record_text(&record);
    let hash = r#""path":[""#;
    let cases: [(&str, &'static str, String); 9] = [
        (
            "file-unknown-field",
            "A field that no signed record has.",
            good.replacen('{', r#"{"comment":"trust me","#, 1),
        ),
        (
            "file-field-twice",
            "A field twice: readers differ in which they take.",
            good.replacen('{', r#"{"statement":"","#, 1),
        ),
        ("file-both-spellings", "A field by both of its names.", good.replacen('{', r#"{"issuer_proof":{},"#, 1)),
        (
            "file-both-disclosures",
            "A payload and fields too.",
            good.replacen(r#""whole""#, r#""partial":{},"whole""#, 1),
        ),
        ("file-no-disclosure", "Neither payload nor fields.", r#"{"statement":"AQ=="}"#.to_owned()),
        (
            "file-base64-stray-bits",
            "Base64 whose last letter has unused bits set.",
            r#"{"statement":"AR==","partial":{}}"#.to_owned(),
        ),
        ("file-base64-padding", "Base64 without its padding.", r#"{"statement":"AQ","partial":{}}"#.to_owned()),
        (
            "file-hash-length",
            "A path with a hash of 33 bytes.",
            good.replacen(hash, &format!("{hash}{}\",\"", "A".repeat(44)), 1),
        ),
        ("file-trailing", "Text after the record that is neither answer nor record.", format!("{good} 1")),
    ];
    let vector = |(name, text, contents): (&str, &'static str, String)| {
        assert_ne!(contents, good, "{name}");
        // the part before the flaw was verified already
        let before = if name == "file-trailing" { vec![expect(Verdict::Valid, &[])] } else { vec![] };
        Vector::text_file(name, text, &world, contents, Expected { exit_code: 3, records: before })
    };
    let none = Vector::text_file(
        "file-no-records",
        "An answer without records.",
        &world,
        r#"{"records":[]}"#.to_owned(),
        NOTHING_READ(4),
    );
    cases.into_iter().map(vector).chain([none]).collect()
}

/// Invalid anchors: exit code 5.
fn anchors() -> Vec<Vector> {
    let (world, record) = issued();
    let vector = |name: &str, text, from: &str, to: &str| {
        let mut vector = Vector::many(name, text, &world, vec![record.clone()], NOTHING_READ(5));
        assert!(vector.anchor.contains(from), "{name}: the anchor holds {from}");
        vector.anchor = vector.anchor.replacen(from, to, 1);
        debug_assert!(matches!(vector.file, Contents::Records(_)));
        vector
    };
    vec![
        vector("anchor-format", "An anchor of another format.", "lienthong/anchor/v1", "lienthong/anchor/v0"),
        vector(
            "anchor-unknown-field",
            "A field that no anchor has.",
            "\"province\"",
            "\"trust_all\": true,\n  \"province\"",
        ),
        vector(
            "anchor-unknown-field-in-state",
            "A field that the state of a key in use does not have.",
            "\"kind\": \"active\"",
            "\"kind\": \"active\",\n              \"event_index\": 7",
        ),
        vector(
            "anchor-null",
            "A null in place of an optional field.",
            "\"province\"",
            "\"root\": null,\n  \"province\"",
        ),
        vector(
            "anchor-list-for-object",
            "The values of an object as a list.",
            "{\n            \"kind\": \"active\"\n          }",
            "[\n            \"active\"\n          ]",
        ),
        vector(
            "anchor-camel-case",
            "A field's name in another spelling.",
            "\"province\"",
            "\"eventsFrom\": 0,\n  \"province\"",
        ),
        vector(
            "anchor-expiry-basic-form",
            "A time of ISO 8601 that RFC 3339 does not have.",
            "2026-11-19T10:13:20Z",
            "20261119T101320Z",
        ),
        vector("anchor-algorithm-none", "A key of the algorithm `none`.", "\"ed25519\"", "\"none\""),
        vector(
            "anchor-algorithm-differs",
            "The algorithm is not that of the key's bytes.",
            "\"ed25519\"",
            "\"ecdsa-p256-sha256\"",
        ),
        vector("anchor-origin-twice", "Two logs of one origin.", "lienthong/H27/vehicle", "lienthong/H27/land"),
        vector(
            "anchor-schema-name",
            "A record type whose name no statement can have.",
            "land.parcel.v1",
            "Land.parcel.v1",
        ),
    ]
}
