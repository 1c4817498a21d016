//! Selective disclosure for JSON Web Tokens: SD-JWT (RFC 9901), issued, presented and verified.
//!
//! ```text
//! <issuer-signed token> ~ <disclosure> ~ … ~ <disclosure> ~ [<key binding token>]
//! ```
//!
//! The issuer takes members out of the claims and leaves their digests in `_sd` (or, for an array's elements, objects with the one
//! name `...`); each disclosure is base64url of a JSON array `[salt, name, value]`, or `[salt, value]` for an element. Digests
//! without a disclosure stay hidden; some may be decoys. The holder signs the key binding token over all that was presented,
//! the verifier's nonce and its name, with the key in the claim `cnf`.
//!
//! The refusals that section 7 demands happen here, and are not left to callers: a disclosure that nothing refers to or that is sent
//! twice, a digest that appears twice, a disclosure of the other kind, the names `_sd` and `...`, a name that is there
//! already, another `_sd_alg` than SHA-256, another algorithm than the key's. [`Presented::verify`] is section 7.1,
//! [`Presented::verify_binding`] the key binding part of section 7.3, [`issue`] and [`Presented::select`] are sections 5 and 6.
//!
//! Limits: RFC 9901 lets claims nest through disclosures without end; here not deeper than 32.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::jose::{Token, TokenError};

mod binding;
pub mod issue;
mod process;
#[cfg(test)]
mod tests;

pub use binding::{Binding, sign_binding};
pub use process::{Disclosed, Verified};

/// The longest SD-JWT, in characters.
pub const SD_JWT_CHARS_MAX: usize = 512 << 10;
/// Most disclosures of one SD-JWT.
pub const DISCLOSURES_MAX: usize = 1_024;

const SD: &str = "_sd";
const SD_ALG: &str = "_sd_alg";
const ELEMENT: &str = "...";

/// The reason why an SD-JWT is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SdJwtError {
    /// It does not have the form of one.
    #[error("not an SD-JWT: {0}")]
    Malformed(String),
    /// A token in it does not verify.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Disclosures and digests are not as RFC 9901 section 7.1 requires.
    #[error("the disclosures are refused: {0}")]
    Disclosures(String),
    /// It is not valid yet, or no longer, or does not say so.
    #[error("the validity is refused: {0}")]
    Validity(String),
    /// It is not bound to its presenter.
    #[error("the key binding is refused: {0}")]
    Binding(String),
}

/// An SD-JWT taken apart; nothing in it is verified yet.
#[derive(Debug, Clone)]
pub struct Presented<'a> {
    token: &'a str,
    disclosures: Vec<&'a str>,
    binding: Option<&'a str>,
    /// All but the key binding token: the text that this token covers.
    bound: &'a str,
}

impl<'a> Presented<'a> {
    /// Takes an SD-JWT apart.
    pub fn parse(text: &'a str) -> Result<Self, SdJwtError> {
        let malformed = |why: &str| Err(SdJwtError::Malformed(why.to_owned()));
        if text.len() > SD_JWT_CHARS_MAX {
            return malformed("too long");
        }
        let Some((before, last)) = text.rsplit_once('~') else { return malformed("there is no `~`") };
        let bound = &text[..=before.len()];
        let mut parts = before.split('~');
        let token = parts.next().unwrap_or_default();
        let disclosures: Vec<&str> = parts.take(DISCLOSURES_MAX + 1).collect();
        if disclosures.len() > DISCLOSURES_MAX {
            return malformed("too many disclosures");
        }
        if disclosures.contains(&"") {
            return malformed("an empty disclosure");
        }
        if !last.is_empty() {
            Token::parse(last)?; // a key binding token, whoever asks for one
        }
        Ok(Self { token, disclosures, binding: (!last.is_empty()).then_some(last), bound })
    }

