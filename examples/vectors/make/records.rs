//! Records, whole and partial; payloads, statements and times that are not what they should be; files and anchors that
//! cannot be read.

use lienthong::base::limits::CLOCK_SKEW_MS_MAX;
use lienthong::base::{RecordId, Timestamp};
use lienthong::trust::canonical::write;
use lienthong::trust::commitment::{Salter, field_leaf};
use lienthong::trust::merkle::root_in_place;
use lienthong::trust::*;

use super::vector::{Contents, Expected, Vector, expect, record_text};
use super::world::*;

const NOTHING_READ: fn(u8) -> Expected = |exit_code| Expected { exit_code, records: vec![] };

pub fn all() -> Vec<Vector> {
    [wholes(), partials(), statements(), times(), frames(), unreadable(), anchors()].concat_all()
}

trait ConcatAll {
    fn concat_all(self) -> Vec<Vector>;
}

impl<const N: usize> ConcatAll for [Vec<Vector>; N] {
    fn concat_all(self) -> Vec<Vector> {
        self.into_iter().flatten().collect()
    }
}

fn wholes() -> Vec<Vector> {
    let (world, good) = issued();
    let with = |disclosure| SignedRecord { disclosure, ..good.clone() };
    let mut changed = payload();
    changed.insert("area_m2", 251);
    let mut fewer = payload();
    fewer.remove("shared");
    let mut more = payload();
    more.insert("zone", "rural");
    let other_salt = Disclosure::Whole { payload: write(&payload()).into(), salt: [8; 32] };
    let mut empty_world = World::new();
    let (_, statement) = build_record(draft(), b"{}", &SALT).expect("canonical");
    let empty = empty_world.stand(statement, whole(*b"{}"));
    let mut second_world = World::new();
    let first = second_world.issue(draft());
    let second = second_world.issue(Draft {
        version: 2,
        previous: statement_hash(&first.statement),
        operation: Operation::Revoke,
        ..draft()
    });
    vec![
        Vector::good("record-whole", "A record with its whole payload: every check passes.", &world, &good),
        Vector::good(
            "record-empty",
            "A payload without fields: fields_root is SHA-256 of nothing.",
            &empty_world,
            &empty,
        ),
        Vector::many(
            "record-versions",
            "Two versions of one record, the second a revocation that names the hash of the first. Both were issued, so both are VALID: \
             which is the latest, a record can't say.",
            &second_world,
            vec![first, second],
            Expected { exit_code: 0, records: vec![expect(Verdict::Valid, &[]), expect(Verdict::Valid, &[])] },
        ),
        Vector::bad(
            "payload-changed",
            "One number of the payload is changed.",
            &world,
            &with(whole(write(&changed))),
            Code::PayloadMismatch,
            &["payload"],
        ),
        Vector::bad(
            "payload-field-removed",
            "A field is left out of a whole payload.",
            &world,
            &with(whole(write(&fewer))),
            Code::PayloadMismatch,
            &["payload", "field_count"],
        ),
        Vector::bad(
            "payload-field-added",
            "A field is added to a whole payload.",
            &world,
            &with(whole(write(&more))),
            Code::PayloadMismatch,
            &["payload", "field_count"],
        ),
        Vector::bad(
            "payload-salt-changed",
            "The payload is right, its salt is not.",
            &world,
            &with(other_salt),
            Code::PayloadMismatch,
            &["payload"],
        ),
        Vector::many(
            "exit-code-first",
            "Three records in one file: the exit code is that of the first that is not VALID.",
            &world,
            vec![good.clone(), with(whole(write(&changed))), SignedRecord { ledger_proof: None, ..good.clone() }],
            Expected {
                exit_code: Code::PayloadMismatch.exit_code(),
                records: vec![
                    expect(Verdict::Valid, &[]),
                    expect(Verdict::Invalid(Code::PayloadMismatch), &["payload"]),
                    expect(Verdict::Indeterminate(Code::NoPoe), &["ledger_inclusion"]),
                ],
            },
        ),
    ]
}

fn partial(shown: Vec<ShownField>, hidden: Vec<HiddenField>) -> Disclosure {
    Disclosure::Partial { shown, hidden }
}

