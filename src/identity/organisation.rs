//! Accounts of organisations (Decree 69/2024): opened by the legal representative whom the register of organisations names, used by them and by
//! whom they gave a mandate.

use std::sync::Arc;

use crate::access::Representation;
use crate::access::acting::{MAJORITY, has_age};
use crate::base::{Error, OrganisationCode, PersonalId, Reason, Result, Timestamp};
use crate::registry::numbers::{Numbers, Standing};
use crate::store::{Batch, Space, Store};
use crate::trust::canonical::{self, Object, Value};

use super::document::{Standing as Document, standing_of};
use super::people::Registries;

/// Most mandates of one organisation.
pub const MANDATES_MAX: usize = 50;
/// Most days for which a mandate is given: five years.
pub const MANDATE_DAYS_MAX: i64 = 1_827;
const DAY_MS: i64 = 86_400_000;

/// A person's mandate to act for an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mandate {
    /// Who.
    pub person: PersonalId,
    /// Since when.
    pub from: Timestamp,
    /// Until when, not included.
    pub until: Timestamp,
}

/// The account of an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganisationAccount {
    /// The login name: the organisation's code.
    pub code: OrganisationCode,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Those given and neither ended nor over, in the order in which they were given.
    pub mandates: Vec<Mandate>,
}

impl OrganisationAccount {
    fn to_row(&self) -> Vec<u8> {
        let mandate = |mandate: &Mandate| {
            let row = Object::new().with("from", mandate.from.0).with("person", mandate.person.as_str());
            Value::Object(row.with("until", mandate.until.0))
        };
        let mandates: Vec<Value> = self.mandates.iter().map(mandate).collect();
        canonical::write(&Object::new().with("mandates", mandates).with("opened_at", self.opened_at.0))
    }

    fn from_row(code: OrganisationCode, row: &[u8]) -> Option<Self> {
        let row = canonical::parse(row).ok()?;
        let mandate = |row: &Value| {
            let row = row.as_object()?;
            Some(Mandate {
                person: PersonalId::parse(row.text("person")?)?,
                from: Timestamp(row.integer("from")?),
                until: Timestamp(row.integer("until")?),
            })
        };
        let mandates = row.array("mandates")?.iter().map(mandate).collect::<Option<_>>()?;
        Some(Self { code, opened_at: Timestamp(row.integer("opened_at")?), mandates })
    }

    /// The account as it is at `now`: without mandates that are over.
    fn at(mut self, now: Timestamp) -> Self {
        self.mandates.retain(|mandate| mandate.until > now);
        self
    }
}

/// The use cases of organisations' accounts.
#[derive(Clone)]
pub struct Organisations {
    store: Arc<dyn Store>,
    registries: Registries,
}

impl Organisations {
    /// Accounts in `store`, of the organisations in `registries`.
    pub fn new(store: Arc<dyn Store>, registries: Registries) -> Self {
        Self { store, registries }
    }

    /// How a person acts for an organisation; `None` where they do not. The register of organisations says who represents one, the account who
    /// has a mandate. An organisation that has ended is represented still, since its affairs are wound up; its mandates ended with it (Civil Code,
    /// article 140).
    pub async fn representation(
        &self,
        code: OrganisationCode,
        person: &Numbers,
        now: Timestamp,
    ) -> Result<Option<Representation>> {
        if self.is_representative(code, person, now).await? {
            return Ok(Some(Representation::Legal));
        }
        if self.has_ended(code, now).await? {
            return Ok(None);
        }
        let account = self.account(code, now).await?;
        let has_mandate = |account: &OrganisationAccount| {
            account.mandates.iter().any(|mandate| mandate.from <= now && person.contains(mandate.person))
        };
        Ok(account.filter(has_mandate).map(|_| Representation::Mandate))
    }

    /// Whether a person is the legal representative, by the newest record of the register of organisations, verified. That the record fails its
    /// checks is told to them alone.
    async fn is_representative(&self, code: OrganisationCode, person: &Numbers, now: Timestamp) -> Result<bool> {
        let Some(register) = self.registries.catalogue().organisations() else { return Ok(false) };
        let Some(field) = &register.organisations.representative else { return Ok(false) };
        let names_them = |payload: &Object| {
            payload.text(field).and_then(PersonalId::parse).is_some_and(|number| person.contains(number))
        };
        let key = register.key_form.of(&code.to_string());
        let record = self.registries.read_one(register, key, now, names_them).await?;
        Ok(record.is_some_and(|record| names_them(&record.payload)))
    }

    /// Whether the newest record of the register of organisations says that this one has ended: dissolved, bankrupt, merged. One that is not there,
    /// or does not pass its checks, says nothing.
    async fn has_ended(&self, code: OrganisationCode, now: Timestamp) -> Result<bool> {
        let Some(register) = self.registries.catalogue().organisations() else { return Ok(false) };
        let key = register.key_form.of(&code.to_string());
        let record = self.registries.read_one(register, key, now, |_| false).await?;
        Ok(record.is_some_and(|record| matches!(standing_of(register, &record, now), Document::Revoked(_))))
    }

    /// Fails with [`OrganisationEnded`](Reason::OrganisationEnded).
    async fn must_stand(&self, code: OrganisationCode, now: Timestamp) -> Result<()> {
        if !self.has_ended(code, now).await? {
            return Ok(());
        }
        let message = "the organisation has ended: it opens no account and gives no mandate any more";
        Err(Error::new(Reason::OrganisationEnded, message).with_subject("organisation", "organisation_code"))
    }

