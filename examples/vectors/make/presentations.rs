//! What wallets present: good ones, every negative of RFC 9901 section 7, and credentials that do not agree with their record.

use lienthong::base::{Seed, Timestamp};
use lienthong::trust::commitment::field_leaf;
use lienthong::trust::credential::{self, Frame};
use lienthong::trust::jose::{self, decode_part, encode_part};
use lienthong::trust::sd_jwt::{Presented, sign_binding};
use lienthong::trust::*;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::vector::{anchor_text, json_file, raw, verdict_of};
use super::world::{NOW, World, issued};

const NONCE: &str = "4f1c6a";
const AUDIENCE: &str = "https://bank.example.vn";

#[derive(Serialize)]
struct PresentationVector<'a> {
    format: &'static str,
    name: &'a str,
    shows: &'a str,
    at: String,
    trust_anchor: Box<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audience: Option<&'static str>,
    presentation: &'a str,
    expected: Expected<'a>,
    in_words: Words,
}

#[derive(Serialize)]
struct Expected<'a> {
    exit_code: u8,
    verdict: &'static str,
    code: Option<&'static str>,
    fails: &'a [&'static str],
}

/// The parts for people: the token's claims, what is disclosed, and the claims of the key binding.
#[derive(Serialize)]
struct Words {
    claims: Option<Value>,
    disclosed: Vec<Option<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    binding: Option<Value>,
}

impl Words {
    fn of(presentation: &str) -> Self {
        let json = |text: &str| serde_json::from_slice(&decode_part(text).ok()?).ok();
        let payload = |token: &str| json(token.split('.').nth(1)?);
        let mut parts = presentation.split('~');
        let claims = payload(parts.next().unwrap_or_default());
        let mut rest: Vec<&str> = parts.collect();
        let binding = rest.pop().and_then(payload);
        Self { claims, disclosed: rest.into_iter().map(json).collect(), binding }
    }
}

/// The holder of the wallet.
fn holder() -> Ed25519Signer {
    Ed25519Signer::from_seed("holder", &Seed::root(77))
}

/// A credential of the usual record, with all its disclosures.
struct Wallet {
    world: World,
    credential: String,
}

impl Wallet {
    fn new() -> Self {
        let (world, record) = issued();
        let key = PublicKey::new(holder().algorithm(), holder().public_key()).expect("a key");
        let frame = Frame {
            issuer: world.land.origin(),
            holder: &key,
            status_uri: "https://lienthong.example.vn/status/land/land.parcel.v1",
            issued_at: NOW.plus_ms(-1_000),
            expires_at: NOW.plus_ms(3_600_000),
        };
        let credential = credential::issue(&record, &frame, &*world.land.signer).expect("issues");
        Self { world, credential }
    }

    /// The credential with these fields only.
    fn showing(&self, fields: &[&str]) -> String {
        let presented = Presented::parse(&self.credential).expect("parses");
        presented.select(|name, _| name.is_some_and(|name| fields.contains(&name))).expect("selects")
    }

    /// The credential with other claims, signed again by its issuer, and its disclosures.
    fn resigned(&self, change: impl FnOnce(&mut Value)) -> String {
        let (token, rest) = self.credential.split_once('~').expect("parts");
        format!("{}~{rest}", self.token(token, change))
    }

    /// The same with these disclosures in place of its own; `change` puts their digests in.
    fn disclosing(&self, disclosures: &[&Value], change: impl FnOnce(&mut Value)) -> String {
        let (token, _) = self.credential.split_once('~').expect("parts");
        let texts: String = disclosures.iter().map(|one| format!("{}~", text_of(one))).collect();
        format!("{}~{texts}", self.token(token, change))
    }

    fn token(&self, token: &str, change: impl FnOnce(&mut Value)) -> String {
        let payload = decode_part(token.split('.').nth(1).expect("a payload")).expect("base64url");
        let mut claims: Value = serde_json::from_slice(&payload).expect("JSON");
        change(&mut claims);
        let claims: Map<String, Value> = claims.as_object().cloned().expect("an object");
        jose::sign(credential::TYPE, &claims, &*self.world.land.signer).expect("signs")
    }

