//! Status lists: the issuer's present status of a version, and lists that must not be accepted.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lienthong::trust::status_list::{Status, StatusClaims, StatusList, StatusToken};
use lienthong::trust::*;
use serde_json::{Map, Value, json};

use super::vector::Vector;
use super::world::*;

/// The record's index in the list.
const PLACE: u32 = 3;

fn claims() -> StatusClaims {
    StatusClaims {
        origin: "lienthong/H27/land".to_owned(),
        issuer: "land".to_owned(),
        schema: "land.parcel.v1".to_owned(),
        uri: "https://lienthong.example/status/land/land.parcel.v1".to_owned(),
        ledger_size: 12,
        issued_at: NOW.plus_ms(-60_000),
        expires_at: NOW.plus_ms(3_600_000),
        ttl_s: 300,
    }
}

/// Six statuses; the record's is this one.
fn list(status: Status) -> StatusList {
    let mut list = StatusList::new();
    for place in 0..6 {
        list.push(if place == PLACE { status } else { Status::Superseded }).expect("room");
    }
    list
}

fn token(claims: StatusClaims, status: Status) -> String {
    StatusToken { claims, list: list(status) }.sign(&*signer_of("lienthong/H27/land")).expect("signs")
}

/// The claims of a good token, to be changed and signed again.
fn signed_again(change: &dyn Fn(&mut Map<String, Value>)) -> String {
    let good = token(claims(), Status::Valid);
    let payload = URL_SAFE_NO_PAD.decode(good.split('.').nth(1).expect("a payload")).expect("base64url");
    let Value::Object(mut claims) = serde_json::from_slice(&payload).expect("JSON") else { unreachable!("an object") };
    change(&mut claims);
    jose::sign("statuslist+jwt", &claims, &*signer_of("lienthong/H27/land")).expect("signs")
}

/// A list's bytes as a zlib stream of one stored block, which needs no compressor.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len() as u16;
    let (mut a, mut b) = (1u32, 0u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    let mut stream = vec![0x78, 0x01, 0x01];
    stream.extend_from_slice(&length.to_le_bytes());
    stream.extend_from_slice(&(!length).to_le_bytes());
    stream.extend_from_slice(bytes);
    stream.extend_from_slice(&(b << 16 | a).to_be_bytes());
    stream
}

fn with_list(stream: &[u8]) -> String {
    let lst = URL_SAFE_NO_PAD.encode(stream);
    signed_again(&|claims| claims["status_list"]["lst"] = json!(lst))
}

