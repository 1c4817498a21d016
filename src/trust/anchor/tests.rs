//! The anchor's file round trips and is refused when it is not right; the table of key states.

use super::*;
use crate::base::Seed;
use crate::trust::keys::Ed25519Signer;
use crate::trust::verdict::{Code, Verdict};

fn key(name: &str, state: KeyState) -> KeyRecord {
    let signer = Ed25519Signer::from_seed(name, &Seed::root(1).child(name, 0));
    KeyRecord { state, ..KeyRecord::active(&signer).expect("a good key") }
}

fn sample() -> TrustAnchor {
    TrustAnchor {
        province: "H27".to_owned(),
        version: 1,
        events_from: 0,
        root: Default::default(),
        signatures: Vec::new(),
        expires_at: Timestamp(1_800_000_000_000),
        logs: vec![LogAnchor {
            continues: Vec::new(),
            origin: "lienthong/H27/records".to_owned(),
            purpose: LogPurpose::Records,
            keys: vec![key("records", KeyState::Active)],
        }],
        issuers: vec![IssuerAnchor {
            continues: Vec::new(),
            name: "land".to_owned(),
            origin: "lienthong/H27/land".to_owned(),
            schemas: vec!["land.parcel.v1".to_owned()],
            keys: vec![
                key("land", KeyState::Compromised { suspect_from: 3, event_index: 9 }),
                key("land2", KeyState::Active),
                key("land3", KeyState::Rotated { event_index: 9 }),
                key("land4", KeyState::Withdrawn { event_index: 9 }),
            ],
        }],
    }
}

#[test]
fn the_file_round_trips_and_white_space_does_not_count() {
    let json = sample().to_json().expect("writes");
    let read = TrustAnchor::from_json(&json).expect("reads");
    assert_eq!(read, sample());
    let value: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    assert_eq!(value["format"], "lienthong/anchor/v1");
    assert_eq!(value["expires_at"], "2027-01-15T08:00:00Z");
    assert_eq!(value["issuers"][0]["keys"][0]["state"]["kind"], "compromised");
    let compact = TrustAnchor::from_json(value.to_string().as_bytes()).expect("reads");
    assert_eq!(compact.fingerprint().expect("hashes"), sample().fingerprint().expect("hashes"));
    assert_eq!(TrustAnchor::from_json(&sample().canonical_bytes().expect("writes")).expect("reads"), sample());
    let other = TrustAnchor { version: 2, ..sample() };
    assert_ne!(other.fingerprint().expect("hashes"), sample().fingerprint().expect("hashes"));
}

#[test]
fn a_file_that_is_not_right_is_refused() {
    let json = String::from_utf8(sample().to_json().expect("writes")).expect("text");
    let check = |from: &str, to: &str| {
        assert!(json.contains(from), "{from}");
        let error = TrustAnchor::from_json(json.replacen(from, to, 1).as_bytes()).expect_err(to);
        assert_eq!(error.reason, Reason::ConfigurationInvalid);
    };
    check("anchor/v1", "anchor/v2");
    check("\"province\"", "\"provinces\"");
    check("\"version\": 1", "\"version\": 9007199254740992");
    check("2027-01-15T08:00:00Z", "soon");
    check("ed25519", "none");
    check("\"records\"", "\"other\"");
    check("\"land\"", "\"Land\"");
    check("lienthong/H27/land", "lienthong/H27/records");
    check("active", "asleep");
    check("MCowBQYDK2VwAyEA", "MCowBQYDK2VwAyEB");
    check("\"event_index\": 9", "\"event_index\": -9");
    let first = to_hex(&sample().logs[0].keys[0].id());
    check(&first, &"0".repeat(64));
    let mut doubled = sample();
    doubled.logs[0].keys = vec![key("land", KeyState::Active)];
    assert!(doubled.to_json().is_err(), "one key for two owners");
    let mut doubled = sample();
    doubled.issuers.push(IssuerAnchor {
        continues: Vec::new(),
        origin: "lienthong/H27/x".to_owned(),
        keys: vec![],
        ..sample().issuers.remove(0)
    });
    assert!(doubled.fingerprint().is_err(), "one issuer twice");
    assert!(TrustAnchor::from_json(&vec![b' '; ANCHOR_BYTES_MAX + 1]).is_err());
}

use crate::base::id::to_hex;

#[test]
fn the_table_of_key_states() {
    use KeyState::{Active, Compromised, Rotated, Withdrawn};
    const VALID: Verdict = Verdict::Valid;
    const INVALID: Verdict = Verdict::Invalid(Code::KeyNotValid);
    const NO_POE: Verdict = Verdict::Indeterminate(Code::NoPoe);
    const REVOKED: Verdict = Verdict::Indeterminate(Code::RevokedNoPoe);
    let table = [
        (Active, [VALID, VALID, VALID, VALID, VALID, VALID]),
        (Rotated { event_index: 9 }, [VALID, VALID, VALID, INVALID, INVALID, NO_POE]),
        (Compromised { suspect_from: 3, event_index: 9 }, [VALID, REVOKED, REVOKED, INVALID, INVALID, INVALID]),
        (Withdrawn { event_index: 9 }, [VALID, VALID, VALID, INVALID, INVALID, INVALID]),
    ];
    for (state, expect) in table {
        let record = key("land", state);
        let at = [Some(2), Some(3), Some(8), Some(9), Some(u64::MAX), None];
        assert_eq!(at.map(|index| record.judge(index)), expect, "{state:?}");
    }
    let late = KeyRecord { from_index: 5, ..key("land", Active) };
    assert_eq!((late.judge(Some(4)), late.judge(Some(5)), late.judge(None)), (INVALID, VALID, VALID));
}
