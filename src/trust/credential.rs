//! A record as a credential for a citizen's wallet: an SD-JWT VC whose claims are the record's fields, each to be shown or
//! hidden, and which a verifier can tie to the ledger.
//!
//! | claim | what |
//! |---|---|
//! | `iss` | the origin of the issuer's log: `lienthong/H27/vehicle`; after the public URL, if that is https |
//! | `vct` | `urn:lienthong:vct:` and the record type |
//! | `iat`, `exp` | time of issue and end of validity, seconds |
//! | `cnf` | the holder's public key as JWK |
//! | `status` | `status_list`: the version's index, and the URI of the list |
//! | `record` | the payload's top-level fields, each selectively disclosable |
//! | `lienthong` | the record's proof, see below |
//!
//! The header's `typ` is `dc+sd-jwt`, its `kid` the id of the issuer's key; the signature is the issuer's. The fields are in
//! `record` because names like `status` mean something else at the top.
//!
//! The proof: `statement`, `issuer_proof` and `ledger_proof` (each `checkpoint`, `index`, `path`) as in a
//! [`SignedRecord`], bytes in base64url; and `leaves`, the commitments to all fields in order. The salt of each disclosure is
//! the field's own salt in the record. So a verifier computes a disclosure's commitment, finds it among the leaves, and has
//! a partly disclosed record that verifies like any other: two independent signatures say the same, and the ledger says when.
//!
//! The cost: a credential shows the record's id, version and ledger position to every verifier, so two of them can
//! tell that they saw the same document. The status list's index does that already.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::commitment::{field_leaf, redact};
use super::jose::{self, decode_part, encode_part};
use super::keys::{PublicKey, Signer};
use super::merkle::Hash;
use super::record::{Disclosure, HiddenField, LogProof, Salt, ShownField, SignedRecord};
use super::sd_jwt::Verified;
use super::sd_jwt::issue::Concealer;
use super::statement::Statement;
use super::{canonical, json as strict};
use crate::base::limits::PAYLOAD_FIELDS_MAX;
use crate::base::{Error, Result, Timestamp};

mod check;
pub mod possession;

pub use check::{CredentialReport, verify};

/// The type in the token's header.
pub const TYPE: &str = "dc+sd-jwt";
/// The prefix of a credential's type; the record type follows.
pub const VCT_PREFIX: &str = "urn:lienthong:vct:";
/// Longest inclusion path.
const PATH_MAX: usize = 64;

/// The claims of a credential other than the record.
#[derive(Debug, Clone)]
pub struct Frame<'a> {
    /// The issuer, as [`issuer_name`] has it.
    pub issuer: &'a str,
    /// The holder's key.
    pub holder: &'a PublicKey,
    /// The URI of the status list.
    pub status_uri: &'a str,
    /// When it is issued.
    pub issued_at: Timestamp,
    /// The end of its validity, exclusive.
    pub expires_at: Timestamp,
}

/// The name in a credential of the issuer whose log has this origin: under an https URL, where verifiers find its keys; otherwise the origin.
pub fn issuer_name(origin: &str, public_url: Option<&str>) -> String {
    public_url.map_or_else(|| origin.to_owned(), |url| format!("{url}/{origin}"))
}

/// Whether a credential's `iss` is the issuer whose log has this origin, under any URL: only the signature vouches for that.
fn is_issuer(iss: &str, origin: &str) -> bool {
    let base = iss.strip_prefix("https://").and_then(|rest| rest.strip_suffix(origin));
    iss == origin || base.is_some_and(|base| base.len() > 1 && base.ends_with('/') && !base.starts_with('/'))
}

/// Makes a credential of a whole record with both proofs.
pub fn issue(record: &SignedRecord, frame: &Frame<'_>, signer: &dyn Signer) -> Result<String> {
    let statement = Statement::decode(&record.statement).map_err(Error::bug)?;
    let all = record.disclosure.fields().map_err(Error::bug)?;
    let names: Vec<&str> = all.names().collect();
    let Disclosure::Partial { shown, hidden } = redact(&record.disclosure, &names).map_err(Error::bug)? else {
        return Err(Error::bug("a redacted record is partly disclosed"));
    };
    if !hidden.is_empty() {
        return Err(Error::bug("a credential is made of a whole record"));
    }
    let (mut concealer, mut fields) = (Concealer::default(), Map::new());
    for field in &shown {
        fields.insert(field.name.clone(), strict::parse(&field.value).map_err(Error::bug)?);
        concealer.member(&mut fields, &field.name, &field.salt)?;
    }
    let leaves = shown.iter().map(|field| encode_part(&field_leaf(&field.salt, &field.name, &field.value)));
    let claims = json!({
        "iss": frame.issuer,
        "vct": format!("{VCT_PREFIX}{}", statement.schema),
        "iat": frame.issued_at.0.div_euclid(1_000),
        "exp": frame.expires_at.0.div_euclid(1_000),
        "cnf": { "jwk": jose::to_jwk(frame.holder) },
        "status": { "status_list": { "idx": statement.status_index, "uri": frame.status_uri } },
        "record": fields,
        "lienthong": {
            "statement": encode_part(&record.statement),
            "leaves": leaves.collect::<Vec<_>>(),
            "issuer_proof": proof_to_json(record.issuer_proof.as_ref())?,
            "ledger_proof": proof_to_json(record.ledger_proof.as_ref())?,
        },
    });
    let Value::Object(claims) = claims else { return Err(Error::bug("claims are an object")) };
    concealer.seal(TYPE, claims, signer)
}

