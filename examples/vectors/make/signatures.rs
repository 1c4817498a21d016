//! Signatures: their keys, the signed bytes, both algorithms, and the second forms that mathematics allows.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use curve25519_dalek::Scalar;
use lienthong::base::{Result, Seed};
use lienthong::trust::note::{Note, sign_note};
use lienthong::trust::*;
use p256::ecdsa::signature::Signer as _;
use sha2::{Digest, Sha512};

use super::vector::Vector;
use super::world::*;

pub fn all() -> Vec<Vector> {
    let mut vectors = owners();
    vectors.extend(notes());
    vectors.extend(ed25519_forms());
    vectors.extend(p256());
    vectors
}

/// Statement, log and key must be of one issuer, which may issue the record type.
fn owners() -> Vec<Vector> {
    let (world, good) = issued();
    let with = |checkpoint| {
        let mut record = good.clone();
        record.issuer_proof.as_mut().expect("a proof").checkpoint = checkpoint;
        record
    };
    let sign = |signer: &dyn Signer| world.land.checkpoint().sign(signer).expect("signs");
    let vehicle_for_land = Ed25519Signer::from_seed(world.land.origin(), &seed_of(world.vehicle.origin()));
    let mut in_vehicles = World::new();
    let mut other_log = in_vehicles.issue(draft());
    let index = in_vehicles.vehicle.append(merkle::hash_leaf(&other_log.statement));
    other_log.issuer_proof = Some(in_vehicles.vehicle.proof(index));
    let mut in_ledger = World::new();
    let mut ledgers = in_ledger.issue(draft());
    let index = in_ledger.records.append(merkle::hash_leaf(&ledgers.statement));
    ledgers.issuer_proof = Some(in_ledger.records.proof(index));
    let mut named = World::new();
    let renamed = named.issue(Draft { issuer: "vehicle", schema: "vehicle.registration.v1", ..draft() });
    let mut schema = World::new();
    let outside = schema.issue(Draft { schema: "vehicle.registration.v1", ..draft() });
    let mut unknown = World::new();
    let stranger = unknown.issue(Draft { issuer: "customs", ..draft() });
    let mut origin = World::new();
    let unknown_log = origin.issue(draft());
    origin.anchor.issuers.remove(0);
    let mismatch = Code::IssuerMismatch;
    vec![
        Vector::bad(
            "issuer-key-of-other",
            "The vehicle registry's key signed the land registry's checkpoint, under its own name.",
            &world,
            &with(sign(&*world.vehicle.signer)),
            mismatch,
            &["issuer_signature"],
        ),
        Vector::bad(
            "issuer-key-of-other-under-name",
            "The vehicle registry's key signed it under the land registry's name.",
            &world,
            &with(sign(&vehicle_for_land)),
            mismatch,
            &["issuer_signature"],
        ),
        Vector::bad(
            "issuer-log-of-other",
            "The statement names the land registry and is in the vehicle registry's log.",
            &in_vehicles,
            &other_log,
            mismatch,
            &["issuer_agreement"],
        ),
        Vector::bad(
            "issuer-log-is-ledger",
            "The province's record ledger takes the place of the issuer's log.",
            &in_ledger,
            &ledgers,
            mismatch,
            &["issuer_agreement"],
        ),
        Vector::bad(
            "issuer-named-other",
            "The land registry issued a statement in the vehicle registry's name.",
            &named,
            &renamed,
            mismatch,
            &["issuer_agreement"],
        ),
        Vector::bad(
            "issuer-unknown",
            "The statement names an issuer that the anchor doesn't know.",
            &unknown,
            &stranger,
            mismatch,
            &["issuer_agreement", "schema_allowed"],
        ),
        Vector::bad(
            "issuer-outside-schemas",
            "The land registry issued a vehicle registration.",
            &schema,
            &outside,
            Code::NotAuthorised,
            &["schema_allowed"],
        ),
        Vector::bad(
            "issuer-log-unknown",
            "The anchor knows no log of that origin.",
            &origin,
            &unknown_log,
            Code::NoTrustedSignature,
            &["issuer_signature", "schema_allowed"],
        ),
    ]
}

fn with_note(record: &SignedRecord, note: impl Into<Vec<u8>>) -> SignedRecord {
    let mut record = record.clone();
    record.issuer_proof.as_mut().expect("a proof").checkpoint = note.into().into();
    record
}

/// The signature lines of a note.
fn lines(note: &[u8]) -> &str {
    let note = std::str::from_utf8(note).expect("text");
    &note[note.rfind("\n\n").expect("an empty line") + 2..]
}

/// A note with one signature line made of these parts.
fn note_of(text: &str, name: &str, key_id: u32, signature: &[u8]) -> String {
    let line = STANDARD.encode([&key_id.to_be_bytes(), signature].concat());
    format!("{text}\n— {name} {line}\n")
}

