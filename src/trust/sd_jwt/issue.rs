//! Issuing: taking members out of claims, and signing the rest.

use serde_json::{Map, Value, json};

use super::{ELEMENT, SD, SD_ALG, digest, join};
use crate::base::{Error, Result};
use crate::trust::jose::{self, encode_part};
use crate::trust::keys::Signer;

/// An SD-JWT in the making: which disclosures were taken out so far.
#[derive(Debug, Clone, Default)]
pub struct Concealer {
    disclosures: Vec<String>,
}

impl Concealer {
    /// Takes a member out of an object. The salt must be new, and at least 128 bits of chance. Fails when there is no such
    /// member, or when it may not be hidden.
    pub fn member(&mut self, object: &mut Map<String, Value>, name: &str, salt: &[u8]) -> Result<()> {
        if name == SD || name == ELEMENT {
            return Err(Error::bug("a reserved name cannot be hidden"));
        }
        let value = object.remove(name).ok_or_else(|| Error::bug("there is no such member to hide"))?;
        let digest = self.keep(&json!([encode_part(salt), name, value]))?;
        add_digest(object, digest)
    }

    /// Takes an element out of an array.
    pub fn element(&mut self, array: &mut [Value], at: usize, salt: &[u8]) -> Result<()> {
        let place = array.get_mut(at).ok_or_else(|| Error::bug("there is no such element to hide"))?;
        let digest = self.keep(&json!([encode_part(salt), place.take()]))?;
        *place = json!({ ELEMENT: digest });
        Ok(())
    }

    /// Adds a digest of nothing, so that nobody can count what is hidden. `chance` must be new.
    pub fn decoy(&mut self, object: &mut Map<String, Value>, chance: &[u8; 32]) -> Result<()> {
        add_digest(object, digest(&encode_part(chance)))
    }

    /// Signs the claims, and appends all disclosures.
    pub fn seal(self, typ: &str, mut claims: Map<String, Value>, signer: &dyn Signer) -> Result<String> {
        claims.insert(SD_ALG.to_owned(), "sha-256".into());
        let token = jose::sign(typ, &claims, signer)?;
        Ok(join(&token, self.disclosures.iter().map(String::as_str)))
    }

    fn keep(&mut self, disclosure: &Value) -> Result<String> {
        let text = encode_part(&serde_json::to_vec(disclosure).map_err(Error::bug)?);
        let digest = digest(&text);
        self.disclosures.push(text);
        Ok(digest)
    }
}

/// Digests are kept in order of their own, which says nothing about the members' order.
fn add_digest(object: &mut Map<String, Value>, digest: String) -> Result<()> {
    let list = object.entry(SD).or_insert_with(|| json!([]));
    let list = list.as_array_mut().ok_or_else(|| Error::bug("`_sd` is not a list"))?;
    let at = list.partition_point(|other| other.as_str() < Some(digest.as_str()));
    list.insert(at, digest.into());
    Ok(())
}
