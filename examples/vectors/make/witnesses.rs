//! Cosignatures and policies of witnesses.

use lienthong::base::{Seed, Timestamp};
use lienthong::trust::cosignature::{cosign, with_lines};
use lienthong::trust::policy::Policy;
use lienthong::trust::vkey::{KeyUse, NoteKey};
use lienthong::trust::*;
use serde::Serialize;

use super::vector::json_file;
use super::world::{NOW, World};

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
    met().into_iter().chain(refused()).collect()
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
    type Case = (&'static str, &'static str, String, String, Option<Code>);
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
            "A witness that the policy doesn't name is passed over.",
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
            "Witnesses signed the note as logs do: another type of key, passed over.",
            policy.clone(),
            as_note,
            Some(Code::Quorum),
        ),
        ("witness-nested-groups", "Any of a and b, and c.", nested, good.clone(), None),
        (
            "witness-quorum-none",
            "A policy that demands nobody.",
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
    let cases = cases.into_iter().map(|(name, shows, policy, checkpoint, code)| {
        let verdict = code.map_or(Verdict::Valid, super::vector::verdict_of);
        let expected =
            Expected { readable: true, verdict: Some(verdict.as_str()), code: Some(verdict.code().map(Code::as_str)) };
        assert!(Policy::parse(policy.as_bytes()).is_ok(), "{name}");
        file(name, shows, &policy, &checkpoint, expected)
    });
    cases.collect()
}

fn refused() -> Vec<(String, String)> {
    let good = two_of_three();
    let log = NoteKey::of(&witness(2), KeyUse::Note).expect("a good key").to_string();
    let cases: [(&str, &str, String); 12] = [
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
        ("policy-unknown-line", "A line of another kind.", format!("{good}trust everybody\n")),
    ];
    let note = cosigned(&[(1, NOW), (2, NOW), (3, NOW)]);
    let cases = cases.into_iter().map(|(name, shows, policy)| {
        assert_ne!(policy, good, "{name}");
        file(name, shows, &policy, &note, Expected { readable: false, verdict: None, code: None })
    });
    cases.collect()
}
