//! Publishes status lists: the issuer signs a list, and its digest is logged in the record ledger before anyone sees the list.
//!
//! A list is published on demand, when the last one is outdated: a statement was accepted since, or half of its validity is over,
//! or the issuer's key has changed. Otherwise at most one a second for each record type, so that requests cost little.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;

use crate::base::id::to_hex;
use crate::base::{Clock, Error, Kind, Result, Timestamp};
use crate::ledger::{Entry, Sequencer};
use crate::registry::port::Registry;
use crate::registry::signing::{STATUS_LIST_LIFE_MS_MAX, SignedStatusList, StatusListDraft};
use crate::registry::{Catalogue, Name, RecordType};
use crate::store::{Batch, Store};
use crate::trust::EntryType;
use crate::trust::status_list::{StatusClaims, StatusDigest};

use super::kind_named;

/// Validity of a list, in milliseconds.
const LIFE_MS: i64 = STATUS_LIST_LIFE_MS_MAX;
/// How long a copy may be cached, in seconds.
pub const TTL_S: u32 = 60;
/// Shortest time between two publications of a changed list, in milliseconds.
const PAUSE_MS: i64 = 1_000;

/// A published status list.
#[derive(Debug, Clone)]
pub struct Published {
    /// The claims of the token.
    pub claims: StatusClaims,
    /// Number of statuses in the list.
    pub count: u32,
    /// The signed token, in compact serialization.
    pub token: Arc<str>,
    /// SHA-256 of the token, lower-case hexadecimal.
    pub digest: String,
    /// The index of the digest's entry in the record ledger.
    pub ledger_index: u64,
    head: (u32, u64),
    /// When it was published, by the world's clock.
    published_at: Timestamp,
    /// The public key of the signer.
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
    /// The lists of the statements accepted into `store` and `ledger`; each of `registries` signs its own.
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

    /// The catalogue of registries and record types.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Sets the base URL of the lists: `https://example.vn`. Later calls have no effect.
    pub fn serve_at(&self, base: &str) {
        self.base.get_or_init(|| base.trim_end_matches('/').to_owned());
    }

    /// The base URL of the public HTTP routes, if it is https, without a trailing slash.
    pub fn public_url(&self) -> Option<&str> {
        self.base.get().map(String::as_str).filter(|base| base.starts_with("https://"))
    }

    /// The URI of a record type's list: its URL, or a URN where it is not served over HTTP.
    pub fn uri(&self, issuer: &str, schema: &str) -> String {
        match self.base.get() {
            Some(base) => format!("{base}/status/{issuer}/{schema}"),
            None => format!("urn:lienthong:{}:status:{issuer}:{schema}", self.catalogue.province()),
        }
    }

    /// The newest list of a record type, published if necessary. Fails with [`NotFound`](crate::base::Reason::NotFound) for a type
    /// that nobody issues.
    pub async fn get(&self, schema: &str) -> Result<Arc<Published>> {
        let kind = kind_named(&self.catalogue, schema)?;
        let slot = self.published.get(&kind.ordinal).ok_or_else(|| Error::bug("a record type without a list"))?;
        // Concurrent requests wait for a publication in progress.
        let mut slot = slot.lock().await;
        let now = self.clock.now();
        if let Some(last) = &*slot {
            let age = now.0.saturating_sub(last.claims.issued_at.0);
            // A list signed by a key that went out of use is not accepted.
            let is_fresh = (0..LIFE_MS / 2).contains(&age) && self.is_signed_by_key_in_use(kind, last).await?;
            // Where the world's time stands still there is no pause, or a list would never change again.
            let rests = (1..PAUSE_MS).contains(&now.0.saturating_sub(last.published_at.0));
            if is_fresh && (rests || super::head(&*self.store, kind).await? == last.head) {
                return Ok(last.clone());
            }
        }
        let published = Arc::new(self.publish(kind, now).await?);
        *slot = Some(published.clone());
        Ok(published)
    }

    /// Whether the registry still signs with the key of a list. While its host does not answer, the list is as good as it was.
    async fn is_signed_by_key_in_use(&self, kind: &RecordType, list: &Published) -> Result<bool> {
        match self.issuer(kind)?.key_in_use().await {
            Err(error) if matches!(error.kind(), Kind::SourceDown | Kind::Late) => Ok(true),
            key => Ok(key?.bytes() == list.key),
        }
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
            published_at: now,
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