pub fn all() -> Vec<Vector> {
    let (world, record) = issued();
    let vector = |name: &str, shows, lists: Vec<String>, code: Option<Code>| {
        let vector = match code {
            None => Vector::good(name, shows, &world, &record),
            Some(code) => Vector::bad(name, shows, &world, &record, code, &["status"]),
        };
        Vector { status_lists: lists, ..vector }
    };
    let of = |status| token(claims(), status);
    let with = |change: &dyn Fn(&mut StatusClaims)| {
        let mut claims = claims();
        change(&mut claims);
        token(claims, Status::Valid)
    };
    let good = of(Status::Valid);
    let (head, rest) = good.split_once('.').expect("a header");
    let header = |json: Value| format!("{}.{rest}", URL_SAFE_NO_PAD.encode(json.to_string()));
    let kid = world.anchor.issuers[0].keys[0].id();
    let kid = lienthong::base::id::to_hex(&kid);
    let vehicles = StatusToken { claims: claims(), list: list(Status::Valid) };
    let vehicles = vehicles.sign(&*world.vehicle.signer).expect("signs");
    let stranger = Ed25519Signer::from_seed("stranger", &lienthong::base::Seed::root(4));
    let strangers = StatusToken { claims: claims(), list: list(Status::Valid) }.sign(&stranger).expect("signs");
    let bytes = list(Status::Valid).as_bytes().to_vec();
    assert!(head.len() > 10);
    const NONE: Option<Code> = Some(Code::Unavailable);
    const STALE: Option<Code> = Some(Code::Stale);
    vec![
        vector("status-valid", "The issuer's list says: the latest version, in force.", vec![good.clone()], None),
        vector("status-invalid", "Revoked, or ended for good.", vec![of(Status::Invalid)], Some(Code::StatusInvalid)),
        vector("status-suspended", "Not in force for now.", vec![of(Status::Suspended)], Some(Code::StatusSuspended)),
        vector("status-superseded", "A later version exists.", vec![of(Status::Superseded)], Some(Code::Superseded)),
        vector(
            "status-newest-list",
            "Of two lists the newer one counts.",
            vec![with(&|c| c.issued_at = NOW.plus_ms(-120_000)), of(Status::Superseded)],
            Some(Code::Superseded),
        ),
        vector("status-expired", "The list has expired.", vec![with(&|c| c.expires_at = NOW)], STALE),
        vector(
            "status-ahead",
            "The list was issued more than five minutes ahead.",
            vec![with(&|c| c.issued_at = NOW.plus_ms(301_000))],
            STALE,
        ),
        vector(
            "status-younger-record",
            "The record is in the ledger after the last entry that the list covers.",
            vec![with(&|c| c.ledger_size = 5)],
            STALE,
        ),
        vector(
            "status-short-list",
            "The list ends before the record's status index.",
            vec![signed_again(&|c| {
                c["lienthong"]["count"] = json!(3);
                c["status_list"]["lst"] = json!(URL_SAFE_NO_PAD.encode(stored(&[0b11_1111])));
            })],
            STALE,
        ),
        vector("status-stored-block", "Another compression of the same list.", vec![with_list(&stored(&bytes))], None),
        vector(
            "status-other-type",
            "A list of another record type.",
            vec![token(StatusClaims { schema: "vehicle.registration.v1".to_owned(), ..claims() }, Status::Valid)],
            NONE,
        ),
        vector(
            "status-of-other-issuer",
            "The vehicle registry signed a list about the land registry's records.",
            vec![vehicles],
            NONE,
        ),
        vector("status-of-stranger", "No known key signed the list.", vec![strangers], NONE),
        vector("status-changed", "A letter of the list is changed.", vec![good.replacen('.', ".A", 1)], NONE),
        vector(
            "status-algorithm-none",
            "The header names no algorithm.",
            vec![header(json!({"alg": "none", "kid": kid, "typ": "statuslist+jwt"}))],
            NONE,
        ),
        vector(
            "status-algorithm-other",
            "The header names another algorithm than the key's.",
            vec![header(json!({"alg": "ES256", "kid": kid, "typ": "statuslist+jwt"}))],
            NONE,
        ),
        vector(
            "status-critical",
            "The header demands an extension that no verifier here supports.",
            vec![header(json!({"alg": "EdDSA", "crit": ["x"], "kid": kid, "typ": "statuslist+jwt"}))],
            NONE,
        ),
        vector(
            "status-two-parts",
            "No signature.",
            vec![good.rsplit_once('.').expect("a signature").0.to_owned()],
            NONE,
        ),
        vector(
            "status-longer-stream",
            "More bytes than the statuses need.",
            vec![with_list(&stored(&[&bytes[..], &[0]].concat()))],
            NONE,
        ),
        vector(
            "status-behind-stream",
            "Bytes after the stream.",
            vec![with_list(&[stored(&bytes), vec![0]].concat())],
            NONE,
        ),
        vector(
            "status-bits-behind",
            "Bits after the last status are set.",
            vec![with_list(&stored(&[bytes[0], bytes[1] | 0x80]))],
            NONE,
        ),
        vector(
            "status-four-bits",
            "Statuses of another width.",
            vec![signed_again(&|c| c["status_list"]["bits"] = json!(4))],
            NONE,
        ),
        vector(
            "status-huge-count",
            "More statuses than a list may hold: refused before anything is allocated.",
            vec![signed_again(&|c| c["lienthong"]["count"] = json!(1_u64 << 32))],
            NONE,
        ),
    ]
}
