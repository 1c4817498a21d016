//! RFC 9901: what must verify does, and every negative of section 7 is refused.

use serde_json::{Map, Value, json};

use super::issue::Concealer;
use super::*;
use crate::base::{Seed, Timestamp};
use crate::trust::jose::{self, encode_part};
use crate::trust::{Ed25519Signer, P256Signer, PublicKey, Signer};

const NOW: Timestamp = Timestamp(1_800_000_000_000);
const TYPE: &str = "dc+sd-jwt";

fn issuer() -> Ed25519Signer {
    Ed25519Signer::from_seed("issuer", &Seed::root(1))
}

fn key(signer: &dyn Signer) -> PublicKey {
    PublicKey::new(signer.algorithm(), signer.public_key()).expect("a key")
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().expect("an object")
}

/// Signs claims as they stand, with these disclosures behind them.
fn signed(claims: Value, disclosures: &[&Value]) -> String {
    let token = jose::sign(TYPE, &object(claims), &issuer()).expect("signs");
    join(&token, disclosures.iter().map(|one| text_of(one)).collect::<Vec<_>>().iter().map(String::as_str))
}

fn text_of(disclosure: &Value) -> String {
    encode_part(disclosure.to_string().as_bytes())
}

fn digest_of(disclosure: &Value) -> String {
    digest(&text_of(disclosure))
}

fn verify(text: &str) -> Result<Verified, SdJwtError> {
    Presented::parse(text)?.verify(TYPE, &key(&issuer()))
}

fn refused(text: &str, why: &str) {
    let error = verify(text).expect_err(why).to_string();
    assert!(error.contains(why), "{error} instead of {why}");
}

/// A credential with a member, an element of an array, a member in a member, and a decoy.
fn credential(holder: &PublicKey) -> String {
    let mut hidden = Concealer::default();
    let mut address = object(json!({ "street": "Trần Phú", "commune": "18073" }));
    hidden.member(&mut address, "street", &[1; 16]).expect("hides");
    let mut classes = vec![json!("A1"), json!("B")];
    hidden.element(&mut classes, 1, &[2; 16]).expect("hides");
    let mut claims = object(json!({
        "iss": "x", "vct": "y", "exp": 1_900_000_000, "cnf": { "jwk": jose::to_jwk(holder) },
        "name": "An", "address": address, "classes": classes,
    }));
    hidden.member(&mut claims, "name", &[3; 16]).expect("hides");
    hidden.member(&mut claims, "address", &[4; 16]).expect("hides");
    hidden.decoy(&mut claims, &[5; 32]).expect("hides");
    hidden.seal(TYPE, claims, &issuer()).expect("signs")
}

#[test]
fn what_was_hidden_comes_back_where_it_was() {
    let holder = key(&issuer());
    let whole = credential(&holder);
    let verified = verify(&whole).expect("verifies");
    assert_eq!(verified.claims["address"], json!({ "street": "Trần Phú", "commune": "18073" }));
    assert_eq!((&verified.claims["name"], &verified.claims["classes"]), (&json!("An"), &json!(["A1", "B"])));
    assert!(!verified.claims.contains_key("_sd") && !verified.claims.contains_key("_sd_alg"));
    verified.check_times(NOW).expect("in force");

    let presented = Presented::parse(&whole).expect("parses");
    let none = verify(&presented.select(|_, _| false).expect("selects")).expect("verifies");
    assert_eq!((none.claims.get("name"), &none.claims["classes"]), (None, &json!(["A1"])));
    // the street stands in the address, which comes with it
    let street = presented.select(|name, _| name == Some("street")).expect("selects");
    let street = verify(&street).expect("verifies");
    assert_eq!(street.claims["address"]["street"], "Trần Phú");
    assert!(!street.claims.contains_key("name"));
    assert_eq!(
        street.disclosed.iter().filter_map(|one| one.name.as_deref()).collect::<Vec<_>>(),
        ["address", "street"]
    );
    assert_eq!(street.disclosed[1].parent, "address");
}

