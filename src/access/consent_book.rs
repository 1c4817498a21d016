//! The consents of all citizens, in the store, with a cache for the hot path of exchanges.
//!
//! `Consent` holds the newest one for each citizen, agency and purpose, which is all that a decision needs: one short scan. The one
//! that it replaced moves to `ConsentHistory`, in the same commit, so no consent is lost or duplicated. The records read
//! under a consent are in the evidence ledger, not here.
//!
//! Most citizens never said anything. Who did is known by number, so that a read of all others costs no look at the store. Once they are too many
//! to be kept in memory, each citizen's are looked up.
//!
//! Rows are stored under the number that the citizen had at the time. Everything here is asked for a person, whose
//! [`Numbers`] are all read: consents under an earlier number are listed, ended and replaced under the present one.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use quick_cache::sync::Cache;
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::base::{Entropy, Error, Kind, PersonalId, Reason, Result, Timestamp};
use crate::registry::numbers::{Numbers, Standing};
use crate::store::{Batch, Scan, Space, Store};

use super::consent::{ANY, Act, Consent, ConsentState, Terms};
use row::{history_key, number_of, read, row_key, write};

mod row;

/// Capacity of the cache, in citizens.
const CACHED_MAX: usize = 100_000;
/// Most numbers that a book keeps in memory, to know who has consents or refusals, and most rows that it reads for that at its first use.
const HEARD_MAX: usize = 100_000;
/// Rows in one read.
const ROWS_READ: usize = 4_096;
/// Retries of a write that lost against a concurrent one.
const ATTEMPTS_MAX: usize = 8;

/// Grants, withdraws and lists consents.
pub struct ConsentBook {
    store: Arc<dyn Store>,
    entropy: Arc<dyn Entropy>,
    cached: Cache<PersonalId, (u64, Arc<[Consent]>)>,
    /// Incremented by every write; a cache entry from before is read again.
    epoch: AtomicU64,
    /// The numbers with consents or refusals; `None` if there are too many.
    heard: OnceCell<RwLock<Option<HashSet<PersonalId>>>>,
    heard_max: usize,
}

impl ConsentBook {
    /// The book in `store`; ids come from `entropy`.
    pub fn new(store: Arc<dyn Store>, entropy: Arc<dyn Entropy>) -> Self {
        let (cached, epoch) = (Cache::new(CACHED_MAX), AtomicU64::new(0));
        Self { store, entropy, cached, epoch, heard: OnceCell::new(), heard_max: HEARD_MAX }
    }

    /// Grants a consent under the person's present number. It replaces the one for the same agency and purpose, under any of the
    /// person's numbers.
    pub async fn grant(&self, person: &Numbers, terms: Terms, act: Act, now: Timestamp) -> Result<Consent> {
        self.hear(person.current).await?;
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

    /// Withdraws the consent with this id, and no other: one that has ended stays as it ended, however often this is repeated.
    /// Withdrawing a refusal ends the refusal.
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

    /// Records that the citizen refuses every agency and purpose; a repetition changes nothing.
    pub async fn refuse_all(&self, person: PersonalId, now: Timestamp) -> Result<()> {
        let key = row_key(person, ANY, ANY);
        self.hear(person).await?;
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
        // Ids sort by time.
        found.sort_by_key(|consent| std::cmp::Reverse(consent.id));
        found.dedup_by_key(|consent| consent.id);
        let more = found.len() > limit;
        found.truncate(limit);
        Ok((found, more))
    }

    /// The basis of a decision about a read: the newest consents and refusals under every number of a person. Where nobody is left who could take a
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

    /// The numbers with consents or refusals, if known.
    async fn heard(&self) -> Result<&RwLock<Option<HashSet<PersonalId>>>> {
        let read = || async {
            if self.store.count(Space::Consent) > self.heard_max as u64 {
                return Ok(None);
            }
            match self.all_numbers().await {
                Ok(numbers) => Ok(Some(numbers)),
                // A damaged row is reported when its citizen's consents are read.
                Err(error) if error.kind() == Kind::Corrupt => Ok(None),
                Err(error) => Err(error),
            }
        };
        self.heard.get_or_try_init(async || read().await.map(RwLock::new)).await
    }

    async fn all_numbers(&self) -> Result<HashSet<PersonalId>> {
        let mut numbers = HashSet::new();
        let mut scan = Scan::prefix(Space::Consent, &[]).limit(ROWS_READ);
        loop {
            let rows = self.store.scan(scan.clone()).await?;
            for (key, _) in &rows {
                numbers.insert(number_of(key)?);
            }
            match rows.last() {
                Some((last, _)) if rows.len() == ROWS_READ => scan = scan.after(last.to_vec()),
                _ => return Ok(numbers),
            }
        }
    }

    /// Notes a number before a consent or refusal is written under it. With one too many, none are known from now on.
    async fn hear(&self, person: PersonalId) -> Result<()> {
        let mut heard = self.heard().await?.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(numbers) = &mut *heard
            && numbers.insert(person)
            && numbers.len() > self.heard_max
        {
            *heard = None;
        }
        Ok(())
    }

    /// The newest consents and refusals under one number, from the cache if possible.
    async fn of(&self, person: PersonalId) -> Result<Arc<[Consent]>> {
        let is_silent = {
            let heard = self.heard().await?.read().unwrap_or_else(PoisonError::into_inner);
            heard.as_ref().is_some_and(|numbers| !numbers.contains(&person))
        };
        if is_silent {
            return Ok(Arc::default());
        }
        // The counter is read before the rows: a write in between invalidates the entry cached here.
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

    /// A consent that was replaced.
    async fn earlier(&self, person: &Numbers, id: Uuid) -> Result<Consent> {
        for number in person.all() {
            if let Some(row) = self.store.get(Space::ConsentHistory, &history_key(number, id)).await? {
                return read(&row);
            }
        }
        Err(Error::new(Reason::NotFound, "there is no such consent").with_subject("consent", ""))
    }

    /// Whether the batch was written, or lost against a concurrent write.
    async fn commit(&self, batch: Batch) -> Result<bool> {
        let written = self.store.commit(batch).await;
        // Also after a failure, since the batch may have been written.
        self.epoch.fetch_add(1, Ordering::SeqCst);
        match written {
            Err(error) if error.reason == Reason::StorageConflict => Ok(false),
            result => result.map(|()| true),
        }
    }
}

fn overtaken() -> Error {
    Error::new(Reason::StorageConflict, "the citizen's consents kept changing during the call: repeat it")
}

#[cfg(test)]
mod tests;
