//! The signed token of a status list, and its verdict on a record.

use serde_json::{Map, Value, json};

use super::{Status, StatusError, StatusList, TOKEN_CHARS_MAX};
use crate::base::limits::CLOCK_SKEW_MS_MAX;
use crate::base::{Error, Result, Timestamp};
use crate::trust::anchor::TrustAnchor;
use crate::trust::canonical::INTEGER_MAX;
use crate::trust::jose::{self, Token};
use crate::trust::keys::{PublicKey, Signer};
use crate::trust::statement::Statement;
use crate::trust::verdict::{Check, Code, Outcome, Verdict};

const TYPE: &str = "statuslist+jwt";
const CHECK: &str = "status";

/// The claims of a list about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusClaims {
    /// The origin of the issuer's log.
    pub origin: String,
    /// The issuer's name.
    pub issuer: String,
    /// The record type.
    pub schema: String,
    /// The list's URI.
    pub uri: String,
    /// Statements below this index of the record ledger are in the list.
    pub ledger_size: u64,
    /// From when.
    pub issued_at: Timestamp,
    /// Until when, excluded.
    pub expires_at: Timestamp,
    /// How long copies may be kept, in seconds.
    pub ttl_s: u32,
}

/// A list that an issuer signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusToken {
    /// Its claims about itself.
    pub claims: StatusClaims,
    /// The statuses.
    pub list: StatusList,
}

/// The result of a list for one statement: a check, and the verdict if it failed.
pub type Finding = (Check, Option<Verdict>);

impl StatusToken {
    /// Signs the token.
    pub fn sign(&self, signer: &dyn Signer) -> Result<String> {
        let claims = &self.claims;
        let lst = jose::encode_part(&self.list.deflate()?);
        let claims = json!({
            "iss": claims.origin,
            "sub": claims.uri,
            "iat": claims.issued_at.0.div_euclid(1_000),
            "exp": claims.expires_at.0.div_euclid(1_000),
            "ttl": claims.ttl_s,
            "status_list": { "bits": 2, "lst": lst },
            "lienthong": {
                "issuer": claims.issuer,
                "schema": claims.schema,
                "count": self.list.count(),
                "ledger_size": claims.ledger_size,
            },
        });
        let Value::Object(claims) = claims else { return Err(Error::bug("claims are an object")) };
        jose::sign(TYPE, &claims, signer)
    }

    /// Reads a token and verifies it against the anchor: signed by an active key of an issuer that may issue the type that it
    /// is about. Whether it is fresh is [`Self::judge`]'s matter.
    pub fn verify(text: &str, anchor: &TrustAnchor) -> Result<Self, StatusError> {
        if text.len() > TOKEN_CHARS_MAX {
            return Err(StatusError::Malformed("too long".into()));
        }
        let token = Token::parse(text)?;
        let kid = token.header("kid").unwrap_or_default();
        let known = anchor.issuers.iter().find_map(|issuer| {
            let active = issuer.keys.iter().filter(|record| record.judge(None).is_valid());
            let record = active.into_iter().find(|record| crate::base::id::to_hex(&record.id()) == kid)?;
            Some((issuer, record))
        });
        let (issuer, record) = known.ok_or(StatusError::UnknownKey)?;
        let token = Self::read(&token.verify(TYPE, &record.key)?)?;
        let claims = &token.claims;
        if claims.origin != issuer.origin || claims.issuer != issuer.name || !issuer.schemas.contains(&claims.schema) {
            return Err(StatusError::NotAuthorised);
        }
        Ok(token)
    }

    /// Whether `text` is this very token under the signature of `key`: what comes back from an issuer on another host is what it was given.
    pub fn is_signed_in(&self, text: &str, key: &PublicKey) -> bool {
        let read = |text: &str| Self::read(&Token::parse(text)?.verify(TYPE, key)?);
        text.len() <= TOKEN_CHARS_MAX && read(text).is_ok_and(|signed| signed == *self)
    }

