//! Publishing status lists: signed by the issuer itself, the digest logged in the record ledger before anyone sees the list.
//!
//! A list is published when somebody asks for it and the last one is not good enough any more: something was accepted since, or half of
//! its time is over; and, whatever the time, once the issuer's key has changed. Else at most one a second for each record type, so
//! that asking costs little.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;

use crate::base::id::to_hex;
use crate::base::{Clock, Error, Result, Timestamp};
use crate::ledger::{Entry, Sequencer};
use crate::registry::port::Registry;
use crate::registry::signing::{STATUS_LIST_LIFE_MS_MAX, SignedStatusList, StatusListDraft};
use crate::registry::{Catalogue, Name, RecordType};
use crate::store::{Batch, Store};
use crate::trust::EntryType;
use crate::trust::status_list::{StatusClaims, StatusDigest};

use super::kind_named;

/// How long a list may be believed.
const LIFE_MS: i64 = STATUS_LIST_LIFE_MS_MAX;
/// How long a copy may be kept before looking for a newer one, in seconds.
pub const TTL_S: u32 = 60;
/// A list is not published again sooner than this, even when it changed.
const PAUSE_MS: i64 = 1_000;

/// A published list.
#[derive(Debug, Clone)]
pub struct Published {
    /// What it says about itself.
    pub claims: StatusClaims,
    /// How many statuses it has.
    pub count: u32,
    /// The signed token.
    pub token: Arc<str>,
    /// SHA-256 of the token, lower-case hexadecimal.
    pub digest: String,
    /// The index of its entry in the record ledger.
    pub ledger_index: u64,
    head: (u32, u64),
    /// The key that signed it.
    key: Vec<u8>,
}

/// The status lists of all record types.
pub struct StatusLists {
    catalogue: Arc<Catalogue>,
    store: Arc<dyn Store>,
    ledger: Arc<Sequencer>,
    clock: Arc<dyn Clock>,
    registries: BTreeMap<Name, Arc<dyn Registry>>,
    base: OnceLock<String>,
    published: BTreeMap<u8, Mutex<Option<Arc<Published>>>>,
}

impl StatusLists {
    /// The lists of what the province layer over `store` and `ledger` accepted; each of `registries` signs its own.
    pub fn new(
        catalogue: Arc<Catalogue>,
        store: Arc<dyn Store>,
        ledger: Arc<Sequencer>,
        clock: Arc<dyn Clock>,
        registries: impl IntoIterator<Item = Arc<dyn Registry>>,
    ) -> Arc<Self> {
        let published = catalogue.record_types().map(|kind| (kind.ordinal, Mutex::new(None))).collect();
        let registries = registries.into_iter().map(|registry| (registry.name().into(), registry)).collect();
        Arc::new(Self { catalogue, store, ledger, clock, registries, base: OnceLock::new(), published })
    }

    /// The registries and record types that there are.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Says where the lists are served: `https://example.vn`. The first word counts.
    pub fn serve_at(&self, base: &str) {
        self.base.get_or_init(|| base.trim_end_matches('/').to_owned());
    }

    /// Where the lists, and whatever stands beside them, are reached by https, without a slash at the end.
    pub fn public_url(&self) -> Option<&str> {
        self.base.get().map(String::as_str).filter(|base| base.starts_with("https://"))
    }

    /// The URI of a record type's list: where it is served, or a name where it is not served over HTTP.
    pub fn uri(&self, issuer: &str, schema: &str) -> String {
        match self.base.get() {
            Some(base) => format!("{base}/status/{issuer}/{schema}"),
            None => format!("urn:lienthong:{}:status:{issuer}:{schema}", self.catalogue.province()),
        }
    }

    /// The newest list of a record type. Fails with [`NotFound`](crate::base::Reason::NotFound) for a type that nobody issues.
    pub async fn get(&self, schema: &str) -> Result<Arc<Published>> {
        let kind = kind_named(&self.catalogue, schema)?;
        let slot = self.published.get(&kind.ordinal).ok_or_else(|| Error::bug("a record type without a list"))?;
        // Whoever comes while a list is being published waits for it.
        let mut slot = slot.lock().await;
        let now = self.clock.now();
        if let Some(last) = &*slot {
            let age = now.0.saturating_sub(last.claims.issued_at.0);
            // A list of a key that went out of use is not believed.
            let is_fresh =
                (0..LIFE_MS / 2).contains(&age) && self.issuer(kind)?.key_in_use().await?.bytes() == last.key;
            if is_fresh && (age < PAUSE_MS || super::head(&*self.store, kind).await? == last.head) {
                return Ok(last.clone());
            }
        }
        let published = Arc::new(self.publish(kind, now).await?);
        *slot = Some(published.clone());
        Ok(published)
    }

    async fn publish(&self, kind: &RecordType, now: Timestamp) -> Result<Published> {
        let (list, ledger_size) = super::read(&*self.store, kind).await?;
        let issued_at = Timestamp(now.0.div_euclid(1_000) * 1_000);
        let draft = StatusListDraft {
            record_type: (&kind.name).into(),
            uri: self.uri(&kind.registry, &kind.name),
            ledger_size,
            issued_at,
            expires_at: issued_at.plus_ms(LIFE_MS),
            ttl_s: TTL_S,
            list,
        };
        let SignedStatusList { content, token: text, key } = self.issuer(kind)?.sign_status_list(draft).await?;
        let body = StatusDigest::of(&content.claims, &content.list, &text).body();
        let kind = EntryType::StatusDigest;
        let entry = Entry { leaf: kind.leaf(&body), body: kind.entry(&body).into() };
        let appended = self.ledger.append(vec![entry], |_| Batch::new()).await?;
        let count = content.list.count();
        Ok(Published {
            head: (count, ledger_size),
            key,
            count,
            claims: content.claims,
            digest: to_hex(&Sha256::digest(text.as_bytes())),
            token: text.into(),
            ledger_index: appended.first_index,
        })
    }

    /// The registry that signs the lists of a record type.
    fn issuer(&self, kind: &RecordType) -> Result<&Arc<dyn Registry>> {
        self.registries.get(&kind.registry).ok_or_else(|| Error::bug("a record type of no registry"))
    }
}