    /// The credential under another header; the signature is the old one.
    fn headed(&self, change: impl FnOnce(&mut Value)) -> String {
        let (header, rest) = self.credential.split_once('.').expect("parts");
        let mut header: Value = serde_json::from_slice(&decode_part(header).expect("base64url")).expect("JSON");
        change(&mut header);
        format!("{}.{rest}", encode_part(header.to_string().as_bytes()))
    }
}

fn text_of(disclosure: &Value) -> String {
    encode_part(disclosure.to_string().as_bytes())
}

fn digest_of(disclosure: &Value) -> String {
    digest_of_text(&text_of(disclosure))
}

fn digest_of_text(text: &str) -> String {
    encode_part(&Sha256::digest(text.as_bytes()))
}

fn bind(text: &str) -> String {
    sign_binding(text, NONCE, AUDIENCE, NOW, &holder()).expect("binds")
}

struct Case {
    name: &'static str,
    shows: &'static str,
    at: Timestamp,
    asked: bool,
    text: String,
    verdict: Verdict,
    fails: &'static [&'static str],
}

/// Bound as it was asked for.
fn good(name: &'static str, shows: &'static str, text: &str) -> Case {
    Case { name, shows, at: NOW, asked: true, text: bind(text), verdict: Verdict::Valid, fails: &[] }
}

/// Not good already before it is bound, which nobody asks for.
fn bad(name: &'static str, shows: &'static str, text: String, code: Code, fails: &'static [&'static str]) -> Case {
    Case { name, shows, at: NOW, asked: false, text, verdict: verdict_of(code), fails }
}

fn badly_bound(name: &'static str, shows: &'static str, text: String) -> Case {
    Case { asked: true, ..bad(name, shows, text, Code::KeyBinding, &["key_binding"]) }
}

pub fn all() -> Vec<(String, String)> {
    let wallet = Wallet::new();
    let cases = [presented(&wallet), disclosures(&wallet), tokens(&wallet), bindings(&wallet), agreements(&wallet)];
    let mut files: Vec<(String, String)> =
        cases.iter().flatten().map(|case| file(case, &wallet.world.anchor)).collect();
    files.push(out_of_use(&wallet));
    files
}

fn presented(wallet: &Wallet) -> Vec<Case> {
    let whole = wallet.credential.clone();
    vec![
        good("presentation-whole", "Every field is shown.", &whole),
        good("presentation-part", "Two of five fields are shown.", &wallet.showing(&["area_m2", "holder"])),
        good("presentation-nothing", "No field is shown: the holder has such a document.", &wallet.showing(&[])),
        Case {
            asked: false,
            text: whole,
            ..good("presentation-unbound", "Nobody asked for a key binding.", &wallet.credential)
        },
    ]
}

/// The worked example: a presentation of two fields, taken apart.
pub fn example() -> String {
    let wallet = Wallet::new();
    let text = bind(&wallet.showing(&["area_m2", "holder"]));
    let (token, rest) = text.split_once('~').expect("parts");
    let (first, _) = rest.split_once('~').expect("a disclosure");
    let (bound, binding) = text.rsplit_once('~').expect("parts");
    let part = |token: &str, at| {
        let bytes = decode_part(token.split('.').nth(at).expect("a part")).expect("base64url");
        let mut json: Value = serde_json::from_slice(&bytes).expect("JSON");
        if let Some(record) = json.get_mut("lienthong") {
            *record = json!("…");
        }
        json.to_string()
    };
    let disclosure: Value = serde_json::from_slice(&decode_part(first).expect("base64url")).expect("JSON");
    let salt = decode_part(disclosure[0].as_str().expect("text")).expect("base64url");
    let value = disclosure[2].to_string();
    let leaf = field_leaf(&salt.try_into().expect("32 bytes"), disclosure[1].as_str().expect("text"), value.as_bytes());
    format!(
        "header      {}\nclaims      {}\ndisclosure  {first}\n            {disclosure}\ndigest      {}\nleaf        {}\nbinding     {}\n            \
         {}\nsd_hash     over {} characters\n",
        part(token, 0),
        part(token, 1),
        digest_of_text(first),
        encode_part(&leaf),
        part(binding, 0),
        part(binding, 1),
        bound.len() + 1,
    )
}