#[test]
fn every_negative_of_section_7_1_is_refused() {
    let name = json!(["salt", "name", "An"]);
    let element = json!(["salt", "An"]);
    let base = |sd: Value| json!({ "_sd": sd, "exp": 1_900_000_000 });
    // step 2: signature and algorithm
    let good = signed(base(json!([digest_of(&name)])), &[&name]);
    verify(&good).expect("verifies");
    let (_, rest) = good.split_once('.').expect("parts");
    for header in
        [json!({ "alg": "none", "typ": TYPE }), json!({ "alg": "ES256", "typ": TYPE }), json!({ "alg": "EdDSA" })]
    {
        let forged = format!("{}.{rest}", encode_part(header.to_string().as_bytes()));
        verify(&forged).expect_err("a forged header");
    }
    let other = Ed25519Signer::from_seed("other", &Seed::root(2));
    Presented::parse(&good).expect("parses").verify(TYPE, &key(&other)).expect_err("another key");
    // _sd_alg: understood and secure
    for algorithm in [json!("sha-512"), json!("md5"), json!(""), json!(256), Value::Null] {
        let claims = json!({ "_sd": [digest_of(&name)], "_sd_alg": algorithm });
        refused(&signed(claims, &[&name]), "`_sd_alg`");
    }
    // step 3: forms of _sd, `...` and disclosures
    refused(&signed(base(json!("x")), &[]), "an `_sd` is not an array");
    refused(&signed(base(json!([1])), &[]), "a digest is not a string");
    refused(&signed(json!({ "a": [{ "...": 1 }] }), &[]), "a digest is not a string");
    refused(&signed(json!({ "a": [{ "...": "x", "b": 1 }] }), &[]), "not the only member");
    refused(&signed(json!({ "a": { "...": "x" } }), &[]), "outside an array element");
    for (bad, why) in [
        (json!(["salt"]), "two or three"),
        (json!(["salt", "name", "An", 1]), "two or three"),
        (json!({ "salt": "name" }), "not a JSON array"),
        (json!(["salt", 1, "An"]), "a name is not a string"),
        (json!([1, "name", "An"]), "a salt is not a string"),
        (json!(["salt", "_sd", []]), "reserved"),
        (json!(["salt", "...", "x"]), "reserved"),
        (json!(["salt", "exp", 1]), "decides validity"),
    ] {
        refused(&signed(base(json!([digest_of(&bad)])), &[&bad]), why);
    }
    refused(
        &signed(base(json!([digest_of(&element)])), &[&element]),
        "an array element's disclosure is used in an object",
    );
    refused(
        &signed(json!({ "a": [{ "...": digest_of(&name) }] }), &[&name]),
        "an object member's disclosure is used in an array",
    );
    let taken = json!({ "_sd": [digest_of(&name)], "name": "Bình" });
    refused(&signed(taken, &[&name]), "a name occurs twice");
    let again = json!(["other", "name", "Bình"]);
    refused(&signed(base(json!([digest_of(&name), digest_of(&again)])), &[&name, &again]), "a name occurs twice");
    // step 4: a digest more than once, directly, without a disclosure, and through another disclosure
    refused(&signed(base(json!([digest_of(&name), digest_of(&name)])), &[&name]), "appears twice");
    refused(&signed(base(json!(["x", "x"])), &[]), "appears twice");
    refused(&signed(json!({ "_sd": ["x"], "a": [{ "...": "x" }] }), &[]), "appears twice");
    let nested = json!(["salt", "outer", { "_sd": [digest_of(&name)] }]);
    let both = base(json!([digest_of(&nested), digest_of(&name)]));
    refused(&signed(both, &[&nested, &name]), "appears twice");
    // step 5: disclosures that nothing refers to, or sent twice
    refused(&signed(base(json!([digest_of(&name)])), &[&name, &again]), "not referred to");
    refused(&signed(json!({}), &[&name]), "not referred to");
    refused(&signed(base(json!([digest_of(&name)])), &[&name, &name]), "sent twice");
    refused(&signed(base(json!(["x"])), &[&nested, &name]), "not referred to");
    // one that stands only in a disclosure which is not sent
    refused(&signed(base(json!([digest_of(&nested)])), &[&name]), "not referred to");
}

#[test]
fn every_validity_is_checked() {
    let check = |claims: Value| verify(&signed(claims, &[])).expect("verifies").check_times(NOW);
    let now = NOW.0 / 1_000;
    check(json!({ "exp": now + 1, "nbf": now, "iat": now })).expect("in force");
    check(json!({ "exp": now + 1, "nbf": now + 299 })).expect("clocks differ");
    for bad in [
        json!({}),
        json!({ "exp": now }),
        json!({ "exp": "never" }),
        json!({ "exp": now + 1, "nbf": now + 301 }),
        json!({ "exp": now + 1, "iat": now + 301 }),
        json!({ "exp": now + 1, "iat": [] }),
    ] {
        check(bad.clone()).expect_err(&bad.to_string());
    }
}