fn proof_to_json(proof: Option<&LogProof>) -> Result<Value> {
    let proof = proof.ok_or_else(|| Error::bug("a credential needs both proofs"))?;
    let checkpoint = std::str::from_utf8(&proof.checkpoint).map_err(Error::bug)?;
    let path: Vec<String> = proof.path.iter().map(|hash| encode_part(hash)).collect();
    Ok(json!({ "checkpoint": checkpoint, "index": proof.index, "path": path }))
}

/// The partly disclosed record in a credential's claims, or the flaw if there is none.
pub fn record_of(verified: &Verified) -> Result<SignedRecord, String> {
    let proof = verified.claims.get("lienthong").and_then(Value::as_object).ok_or("`lienthong` is missing")?;
    let leaves = proof.get("leaves").and_then(Value::as_array).ok_or("`leaves` is missing")?;
    if leaves.len() > PAYLOAD_FIELDS_MAX {
        return Err("there are too many leaves".into());
    }
    let leaves = leaves.iter().map(hash).collect::<Result<Vec<Hash>, _>>()?;
    let mut shown = Vec::new();
    for disclosed in verified.disclosed.iter().filter(|one| one.parent == "record") {
        shown.push(field(disclosed, &leaves)?);
    }
    shown.sort_by_key(|field| field.index);
    let visible = verified.claims.get("record").and_then(Value::as_object).map_or(0, Map::len);
    if visible != shown.len() {
        return Err("a field of `record` has no commitment".into());
    }
    let is_shown = |index: u16| shown.iter().any(|field| field.index == index);
    let hidden = (0..).zip(&leaves).filter(|(index, _)| !is_shown(*index));
    let hidden = hidden.map(|(index, leaf)| HiddenField { index, leaf: *leaf }).collect();
    Ok(SignedRecord {
        statement: bytes(proof.get("statement"))?.into(),
        disclosure: Disclosure::Partial { shown, hidden },
        issuer_proof: Some(log_proof(proof.get("issuer_proof"))?),
        ledger_proof: Some(log_proof(proof.get("ledger_proof"))?),
    })
}

fn field(disclosed: &super::sd_jwt::Disclosed, leaves: &[Hash]) -> Result<ShownField, String> {
    let name = disclosed.name.clone().ok_or("`record` is an array")?;
    let salt = decode_part(&disclosed.salt).ok().and_then(|salt| Salt::try_from(salt).ok());
    let salt = salt.ok_or_else(|| format!("the salt of `{name}` is not 32 bytes"))?;
    // Names sort by bytes here and in the canonical form, and numbers are integers: so this is the canonical form, or the
    // commitment shows that it is not.
    let value = serde_json::to_vec(&disclosed.value).map_err(|error| error.to_string())?;
    canonical::scan_value(&value).map_err(|error| format!("`{name}`: {error}"))?;
    let leaf = field_leaf(&salt, &name, &value);
    let index = leaves.iter().position(|other| *other == leaf);
    let index = index.and_then(|index| u16::try_from(index).ok());
    let index = index.ok_or_else(|| format!("the commitment to `{name}` is not among the leaves"))?;
    Ok(ShownField { index, name, value: value.into(), salt })
}

fn log_proof(value: Option<&Value>) -> Result<LogProof, String> {
    let part = |name: &str| value.and_then(|value| value.get(name));
    let path = part("path").and_then(Value::as_array).ok_or("a proof has no `path`")?;
    if path.len() > PATH_MAX {
        return Err("a proof's path is too long".into());
    }
    let checkpoint = part("checkpoint").and_then(Value::as_str).ok_or("a proof has no `checkpoint`")?;
    Ok(LogProof {
        checkpoint: Bytes::copy_from_slice(checkpoint.as_bytes()),
        index: part("index").and_then(Value::as_u64).ok_or("a proof has no `index`")?,
        path: path.iter().map(hash).collect::<Result<_, _>>()?,
    })
}

fn hash(value: &Value) -> Result<Hash, String> {
    Hash::try_from(bytes(Some(value))?).map_err(|_| "a hash is not 32 bytes".into())
}

fn bytes(value: Option<&Value>) -> Result<Vec<u8>, String> {
    let text = value.and_then(Value::as_str).ok_or("bytes are missing")?;
    decode_part(text).map_err(|error| error.to_string())
}