/// RFC 9901, section 7.1, steps 3 to 5: what the claims and the disclosures must be to each other.
fn disclosures(wallet: &Wallet) -> Vec<Case> {
    let case = |name, shows, text| bad(name, shows, text, Code::PayloadMismatch, &["disclosures"]);
    let (member, element) = (json!(["c2FsdA", "number", "CĐ 1"]), json!(["c2FsdA", "CĐ 1"]));
    let listed = |one: &Value| {
        let digest = digest_of(one);
        move |claims: &mut Value| claims["record"] = json!({ "_sd": [digest] })
    };
    let of_form = |name, shows, one: Value| case(name, shows, wallet.disclosing(&[&one], listed(&one)));
    let claims = |name, shows, change: fn(&mut Value)| case(name, shows, wallet.resigned(change));
    let first = wallet.credential.split('~').nth(1).expect("a disclosure");
    let outer = json!(["c2FsdA", "outer", { "_sd": [digest_of(&member)] }]);
    let not_json = wallet.credential.replacen(first, &encode_part(b"[1,"), 1);
    vec![
        claims("presentation-sd-alg", "Digests of an algorithm that is not SHA-256.", |claims| {
            claims["_sd_alg"] = json!("sha-512")
        }),
        claims("presentation-sd-no-list", "`_sd` is no list.", |claims| claims["record"]["_sd"] = json!("x")),
        claims("presentation-digest-number", "A digest is a number.", |claims| claims["record"]["_sd"] = json!([1])),
        claims("presentation-digest-twice", "One digest stands in two places.", |claims| {
            claims["again"] = json!({ "_sd": [claims["record"]["_sd"][0]] });
        }),
        claims("presentation-element-with-more", "Something stands beside an array element's digest.", |claims| {
            claims["list"] = json!([{ "...": "x", "more": 1 }]);
        }),
        claims("presentation-name-taken", "A disclosed name stands there already.", |claims| {
            claims["record"]["number"] = json!("CĐ 1");
        }),
        case("presentation-not-json", "A disclosure is not JSON.", not_json),
        of_form("presentation-one-part", "A disclosure with a salt alone.", json!(["c2FsdA"])),
        of_form(
            "presentation-four-parts",
            "A disclosure with something behind its value.",
            json!(["c2FsdA", "number", "CĐ 1", 1]),
        ),
        of_form("presentation-object", "A disclosure that is no array.", json!({ "number": "CĐ 1" })),
        of_form("presentation-name-number", "A name that is a number.", json!(["c2FsdA", 1, "CĐ 1"])),
        of_form("presentation-salt-number", "A salt that is a number.", json!([1, "number", "CĐ 1"])),
        of_form("presentation-name-sd", "The name `_sd`.", json!(["c2FsdA", "_sd", []])),
        of_form("presentation-name-dots", "The name `...`.", json!(["c2FsdA", "...", "x"])),
        of_form(
            "presentation-element-in-object",
            "An array element's disclosure among an object's members.",
            element.clone(),
        ),
        case(
            "presentation-member-in-array",
            "An object member's disclosure in an array.",
            wallet.disclosing(&[&member], |claims| {
                claims["record"] = json!({});
                claims["list"] = json!([{ "...": digest_of(&member) }]);
            }),
        ),
        case(
            "presentation-unreferenced",
            "A disclosure that no digest refers to.",
            format!("{}{}~", wallet.credential, text_of(&json!(["c2FsdA", "more", 1]))),
        ),
        case("presentation-sent-twice", "A disclosure is sent twice.", format!("{}{first}~", wallet.credential)),
        case(
            "presentation-outer-missing",
            "A disclosure stands in another, which was not sent.",
            wallet.disclosing(&[&member], listed(&outer)),
        ),
    ]
}