#[test]
fn every_negative_of_section_7_3_is_refused() {
    let p256 = P256Signer::from_pkcs8("h", &P256Signer::generate_pkcs8().expect("a key")).expect("a key");
    let ed25519 = Ed25519Signer::from_seed("h", &Seed::root(9));
    for (holder, other) in [(&p256 as &dyn Signer, &ed25519 as &dyn Signer), (&ed25519, &p256)] {
        let whole = credential(&key(holder));
        let asked = Binding { nonce: "n-1".into(), audience: "https://a.vn".into(), age_s_max: 300 };
        let check = |text: &str, asked: &Binding, now: Timestamp| {
            let presented = Presented::parse(text)?;
            let verified = presented.verify(TYPE, &key(&issuer()))?;
            presented.verify_binding(&verified.claims, asked, now)
        };
        let bound = sign_binding(&whole, "n-1", "https://a.vn", NOW, holder).expect("binds");
        check(&bound, &asked, NOW).expect("verifies");
        check(&bound, &asked, NOW.plus_ms(300_000)).expect("young enough");
        // none though wanted; another key; another nonce; another verifier; too old; ahead
        check(&whole, &asked, NOW).expect_err("no key binding");
        let foreign = sign_binding(&whole, "n-1", "https://a.vn", NOW, other).expect("binds");
        check(&foreign, &asked, NOW).expect_err("another key");
        check(&bound, &Binding { nonce: "n-2".into(), ..asked.clone() }, NOW).expect_err("another nonce");
        check(&bound, &Binding { audience: "https://b.vn".into(), ..asked.clone() }, NOW)
            .expect_err("another verifier");
        check(&bound, &asked, NOW.plus_ms(302_000)).expect_err("too old");
        check(&bound, &asked, NOW.plus_ms(-302_000)).expect_err("ahead");
        // disclosures taken away, moved or added under the same binding
        let (_, binding) = bound.rsplit_once('~').expect("parts");
        let less = Presented::parse(&whole).expect("parses").select(|name, _| name == Some("name")).expect("selects");
        check(&format!("{less}{binding}"), &asked, NOW).expect_err("something else was presented");
        let mut parts: Vec<&str> = whole.trim_end_matches('~').split('~').collect();
        parts[1..].reverse();
        check(&format!("{}~{binding}", parts.join("~")), &asked, NOW).expect_err("another order");
        // claims of the binding token that are missing or of another kind, another type, no algorithm
        let claims = |change: &dyn Fn(&mut Value)| {
            let mut claims =
                json!({ "iat": NOW.0 / 1_000, "aud": "https://a.vn", "nonce": "n-1", "sd_hash": digest(&whole) });
            change(&mut claims);
            object(claims)
        };
        let with = |typ: &str, claims: &Map<String, Value>| {
            format!("{whole}{}", jose::sign(typ, claims, holder).expect("signs"))
        };
        check(&with("kb+jwt", &claims(&|_| ())), &asked, NOW).expect("verifies");
        check(&with("jwt", &claims(&|_| ())), &asked, NOW).expect_err("another type");
        for name in ["iat", "aud", "nonce", "sd_hash"] {
            let without = claims(&|claims| claims[name] = Value::Null);
            check(&with("kb+jwt", &without), &asked, NOW).expect_err(name);
        }
        let many = claims(&|claims| claims["aud"] = json!(["https://a.vn", "https://b.vn"]));
        check(&with("kb+jwt", &many), &asked, NOW).expect_err("two audiences");
        let expired = claims(&|claims| claims["exp"] = json!(NOW.0 / 1_000));
        check(&with("kb+jwt", &expired), &asked, NOW).expect_err("expired");
        let (_, rest) = binding.split_once('.').expect("parts");
        let none = encode_part(br#"{"alg":"none","typ":"kb+jwt"}"#);
        check(&format!("{whole}{none}.{rest}"), &asked, NOW).expect_err("no algorithm");
    }
    // no key to bind to
    let loose = signed(json!({ "exp": 1_900_000_000 }), &[]);
    let bound = sign_binding(&loose, "n", "a", NOW, &ed25519).expect("binds");
    let asked = Binding { nonce: "n".into(), audience: "a".into(), age_s_max: 300 };
    let presented = Presented::parse(&bound).expect("parses");
    presented.verify_binding(&verify(&bound).expect("verifies").claims, &asked, NOW).expect_err("no key");
}

#[test]
fn forms_and_limits() {
    for bad in ["", "a.b.c", "~", "a.b.c~~", &format!("a.b.c~{}", "AA~".repeat(DISCLOSURES_MAX + 1))] {
        assert!(Presented::parse(bad).and_then(|one| one.verify(TYPE, &key(&issuer()))).is_err(), "{bad:.20}");
    }
    assert!(Presented::parse(&format!("{}~", "a".repeat(SD_JWT_CHARS_MAX))).is_err());
    // nesting without end
    let mut inner = json!(["s", "x", 1]);
    let mut all = vec![inner.clone()];
    for n in 0..40 {
        inner = json!([n.to_string(), "x", { "_sd": [digest_of(&inner)] }]);
        all.push(inner.clone());
    }
    let text = signed(json!({ "_sd": [digest_of(&inner)] }), &all.iter().collect::<Vec<_>>());
    refused(&text, "nest too deep");
}

#[test]
fn no_change_of_one_character_verifies() {
    let holder = Ed25519Signer::from_seed("h", &Seed::root(9));
    let whole = credential(&key(&holder));
    let bound = sign_binding(&whole, "n", "a", NOW, &holder).expect("binds");
    let asked = Binding { nonce: "n".into(), audience: "a".into(), age_s_max: 300 };
    let check = |text: &str| {
        let presented = Presented::parse(text)?;
        let verified = presented.verify(TYPE, &key(&issuer()))?;
        presented.verify_binding(&verified.claims, &asked, NOW)
    };
    check(&bound).expect("verifies");
    for at in 0..bound.len() {
        let mut changed = bound.clone().into_bytes();
        changed[at] = if changed[at] == b'Q' { b'R' } else { b'Q' };
        assert!(check(&String::from_utf8(changed).expect("ASCII")).is_err(), "{at}");
    }
}
