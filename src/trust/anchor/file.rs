//! The anchor's JSON file, read, written and reduced to its canonical bytes: the only place in `trust` where serde derives.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use sha2::{Digest, Sha256};

use super::{
    Continued, IssuerAnchor, KeyRecord, KeyState, LogAnchor, LogPurpose, Root, RootSignature, TrustAnchor, refuse,
};
use crate::base::id::{from_hex, to_hex};
use crate::base::{Error, Result, Timestamp};
use crate::trust::canonical::write;
use crate::trust::keys::{Algorithm, PublicKey};
use crate::trust::merkle::Hash;
use crate::trust::value::{Object, Value};

const FORMAT: &str = "lienthong/anchor/v1";

/// The largest anchor file, in bytes.
pub const ANCHOR_BYTES_MAX: usize = 1 << 20;

impl TrustAnchor {
    /// Reads the file; refuses unknown fields, keys whose id is not theirs, and names that occur twice.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        let anchor = Self::draft_from_json(json)?;
        anchor.check_own_signatures().map_err(refuse)?;
        Ok(anchor)
    }

    /// Reads a draft, which root keys have still to sign. It is not a basis for accepting anything.
    pub fn draft_from_json(json: &[u8]) -> Result<Self> {
        if json.len() > ANCHOR_BYTES_MAX {
            return Err(refuse("it is larger than 1 MiB"));
        }
        let anchor = AnchorFile::read(json).and_then(AnchorFile::into_anchor).map_err(refuse)?;
        anchor.check()?;
        if anchor.root == Root::default() && !anchor.signatures.is_empty() {
            return Err(refuse("it has signatures but no root keys"));
        }
        Ok(anchor)
    }

    /// Writes the file, for people to read: indented, with a last newline.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        self.check()?;
        let mut json = serde_json::to_vec_pretty(&AnchorFile::of(self)).map_err(Error::bug)?;
        json.push(b'\n');
        Ok(json)
    }

    /// The file's contents in canonical form, without the signatures: what root keys sign.
    pub fn canonical_bytes(&self) -> Result<Vec<u8>> {
        self.check()?;
        let json = serde_json::to_value(AnchorFile::unsigned(self)).map_err(Error::bug)?;
        let object = to_object(json).ok_or_else(|| Error::bug("an anchor that is no object"))?;
        Ok(write(&object))
    }

    /// SHA-256 of [`canonical_bytes`](Self::canonical_bytes).
    pub fn fingerprint(&self) -> Result<Hash> {
        Ok(Sha256::digest(self.canonical_bytes()?).into())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AnchorFile {
    format: String,
    province: String,
    version: u64,
    expires_at: String,
    logs: Vec<LogRow>,
    issuers: Vec<IssuerRow>,
    #[serde(default, skip_serializing_if = "is_zero")]
    events_from: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    root: Option<RootRow>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    signatures: Vec<SignatureRow>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RootRow {
    threshold: u32,
    keys: Vec<RootKeyRow>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RootKeyRow {
    id: String,
    algorithm: String,
    public_key: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignatureRow {
    key_id: String,
    signature: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LogRow {
    origin: String,
    purpose: PurposeRow,
    keys: Vec<KeyRow>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    continues: Vec<ContinuedRow>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ContinuedRow {
    origin: String,
    size: u64,
    root: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PurposeRow {
    Records,
    Evidence,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IssuerRow {
    name: String,
    origin: String,
    schemas: Vec<String>,
    keys: Vec<KeyRow>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    continues: Vec<ContinuedRow>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyRow {
    id: String,
    algorithm: String,
    public_key: String,
    from_index: u64,
    state: StateRow,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    reattested: Vec<[u64; 2]>,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum StateRow {
    Active {}, // with braces: serde passes over what else a unit would hold
    Rotated { event_index: u64 },
    Compromised { suspect_from: u64, event_index: u64 },
    Withdrawn { event_index: u64 },
}

impl AnchorFile {
    /// Reads the file, or returns the reason why it is not an anchor. serde alone would accept null for an absent field, and lists for objects.
    fn read(json: &[u8]) -> std::result::Result<Self, String> {
        let at_line = |error: serde_json::Error| format!("line {}: {error}", error.line());
        let file: Self = serde_json::from_slice(json).map_err(at_line)?;
        let (given, written) = (serde_json::from_slice(json), serde_json::to_value(&file));
        match same_form(&given.map_err(at_line)?, &written.map_err(at_line)?) {
            true => Ok(file),
            false => Err("a null, or a list instead of an object".to_owned()),
        }
    }

    fn of(anchor: &TrustAnchor) -> Self {
        let log = |log: &LogAnchor| LogRow {
            origin: log.origin.clone(),
            purpose: match log.purpose {
                LogPurpose::Records => PurposeRow::Records,
                LogPurpose::Evidence => PurposeRow::Evidence,
            },
            keys: log.keys.iter().map(KeyRow::of).collect(),
            continues: log.continues.iter().map(ContinuedRow::of).collect(),
        };
        let issuer = |issuer: &IssuerAnchor| IssuerRow {
            name: issuer.name.clone(),
            origin: issuer.origin.clone(),
            schemas: issuer.schemas.clone(),
            keys: issuer.keys.iter().map(KeyRow::of).collect(),
            continues: issuer.continues.iter().map(ContinuedRow::of).collect(),
        };
        Self {
            format: FORMAT.to_owned(),
            province: anchor.province.clone(),
            version: anchor.version,
            expires_at: anchor.expires_at.to_string(),
            logs: anchor.logs.iter().map(log).collect(),
            issuers: anchor.issuers.iter().map(issuer).collect(),
            events_from: anchor.events_from,
            root: (anchor.root != Root::default()).then(|| RootRow::of(&anchor.root)),
            signatures: anchor.signatures.iter().map(SignatureRow::of).collect(),
        }
    }

    /// The signed content, without the signatures.
    fn unsigned(anchor: &TrustAnchor) -> Self {
        Self { signatures: Vec::new(), ..Self::of(anchor) }
    }

    fn into_anchor(self) -> std::result::Result<TrustAnchor, String> {
        if self.format != FORMAT {
            return Err(format!("the format is not {FORMAT}"));
        }
        let expires_at = Timestamp::parse(&self.expires_at).ok_or("expires_at is not an RFC 3339 time")?;
        let keys =
            |rows: Vec<KeyRow>| rows.into_iter().map(KeyRow::into_record).collect::<std::result::Result<Vec<_>, _>>();
        let continued = |rows: Vec<ContinuedRow>| {
            rows.into_iter().map(ContinuedRow::into_continued).collect::<std::result::Result<Vec<_>, _>>()
        };
        let log = |row: LogRow| {
            let purpose = match row.purpose {
                PurposeRow::Records => LogPurpose::Records,
                PurposeRow::Evidence => LogPurpose::Evidence,
            };
            let continues = continued(row.continues)?;
            Ok(LogAnchor { origin: row.origin, purpose, keys: keys(row.keys)?, continues })
        };
        let issuer = |row: IssuerRow| {
            let (keys, continues) = (keys(row.keys)?, continued(row.continues)?);
            Ok(IssuerAnchor { name: row.name, origin: row.origin, schemas: row.schemas, keys, continues })
        };
        Ok(TrustAnchor {
            province: self.province,
            version: self.version,
            expires_at,
            logs: self.logs.into_iter().map(log).collect::<std::result::Result<_, String>>()?,
            issuers: self.issuers.into_iter().map(issuer).collect::<std::result::Result<_, String>>()?,
            events_from: self.events_from,
            root: self.root.map(RootRow::into_root).transpose()?.unwrap_or_default(),
            signatures: self
                .signatures
                .into_iter()
                .map(SignatureRow::into_signature)
                .collect::<std::result::Result<_, _>>()?,
        })
    }
}

impl ContinuedRow {
    fn of(from: &Continued) -> Self {
        Self { origin: from.origin.clone(), size: from.size, root: to_hex(&from.root) }
    }

    fn into_continued(self) -> std::result::Result<Continued, String> {
        let root = from_hex(&self.root).and_then(|root| Hash::try_from(root).ok());
        let root = root.filter(|root| to_hex(root) == self.root);
        let root =
            root.ok_or_else(|| format!("the root of {} is not 64 lower-case hexadecimal digits", self.origin))?;
        Ok(Continued { origin: self.origin, size: self.size, root })
    }
}

impl KeyRow {
    fn of(record: &KeyRecord) -> Self {
        let state = match record.state {
            KeyState::Active => StateRow::Active {},
            KeyState::Rotated { event_index } => StateRow::Rotated { event_index },
            KeyState::Compromised { suspect_from, event_index } => StateRow::Compromised { suspect_from, event_index },
            KeyState::Withdrawn { event_index } => StateRow::Withdrawn { event_index },
        };
        Self {
            id: to_hex(&record.id()),
            algorithm: record.key.algorithm().as_str().to_owned(),
            public_key: STANDARD.encode(record.key.spki()),
            from_index: record.from_index,
            state,
            reattested: record.reattested.iter().map(|range| [range.start, range.end]).collect(),
        }
    }

    fn into_record(self) -> std::result::Result<KeyRecord, String> {
        let key = read_key(&self.id, &self.algorithm, &self.public_key)?;
        let state = match self.state {
            StateRow::Active {} => KeyState::Active,
            StateRow::Rotated { event_index } => KeyState::Rotated { event_index },
            StateRow::Compromised { suspect_from, event_index } => KeyState::Compromised { suspect_from, event_index },
            StateRow::Withdrawn { event_index } => KeyState::Withdrawn { event_index },
        };
        let reattested = self.reattested.into_iter().map(|[from, to]| from..to).collect();
        Ok(KeyRecord { key, from_index: self.from_index, state, reattested })
    }
}

impl RootRow {
    fn of(root: &Root) -> Self {
        let key = |key: &PublicKey| RootKeyRow {
            id: to_hex(&key.id()),
            algorithm: key.algorithm().as_str().to_owned(),
            public_key: STANDARD.encode(key.spki()),
        };
        Self { threshold: root.threshold, keys: root.keys.iter().map(key).collect() }
    }

    fn into_root(self) -> std::result::Result<Root, String> {
        let key = |row: &RootKeyRow| read_key(&row.id, &row.algorithm, &row.public_key);
        Ok(Root { threshold: self.threshold, keys: self.keys.iter().map(key).collect::<std::result::Result<_, _>>()? })
    }
}

impl SignatureRow {
    fn of(signature: &RootSignature) -> Self {
        Self { key_id: to_hex(&signature.key_id), signature: STANDARD.encode(&signature.signature) }
    }

    fn into_signature(self) -> std::result::Result<RootSignature, String> {
        let key_id = from_hex(&self.key_id).and_then(|id| id.try_into().ok());
        let key_id = key_id.ok_or_else(|| format!("{:?} is not a key id", self.key_id))?;
        let signature = STANDARD.decode(&self.signature).map_err(|_| "a signature is not base64".to_owned())?;
        Ok(RootSignature { key_id, signature })
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A key from its three parts, which have to agree.
fn read_key(id: &str, algorithm: &str, public_key: &str) -> std::result::Result<PublicKey, String> {
    let algorithm = Algorithm::parse(algorithm).ok_or_else(|| format!("key {id}: unknown algorithm {algorithm:?}"))?;
    let spki = STANDARD.decode(public_key).map_err(|_| format!("key {id}: not base64"))?;
    let key = PublicKey::from_spki(algorithm, &spki).map_err(|error| format!("key {id}: {error}"))?;
    if to_hex(&key.id()) != id {
        return Err(format!("key {id}: the id does not match the key"));
    }
    Ok(key)
}

/// Whether `given` has objects and lists where `written` has them, and nothing that is null.
fn same_form(given: &serde_json::Value, written: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Null, Object};
    match (given, written) {
        (Null, _) | (Array(_), Object(_)) | (Object(_), Array(_)) => false,
        (Object(given), Object(written)) => {
            given.iter().all(|(name, value)| same_form(value, written.get(name).unwrap_or(value)))
        }
        (Array(given), Array(written)) => given.iter().zip(written).all(|(given, written)| same_form(given, written)),
        _ => true,
    }
}

/// JSON as a value of the canonical form; `None` for null and for numbers that are no integers.
fn to_value(json: serde_json::Value) -> Option<Value> {
    Some(match json {
        serde_json::Value::Null => return None,
        serde_json::Value::Bool(truth) => Value::Bool(truth),
        serde_json::Value::Number(number) => Value::Integer(number.as_i64()?),
        serde_json::Value::String(text) => Value::String(text),
        serde_json::Value::Array(items) => Value::Array(items.into_iter().map(to_value).collect::<Option<_>>()?),
        json @ serde_json::Value::Object(_) => Value::Object(to_object(json)?),
    })
}

/// A JSON object as an object of the canonical form.
fn to_object(json: serde_json::Value) -> Option<Object> {
    let serde_json::Value::Object(fields) = json else { return None };
    fields.into_iter().map(|(name, json)| Some((name, to_value(json)?))).collect()
}
