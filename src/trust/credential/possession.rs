//! Proof of possession: who wants a credential shows that the key it shall be bound to is theirs.
//!
//! The form is that of OpenID for Verifiable Credential Issuance, section "jwt proof type", so that wallets have it: `typ` is
//! `openid4vci-proof+jwt`, the header's `jwk` is the key; claims `aud` (the issuer), `nonce` (the issuer's), `iat`.

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

/// Verifies a proof for `audience`, not older than `age_s_max` seconds.
pub fn verify(text: &str, audience: &str, age_s_max: i64, now: Timestamp) -> Result<Possession, TokenError> {
    let refused = |why: &str| TokenError::Malformed(why.to_owned());
    if text.len() > PROOF_CHARS_MAX {
        return Err(refused("too long"));
    }
    let token = Token::parse(text)?;
    // Only here is a key taken from a header: the proof is exactly that its sender has it.
    let key = jose::from_jwk(token.header_value("jwk").ok_or_else(|| refused("the header has no `jwk`"))?)?;
    let claims = token.verify(TYPE, &key)?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("aud") != Some(audience) {
        return Err(refused("`aud` is somebody else"));
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
            let found = verify(&proof, "a", 300, NOW).expect("verifies");
            assert_eq!((found.key.bytes(), found.nonce.as_str()), (holder.public_key(), "n"));
            verify(&proof, "b", 300, NOW).expect_err("for another issuer");
            verify(&proof, "a", 300, NOW.plus_ms(301_000)).expect_err("too old");
            verify(&proof, "a", 300, NOW.plus_ms(-301_000)).expect_err("ahead");
            // another key's signature under this key's header
            let foreign = sign("n", "a", NOW, other).expect("signs");
            let (header, _) = proof.split_once('.').expect("parts");
            let (_, rest) = foreign.split_once('.').expect("parts");
            verify(&format!("{header}.{rest}"), "a", 300, NOW).expect_err("another key");
        }
        verify(&"a".repeat(PROOF_CHARS_MAX + 1), "a", 300, NOW).expect_err("too long");
    }
}