fn notes() -> Vec<Vector> {
    let (world, good) = issued();
    let text = world.land.checkpoint().text();
    let land = &*world.land.signer;
    let stranger = Ed25519Signer::from_seed(world.land.origin(), &Seed::root(666));
    let witness = Ed25519Signer::from_seed("witness.example", &Seed::root(5));
    let sign = |signers: &[&dyn Signer]| sign_note(&text, signers).expect("signs").to_vec();
    let note = sign(&[land]);
    let other_text = sign_note("other\n", &[land]).expect("signs").to_vec();
    let parsed = Note::parse(&note).expect("a note");
    let line = &parsed.signatures[0];
    let bad = |name: &str, shows, note: Vec<u8>| {
        let record = with_note(&good, note);
        Vector::bad(name, shows, &world, &record, Code::NoTrustedSignature, &["issuer_signature"])
    };
    let mut flipped = line.signature.clone();
    flipped[0] ^= 1;
    let name = world.land.origin();
    let seventeen: Vec<&dyn Signer> = std::iter::repeat_n(&witness as &dyn Signer, 16).chain([land]).collect();
    vec![
        Vector::good(
            "signature-among-others",
            "Signatures by unknown keys are ignored.",
            &world,
            &with_note(&good, sign(&[&witness, land, &stranger])),
        ),
        Vector::good(
            "signature-sixteen",
            "As many signatures as a note may have.",
            &world,
            &with_note(&good, sign(&seventeen[1..])),
        ),
        bad("signature-seventeen", "One signature more.", sign(&seventeen)),
        bad("signature-of-stranger", "An unknown key signed under the log's name.", sign(&[&stranger])),
        bad("signature-of-witness", "Only an unknown witness signed.", sign(&[&witness])),
        bad(
            "signature-bad-beside-good",
            "A good signature, and a bad one of the same key: one bad signature of a known key spoils the note.",
            [&note[..], lines(&other_text).as_bytes()].concat(),
        ),
        bad(
            "signature-changed",
            "One bit of the signature is changed.",
            note_of(&text, name, line.key_id, &flipped).into(),
        ),
        bad(
            "signature-of-other-text",
            "The signature is over another text.",
            [text.as_bytes(), b"\n", lines(&other_text).as_bytes()].concat(),
        ),
        bad(
            "signature-short",
            "The last byte of the signature is missing.",
            note_of(&text, name, line.key_id, &line.signature[..63]).into(),
        ),
        bad(
            "signature-long",
            "A byte behind the signature.",
            note_of(&text, name, line.key_id, &[&line.signature[..], &[0]].concat()).into(),
        ),
        bad(
            "signature-key-id",
            "The right signature under another key's id.",
            note_of(&text, name, line.key_id ^ 1, &line.signature).into(),
        ),
        bad(
            "signature-name",
            "The right signature under another name.",
            note_of(&text, "lienthong/H27/land2", line.key_id, &line.signature).into(),
        ),
        bad(
            "signature-line-hyphen",
            "A signature line that begins with a hyphen instead of a dash.",
            String::from_utf8(note.clone()).expect("text").replace('—', "-").into(),
        ),
    ]
}

/// The group's order L, little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

fn ed25519_forms() -> Vec<Vector> {
    let (world, good) = issued();
    let text = world.land.checkpoint().text();
    let (name, key) = (world.land.origin(), world.anchor.issuers[0].keys[0].key.clone());
    let id = key.note_key_id(name);
    let mut malleable = world.land.signer.sign(text.as_bytes()).expect("signs");
    let mut carry = 0;
    for (digit, add) in malleable[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*digit) + u16::from(add) + carry;
        (*digit, carry) = (sum as u8, sum >> 8);
    }
    let bad = |name_of: &str, shows, signature: &[u8]| {
        let record = with_note(&good, note_of(&text, name, id, signature));
        Vector::bad(name_of, shows, &world, &record, Code::NoTrustedSignature, &["issuer_signature"])
    };
    let small_key = |name_of: &str, shows, point: [u8; 32]| {
        let mut vector = Vector::many(
            name_of,
            shows,
            &world,
            vec![good.clone()],
            super::vector::Expected { exit_code: 5, records: vec![] },
        );
        let spki = [&key.spki()[..12], &point[..]].concat();
        let id: [u8; 32] = sha2::Sha256::digest(&spki).into();
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        vector.anchor = vector
            .anchor
            .replace(&STANDARD.encode(key.spki()), &STANDARD.encode(spki))
            .replace(&hex(&key.id()), &hex(&id));
        vector
    };
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut second_form = [0xff; 32];
    (second_form[0], second_form[31]) = (0xf0, 0x7f);
    vec![
        bad("ed25519-malleable", "S + L in place of S: the mathematics accept it, and anyone can make it.", &malleable),
        bad(
            "ed25519-small-order-r",
            "R is the neutral point. The key's owner made the signature so that the equation holds; verifiers disagree about it.",
            &small_order_r(name, key.bytes(), text.as_bytes()),
        ),
        bad("ed25519-zeros", "A signature of zeros.", &[0; 64]),
        small_key(
            "ed25519-small-order-key",
            "A key of small order, under which anyone can sign: the anchor is invalid.",
            identity,
        ),
        small_key(
            "ed25519-second-encoding-key",
            "A key whose y is above the field's prime: the anchor is invalid.",
            second_form,
        ),
    ]
}