    fn read(claims: &Map<String, Value>) -> Result<Self, StatusError> {
        let missing = |name: &str| StatusError::Malformed(format!("`{name}` is missing or of the wrong type"));
        let text = |object: &Map<String, Value>, name: &str| {
            object.get(name).and_then(Value::as_str).map(str::to_owned).ok_or_else(|| missing(name))
        };
        let number = |object: &Map<String, Value>, name: &str| {
            let number = object.get(name).and_then(Value::as_u64).filter(|number| *number <= INTEGER_MAX as u64);
            number.ok_or_else(|| missing(name))
        };
        let time = |name: &str| -> Result<Timestamp, StatusError> {
            let seconds = i64::try_from(number(claims, name)?).map_err(|_| missing(name))?;
            seconds.checked_mul(1_000).map(Timestamp).ok_or_else(|| missing(name))
        };
        let object = |name: &str| claims.get(name).and_then(Value::as_object).ok_or_else(|| missing(name));
        let (list, own) = (object("status_list")?, object("lienthong")?);
        if number(list, "bits")? != 2 {
            return Err(StatusError::Malformed("`bits` is not 2".into()));
        }
        let count = u32::try_from(number(own, "count")?).map_err(|_| missing("count"))?;
        let lst = list.get("lst").and_then(Value::as_str).ok_or_else(|| missing("lst"))?;
        Ok(Self {
            claims: StatusClaims {
                origin: text(claims, "iss")?,
                issuer: text(own, "issuer")?,
                schema: text(own, "schema")?,
                uri: text(claims, "sub")?,
                ledger_size: number(own, "ledger_size")?,
                issued_at: time("iat")?,
                expires_at: time("exp")?,
                ttl_s: u32::try_from(number(claims, "ttl")?).map_err(|_| missing("ttl"))?,
            },
            list: StatusList::inflate(&jose::decode_part(lst)?, count)?,
        })
    }

    /// Whether the list is about statements like this one.
    pub fn covers(&self, statement: &Statement) -> bool {
        self.claims.issuer == statement.issuer && self.claims.schema == statement.schema
    }

    /// The check `status` of a statement at `ledger_index` by this list.
    pub fn judge(&self, statement: &Statement, ledger_index: Option<u64>, now: Timestamp) -> Finding {
        let claims = &self.claims;
        let stale = |why: String| fail(Verdict::Indeterminate(Code::Stale), why);
        if now >= claims.expires_at {
            return stale(format!("the status list expired at {}", claims.expires_at));
        }
        if claims.issued_at > now.plus_ms(CLOCK_SKEW_MS_MAX) {
            return stale(format!("the status list is dated {}, in the future", claims.issued_at));
        }
        let status = self.list.get(statement.status_index);
        let Some(status) = status.filter(|_| ledger_index.is_none_or(|index| index < claims.ledger_size)) else {
            return stale("the record is newer than the status list".to_owned());
        };
        let of = format!("by the list of {}", claims.issued_at);
        match status {
            Status::Valid => {
                (Check { name: CHECK, outcome: Outcome::Pass, detail: format!("latest and valid {of}") }, None)
            }
            Status::Invalid => fail(Verdict::Invalid(Code::StatusInvalid), format!("revoked or ended {of}")),
            Status::Suspended => fail(Verdict::Invalid(Code::StatusSuspended), format!("suspended {of}")),
            Status::Superseded => fail(Verdict::Invalid(Code::Superseded), format!("a later version exists {of}")),
        }
    }

    /// The check where there is no list for a statement.
    pub fn missing(why: impl Into<String>) -> Finding {
        fail(Verdict::Indeterminate(Code::Unavailable), why.into())
    }
}

