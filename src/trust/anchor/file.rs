//! The anchor's JSON file: the only place in `trust` where serde derives.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::{Algorithm, IssuerAnchor, KeyRecord, KeyState, LogAnchor, LogPurpose, PublicKey, TrustAnchor};
use crate::base::Timestamp;
use crate::base::id::to_hex;
use crate::trust::value::{Object, Value};

const FORMAT: &str = "lienthong/anchor/v1";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AnchorFile {
    format: String,
    province: String,
    version: u64,
    expires_at: String,
    logs: Vec<LogRow>,
    issuers: Vec<IssuerRow>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LogRow {
    origin: String,
    purpose: PurposeRow,
    keys: Vec<KeyRow>,
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
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyRow {
    id: String,
    algorithm: String,
    public_key: String,
    from_index: u64,
    state: StateRow,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum StateRow {
    Active,
    Rotated { event_index: u64 },
    Compromised { suspect_from: u64, event_index: u64 },
    Withdrawn { event_index: u64 },
}

impl AnchorFile {
    pub(super) fn of(anchor: &TrustAnchor) -> Self {
        let log = |log: &LogAnchor| LogRow {
            origin: log.origin.clone(),
            purpose: match log.purpose {
                LogPurpose::Records => PurposeRow::Records,
                LogPurpose::Evidence => PurposeRow::Evidence,
            },
            keys: log.keys.iter().map(KeyRow::of).collect(),
        };
        let issuer = |issuer: &IssuerAnchor| IssuerRow {
            name: issuer.name.clone(),
            origin: issuer.origin.clone(),
            schemas: issuer.schemas.clone(),
            keys: issuer.keys.iter().map(KeyRow::of).collect(),
        };
        Self {
            format: FORMAT.to_owned(),
            province: anchor.province.clone(),
            version: anchor.version,
            expires_at: anchor.expires_at.to_string(),
            logs: anchor.logs.iter().map(log).collect(),
            issuers: anchor.issuers.iter().map(issuer).collect(),
        }
    }

    pub(super) fn into_anchor(self) -> Result<TrustAnchor, String> {
        if self.format != FORMAT {
            return Err(format!("the format is not {FORMAT}"));
        }
        let expires_at: jiff::Timestamp =
            self.expires_at.parse().map_err(|_| "expires_at is no time of RFC 3339".to_owned())?;
        let keys = |rows: Vec<KeyRow>| rows.into_iter().map(KeyRow::into_record).collect::<Result<Vec<_>, _>>();
        let log = |row: LogRow| {
            let purpose = match row.purpose {
                PurposeRow::Records => LogPurpose::Records,
                PurposeRow::Evidence => LogPurpose::Evidence,
            };
            Ok(LogAnchor { origin: row.origin, purpose, keys: keys(row.keys)? })
        };
        let issuer = |row: IssuerRow| {
            Ok(IssuerAnchor { name: row.name, origin: row.origin, schemas: row.schemas, keys: keys(row.keys)? })
        };
        Ok(TrustAnchor {
            province: self.province,
            version: self.version,
            expires_at: Timestamp(expires_at.as_millisecond()),
            logs: self.logs.into_iter().map(log).collect::<Result<_, String>>()?,
            issuers: self.issuers.into_iter().map(issuer).collect::<Result<_, String>>()?,
        })
    }
}

impl KeyRow {
    fn of(record: &KeyRecord) -> Self {
        let state = match record.state {
            KeyState::Active => StateRow::Active,
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
        }
    }

    fn into_record(self) -> Result<KeyRecord, String> {
        let algorithm = Algorithm::parse(&self.algorithm)
            .ok_or_else(|| format!("key {}: unknown algorithm {:?}", self.id, self.algorithm))?;
        let spki = STANDARD.decode(&self.public_key).map_err(|_| format!("key {}: not base64", self.id))?;
        let key = PublicKey::from_spki(algorithm, &spki).map_err(|error| format!("key {}: {error}", self.id))?;
        if to_hex(&key.id()) != self.id {
            return Err(format!("key {}: the id is not that of the key", self.id));
        }
        let state = match self.state {
            StateRow::Active => KeyState::Active,
            StateRow::Rotated { event_index } => KeyState::Rotated { event_index },
            StateRow::Compromised { suspect_from, event_index } => KeyState::Compromised { suspect_from, event_index },
            StateRow::Withdrawn { event_index } => KeyState::Withdrawn { event_index },
        };
        Ok(KeyRecord { key, from_index: self.from_index, state })
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
pub(super) fn to_object(json: serde_json::Value) -> Option<Object> {
    let serde_json::Value::Object(fields) = json else { return None };
    fields.into_iter().map(|(name, json)| Some((name, to_value(json)?))).collect()
}
