//! The record ledger's entry for a published status list (type 4): which list it was, without the list.

use sha2::{Digest as _, Sha256};

use super::{StatusClaims, StatusList};
use crate::base::id::{from_hex, to_hex};
use crate::trust::canonical::{parse, write};
use crate::trust::merkle::Hash;
use crate::trust::value::{Object, Value};

/// The ledger's digest of a list. The holder of a token finds its entry by [`token`](Self::token).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusDigest {
    /// How many statuses the list had.
    pub count: u32,
    /// The issuer of the records.
    pub issuer: String,
    /// The size of the record ledger that it covers.
    pub ledger_size: u64,
    /// SHA-256 of the list before compression.
    pub list: Hash,
    /// Their record type.
    pub schema: String,
    /// SHA-256 of the token's text.
    pub token: Hash,
}

impl StatusDigest {
    /// Of a list with its claims, as it was signed.
    pub fn of(claims: &StatusClaims, list: &StatusList, token: &str) -> Self {
        Self {
            count: list.count(),
            issuer: claims.issuer.clone(),
            ledger_size: claims.ledger_size,
            list: list.digest(),
            schema: claims.schema.clone(),
            token: Sha256::digest(token.as_bytes()).into(),
        }
    }

    /// The entry's body: canonical JSON, digests in lower-case hexadecimal.
    pub fn body(&self) -> Vec<u8> {
        let entry = Object::new()
            .with("count", i64::from(self.count))
            .with("issuer", self.issuer.as_str())
            .with("ledger_size", self.ledger_size as i64)
            .with("list", to_hex(&self.list))
            .with("schema", self.schema.as_str())
            .with("token", to_hex(&self.token));
        write(&entry)
    }

    /// Reads a body; `None` unless it is exactly one that [`body`](Self::body) writes.
    pub fn parse(body: &[u8]) -> Option<Self> {
        let object = parse(body).ok()?;
        let text = |name: &str| object.get(name).and_then(Value::as_text);
        let hash = |name: &str| text(name).and_then(from_hex).and_then(|hash| Hash::try_from(hash).ok());
        let number = |name: &str| match object.get(name) {
            Some(Value::Integer(number)) => u64::try_from(*number).ok(),
            _ => None,
        };
        let digest = Self {
            count: number("count")?.try_into().ok()?,
            issuer: text("issuer")?.to_owned(),
            ledger_size: number("ledger_size")?,
            list: hash("list")?,
            schema: text("schema")?.to_owned(),
            token: hash("token")?,
        };
        (digest.body() == body).then_some(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_reads_back_and_no_other_does() {
        let digest = StatusDigest {
            count: 7,
            issuer: "land".into(),
            ledger_size: 40,
            list: [1; 32],
            schema: "land.parcel.v1".into(),
            token: [2; 32],
        };
        let body = digest.body();
        assert_eq!(StatusDigest::parse(&body), Some(digest));
        let text = String::from_utf8(body).expect("JSON");
        for (from, to) in
            [("\"count\":7", "\"count\":-7"), ("0101", "01"), ("{", "{\"a\":1,"), (":40", ":\"40\""), (",", ", ")]
        {
            assert_eq!(StatusDigest::parse(text.replacen(from, to, 1).as_bytes()), None, "{from}");
        }
    }
}
