//! Proof of possession: the applicant for a credential shows that the key to which it will be bound is theirs.
//!
//! The form is that of OpenID for Verifiable Credential Issuance, section "jwt proof type", so that wallets have it: `typ` is
//! `openid4vci-proof+jwt`; the header has the key, either as `jwk` or as a `did:jwk` in `kid`; claims `aud` (the issuer, alone or in a list),
//! `nonce` (the issuer's), `iat`.

use serde_json::{Value, json};

use crate::base::limits::CLOCK_SKEW_MS_MAX;
use crate::base::{Error, Result, Timestamp};
use crate::trust::jose::{self, Token, TokenError};
use crate::trust::keys::{PublicKey, Signer};

const TYPE: &str = "openid4vci-proof+jwt";
/// The longest proof, in characters.
const PROOF_CHARS_MAX: usize = 8_192;

/// A proof that verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Possession {
    /// The key.
    pub key: PublicKey,
    /// The nonce in it, which the caller still has to judge.
    pub nonce: String,
}

/// Makes a proof.
pub fn sign(nonce: &str, audience: &str, now: Timestamp, holder: &dyn Signer) -> Result<String> {
    let key = PublicKey::new(holder.algorithm(), holder.public_key()).map_err(Error::bug)?;
    let claims = json!({ "aud": audience, "iat": now.0.div_euclid(1_000), "nonce": nonce });
    let Value::Object(claims) = claims else { return Err(Error::bug("claims are an object")) };
    jose::sign_naming(TYPE, ("jwk", jose::to_jwk(&key)), &claims, holder)
}

/// Verifies a proof for one of the issuer's names, `audiences`, not older than `age_s_max` seconds.
pub fn verify(text: &str, audiences: &[&str], age_s_max: i64, now: Timestamp) -> Result<Possession, TokenError> {
    let refused = |why: &str| TokenError::Malformed(why.to_owned());
    if text.len() > PROOF_CHARS_MAX {
        return Err(refused("too long"));
    }
    let token = Token::parse(text)?;
    // Only here is a key taken from a header: the proof is exactly that its sender has it.
    let key = match (token.header_value("jwk"), token.header_value("kid")) {
        (Some(jwk), None) => jose::from_jwk(jwk)?,
        (None, Some(kid)) => jose::from_did_jwk(kid.as_str().unwrap_or_default())?,
        (Some(_), Some(_)) => return Err(refused("the header has both `jwk` and `kid`")),
        (None, None) => return Err(refused("the header has neither `jwk` nor a `did:jwk` in `kid`")),
    };
    let claims = token.verify(TYPE, &key)?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let is_ours = |value: &Value| value.as_str().is_some_and(|name| audiences.contains(&name));
    // One name or a list of names (RFC 7519, section 4.1.3).
    if !claims
        .get("aud")
        .is_some_and(|aud| is_ours(aud) || aud.as_array().is_some_and(|names| names.iter().any(is_ours)))
    {
        return Err(refused("`aud` names another audience"));
    }
    let (now_s, iat) = (now.0.div_euclid(1_000), claims.get("iat").and_then(Value::as_i64));
    if !iat.is_some_and(|iat| iat <= now_s + CLOCK_SKEW_MS_MAX / 1_000 && now_s.saturating_sub(iat) <= age_s_max) {
        return Err(refused("`iat` is missing, too old or ahead of now"));
    }
    let nonce = text("nonce").ok_or_else(|| refused("`nonce` is missing"))?.to_owned();
    Ok(Possession { key, nonce })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Seed;
    use crate::trust::{Ed25519Signer, P256Signer};

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    #[test]
    fn a_proof_is_of_its_own_key_for_one_issuer_and_a_short_time() {
        let p256 = P256Signer::from_pkcs8("h", &P256Signer::generate_pkcs8().expect("a key")).expect("a key");
        let ed25519 = Ed25519Signer::from_seed("h", &Seed::root(9));
        for (holder, other) in [(&p256 as &dyn Signer, &ed25519 as &dyn Signer), (&ed25519, &p256)] {
            let proof = sign("n", "a", NOW, holder).expect("signs");
            let found = verify(&proof, &["a"], 300, NOW).expect("verifies");
            assert_eq!((found.key.bytes(), found.nonce.as_str()), (holder.public_key(), "n"));
            verify(&proof, &["b"], 300, NOW).expect_err("for another issuer");
            verify(&proof, &["a"], 300, NOW.plus_ms(301_000)).expect_err("too old");
            verify(&proof, &["a"], 300, NOW.plus_ms(-301_000)).expect_err("ahead");
            // another key's signature under this key's header
            let foreign = sign("n", "a", NOW, other).expect("signs");
            let (header, _) = proof.split_once('.').expect("parts");
            let (_, rest) = foreign.split_once('.').expect("parts");
            verify(&format!("{header}.{rest}"), &["a"], 300, NOW).expect_err("another key");
        }
        verify(&"a".repeat(PROOF_CHARS_MAX + 1), &["a"], 300, NOW).expect_err("too long");
    }

    #[test]
    fn the_audience_may_be_a_list_and_the_key_a_did() {
        let holder = Ed25519Signer::from_seed("h", &Seed::root(9));
        let jwk = jose::to_jwk(&PublicKey::new(holder.algorithm(), holder.public_key()).expect("a key"));
        let did = format!("did:jwk:{}#0", jose::encode_part(jwk.to_string().as_bytes()));
        let prove = |aud: Value, name: &str, of_key: Value| {
            let claims = json!({ "aud": aud, "iat": NOW.0 / 1_000, "nonce": "n" });
            let proof = jose::sign_naming(TYPE, (name, of_key), claims.as_object().expect("an object"), &holder);
            verify(&proof.expect("signs"), &["a", "https://a.example"], 300, NOW).map(|found| found.key)
        };
        let bytes = |found: PublicKey| found.bytes().to_vec();
        for aud in [json!("a"), json!("https://a.example"), json!(["a"]), json!(["b", "https://a.example", 7])] {
            for (name, of_key) in [("jwk", jwk.clone()), ("kid", json!(did))] {
                let found = prove(aud.clone(), name, of_key).map(bytes);
                assert_eq!(found, Ok(holder.public_key().to_vec()), "{aud} {name}");
            }
        }
        for aud in [json!("b"), json!([]), json!(["b"]), json!([["a"]]), json!({ "a": "a" }), json!(null)] {
            prove(aud.clone(), "jwk", jwk.clone()).expect_err(&aud.to_string());
        }
        for kid in [json!("1"), json!("did:web:a.example#0"), json!(7), json!(null)] {
            prove(json!("a"), "kid", kid.clone()).expect_err(&kid.to_string());
        }
    }
}
