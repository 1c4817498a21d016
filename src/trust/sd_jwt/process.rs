//! Verifying the issuer's part: RFC 9901 section 7.1, step by step.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Disclosure, ELEMENT, Presented, SD, SD_ALG, SdJwtError, seconds};
use crate::base::Timestamp;
use crate::base::limits::CLOCK_SKEW_MS_MAX;
use crate::trust::jose::Token;
use crate::trust::keys::PublicKey;

/// Deepest nesting of claims, through disclosures too.
const DEPTH_MAX: usize = 32;
/// Claims that decide about validity, status and binding: hidden, they would not be checked (SD-JWT VC section 3.2.2.2).
const NEVER_HIDDEN: [&str; 8] = ["iss", "nbf", "iat", "exp", "cnf", "vct", "status", "sub_jwk"];

/// An SD-JWT whose issuer's signature and disclosures were verified.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified {
    /// The claims, with the disclosed values put back and no trace of the rest.
    pub claims: Map<String, Value>,
    /// The disclosures.
    pub disclosed: Vec<Disclosed>,
}

/// One disclosure, put back where it belongs.
#[derive(Debug, Clone, PartialEq)]
pub struct Disclosed {
    /// The names above it, with `/` between them; empty at the top.
    pub parent: String,
    /// Its name; `None` for an array's element.
    pub name: Option<String>,
    /// The salt as it was written.
    pub salt: String,
    /// The value as it was written, before hidden parts were put back.
    pub value: Value,
}

impl Presented<'_> {
    /// Verifies signature, digests and disclosures (RFC 9901 section 7.1, steps 1 to 5) with the key of the issuer, who the caller has
    /// made sure is the right one. The validity is [`Verified::check_times`]'s matter.
    pub fn verify(&self, typ: &'static str, key: &PublicKey) -> Result<Verified, SdJwtError> {
        let mut claims = Token::parse(self.token)?.verify(typ, key)?;
        let refused = |why: &str| SdJwtError::Disclosures(why.to_owned());
        match claims.remove(SD_ALG) {
            None => {}
            Some(Value::String(name)) if name == "sha-256" => {}
            Some(_) => return Err(refused("`_sd_alg` is not sha-256")),
        }
        let mut by_digest = BTreeMap::new();
        for text in &self.disclosures {
            let disclosure = Disclosure::read(text)?;
            if by_digest.insert(disclosure.digest.clone(), disclosure).is_some() {
                return Err(refused("one is sent twice"));
            }
        }
        let mut process = Process { by_digest, met: BTreeSet::new(), disclosed: Vec::new(), path: Vec::new() };
        let claims = process.object(claims)?;
        if !process.by_digest.is_empty() {
            return Err(refused("one is not referred to"));
        }
        Ok(Verified { claims, disclosed: process.disclosed })
    }
}

impl Verified {
    /// A text among the claims.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name)?.as_str()
    }

    /// Whether it is valid at `now`, with five minutes for clocks that are ahead (section 7.1, step 6); `exp` must be there.
    pub fn check_times(&self, now: Timestamp) -> Result<(), SdJwtError> {
        let refused = |why: String| Err(SdJwtError::Validity(why));
        let claim = |name| seconds(&self.claims, name).map_err(SdJwtError::Validity);
        let (now_s, ahead_s) = (now.0.div_euclid(1_000), now.plus_ms(CLOCK_SKEW_MS_MAX).0.div_euclid(1_000));
        match claim("exp")? {
            None => return refused("`exp` is missing".into()),
            Some(exp) if exp <= now_s => return refused("it has expired".into()),
            Some(_) => {}
        }
        for name in ["nbf", "iat"] {
            if claim(name)?.is_some_and(|from| from > ahead_s) {
                return refused(format!("`{name}` is ahead of now"));
            }
        }
        Ok(())
    }
}

/// Replaces digests with their disclosures.
struct Process {
    /// Those that no digest was met of yet.
    by_digest: BTreeMap<String, Disclosure>,
    /// All digests that were met, with a disclosure or without.
    met: BTreeSet<String>,
    disclosed: Vec<Disclosed>,
    path: Vec<String>,
}

impl Process {
    fn value(&mut self, value: Value) -> Result<Value, SdJwtError> {
        if self.path.len() >= DEPTH_MAX {
            return refuse("they nest too deep");
        }
        match value {
            Value::Object(object) => self.object(object).map(Value::Object),
            Value::Array(items) => self.array(items).map(Value::Array),
            plain => Ok(plain),
        }
    }

    fn object(&mut self, mut object: Map<String, Value>) -> Result<Map<String, Value>, SdJwtError> {
        let digests = match object.remove(SD) {
            None => Vec::new(),
            Some(Value::Array(digests)) => digests,
            Some(_) => return refuse("an `_sd` is not an array"),
        };
        if object.contains_key(ELEMENT) {
            return refuse("`...` occurs outside an array element");
        }
        let mut whole = Map::new();
        for (name, value) in object {
            let value = self.under(&name, value)?;
            whole.insert(name, value);
        }
        for digest in digests {
            let Value::String(digest) = digest else { return refuse("a digest is not a string") };
            let Some(disclosure) = self.meet(digest)? else { continue };
            let Some(name) = disclosure.name.clone() else {
                return refuse("an array element's disclosure is used in an object");
            };
            if name == SD || name == ELEMENT {
                return refuse("a name is reserved");
            }
            if self.path.is_empty() && NEVER_HIDDEN.contains(&name.as_str()) {
                return refuse("a claim that decides validity was hidden");
            }
            if whole.contains_key(&name) {
                return refuse("a name occurs twice");
            }
            self.note(&disclosure);
            let value = self.under(&name, disclosure.value)?;
            whole.insert(name, value);
        }
        Ok(whole)
    }

    fn array(&mut self, items: Vec<Value>) -> Result<Vec<Value>, SdJwtError> {
        let mut whole = Vec::with_capacity(items.len());
        for item in items {
            let placeholder = item.as_object().filter(|object| object.contains_key(ELEMENT)).cloned();
            let Some(mut placeholder) = placeholder else {
                let item = self.under(ELEMENT, item)?;
                whole.push(item);
                continue;
            };
            let Some(Value::String(digest)) = placeholder.remove(ELEMENT) else {
                return refuse("a digest is not a string");
            };
            if !placeholder.is_empty() {
                return refuse("`...` is not the only member");
            }
            let Some(disclosure) = self.meet(digest)? else { continue };
            if disclosure.name.is_some() {
                return refuse("an object member's disclosure is used in an array");
            }
            self.note(&disclosure);
            let value = self.under(ELEMENT, disclosure.value)?;
            whole.push(value);
        }
        Ok(whole)
    }

    /// The disclosure of a digest; a digest may be met once only.
    fn meet(&mut self, digest: String) -> Result<Option<Disclosure>, SdJwtError> {
        let found = self.by_digest.remove(&digest);
        if !self.met.insert(digest) {
            return refuse("a digest appears twice");
        }
        Ok(found)
    }

    fn note(&mut self, disclosure: &Disclosure) {
        self.disclosed.push(Disclosed {
            parent: self.path.join("/"),
            name: disclosure.name.clone(),
            salt: disclosure.salt.clone(),
            value: disclosure.value.clone(),
        });
    }

    fn under(&mut self, name: &str, value: Value) -> Result<Value, SdJwtError> {
        self.path.push(name.to_owned());
        let value = self.value(value);
        self.path.pop();
        value
    }
}

fn refuse<T>(why: &str) -> Result<T, SdJwtError> {
    Err(SdJwtError::Disclosures(why.to_owned()))
}
