//! Key binding: the holder's signature over the presentation, its audience and its time (RFC 9901 sections 4.3 and 7.3).

use serde_json::{Map, Value, json};

use super::{Presented, SdJwtError, seconds};
use crate::base::limits::CLOCK_SKEW_MS_MAX;
use crate::base::{Error, Result, Timestamp};
use crate::trust::jose::{self, Token};
use crate::trust::keys::Signer;

const TYPE: &str = "kb+jwt";

/// The request of a verifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Its nonce: a presentation made for another request has another.
    pub nonce: String,
    /// Its name.
    pub audience: String,
    /// How old the binding may be, in seconds.
    pub age_s_max: u32,
}

impl Presented<'_> {
    /// Verifies the key binding against `claims`, those that [`verify`](Presented::verify) gave. Fails when there is none.
    pub fn verify_binding(
        &self,
        claims: &Map<String, Value>,
        asked: &Binding,
        now: Timestamp,
    ) -> Result<(), SdJwtError> {
        let refused = |why: &str| SdJwtError::Binding(why.to_owned());
        let text = self.binding.ok_or_else(|| refused("the key binding token is missing"))?;
        let jwk = claims.get("cnf").and_then(|cnf| cnf.get("jwk")).ok_or_else(|| refused("`cnf` contains no key"))?;
        let key = jose::from_jwk(jwk).map_err(|error| refused(&error.to_string()))?;
        let bound = Token::parse(text).and_then(|token| token.verify(TYPE, &key));
        let bound = bound.map_err(|error| refused(&error.to_string()))?;
        let is = |name: &str, expected: &str| bound.get(name).and_then(Value::as_str) == Some(expected);
        if !is("sd_hash", &self.sd_hash()) {
            return Err(refused("it does not cover this presentation"));
        }
        if !is("nonce", &asked.nonce) {
            return Err(refused("it has another nonce"));
        }
        if !is("aud", &asked.audience) {
            return Err(refused("it is addressed to another verifier"));
        }
        let claim = |name| seconds(&bound, name).map_err(SdJwtError::Binding);
        let now_s = now.0.div_euclid(1_000);
        let ahead_s = now_s + CLOCK_SKEW_MS_MAX / 1_000;
        match claim("iat")? {
            None => return Err(refused("`iat` is missing")),
            Some(iat) if iat > ahead_s => return Err(refused("it is ahead of now")),
            Some(iat) if now_s.saturating_sub(iat) > i64::from(asked.age_s_max) => {
                return Err(refused("it is too old"));
            }
            Some(_) => {}
        }
        if claim("exp")?.is_some_and(|exp| exp <= now_s) || claim("nbf")?.is_some_and(|nbf| nbf > ahead_s) {
            return Err(refused("it is not valid now"));
        }
        Ok(())
    }
}

/// Binds an SD-JWT (which ends with `~`) to its holder's key for one verifier.
pub fn sign_binding(sd_jwt: &str, nonce: &str, audience: &str, now: Timestamp, holder: &dyn Signer) -> Result<String> {
    if !sd_jwt.ends_with('~') {
        return Err(Error::bug("an SD-JWT that is to be bound ends with `~`"));
    }
    let claims = json!({
        "iat": now.0.div_euclid(1_000),
        "aud": audience,
        "nonce": nonce,
        "sd_hash": super::digest(sd_jwt),
    });
    let Value::Object(claims) = claims else { return Err(Error::bug("claims are an object")) };
    Ok(format!("{sd_jwt}{}", jose::sign(TYPE, &claims, holder)?))
}
