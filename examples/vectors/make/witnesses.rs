//! Cosignatures and policies of witnesses.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lienthong::base::{Seed, Timestamp};
use lienthong::trust::cosignature::{cosign, with_lines};
use lienthong::trust::policy::Policy;
use lienthong::trust::vkey::{KeyUse, NoteKey};
use lienthong::trust::*;
use serde::Serialize;

use super::signatures::SteadyP256;
use super::vector::json_file;
use super::world::{NOW, World};

mod ml_dsa;

const DAY: i64 = 86_400_000;

#[derive(Serialize)]
struct PolicyJson<'a> {
    format: &'static str,
    name: &'a str,
    shows: &'a str,
    at: String,
    age_max_ms: i64,
    policy: &'a str,
    checkpoint: &'a str,
    expected: Expected,
}

#[derive(Serialize)]
struct Expected {
    readable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Option<&'static str>>,
}

fn witness(number: u64) -> Ed25519Signer {
    Ed25519Signer::from_seed(format!("witness.example/w{number}"), &Seed::root(100 + number))
}

fn vkey(number: u64) -> String {
    NoteKey::of(&witness(number), KeyUse::Cosignature).expect("a good key").to_string()
}

/// A key of a type without a byte of its own, which a verifier need not know.
fn unknown_vkey() -> String {
    vkey_of(0xff, b"example.org/another-signature\x01\x02\x03\x04")
}

/// A verifier key with a name and an id that fit no key.
fn vkey_of(kind: u8, key: &[u8]) -> String {
    format!("witness.example/other+0123abcd+{}", STANDARD.encode([&[kind], key].concat()))
}

fn two_of_three() -> String {
    let lines: String = (1..=3).map(|number| format!("witness w{number} {}\n", vkey(number))).collect();
    format!("# two of three\n{lines}group g 2 w1 w2 w3\nquorum g\n")
}

/// The record ledger's checkpoint, with cosignatures of these witnesses at these times.
pub fn cosigned(by: &[(u64, Timestamp)]) -> String {
    let world = World::new();
    let checkpoint = world.records.checkpoint();
    let note = checkpoint.sign(&*world.records.signer).expect("signs");
    let lines = by.iter().map(|(number, at)| cosign(&checkpoint.text(), &witness(*number), *at).expect("cosigns"));
    String::from_utf8(with_lines(&note, lines).to_vec()).expect("text")
}

/// The worked example: a witness's key and its cosignature.
pub fn example() -> String {
    let key = NoteKey::of(&witness(1), KeyUse::Cosignature).expect("a good key");
    let note = cosigned(&[(1, NOW)]);
    let line = note.lines().last().expect("a line");
    let text = World::new().records.checkpoint().text();
    format!(
        "verifier key  {key}\nkey id        {:08x}\nsigned        cosignature/v1\n              time {}\n              {}\nline          {line}\n",
        key.id(),
        NOW.0 / 1_000,
        text.trim_end().replace('\n', "\n              ")
    )
}

pub fn all() -> Vec<(String, String)> {
    met().into_iter().chain(ml_dsa::all()).chain(other_keys()).chain(refused()).collect()
}

fn file(name: &str, shows: &str, policy: &str, checkpoint: &str, expected: Expected) -> (String, String) {
    let row = PolicyJson {
        format: "lienthong/policy-vector/v1",
        name,
        shows,
        at: NOW.to_string(),
        age_max_ms: DAY,
        policy,
        checkpoint,
        expected,
    };
    json_file(name, &row)
}

