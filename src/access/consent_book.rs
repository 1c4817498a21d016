//! The consents of all citizens, in the store, with a cache for the hot path of exchanges.
//!
//! `Consent` holds the newest one for each citizen, agency and purpose, which is all that a decision needs: one short scan. The one
//! that it replaced moves to `ConsentHistory`, in the same commit, so no consent is lost and none stands twice. What was read
//! under which consent stands in the evidence ledger, not here.
//!
//! Rows stand under the number that the citizen had when they spoke. Everything here is asked for a person, whose
//! [`Numbers`] are all looked at: what was said under an earlier number is listed, ended and replaced under the present one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use quick_cache::sync::Cache;
use uuid::Uuid;

use crate::base::{Entropy, Error, PersonalId, Reason, Result, Timestamp};
use crate::registry::numbers::{Numbers, Standing};
use crate::store::{Batch, Scan, Space, Store};

use super::consent::{ANY, Act, Consent, ConsentState, Terms};
use row::{history_key, read, row_key, write};

mod row;

/// Citizens whose consents are kept in memory.
const CACHED_MAX: usize = 100_000;
/// How often a write is tried again that somebody else's came before.
const ATTEMPTS_MAX: usize = 8;

/// Grants, withdraws and lists consents.
pub struct ConsentBook {
    store: Arc<dyn Store>,
    entropy: Arc<dyn Entropy>,
    cached: Cache<PersonalId, (u64, Arc<[Consent]>)>,
    /// Grows with every write; what was cached under an earlier number is read again.
    epoch: AtomicU64,
}

impl ConsentBook {
    /// The book in `store`; ids come from `entropy`.
    pub fn new(store: Arc<dyn Store>, entropy: Arc<dyn Entropy>) -> Self {
        Self { store, entropy, cached: Cache::new(CACHED_MAX), epoch: AtomicU64::new(0) }
    }

    /// Grants a consent under the person's present number. It replaces the same agency's for the same purpose, under whichever number
    /// that was given.
    pub async fn grant(&self, person: &Numbers, terms: Terms, act: Act, now: Timestamp) -> Result<Consent> {
        for _ in 0..ATTEMPTS_MAX {
            let mut batch = Batch::new();
            let mut newest = None;
            for number in person.all() {
                let key = row_key(number, &terms.agency, &terms.purpose);
                let found = self.store.get(Space::Consent, &key).await?;
                if let Some(before) = found.as_deref().map(read).transpose()? {
                    let before = before.ended(ConsentState::Replaced, act.clone(), now);
                    batch = batch.put(Space::ConsentHistory, history_key(number, before.id), write(&before)?);
                    if number != person.current {
                        batch = batch.delete(Space::Consent, key.clone());
                    }
                    newest = newest.max(Some(before.id));
                }
                batch = batch.require(Space::Consent, key, found);
            }
            let consent = Consent::granted(self.new_id(newest, now)?, terms.clone(), act.clone(), now);
            let key = row_key(person.current, &terms.agency, &terms.purpose);
            if self.commit(batch.put(Space::Consent, key, write(&consent)?)).await? {
                return Ok(consent);
            }
        }
        Err(overtaken())
    }

    /// Takes back from now on the consent that has this id, and no other: one that is over stays as it ended, however often this is
    /// repeated. Withdrawing a refusal ends the refusal.
    pub async fn withdraw(&self, person: &Numbers, id: Uuid, act: Act, now: Timestamp) -> Result<Consent> {
        for _ in 0..ATTEMPTS_MAX {
            let Some((key, found)) = self.newest(person, id).await? else {
                return self.earlier(person, id).await;
            };
            let before = read(&found)?;
            let after = before.clone().ended(ConsentState::Withdrawn, act.clone(), now);
            if after == before {
                return Ok(before);
            }
            let batch = Batch::new().require_value(Space::Consent, key.clone(), found);
            if self.commit(batch.put(Space::Consent, key, write(&after)?)).await? {
                return Ok(after);
            }
        }
        Err(overtaken())
    }

    /// Records that the citizen refuses everybody, for every purpose; a repetition changes nothing.
    pub async fn refuse_all(&self, person: PersonalId, now: Timestamp) -> Result<()> {
        let key = row_key(person, ANY, ANY);
        for _ in 0..ATTEMPTS_MAX {
            let found = self.store.get(Space::Consent, &key).await?;
            let before = found.as_deref().map(read).transpose()?;
            if before.as_ref().is_some_and(|before| before.state(now) == ConsentState::Refused) {
                return Ok(());
            }
            let id = self.new_id(before.as_ref().map(|before| before.id), now)?;
            let refusal = Consent { id, ..Consent::refusal_of_all(now) };
            let mut batch = Batch::new().put(Space::Consent, key.clone(), write(&refusal)?);
            if let Some(before) = before {
                batch = batch.put(Space::ConsentHistory, history_key(person, before.id), write(&before)?);
            }
            if self.commit(batch.require(Space::Consent, key.clone(), found)).await? {
                return Ok(());
            }
        }
        Err(overtaken())
    }