fn partials() -> Vec<Vector> {
    let (world, good) = issued();
    let shows = |names: &[&str]| redact(&good.disclosure, names).expect("canonical");
    let with = |disclosure| SignedRecord { disclosure, ..good.clone() };
    let Disclosure::Partial { shown, hidden } = shows(&["area_m2", "number"]) else { unreachable!("redacted") };
    let edit = |change: &dyn Fn(&mut Vec<ShownField>, &mut Vec<HiddenField>)| {
        let (mut shown, mut hidden) = (shown.clone(), hidden.clone());
        change(&mut shown, &mut hidden);
        with(partial(shown, hidden))
    };
    let mismatch = |name: &str, text, fails: &[&'static str], record: SignedRecord| {
        Vector::bad(name, text, &world, &record, Code::PayloadMismatch, fails)
    };
    let mut vectors = vec![
        Vector::good(
            "partial-two-fields",
            "Two of five fields are shown; of the others only hashes.",
            &world,
            &with(shows(&["area_m2", "number"])),
        ),
        Vector::good("partial-nothing", "Every field is hidden. Still a record.", &world, &with(shows(&[]))),
        Vector::good(
            "partial-everything",
            "Every field is shown, one by one.",
            &world,
            &with(shows(&["address", "area_m2", "holder", "number", "shared"])),
        ),
        Vector::good(
            "partial-object",
            "A field that is an object is shown as one piece.",
            &world,
            &with(shows(&["holder"])),
        ),
        mismatch(
            "partial-value-changed",
            "A shown value is changed.",
            &["payload"],
            edit(&|shown, _| shown[0].value = "251".into()),
        ),
        mismatch(
            "partial-name-changed",
            "A shown name is changed.",
            &["payload"],
            edit(&|shown, _| shown[0].name = "area_m3".into()),
        ),
        mismatch(
            "partial-salt-changed",
            "A shown field's salt is changed.",
            &["payload"],
            edit(&|shown, _| shown[0].salt = [9; 32]),
        ),
        mismatch(
            "partial-leaf-changed",
            "A hidden field's hash is changed.",
            &["payload"],
            edit(&|_, hidden| hidden[0].leaf[0] ^= 1),
        ),
        mismatch(
            "partial-field-missing",
            "A hidden field is left out.",
            &["payload"],
            edit(&|_, hidden| hidden.retain(|field| field.index != 0)),
        ),
        mismatch(
            "partial-last-field-missing",
            "The last field is left out, so that the indices have no gap.",
            &["payload", "field_count"],
            edit(&|_, hidden| hidden.truncate(hidden.len() - 1)),
        ),
        mismatch(
            "partial-field-twice",
            "A field is shown and hidden too.",
            &["payload"],
            edit(&|shown, hidden| hidden.insert(1, HiddenField { index: shown[0].index, leaf: hidden[0].leaf })),
        ),
        mismatch(
            "partial-shown-twice",
            "A field is shown twice under one index.",
            &["payload"],
            edit(&|shown, _| shown.insert(0, shown[0].clone())),
        ),
        mismatch(
            "partial-order",
            "The shown fields are not in the payload's order.",
            &["payload"],
            edit(&|shown, _| shown.reverse()),
        ),
        mismatch(
            "partial-empty",
            "Neither shown nor hidden fields.",
            &["payload", "field_count"],
            with(partial(vec![], vec![])),
        ),
        mismatch(
            "partial-too-many",
            "65 hidden fields: refused by their number.",
            &["payload"],
            with(partial(vec![], (0..65).map(|index| HiddenField { index, leaf: [0; 32] }).collect())),
        ),
    ];
    vectors.extend(committed_partials());
    vectors
}