    /// The token that the issuer signed.
    pub fn token(&self) -> &'a str {
        self.token
    }

    /// The names of the members that can be shown, in the order of their disclosures.
    pub fn names(&self) -> Result<Vec<String>, SdJwtError> {
        self.disclosures.iter().filter_map(|text| Disclosure::read(text).map(|one| one.name).transpose()).collect()
    }

    /// Whether there is a key binding token.
    pub fn is_bound(&self) -> bool {
        self.binding.is_some()
    }

    /// The required `sd_hash` of a key binding token.
    pub fn sd_hash(&self) -> String {
        digest(self.bound)
    }

    /// The same with those disclosures only that `wanted` takes (by name; `None` for an array's element), and those that they
    /// stand in. Without a key binding token: that is over what is presented.
    pub fn select(&self, wanted: impl Fn(Option<&str>, &Value) -> bool) -> Result<String, SdJwtError> {
        let read = self.disclosures.iter().map(|text| Disclosure::read(text)).collect::<Result<Vec<_>, _>>()?;
        let mut chosen: Vec<bool> = read.iter().map(|one| wanted(one.name.as_deref(), &one.value)).collect();
        // A disclosure that stands in another needs that one too, and so on upwards.
        loop {
            let mut grown = false;
            for inner in 0..read.len() {
                for outer in 0..read.len() {
                    if chosen[inner] && !chosen[outer] && refers_to(&read[outer].value, &read[inner].digest) {
                        chosen[outer] = true;
                        grown = true;
                    }
                }
            }
            if !grown {
                break;
            }
        }
        let kept = self.disclosures.iter().zip(chosen).filter(|(_, chosen)| *chosen).map(|(text, _)| *text);
        Ok(join(self.token, kept))
    }
}

/// Token and disclosures as an SD-JWT without key binding.
fn join<'a>(token: &str, disclosures: impl Iterator<Item = &'a str>) -> String {
    let mut text = format!("{token}~");
    disclosures.for_each(|disclosure| text.extend([disclosure, "~"]));
    text
}

/// A disclosure that was read.
#[derive(Debug, Clone)]
struct Disclosure {
    digest: String,
    salt: String,
    /// `None` for an array's element.
    name: Option<String>,
    value: Value,
}

impl Disclosure {
    fn read(text: &str) -> Result<Self, SdJwtError> {
        let refused = |why: &str| SdJwtError::Disclosures(why.to_owned());
        let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| refused("one is not base64url"))?;
        let json = super::json::parse(&json).map_err(|why| refused(&format!("one is not JSON ({why})")))?;
        let Value::Array(parts) = json else { return Err(refused("one is not a JSON array")) };
        let (salt, name, value) = match <[Value; 2]>::try_from(parts) {
            Ok([salt, value]) => (salt, None, value),
            Err(parts) => match <[Value; 3]>::try_from(parts) {
                Ok([salt, Value::String(name), value]) => (salt, Some(name), value),
                Ok(_) => return Err(refused("a name is not a string")),
                Err(_) => return Err(refused("one does not have two or three elements")),
            },
        };
        let Value::String(salt) = salt else { return Err(refused("a salt is not a string")) };
        Ok(Self { digest: digest(text), salt, name, value })
    }
}

/// Whether `value` holds the digest, in `_sd` or as an array's element.
fn refers_to(value: &Value, digest: &str) -> bool {
    match value {
        Value::Object(object) => object.iter().any(|(name, value)| {
            let listed = || value.as_array().is_some_and(|list| list.iter().any(|one| one.as_str() == Some(digest)));
            (name == SD && listed()) || (name == ELEMENT && value.as_str() == Some(digest)) || refers_to(value, digest)
        }),
        Value::Array(items) => items.iter().any(|item| refers_to(item, digest)),
        _ => false,
    }
}

/// SHA-256 of ASCII text, base64url.
fn digest(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(text.as_bytes()))
}

/// A number of seconds in a claim; `None` when the claim is missing, an error when it is something else.
fn seconds(claims: &Map<String, Value>, name: &str) -> Result<Option<i64>, String> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let number = value.as_i64().or_else(|| value.as_f64().map(|number| number as i64));
    number.map(Some).ok_or_else(|| format!("`{name}` is not a number"))
}