fn fail(verdict: Verdict, detail: String) -> Finding {
    (Check { name: CHECK, outcome: Outcome::Fail, detail }, Some(verdict))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{RecordId, Seed};
    use crate::trust::anchor::{IssuerAnchor, KeyRecord, KeyState};
    use crate::trust::statement::Operation;
    use crate::trust::{Ed25519Signer, P256Signer};

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn anchor(keys: &[(&str, &dyn Signer)]) -> TrustAnchor {
        let issuers = keys.iter().map(|(name, signer)| IssuerAnchor {
            continues: Vec::new(),
            name: (*name).into(),
            origin: format!("lienthong/H27/{name}"),
            schemas: vec![format!("{name}.parcel.v1")],
            keys: vec![KeyRecord::active(*signer).expect("a key")],
        });
        TrustAnchor {
            events_from: 0,
            root: Default::default(),
            signatures: Vec::new(),
            province: "H27".into(),
            version: 1,
            expires_at: NOW.plus_ms(1),
            logs: vec![],
            issuers: issuers.collect(),
        }
    }

    fn token() -> StatusToken {
        let mut list = StatusList::new();
        Status::ALL.into_iter().for_each(|status| list.push(status).expect("room"));
        let claims = StatusClaims {
            origin: "lienthong/H27/land".into(),
            issuer: "land".into(),
            schema: "land.parcel.v1".into(),
            uri: "https://example.vn/status/land/land.parcel.v1".into(),
            ledger_size: 100,
            issued_at: NOW,
            expires_at: NOW.plus_ms(3_600_000),
            ttl_s: 60,
        };
        StatusToken { claims, list }
    }

    fn statement(status_index: u32) -> Statement {
        Statement {
            issuer: "land".into(),
            schema: "land.parcel.v1".into(),
            record_id: RecordId([1; 16]),
            version: 1,
            previous: [0; 32],
            operation: Operation::Create,
            issued_at: NOW,
            valid_from: NOW,
            valid_until: Timestamp::MAX,
            status_index,
            field_count: 0,
            fields_root: [0; 32],
        }
    }

    #[test]
    fn a_list_verifies_under_its_issuers_key_alone() {
        let land = Ed25519Signer::from_seed("land", &Seed::root(1));
        let vehicle = P256Signer::from_pkcs8("v", &P256Signer::generate_pkcs8().expect("a key")).expect("a key");
        let both = anchor(&[("land", &land), ("vehicle", &vehicle)]);
        let text = token().sign(&land).expect("signs");
        assert_eq!(StatusToken::verify(&text, &both), Ok(token()));
        assert_eq!(StatusToken::verify(&text, &anchor(&[("vehicle", &vehicle)])), Err(StatusError::UnknownKey));
        let foreign = token().sign(&vehicle).expect("signs");
        assert_eq!(StatusToken::verify(&foreign, &both), Err(StatusError::NotAuthorised));
        let mut rotated = both.clone();
        rotated.issuers[0].keys[0].state = KeyState::Rotated { event_index: 5 };
        assert_eq!(StatusToken::verify(&text, &rotated), Err(StatusError::UnknownKey));
        let mut of_vehicle = token();
        of_vehicle.claims = StatusClaims {
            origin: "lienthong/H27/vehicle".into(),
            issuer: "vehicle".into(),
            schema: "vehicle.parcel.v1".into(),
            ..of_vehicle.claims
        };
        let text = of_vehicle.sign(&vehicle).expect("signs");
        assert_eq!(StatusToken::verify(&text, &both), Ok(of_vehicle));
    }

    #[test]
    fn no_change_of_one_character_verifies() {
        let land = Ed25519Signer::from_seed("land", &Seed::root(1));
        let anchor = anchor(&[("land", &land)]);
        let text = token().sign(&land).expect("signs");
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'Q' { b'R' } else { b'Q' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert!(StatusToken::verify(&changed, &anchor).is_err(), "{at}");
        }
        assert!(StatusToken::verify(&"a".repeat(TOKEN_CHARS_MAX + 1), &anchor).is_err());
    }

    #[test]
    fn every_status_has_its_verdict() {
        let cases = [
            (0, Some(50), NOW, None),
            (0, None, NOW, None),
            (1, Some(50), NOW, Some(Verdict::Invalid(Code::StatusInvalid))),
            (2, Some(50), NOW, Some(Verdict::Invalid(Code::StatusSuspended))),
            (3, Some(50), NOW, Some(Verdict::Invalid(Code::Superseded))),
            (4, Some(50), NOW, Some(Verdict::Indeterminate(Code::Stale))),
            (0, Some(100), NOW, Some(Verdict::Indeterminate(Code::Stale))),
            (0, Some(50), NOW.plus_ms(3_600_000), Some(Verdict::Indeterminate(Code::Stale))),
            (0, Some(50), NOW.plus_ms(-CLOCK_SKEW_MS_MAX - 1), Some(Verdict::Indeterminate(Code::Stale))),
        ];
        for (index, ledger_index, now, expected) in cases {
            let (check, verdict) = token().judge(&statement(index), ledger_index, now);
            assert_eq!(verdict, expected, "{index} {ledger_index:?} {now}: {}", check.detail);
        }
    }
}