/// Partial disclosures whose commitments do lead to the statement's root, because a careless issuer made them.
fn committed_partials() -> Vec<Vector> {
    let issue = |fields: &[(&str, &str)]| {
        let salter = Salter::new(&SALT);
        let shown: Vec<ShownField> = fields
            .iter()
            .zip(0..)
            .map(|((name, value), index)| ShownField {
                index,
                name: (*name).to_owned(),
                value: value.to_string().into(),
                salt: salter.field_salt(name),
            })
            .collect();
        let mut leaves: Vec<Hash> =
            shown.iter().map(|field| field_leaf(&field.salt, &field.name, &field.value)).collect();
        let (statement, _) = build_record(draft(), b"{}", &SALT).expect("canonical");
        let statement =
            Statement { field_count: shown.len() as u16, fields_root: root_in_place(&mut leaves), ..statement };
        let mut world = World::new();
        let record = world.stand(statement.encode(), partial(shown, vec![]));
        (world, record)
    };
    type Case = (&'static str, &'static str, Code, &'static [(&'static str, &'static str)]);
    let cases: [Case; 6] = [
        (
            "partial-value-not-canonical",
            "The issuer committed to a value with a blank: the hashes agree, the form does not.",
            Code::NonCanonical,
            &[("area_m2", " 250")],
        ),
        ("partial-value-trailing", "A value with a second one behind it.", Code::NonCanonical, &[("area_m2", "250,1")]),
        ("partial-value-empty", "A value of no bytes.", Code::NonCanonical, &[("area_m2", "")]),
        (
            "partial-value-too-deep",
            "A shown value stands at depth 2, so that its eighth list is at depth 9.",
            Code::NonCanonical,
            &[("list", "[[[[[[[[]]]]]]]]")],
        ),
        (
            "partial-name-not-snake-case",
            "The issuer committed to a name that is none.",
            Code::NonCanonical,
            &[("areaM2", "250")],
        ),
        (
            "partial-names-not-sorted",
            "The issuer committed to names out of order.",
            Code::PayloadMismatch,
            &[("number", "1"), ("area_m2", "250")],
        ),
    ];
    cases
        .into_iter()
        .map(|(name, text, code, fields)| {
            let (world, record) = issue(fields);
            let fails: &[&'static str] = if code == Code::NonCanonical { &["canonical"] } else { &["payload"] };
            Vector::bad(name, text, &world, &record, code, fails)
        })
        .collect()
}

fn statements() -> Vec<Vector> {
    let (_, good) = issued();
    // what stands in the logs is the broken statement itself, so that only the statement is wrong
    let broken = |name: &str, text, change: &dyn Fn(&mut Vec<u8>)| {
        let mut statement = good.statement.to_vec();
        change(&mut statement);
        let mut world = World::new();
        let record = world.stand(statement, good.disclosure.clone());
        Vector::bad(name, text, &world, &record, Code::Malformed, &["statement_decodes"])
    };
    let (issuer, end) = (23, good.statement.len());
    let operation = end - 32 - 2 - 4 - 24 - 1;
    let version = operation - 32 - 8;
    let (world, record) = issued();
    let mut swapped = record.clone();
    let statement = Statement::decode(&record.statement).expect("decodes");
    swapped.statement = Statement { version: 2, ..statement }.encode().into();
    let mut longest = World::new();
    let long = "a".repeat(64);
    longest.anchor.issuers[0].name = long.clone();
    longest.anchor.issuers[0].schemas = vec![long.clone()];
    let named = longest.issue(Draft { issuer: &long, schema: &long, ..draft() });
    let mut extreme = World::new();
    let extremes = extreme.issue(Draft {
        version: u64::MAX,
        record_id: RecordId([255; 16]),
        status_index: u32::MAX,
        issued_at: Timestamp(i64::MIN),
        valid_from: Timestamp(i64::MIN),
        ..draft()
    });
    vec![
        Vector::good(
            "statement-longest-names",
            "Issuer and schema of 64 bytes each: the longest statement.",
            &longest,
            &named,
        ),
        Vector::good(
            "statement-extreme-numbers",
            "The largest version and status index, the earliest times.",
            &extreme,
            &extremes,
        ),
        Vector::bad(
            "statement-changed",
            "The statement says version 2; the logs hold version 1.",
            &world,
            &swapped,
            Code::Inclusion,
            &["issuer_inclusion", "ledger_inclusion"],
        ),
        broken("statement-label", "The label is that of another version.", &|s| s[21] = b'2'),
        broken("statement-trailing", "A byte behind the statement.", &|s| s.push(0)),
        broken("statement-short", "The last byte is missing.", &|s| s.truncate(s.len() - 1)),
        broken("statement-empty", "No bytes at all.", &|s| s.clear()),
        broken("statement-name-length", "The issuer's length reaches beyond the end.", &|s| s[issuer] = 255),
        broken("statement-name-empty", "An issuer without a name.", &|s| {
            s.splice(issuer..issuer + 5, [0]).for_each(drop)
        }),
        broken("statement-name-letters", "A capital letter in the issuer's name.", &|s| s[issuer + 1] = b'L'),
        broken("statement-version-zero", "Versions count from 1.", &|s| s[version..version + 8].fill(0)),
        broken("statement-operation", "Operation 4 does not exist.", &|s| s[operation] = 4),
        broken("statement-field-count", "65 fields are one too many.", &|s| s[end - 33] = 65),
    ]
}

fn times() -> Vec<Vector> {
    let mut world = World::new();
    let early = world.issue(Draft { issued_at: NOW.plus_ms(CLOCK_SKEW_MS_MAX), ..draft() });
    let (other, record) = issued();
    let expires_at = other.anchor.expires_at;
    let mut ended = World::new();
    let over = ended.issue(Draft { valid_until: NOW, ..draft() });
    let mut changed = record.clone();
    changed.disclosure = whole(*b"{}");
    vec![
        Vector::good(
            "time-five-minutes-ahead",
            "Issued exactly five minutes ahead of now: clocks may differ by so much.",
            &world,
            &early,
        ),
        Vector::bad(
            "time-more-than-five-minutes-ahead",
            "Issued five minutes and a millisecond ahead.",
            &world,
            &early,
            Code::IssuedInFuture,
            &["issued_not_in_future"],
        )
        .at(NOW.plus_ms(-1)),
        Vector::good(
            "time-validity-over",
            "The record's validity ended: validity_window is skipped, for information, and the record is genuine.",
            &ended,
            &over,
        ),
        Vector::good("anchor-last-millisecond", "The last millisecond of the anchor.", &other, &record)
            .at(expires_at.plus_ms(-1)),
        Vector::bad(
            "anchor-expired",
            "The anchor has expired: nothing is VALID by it.",
            &other,
            &record,
            Code::TryLater,
            &["anchor_current"],
        )
        .at(expires_at),
        Vector::bad(
            "anchor-expired-and-changed",
            "What is proved wrong stays wrong under an expired anchor.",
            &other,
            &changed,
            Code::PayloadMismatch,
            &["anchor_current", "payload", "field_count"],
        )
        .at(expires_at),
    ]
}

/// What stands beside the signed bytes in an answer.
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
            "An answer with a record: type, id, version and verdict beside the signed bytes say the same.",
            framed("land.parcel.v1", id, "1", "VALID"),
            Verdict::Valid,
        ),
        file(
            "frame-type-differs",
            "The type beside the statement is another.",
            framed("land.certificate.v1", id, "1", "VALID"),
            DIFFERS,
        ),
        file(
            "frame-id-differs",
            "The id beside the statement is another.",
            framed("land.parcel.v1", &id.replace('5', "6"), "1", "VALID"),
            DIFFERS,
        ),
        file(
            "frame-version-differs",
            "The version beside the statement is another.",
            framed("land.parcel.v1", id, "2", "VALID"),
            DIFFERS,
        ),
        file(
            "frame-verdict-differs",
            "The gateway calls invalid what verifies.",
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
            "The entry lies behind the checkpoint's last.",
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

/// Files that protobuf JSON does not allow, or in which a reader could see what is not verified: exit code 3.
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
            "Base64 whose last letter holds bits that nothing uses.",
            r#"{"statement":"AR==","partial":{}}"#.to_owned(),
        ),
        ("file-base64-padding", "Base64 without its padding.", r#"{"statement":"AQ","partial":{}}"#.to_owned()),
        (
            "file-hash-length",
            "A path with a hash of 33 bytes.",
            good.replacen(hash, &format!("{hash}{}\",\"", "A".repeat(44)), 1),
        ),
        ("file-trailing", "Something behind the record that is neither answer nor record.", format!("{good} 1")),
    ];
    let vector = |(name, text, contents): (&str, &'static str, String)| {
        assert_ne!(contents, good, "{name}");
        // what stands before the flaw was verified already
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

/// Anchors that are none: exit code 5.
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
            "A record type that cannot stand in a statement.",
            "land.parcel.v1",
            "Land.parcel.v1",
        ),
    ]
}