fn met() -> Vec<(String, String)> {
    let policy = two_of_three();
    let good = cosigned(&[(1, NOW), (3, NOW)]);
    let nested = format!(
        "witness a {}\nwitness b {}\nwitness c {}\ngroup x any a b\ngroup y all x c\nquorum y\n",
        vkey(1),
        vkey(2),
        vkey(3)
    );
    let records = NoteKey::of(&*World::new().records.signer, KeyUse::Note).expect("a good key");
    let other = NoteKey::of(&*World::new().evidence.signer, KeyUse::Note).expect("a good key");
    let stranger = Ed25519Signer::from_seed("lienthong/H27/records", &Seed::root(66));
    let stranger = NoteKey::of(&stranger, KeyUse::Note).expect("a good key");
    // the time of one cosignature with the signature of another
    let (now, before) = (cosigned(&[(1, NOW), (3, NOW)]), cosigned(&[(1, NOW), (3, NOW.plus_ms(-1_000))]));
    let (line, old) = (now.lines().last().expect("a line"), before.lines().last().expect("a line"));
    let mixed = now.replace(line, &format!("{}{}", &line[..line.len() - 86], &old[old.len() - 86..]));
    assert!(mixed != now && mixed != before);
    // a witness that signed the note as a log does
    let as_note = {
        let note = World::new().records.checkpoint();
        note::sign_note(&note.text(), &[&*World::new().records.signer, &witness(1), &witness(3)]).expect("signs")
    };
    let as_note = String::from_utf8(as_note.to_vec()).expect("text");
    let cases: [Case; 16] = [
        ("witness-two-of-three", "Two of three witnesses cosigned.", policy.clone(), good.clone(), None),
        ("witness-three-of-three", "All of them did.", policy.clone(), cosigned(&[(2, NOW), (1, NOW), (3, NOW)]), None),
        ("witness-none", "Nobody cosigned.", policy.clone(), cosigned(&[]), Some(Code::Quorum)),
        ("witness-one", "One is too few.", policy.clone(), cosigned(&[(2, NOW)]), Some(Code::Quorum)),
        (
            "witness-one-twice",
            "One witness twice is one.",
            policy.clone(),
            cosigned(&[(2, NOW), (2, NOW.plus_ms(-5_000))]),
            Some(Code::Quorum),
        ),
        (
            "witness-stranger",
            "A witness that the policy does not name is ignored.",
            policy.clone(),
            cosigned(&[(1, NOW), (9, NOW)]),
            Some(Code::Quorum),
        ),
        (
            "witness-newest-counts",
            "One cosignature is old, the newest is not.",
            policy.clone(),
            cosigned(&[(1, NOW.plus_ms(-3 * DAY)), (3, NOW)]),
            None,
        ),
        (
            "witness-stale",
            "The newest cosignature is more than a day old.",
            policy.clone(),
            cosigned(&[(1, NOW.plus_ms(-3 * DAY)), (3, NOW.plus_ms(-DAY - 1_000))]),
            Some(Code::Stale),
        ),
        (
            "witness-a-day-old",
            "The newest cosignature is just a day old.",
            policy.clone(),
            cosigned(&[(1, NOW.plus_ms(-DAY)), (3, NOW.plus_ms(-DAY))]),
            None,
        ),
        (
            "witness-future",
            "A cosignature from the future doesn't count.",
            policy.clone(),
            cosigned(&[(1, NOW), (3, NOW.plus_ms(DAY))]),
            Some(Code::Quorum),
        ),
        (
            "witness-bad-cosignature",
            "A bad cosignature of a known witness spoils the note, though two others are good.",
            policy.clone(),
            mixed + cosigned(&[(2, NOW)]).lines().last().expect("a line") + "\n",
            Some(Code::Quorum),
        ),
        (
            "witness-signed-as-log",
            "Witnesses signed the note as logs do: another type of key, which is ignored.",
            policy.clone(),
            as_note,
            Some(Code::Quorum),
        ),
        ("witness-nested-groups", "Any of a and b, and c.", nested, good.clone(), None),
        (
            "witness-quorum-none",
            "A policy that requires no witness.",
            format!("log {records}\nquorum none\n"),
            cosigned(&[]),
            None,
        ),
        (
            "witness-log-not-named",
            "The policy is for another log.",
            format!("log {other}\nquorum none\n"),
            cosigned(&[]),
            Some(Code::Quorum),
        ),
        (
            "witness-log-other-key",
            "The policy is for this log, by a key that did not sign.",
            format!("log {stranger}\nquorum none\n"),
            cosigned(&[]),
            Some(Code::Quorum),
        ),
    ];
    cases.into_iter().map(judged).collect()
}

/// Policies with P-256 keys of logs, and with keys that a verifier need not know.
fn other_keys() -> Vec<(String, String)> {
    let good = cosigned(&[(1, NOW), (2, NOW)]);
    let with_it = two_of_three().replace(&vkey(3), &unknown_vkey());
    let checkpoint = World::new().records.checkpoint();
    let p256 = SteadyP256::new(&checkpoint.origin);
    let signed = checkpoint.sign(&p256).expect("signs");
    let signed = String::from_utf8(signed.to_vec()).expect("text");
    let p256 = NoteKey::of(&p256, KeyUse::Note).expect("a good key");
    let p384 = b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00\x04";
    let p384 = vkey_of(2, &[&p384[..], &[7; 96]].concat());
    let cases: [Case; 8] = [
        (
            "witness-unknown-type-beside",
            "A witness has a key of a type that the verifier need not know, and the others are enough.",
            with_it.clone(),
            good.clone(),
            None,
        ),
        (
            "witness-unknown-type-needed",
            "Without the witness of unknown type the quorum is not met.",
            with_it,
            cosigned(&[(1, NOW)]),
            Some(Code::Quorum),
        ),
        (
            "witness-unknown-type-alone",
            "The quorum is one witness, of unknown type.",
            format!("witness other {}\nquorum other\n", unknown_vkey()),
            good.clone(),
            Some(Code::Quorum),
        ),
        (
            "witness-log-unknown-type",
            "The policy is for a log of unknown type, and so not for this one.",
            format!("log {}\nquorum none\n", unknown_vkey()),
            good.clone(),
            Some(Code::Quorum),
        ),
        (
            "witness-log-unknown-type-beside",
            "The policy names another log in addition to this one, with a P-384 key.",
            format!("log {p384}\nlog {p256}\nquorum none\n"),
            signed.clone(),
            None,
        ),
        (
            "witness-log-p256",
            "The policy names a log by a P-256 key, which signed.",
            format!("log {p256}\nquorum none\n"),
            signed,
            None,
        ),
        (
            "witness-log-p256-other-key",
            "The policy names the log by a P-256 key that did not sign.",
            format!("log {p256}\nquorum none\n"),
            good.clone(),
            Some(Code::Quorum),
        ),
        (
            "witness-p384-key",
            "A witness with a key of type 2 on another curve is ignored like one of unknown type.",
            format!("witness p384 {p384}\nwitness a {}\ngroup g any p384 a\nquorum g\n", vkey(1)),
            good,
            None,
        ),
    ];
    cases.into_iter().map(judged).collect()
}

