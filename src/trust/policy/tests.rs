//! Policies: what is read, what is refused, and what they say of notes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::base::Seed;
use crate::trust::cosignature::{cosign, with_lines};
use crate::trust::keys::{Ed25519Signer, P256Signer, Signer as _};
use crate::trust::vkey::NoteKey;

const NOW: Timestamp = Timestamp(1_800_000_000_000);
const DAY: i64 = 86_400_000;

fn witness(number: u64) -> Ed25519Signer {
    Ed25519Signer::from_seed(format!("witness.example/w{number}"), &Seed::root(number))
}

fn vkey(number: u64) -> String {
    NoteKey::of(&witness(number), KeyUse::Cosignature).expect("a key").to_string()
}

fn two_of_three() -> String {
    let lines: String =
        (1..=3).map(|number| format!("witness w{number} {} http://127.0.0.1:{number}\n", vkey(number))).collect();
    format!("# who watches\n\n{lines}group g 2 w1 w2 w3\n\tquorum  g \n")
}

fn note(cosigners: &[(u64, Timestamp)]) -> bytes::Bytes {
    let log = Ed25519Signer::from_seed("lienthong/H27/records", &Seed::root(99));
    let checkpoint = Checkpoint { origin: log.key_name().to_owned(), size: 5, root: [3; 32] };
    let line = |(number, at): &(u64, Timestamp)| cosign(&checkpoint.text(), &witness(*number), *at).expect("cosigns");
    with_lines(&checkpoint.sign(&log).expect("signs"), cosigners.iter().map(line))
}

#[test]
fn a_quorum_is_counted_by_witnesses() {
    let policy = Policy::parse(two_of_three().as_bytes()).expect("a policy");
    assert_eq!(policy.witnesses[1].url.as_deref(), Some("http://127.0.0.1:2"));
    let judge = |cosigners: &[(u64, Timestamp)]| policy.judge(&note(cosigners), NOW, DAY).0;
    let (quorum, stale) = (Verdict::Indeterminate(Code::Quorum), Verdict::Indeterminate(Code::Stale));
    assert_eq!(judge(&[]), quorum);
    assert_eq!(judge(&[(1, NOW)]), quorum);
    assert_eq!(judge(&[(1, NOW), (1, NOW.plus_ms(-5_000))]), quorum, "one witness twice is one");
    assert_eq!(judge(&[(1, NOW), (9, NOW)]), quorum, "a stranger");
    assert_eq!(judge(&[(1, NOW), (3, NOW)]), Verdict::Valid);
    assert_eq!(judge(&[(1, NOW.plus_ms(-3 * DAY)), (3, NOW)]), Verdict::Valid, "the newest counts");
    assert_eq!(judge(&[(1, NOW.plus_ms(-3 * DAY)), (3, NOW.plus_ms(-2 * DAY))]), stale);
    assert_eq!(judge(&[(1, NOW), (3, NOW.plus_ms(DAY))]), quorum, "from the future");
}

#[test]
fn a_bad_cosignature_of_a_known_witness_spoils_the_note() {
    let policy = Policy::parse(two_of_three().as_bytes()).expect("a policy");
    let good = String::from_utf8(note(&[(1, NOW), (2, NOW), (3, NOW)]).to_vec()).expect("text");
    let other = String::from_utf8(note(&[(3, NOW.plus_ms(-1_000))]).to_vec()).expect("text");
    let line = |text: &str| text.lines().last().expect("a line").to_owned();
    // the time of one and the signature of another
    let (a, b) = (line(&good), line(&other));
    let mixed = format!("{}{}", &a[..50], &b[50..]);
    if mixed != a && mixed != b {
        assert_eq!(policy.judge(good.replace(&a, &mixed).as_bytes(), NOW, DAY).0, Verdict::Indeterminate(Code::Quorum));
    }
    assert_eq!(policy.judge(good.as_bytes(), NOW, DAY).0, Verdict::Valid);
    assert_eq!(policy.judge(b"no note", NOW, DAY).0, Verdict::Indeterminate(Code::Quorum));
}

