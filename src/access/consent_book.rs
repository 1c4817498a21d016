//! The consents of all citizens, in the store, with a cache for the hot path of exchanges.
//!
//! One row for each citizen, agency and purpose: a repetition replaces it, a withdrawal is written over it. The history of
//! what was read under which consent stands in the evidence ledger, not here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};

use crate::base::{Error, PersonalId, Reason, Result, Timestamp};
use crate::store::{Batch, Scan, Space, Store};

use super::consent::{ANY, Consent, ConsentState, consent_id, parse_consent_id, row_key};

/// Citizens whose consents are kept in memory.
const CACHED_MAX: usize = 100_000;

/// Grants, withdraws and lists consents.
pub struct ConsentBook {
    store: Arc<dyn Store>,
    cached: Cache<PersonalId, (u64, Arc<[Consent]>)>,
    /// Grows with every write; what was cached under an earlier number is read again.
    epoch: AtomicU64,
}

/// A consent as its row in the store.
#[derive(Serialize, Deserialize)]
struct Row {
    agency: String,
    purpose: String,
    record_types: Vec<String>,
    said: Said,
    granted_at: i64,
    expires_at: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    Granted,
    Withdrawn,
    Refused,
}

impl ConsentBook {
    /// The book in `store`.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, cached: Cache::new(CACHED_MAX), epoch: AtomicU64::new(0) }
    }

    /// Grants a consent; replaces the same agency's for the same purpose.
    pub async fn grant(&self, person: PersonalId, consent: Consent) -> Result<Consent> {
        self.write(person, &consent).await?;
        Ok(consent)
    }

    /// Takes a consent back from now on; a repetition changes nothing. Withdrawing a refusal ends the refusal.
    pub async fn withdraw(&self, person: PersonalId, id: &str) -> Result<Consent> {
        let missing = || Error::new(Reason::NotFound, "there is no such consent").with_subject("consent", "");
        let (agency, purpose) = parse_consent_id(id).ok_or_else(missing)?;
        let found = self.store.get(Space::Consent, &row_key(person, &agency, &purpose)).await?;
        let mut consent = read(&found.ok_or_else(missing)?)?;
        if consent.said != ConsentState::Withdrawn {
            consent.said = ConsentState::Withdrawn;
            self.write(person, &consent).await?;
        }
        Ok(consent)
    }

    /// Records that the citizen refuses everybody, for every purpose.
    pub async fn refuse_all(&self, person: PersonalId, now: Timestamp) -> Result<()> {
        self.write(person, &Consent::refusal_of_all(now)).await
    }

    /// The same as rows of a larger batch, for seeding before the book is in use.
    pub fn refusal_rows(person: PersonalId, now: Timestamp) -> Result<Batch> {
        let refusal = Consent::refusal_of_all(now);
        Ok(Batch::new().put(Space::Consent, row_key(person, ANY, ANY), write_row(&refusal)?))
    }

    /// All consents and refusals of a citizen, newest first.
    pub async fn list(&self, person: PersonalId) -> Result<Vec<Consent>> {
        let mut consents = self.of(person).await?.to_vec();
        consents.sort_by(|a, b| {
            let id = |consent: &Consent| consent_id(&consent.agency, &consent.purpose);
            b.granted_at.cmp(&a.granted_at).then_with(|| id(a).cmp(&id(b)))
        });
        Ok(consents)
    }

    /// All consents and refusals of a citizen, from memory when they are there.
    pub async fn of(&self, person: PersonalId) -> Result<Arc<[Consent]>> {
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

    async fn write(&self, person: PersonalId, consent: &Consent) -> Result<()> {
        let key = row_key(person, &consent.agency, &consent.purpose);
        let written = self.store.commit(Batch::new().put(Space::Consent, key, write_row(consent)?)).await;
        // Also after a failure, which may have been written all the same.
        self.epoch.fetch_add(1, Ordering::SeqCst);
        written
    }
}

fn write_row(consent: &Consent) -> Result<Vec<u8>> {
    let said = match consent.said {
        ConsentState::Granted | ConsentState::Expired => Said::Granted,
        ConsentState::Withdrawn => Said::Withdrawn,
        ConsentState::Refused => Said::Refused,
    };
    let row = Row {
        agency: consent.agency.clone(),
        purpose: consent.purpose.clone(),
        record_types: consent.record_types.clone(),
        said,
        granted_at: consent.granted_at.0,
        expires_at: consent.expires_at.0,
    };
    serde_json::to_vec(&row).map_err(Error::bug)
}

fn read(row: &[u8]) -> Result<Consent> {
    let row: Row = serde_json::from_slice(row)
        .map_err(|error| Error::new(Reason::StorageCorrupt, "a consent cannot be read").with_source(error))?;
    Ok(Consent {
        agency: row.agency,
        purpose: row.purpose,
        record_types: row.record_types,
        said: match row.said {
            Said::Granted => ConsentState::Granted,
            Said::Withdrawn => ConsentState::Withdrawn,
            Said::Refused => ConsentState::Refused,
        },
        granted_at: Timestamp(row.granted_at),
        expires_at: Timestamp(row.expires_at),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::MemoryStore;

    fn person(text: &str) -> PersonalId {
        PersonalId::parse(text).expect("12 digits")
    }

    fn consent(agency: &str, granted_at: i64) -> Consent {
        Consent {
            agency: agency.into(),
            purpose: "bank.know_your_customer".into(),
            record_types: vec!["resident.person.v1".into()],
            said: ConsentState::Granted,
            granted_at: Timestamp(granted_at),
            expires_at: Timestamp(granted_at + 1_000),
        }
    }

    #[tokio::test]
    async fn what_was_written_is_read_at_once_and_by_its_citizen_alone() {
        let store = Arc::new(MemoryStore::new());
        let book = ConsentBook::new(store.clone());
        let (anna, other) = (person("042185990002"), person("042090990001"));
        assert!(book.list(anna).await.expect("list").is_empty());
        book.grant(anna, consent("bank", 5)).await.expect("granted");
        book.grant(anna, consent("hospital", 7)).await.expect("granted");
        book.grant(anna, consent("bank", 9)).await.expect("replaced");
        let listed = book.list(anna).await.expect("list");
        assert_eq!(listed, [consent("bank", 9), consent("hospital", 7)]);
        assert!(book.list(other).await.expect("list").is_empty());

        let id = consent_id("bank", "bank.know_your_customer");
        for _ in 0..2 {
            assert_eq!(book.withdraw(anna, &id).await.expect("withdrawn").said, ConsentState::Withdrawn);
        }
        assert_eq!(book.withdraw(other, &id).await.expect_err("not theirs").reason, Reason::NotFound);
        let reopened = ConsentBook::new(store);
        assert_eq!(reopened.list(anna).await.expect("list")[0].said, ConsentState::Withdrawn);
    }

    #[tokio::test]
    async fn a_refusal_of_all_is_one_row() {
        let store = Arc::new(MemoryStore::new());
        let refuser = person("042193990013");
        store.commit(ConsentBook::refusal_rows(refuser, Timestamp(3)).expect("rows")).await.expect("seeded");
        let book = ConsentBook::new(store);
        assert_eq!(book.list(refuser).await.expect("list"), [Consent::refusal_of_all(Timestamp(3))]);
        book.refuse_all(refuser, Timestamp(4)).await.expect("again");
        assert_eq!(book.list(refuser).await.expect("list").len(), 1);
    }
}