    /// Waits until what a conflict has seen can be read.
    pub async fn settled(&self) -> Result<()> {
        crate::store::settled(&*self.store).await
    }

    /// An organisation's account.
    pub async fn account(&self, code: OrganisationCode, now: Timestamp) -> Result<Option<OrganisationAccount>> {
        Ok(self.row(code).await?.map(|(account, _)| account.at(now)))
    }

    async fn row(&self, code: OrganisationCode) -> Result<Option<(OrganisationAccount, bytes::Bytes)>> {
        let Some(row) = self.store.get(Space::Account, &key(code)).await? else { return Ok(None) };
        let corrupt = || Error::new(Reason::StorageCorrupt, "an organisation's account cannot be read back");
        let account = OrganisationAccount::from_row(code, &row).ok_or_else(corrupt)?;
        Ok(Some((account, row)))
    }

    /// Opens the account; one that is open already stays as it is. Fails with [`OrganisationEnded`](Reason::OrganisationEnded) where it would be new.
    pub async fn open(&self, code: OrganisationCode, now: Timestamp) -> Result<OrganisationAccount> {
        if let Some(account) = self.account(code, now).await? {
            return Ok(account);
        }
        self.must_stand(code, now).await?;
        let account = OrganisationAccount { code, opened_at: now, mandates: Vec::new() };
        let batch =
            Batch::new().require_absent(Space::Account, key(code)).put(Space::Account, key(code), account.to_row());
        self.store.commit(batch).await?;
        Ok(account)
    }

    /// Gives a mandate until `until`; a person's mandate that is there already, under whichever of their numbers, gets the new end. Fails with
    /// [`AccountMissing`](Reason::AccountMissing) where the organisation has no account, and with
    /// [`OrganisationEnded`](Reason::OrganisationEnded) where it has ended. Of somebody who is no living person of full age it is not told
    /// what they are.
    pub async fn grant(
        &self,
        code: OrganisationCode,
        person: &Numbers,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<OrganisationAccount> {
        let is_grown = person.born.is_some_and(|born| has_age(born, MAJORITY, now.date()));
        if person.standing != Standing::Living || !is_grown {
            let says = "a mandate is given to a living person of full age";
            return Err(Error::invalid_field("personal_id", "CONFLICT", says));
        }
        let refused = |rule: &'static str, says: &str| Err(Error::invalid_field("until", rule, says.to_owned()));
        if until <= now {
            return refused("ORDER", "a mandate ends in the future");
        }
        if until.0.saturating_sub(now.0) > MANDATE_DAYS_MAX * DAY_MS {
            return refused("TOO_LONG", "a mandate lasts at most five years");
        }
        self.must_stand(code, now).await?;
        self.change(code, now, |account| {
            let theirs = |mandate: &Mandate| person.contains(mandate.person);
            let from = account.mandates.iter().find(|mandate| theirs(mandate)).map_or(now, |mandate| mandate.from);
            account.mandates.retain(|mandate| !theirs(mandate));
            if account.mandates.len() >= MANDATES_MAX {
                let message = format!("an organisation gives at most {MANDATES_MAX} mandates: end one first");
                return Err(Error::new(Reason::TooManyMandates, message).with_subject("account", "mandates"));
            }
            account.mandates.push(Mandate { person: person.current, from, until });
            Ok(())
        })
        .await
    }

    /// Ends a person's mandate. Fails with [`NotFound`](Reason::NotFound) where they have none.
    pub async fn end(&self, code: OrganisationCode, person: &Numbers, now: Timestamp) -> Result<OrganisationAccount> {
        self.change(code, now, |account| {
            let before = account.mandates.len();
            account.mandates.retain(|mandate| !person.contains(mandate.person));
            match account.mandates.len() < before {
                true => Ok(()),
                false => Err(Error::new(Reason::NotFound, "the person has no mandate of this organisation")
                    .with_subject("mandate", "personal_id")),
            }
        })
        .await
    }

    async fn change(
        &self,
        code: OrganisationCode,
        now: Timestamp,
        change: impl FnOnce(&mut OrganisationAccount) -> Result<()>,
    ) -> Result<OrganisationAccount> {
        let missing = || {
            let message = "the organisation has no account: its legal representative opens one";
            Error::new(Reason::AccountMissing, message).with_subject("account", "missing")
        };
        let (account, row) = self.row(code).await?.ok_or_else(missing)?;
        let mut account = account.at(now);
        change(&mut account)?;
        // Of two changes at once the second one fails, and is repeated.
        let batch = Batch::new().require_value(Space::Account, key(code), row);
        self.store.commit(batch.put(Space::Account, key(code), account.to_row())).await?;
        Ok(account)
    }
}

/// Codes have 10 or 14 characters and personal IDs 12, so that they share a space.
fn key(code: OrganisationCode) -> Vec<u8> {
    code.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_read_back_without_what_is_over() {
        let code = OrganisationCode::parse("0100233488-001").expect("a code");
        let mandate = |person: &str, until| Mandate {
            person: PersonalId::parse(person).expect("12 digits"),
            from: Timestamp(1),
            until: Timestamp(until),
        };
        let mandates = vec![mandate("042185990002", 10), mandate("042185990003", 20)];
        let account = OrganisationAccount { code, opened_at: Timestamp(1), mandates };
        let read = OrganisationAccount::from_row(code, &account.to_row()).expect("reads back");
        assert_eq!(read, account);
        assert_eq!(read.at(Timestamp(10)).mandates, [mandate("042185990003", 20)]);
        assert_eq!(OrganisationAccount::from_row(code, b"{\"opened_at\":1}"), None);
    }
}