/// Sections 7.1, steps 1, 2 and 6: the form, the signature, the validity.
fn tokens(wallet: &Wallet) -> Vec<Case> {
    let untrusted = |name, shows, text| bad(name, shows, text, Code::NoTrustedSignature, &["credential_signature"]);
    let late = |name, shows, change: fn(&mut Value)| {
        bad(name, shows, wallet.resigned(change), Code::Expired, &["credential_times"])
    };
    let (token, rest) = wallet.credential.split_once('~').expect("parts");
    let (signed, signature) = token.rsplit_once('.').expect("parts");
    let mut changed = decode_part(signature).expect("base64url");
    changed[9] ^= 1;
    let unsigned = wallet.headed(|header| header["alg"] = json!("none")).replacen(signature, "", 1);
    vec![
        bad("presentation-no-tilde", "The token alone.", token.to_owned(), Code::Malformed, &["credential_form"]),
        bad(
            "presentation-unsigned",
            "The header says that nobody signed, and nobody did.",
            unsigned,
            Code::Malformed,
            &["credential_form"],
        ),
        untrusted(
            "presentation-alg-none",
            "The header says that nobody signed, over the signature.",
            wallet.headed(|header| header["alg"] = json!("none")),
        ),
        untrusted(
            "presentation-alg-other",
            "The header names another algorithm than the key's.",
            wallet.headed(|header| header["alg"] = json!("ES256")),
        ),
        untrusted(
            "presentation-type-other",
            "The header names another type of token.",
            wallet.headed(|header| header["typ"] = json!("JWT")),
        ),
        untrusted(
            "presentation-key-unknown",
            "The header names a key that the anchor does not know.",
            wallet.headed(|header| header["kid"] = json!("00".repeat(32))),
        ),
        untrusted(
            "presentation-signature-changed",
            "One bit of the signature.",
            format!("{signed}.{}~{rest}", encode_part(&changed)),
        ),
        Case {
            at: NOW.plus_ms(3_600_000),
            ..bad(
                "presentation-expired",
                "Its `exp` has come.",
                wallet.credential.clone(),
                Code::Expired,
                &["credential_times"],
            )
        },
        late("presentation-without-exp", "It says no `exp`.", |claims| claims["exp"] = Value::Null),
        late("presentation-not-yet", "Its `nbf` is more than five minutes ahead.", |claims| {
            claims["nbf"] = json!(NOW.0 / 1_000 + 301);
        }),
    ]
}