#[test]
fn groups_nest_and_none_demands_nobody() {
    let text = format!(
        "witness a {}\nwitness b {}\nwitness c {}\ngroup x any a b\ngroup y all x c\nquorum y\n",
        vkey(1),
        vkey(2),
        vkey(3)
    );
    let policy = Policy::parse(text.as_bytes()).expect("a policy");
    let met = |witnesses: &[usize]| {
        policy.is_met(&witnesses.iter().map(|at| Witnessed { witness: *at, at: NOW }).collect::<Vec<_>>())
    };
    assert!(met(&[0, 2]) && met(&[1, 2]) && met(&[0, 1, 2]));
    assert!(!met(&[0, 1]) && !met(&[2]) && !met(&[]));
    assert_eq!(Policy::parse(b"quorum none\n").expect("a policy").judge(&note(&[]), NOW, DAY).0, Verdict::Valid);
    let log =
        NoteKey::of(&Ed25519Signer::from_seed("lienthong/H27/other", &Seed::root(5)), KeyUse::Note).expect("a key");
    let other = Policy::parse(format!("log {log}\nquorum none").as_bytes()).expect("a policy");
    assert_eq!(other.judge(&note(&[]), NOW, DAY).0, Verdict::Indeterminate(Code::Quorum), "a log that is not named");
}

#[test]
fn keys_of_unknown_types_leave_a_policy_readable() {
    let other = format!("witness.example/other+0123abcd+{}", STANDARD.encode(b"\xffexample.org/other\x01\x02"));
    let with_it = two_of_three().replace(&vkey(3), &other);
    let judge = |policy: &str, cosigners: &[(u64, Timestamp)]| {
        Policy::parse(policy.as_bytes()).expect("a policy").judge(&note(cosigners), NOW, DAY)
    };
    assert_eq!(judge(&with_it, &[(1, NOW), (2, NOW)]).0, Verdict::Valid, "the others are enough");
    let (verdict, why) = judge(&with_it, &[(1, NOW), (3, NOW)]);
    assert_eq!(verdict, Verdict::Indeterminate(Code::Quorum), "it is needed");
    assert!(why.contains("1 cannot be verified here"), "{why}");
    for quorum in [format!("witness w {other}\nquorum w\n"), format!("log {other}\nquorum none\n")] {
        assert_eq!(judge(&quorum, &[]).0, Verdict::Indeterminate(Code::Quorum), "never met, and not unreadable");
    }
    let twice = format!("{}witness other {other}\n", with_it.replace("quorum", "#"));
    assert_eq!(Policy::parse(twice.as_bytes()).expect_err("a key twice").line, 8);
}

#[test]
fn logs_with_p256_keys_are_named() {
    let origin = "lienthong/H27/records";
    let pkcs8 = P256Signer::generate_pkcs8().expect("a key");
    let log = P256Signer::from_pkcs8(origin, &pkcs8).expect("a signer");
    let key = NoteKey::of(&log, KeyUse::Note).expect("a key");
    let policy = Policy::parse(format!("log {key}\nquorum none\n").as_bytes()).expect("a policy");
    let signed = Checkpoint { origin: origin.into(), size: 5, root: [3; 32] }.sign(&log).expect("signs");
    assert_eq!(policy.judge(&signed, NOW, DAY).0, Verdict::Valid);
    assert_eq!(policy.judge(&note(&[]), NOW, DAY).0, Verdict::Indeterminate(Code::Quorum), "by another key");
    let as_witness = format!("witness w {key}\nquorum w\n");
    assert_eq!(Policy::parse(as_witness.as_bytes()).expect_err("a log's key").line, 1);
}

#[test]
fn other_text_is_refused_by_its_line() {
    let good = two_of_three();
    for (bad, line) in [
        (String::new(), 0),
        ("quorum w1\n".into(), 1),
        (good.replace("quorum  g", "quorum h"), 7),
        (good.replace("2 w1", "4 w1"), 6),
        (good.replace("2 w1", "0 w1"), 6),
        (good.replace("2 w1", "02 w1"), 6),
        (good.replace("w1 w2 w3", "w1 w2 w2"), 6),
        (good.replace("witness w2", "witness w1"), 4),
        (good.replace("witness w2", "witness none"), 4),
        (good.replace(&vkey(2), &vkey(1)), 4),
        (good.replace("witness w2", "log"), 4),
        (format!("{good}quorum none\n"), 8),
        (format!("{good}other\n"), 8),
        (good.replace("# who", "\u{7}"), 1),
    ] {
        assert_eq!(Policy::parse(bad.as_bytes()).expect_err(&bad).line, line, "{bad}");
    }
    assert!(Policy::parse(&vec![b'\n'; POLICY_BYTES_MAX + 1]).is_err());
    assert!(Policy::parse(b"\xff").is_err());
}