    /// A page of a person's consents and refusals older than `before` (`None`: from the newest), newest first, and whether more
    /// follow: the newest for each agency and purpose, or, `with_replaced`, all that were ever given.
    pub async fn list(
        &self,
        person: &Numbers,
        with_replaced: bool,
        before: Option<Uuid>,
        limit: usize,
    ) -> Result<(Vec<Consent>, bool)> {
        let mut found = Vec::new();
        for number in person.all() {
            found.extend(self.of(number).await?.iter().cloned());
            if with_replaced {
                let prefix = number.as_str().as_bytes();
                let mut scan = Scan::prefix(Space::ConsentHistory, prefix).reverse().limit(limit + 1);
                if let Some(before) = before {
                    scan = scan.after(history_key(number, before));
                }
                for (_, row) in self.store.scan(scan).await? {
                    found.push(read(&row)?);
                }
            }
        }
        found.retain(|consent| before.is_none_or(|before| consent.id < before));
        // Ids begin with the time.
        found.sort_by_key(|consent| std::cmp::Reverse(consent.id));
        found.dedup_by_key(|consent| consent.id);
        let more = found.len() > limit;
        found.truncate(limit);
        Ok((found, more))
    }

    /// What decides on a read: the newest consents and refusals under every number of a person. Where nobody is left who could take a
    /// consent back, because the person has died or the number leads to nobody, refusals alone hold on (Law 91/2025: a consent is the
    /// data subject's will, and may be withdrawn; Civil Code, article 16: a person's capacity ends with death).
    pub async fn said_by(&self, person: &Numbers) -> Result<Arc<[Consent]>> {
        let mut said = self.of(person.current).await?;
        for before in &person.superseded {
            let earlier = self.of(*before).await?;
            if !earlier.is_empty() {
                said = said.iter().chain(&*earlier).cloned().collect();
            }
        }
        if matches!(person.standing, Standing::Deceased | Standing::GivenUp) && !said.is_empty() {
            said = said.iter().filter(|consent| consent.said == ConsentState::Refused).cloned().collect();
        }
        Ok(said)
    }

    /// The newest consents and refusals under one number, from memory when they are there.
    async fn of(&self, person: PersonalId) -> Result<Arc<[Consent]>> {
        // The number is read before the rows: a write that ends in between makes what is cached here worthless.
        let epoch = self.epoch.load(Ordering::SeqCst);
        if let Some((cached, consents)) = self.cached.get(&person)
            && cached == epoch
        {
            return Ok(consents);
        }
        let rows = self.store.scan(Scan::prefix(Space::Consent, person.as_str().as_bytes())).await?;
        let consents: Arc<[Consent]> = rows.iter().map(|(_, row)| read(row)).collect::<Result<_>>()?;
        self.cached.insert(person, (epoch, consents.clone()));
        Ok(consents)
    }

    /// An id that is later than that of the consent before, also within one millisecond (UUID version 7, RFC 9562): their order is
    /// that of the list.
    fn new_id(&self, before: Option<Uuid>, now: Timestamp) -> Result<Uuid> {
        let mut random = [0; 10];
        self.entropy.fill(&mut random)?;
        let earliest = before.map_or(0, |before| (before.as_u128() >> 80) as u64 + 1);
        let at_ms = (now.0.max(0) as u64).max(earliest);
        Ok(uuid::Builder::from_unix_timestamp_millis(at_ms, &random).into_uuid())
    }

    /// The row of a newest consent by its id.
    async fn newest(&self, person: &Numbers, id: Uuid) -> Result<Option<(Bytes, Bytes)>> {
        for number in person.all() {
            for (key, row) in self.store.scan(Scan::prefix(Space::Consent, number.as_str().as_bytes())).await? {
                if read(&row)?.id == id {
                    return Ok(Some((key, row)));
                }
            }
        }
        Ok(None)
    }

    /// A consent that a newer one replaced.
    async fn earlier(&self, person: &Numbers, id: Uuid) -> Result<Consent> {
        for number in person.all() {
            if let Some(row) = self.store.get(Space::ConsentHistory, &history_key(number, id)).await? {
                return read(&row);
            }
        }
        Err(Error::new(Reason::NotFound, "there is no such consent").with_subject("consent", ""))
    }

    /// Whether the batch was written: it is not where somebody else's write came before.
    async fn commit(&self, batch: Batch) -> Result<bool> {
        let written = self.store.commit(batch).await;
        // Also after a failure, which may have been written all the same.
        self.epoch.fetch_add(1, Ordering::SeqCst);
        match written {
            Err(error) if error.reason == Reason::StorageConflict => Ok(false),
            result => result.map(|()| true),
        }
    }
}

fn overtaken() -> Error {
    Error::new(Reason::StorageConflict, "the citizen's consents change faster than this call can")
}

#[cfg(test)]
mod tests;