/// Section 7.3: the key binding.
fn bindings(wallet: &Wallet) -> Vec<Case> {
    let whole = &wallet.credential;
    let bound_by = |nonce: &str, audience: &str, at: Timestamp, signer: &dyn Signer| {
        sign_binding(whole, nonce, audience, at, signer).expect("binds")
    };
    let stranger = Ed25519Signer::from_seed("holder", &Seed::root(78));
    let bound = bind(whole);
    let (_, binding) = bound.rsplit_once('~').expect("parts");
    let (_, behind) = binding.split_once('.').expect("parts");
    let none = encode_part(br#"{"alg":"none","typ":"kb+jwt"}"#);
    let of_type = |typ: &str| {
        let claims = json!({ "iat": NOW.0 / 1_000, "aud": AUDIENCE, "nonce": NONCE, "sd_hash":
            digest_of_text(whole) });
        format!("{whole}{}", jose::sign(typ, claims.as_object().expect("an object"), &holder()).expect("signs"))
    };
    vec![
        badly_bound("presentation-binding-missing", "There is none, and it was asked for.", whole.clone()),
        badly_bound(
            "presentation-binding-key",
            "Another key than the holder's.",
            bound_by(NONCE, AUDIENCE, NOW, &stranger),
        ),
        badly_bound(
            "presentation-binding-nonce",
            "The nonce of another request.",
            bound_by("another", AUDIENCE, NOW, &holder()),
        ),
        badly_bound(
            "presentation-binding-audience",
            "It was made for somebody else.",
            bound_by(NONCE, "https://shop.example.vn", NOW, &holder()),
        ),
        badly_bound(
            "presentation-binding-old",
            "It is more than ten minutes old.",
            bound_by(NONCE, AUDIENCE, NOW.plus_ms(-601_000), &holder()),
        ),
        badly_bound(
            "presentation-binding-ahead",
            "It is more than five minutes ahead.",
            bound_by(NONCE, AUDIENCE, NOW.plus_ms(302_000), &holder()),
        ),
        badly_bound(
            "presentation-binding-of-more",
            "Disclosures were taken away after it was bound.",
            format!("{}{binding}", wallet.showing(&["number"])),
        ),
        badly_bound("presentation-binding-type", "Another type of token.", of_type("JWT")),
        badly_bound(
            "presentation-binding-alg-none",
            "It says that nobody signed it.",
            format!("{whole}{none}.{behind}"),
        ),
    ]
}

/// What the credential says of its issuer, and beside its record.
fn agreements(wallet: &Wallet) -> Vec<Case> {
    let case = |name, shows, change: fn(&mut Value)| {
        bad(name, shows, wallet.resigned(change), Code::PayloadMismatch, &["record_agreement"])
    };
    let named = |iss: &'static str| wallet.resigned(move |claims| claims["iss"] = json!(iss));
    let misnamed = |name, shows, iss| bad(name, shows, named(iss), Code::IssuerMismatch, &["credential_signature"]);
    let lie = json!([encode_part(&[3; 32]), "number", "CĐ 999999"]);
    let lying = wallet.disclosing(&[&lie], |claims| claims["record"] = json!({ "_sd": [digest_of(&lie)] }));
    vec![
        good(
            "presentation-issuer-url",
            "The issuer is named by an https URL that ends with its origin.",
            &named("https://lienthong.example.vn/base/lienthong/H27/land"),
        ),
        misnamed(
            "presentation-issuer-url-other",
            "The URL ends with another origin.",
            "https://lienthong.example.vn/other-lienthong/H27/land",
        ),
        misnamed(
            "presentation-issuer-url-http",
            "The URL is not https.",
            "http://lienthong.example.vn/lienthong/H27/land",
        ),
        misnamed("presentation-issuer-url-no-host", "The URL is nothing but the origin.", "https://lienthong/H27/land"),
        case("presentation-vct-other", "Another type than the record's.", |claims| {
            claims["vct"] = json!("urn:lienthong:vct:vehicle.registration.v1");
        }),
        case("presentation-index-other", "Another status index than the statement's.", |claims| {
            claims["status"]["status_list"]["idx"] = json!(4);
        }),
        case("presentation-proof-missing", "There is no record in it.", |claims| claims["lienthong"] = Value::Null),
        case("presentation-leaf-changed", "A field's commitment is not among the leaves.", |claims| {
            claims["lienthong"]["leaves"][1] = json!(encode_part(&[0; 32]));
        }),
        bad(
            "presentation-value-other",
            "The issuer discloses another value than it signed into its log.",
            lying,
            Code::PayloadMismatch,
            &["record_agreement"],
        ),
        bad(
            "presentation-place-other",
            "Another place in the ledger than the path's.",
            wallet.resigned(|claims| claims["lienthong"]["ledger_proof"]["index"] = json!(2)),
            Code::Inclusion,
            &["ledger_inclusion"],
        ),
    ]
}

/// The key was rotated: nobody knows whether before or after the credential.
fn out_of_use(wallet: &Wallet) -> (String, String) {
    let mut anchor = wallet.world.anchor.clone();
    anchor.issuers[0].keys[0].state = KeyState::Rotated { event_index: 1_000 };
    let case = bad(
        "presentation-key-rotated",
        "The issuer's key was rotated, and a credential has no place in the ledger that says whether before or after.",
        wallet.credential.clone(),
        Code::NoPoe,
        &["credential_signature"],
    );
    file(&case, &anchor)
}

fn file(case: &Case, anchor: &TrustAnchor) -> (String, String) {
    let row = PresentationVector {
        format: "lienthong/presentation-vector/v1",
        name: case.name,
        shows: case.shows,
        at: case.at.to_string(),
        trust_anchor: raw(&anchor_text(anchor), "  "),
        nonce: case.asked.then_some(NONCE),
        audience: case.asked.then_some(AUDIENCE),
        presentation: &case.text,
        expected: Expected {
            exit_code: case.verdict.exit_code(),
            verdict: case.verdict.as_str(),
            code: case.verdict.code().map(Code::as_str),
            fails: case.fails,
        },
        in_words: Words::of(&case.text),
    };
    json_file(case.name, &row)
}