/// R = the neutral point, S = H(R ‖ A ‖ M) · a: fulfils S·B = R + H·A.
fn small_order_r(origin: &str, public: &[u8], message: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; 64];
    signature[0] = 1;
    let wide = |hash: Sha512| Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
    let expanded: [u8; 64] = Sha512::digest(seed_of(origin).bytes()).into();
    let mut secret: [u8; 32] = expanded[..32].try_into().expect("half of 64 bytes");
    secret[0] &= 248;
    secret[31] = secret[31] & 63 | 64;
    let challenge = wide(Sha512::new().chain_update(&signature[..32]).chain_update(public).chain_update(message));
    signature[32..].copy_from_slice((challenge * Scalar::from_bytes_mod_order(secret)).as_bytes());
    signature
}

/// Signs with ECDSA by RFC 6979, which always gives the same signature; the library's own signer takes randomness.
pub struct SteadyP256 {
    name: String,
    key: p256::ecdsa::SigningKey,
    public: Vec<u8>,
}

impl SteadyP256 {
    pub fn new(name: &str) -> Self {
        let secret = *Seed::root(1).child("p256", 0).bytes();
        let key = p256::ecdsa::SigningKey::from_bytes(&secret.into()).expect("below the order");
        let public = key.verifying_key().to_sec1_point(false).as_bytes().to_vec();
        Self { name: name.to_owned(), key, public }
    }

    fn signature(&self, message: &[u8]) -> p256::ecdsa::Signature {
        let signature: p256::ecdsa::Signature = self.key.sign(message);
        signature.normalize_s()
    }
}

impl Signer for SteadyP256 {
    fn key_name(&self) -> &str {
        &self.name
    }

    fn algorithm(&self) -> Algorithm {
        Algorithm::EcdsaP256
    }

    fn public_key(&self) -> &[u8] {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        Ok(self.signature(message).to_der().as_bytes().to_vec())
    }
}

fn p256() -> Vec<Vector> {
    let (mut world, good) = issued();
    let origin = world.land.origin().to_owned();
    let signer = SteadyP256::new(&origin);
    let record = KeyRecord::active(&signer).expect("a good key");
    let id = record.key.note_key_id(&origin);
    world.anchor.issuers[0].keys = vec![record];
    let text = world.land.checkpoint().text();
    let signature = signer.signature(text.as_bytes());
    let (r, s) = signature.split_scalars();
    let twin = p256::ecdsa::Signature::from_scalars(*r, -*s).expect("no zeros");
    let der = signature.to_der().as_bytes().to_vec();
    // a length in two bytes where one would do
    let long = [&[der[0], 0x81], &der[1..]].concat();
    let bad = |name: &str, shows, note: String| {
        let record = with_note(&good, note);
        Vector::bad(name, shows, &world, &record, Code::NoTrustedSignature, &["issuer_signature"])
    };
    let ed25519 = world.land.signer.sign(text.as_bytes()).expect("signs");
    let ed25519_note = sign_note(&text, &[&*world.land.signer]).expect("signs");
    let mut both = World::new();
    let both_record = both.issue(draft());
    both.anchor.issuers[0].keys.push(KeyRecord::active(&signer).expect("a good key"));
    let both_note = sign_note(&both.land.checkpoint().text(), &[&signer, &*both.land.signer]).expect("signs");
    vec![
        Vector::good(
            "p256-signature",
            "The issuer's key is ECDSA over P-256.",
            &world,
            &with_note(&good, note_of(&text, &origin, id, &der)),
        ),
        Vector::good(
            "p256-beside-ed25519",
            "Keys of both algorithms signed one checkpoint.",
            &both,
            &with_note(&both_record, both_note),
        ),
        bad(
            "p256-upper-s",
            "n - s in place of s: the mathematics accept it, and anyone can make it.",
            note_of(&text, &origin, id, twin.to_der().as_bytes()),
        ),
        bad(
            "p256-not-der",
            "r and s one after the other instead of DER.",
            note_of(&text, &origin, id, &signature.to_bytes()),
        ),
        bad("p256-long-length", "DER with a length that could be shorter.", note_of(&text, &origin, id, &long)),
        bad("p256-trailing", "A byte behind the DER.", note_of(&text, &origin, id, &[&der[..], &[0]].concat())),
        bad("p256-zeros", "r and s are zero.", note_of(&text, &origin, id, &[0x30, 6, 2, 1, 0, 2, 1, 0])),
        bad(
            "p256-ed25519-signature",
            "An Ed25519 signature under the P-256 key's id: the algorithm is the key's, never the message's.",
            note_of(&text, &origin, id, &ed25519),
        ),
        bad(
            "p256-ed25519-line",
            "The anchor has a P-256 key; the log's old Ed25519 key signed.",
            String::from_utf8(ed25519_note.to_vec()).expect("text"),
        ),
    ]
}