/// A readable policy, and its verdict on a checkpoint.
type Case = (&'static str, &'static str, String, String, Option<Code>);

fn judged((name, shows, policy, checkpoint, code): Case) -> (String, String) {
    let verdict = code.map_or(Verdict::Valid, super::vector::verdict_of);
    let expected =
        Expected { readable: true, verdict: Some(verdict.as_str()), code: Some(verdict.code().map(Code::as_str)) };
    assert!(Policy::parse(policy.as_bytes()).is_ok(), "{name}");
    file(name, shows, &policy, &checkpoint, expected)
}

fn refused() -> Vec<(String, String)> {
    let good = two_of_three();
    let log = NoteKey::of(&witness(2), KeyUse::Note).expect("a good key").to_string();
    let p256 = NoteKey::of(&SteadyP256::new("witness.example/p256"), KeyUse::Note).expect("a good key").to_string();
    let unknown = good.replace(&vkey(2), &unknown_vkey());
    let of_ml_dsa = ml_dsa::vkey();
    let bad_p256 = Algorithm::EcdsaP256.spki_of(&[2; 65]);
    let cases: [(&str, &str, String); 21] = [
        ("policy-without-quorum", "There is no quorum line.", good.replace("quorum g\n", "")),
        ("policy-two-quorums", "Two quorum lines.", format!("{good}quorum none\n")),
        ("policy-unknown-name", "A name that is not defined.", good.replace("quorum g", "quorum h")),
        (
            "policy-used-before",
            "A name that is used before it is defined.",
            format!("quorum w9\nwitness w9 {}\n", vkey(9)),
        ),
        ("policy-more-than-members", "Four of three.", good.replace("g 2 w1", "g 4 w1")),
        ("policy-zero", "Zero of three.", good.replace("g 2 w1", "g 0 w1")),
        ("policy-member-twice", "A member twice, which would count twice.", good.replace("w1 w2 w3", "w1 w2 w2")),
        ("policy-name-twice", "One name for two witnesses.", good.replace("witness w2", "witness w1")),
        ("policy-key-twice", "One key under two names, which would count twice.", good.replace(&vkey(2), &vkey(1))),
        ("policy-key-of-a-log", "A witness with a log's type of key.", good.replace(&vkey(2), &log)),
        (
            "policy-key-id",
            "A key's id is not that of name and key.",
            good.replace(&vkey(2), &vkey(2).replace("w2+", "w7+")),
        ),
        ("policy-key-of-a-log-p256", "A witness with a log's P-256 key.", good.replace(&vkey(2), &p256)),
        (
            "policy-key-p256-compressed",
            "A P-256 key that is no uncompressed point.",
            format!("log {}\n{good}", vkey_of(2, &bad_p256)),
        ),
        (
            "policy-unknown-type-twice",
            "One key of unknown type under two names.",
            unknown.replace(&vkey(3), &unknown_vkey().replace("/other+", "/another+")),
        ),
        (
            "policy-unknown-type-id",
            "A key of unknown type without a key id of eight digits.",
            unknown.replace("0123abcd", "0123ABCD"),
        ),
        (
            "policy-unknown-type-name",
            "A key of unknown type without a name.",
            unknown.replace("witness.example/other+", "+"),
        ),
        (
            "policy-ml-dsa-key-length",
            "An ML-DSA-44 key of another length.",
            good.replace(&vkey(2), &vkey_of(6, &[0x5a; 1_311])),
        ),
        (
            "policy-ml-dsa-key-id",
            "An ML-DSA-44 key whose id is not that of name and key.",
            good.replace(&vkey(2), &of_ml_dsa.replace("/pq+", "/other+")),
        ),
        ("policy-ml-dsa-key-of-a-log", "A log with a witness's ML-DSA-44 key.", format!("log {of_ml_dsa}\n{good}")),
        ("policy-key-empty", "A type and no key.", good.replace(&vkey(2), &vkey_of(6, &[]))),
        ("policy-unknown-line", "A line of another kind.", format!("{good}trust everybody\n")),
    ];
    let note = cosigned(&[(1, NOW), (2, NOW), (3, NOW)]);
    let cases = cases.into_iter().map(|(name, shows, policy)| {
        assert_ne!(policy, good, "{name}");
        file(name, shows, &policy, &note, Expected { readable: false, verdict: None, code: None })
    });
    cases.collect()
}
