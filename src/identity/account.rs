//! Electronic identification accounts (Decree 69/2024): level 1 or 2, children's through a guardian.

use std::sync::Arc;

use crate::base::{Error, PersonalId, Reason, Result, Timestamp};
use crate::registry::numbers::Numbers;
use crate::store::{Batch, Space, Store, settled};
use crate::trust::canonical::{self, Object};

/// The identification level of an account. Documents are linked to level 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Identity data and some services.
    One,
    /// All services.
    Two,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The login name: the personal ID.
    pub person: PersonalId,
    /// Its level.
    pub level: Level,
    /// For children: the guardian whose account acts for this one.
    pub guardian: Option<PersonalId>,
    /// When it was opened.
    pub opened_at: Timestamp,
}

impl Account {
    fn to_row(&self) -> Vec<u8> {
        let level = match self.level {
            Level::One => 1,
            Level::Two => 2,
        };
        let row = Object::new()
            .with("level", level)
            .with("opened_at", self.opened_at.0)
            .with_optional("guardian", self.guardian.map(|guardian| guardian.as_str().to_owned()));
        canonical::write(&row)
    }

    fn from_row(person: PersonalId, row: &[u8]) -> Option<Self> {
        let row = canonical::parse(row).ok()?;
        let level = match row.integer("level")? {
            1 => Level::One,
            2 => Level::Two,
            _ => return None,
        };
        let guardian = row.text("guardian").and_then(PersonalId::parse);
        Some(Self { person, level, guardian, opened_at: Timestamp(row.integer("opened_at")?) })
    }
}

/// The table of accounts.
#[derive(Clone)]
pub struct Accounts {
    store: Arc<dyn Store>,
}

impl Accounts {
    /// Opens the accounts of `store`.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// The account under the person's present number, or else the one opened under the latest superseded number.
    pub async fn of(&self, person: &Numbers) -> Result<Option<Account>> {
        for number in person.all() {
            if let Some(account) = self.under(number).await? {
                return Ok(Some(Account { person: person.current, ..account }));
            }
        }
        Ok(None)
    }

    async fn under(&self, person: PersonalId) -> Result<Option<Account>> {
        let Some(row) = self.store.get(Space::Account, person.as_str().as_bytes()).await? else { return Ok(None) };
        let corrupt = || Error::new(Reason::StorageCorrupt, "an account cannot be read back");
        Account::from_row(person, &row).map(Some).ok_or_else(corrupt)
    }

    /// Opens an account, or gives the one that the person has already.
    pub async fn open(&self, account: Account) -> Result<Account> {
        let key = account.person.as_str().as_bytes().to_vec();
        let batch = Batch::new().require_absent(Space::Account, key.clone());
        match self.store.commit(batch.put(Space::Account, key, account.to_row())).await {
            Err(error) if error.reason == Reason::StorageConflict => {
                settled(&*self.store).await?;
                self.under(account.person).await?.ok_or(error)
            }
            result => result.map(|()| account),
        }
    }

    /// Inserts or replaces accounts; for the seeding of a world.
    pub async fn seed(&self, accounts: &[Account]) -> Result<()> {
        let mut batch = Batch::new();
        for account in accounts {
            batch = batch.put(Space::Account, account.person.as_str().as_bytes().to_vec(), account.to_row());
        }
        self.store.commit(batch).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_read_back() {
        let person = PersonalId::parse("042324990011").expect("id");
        let guardian = PersonalId::parse("042190000001");
        let account = Account { person, level: Level::One, guardian, opened_at: Timestamp(5) };
        assert_eq!(Account::from_row(person, &account.to_row()), Some(account));
        assert_eq!(Account::from_row(person, b"{\"level\":3,\"opened_at\":1}"), None);
    }
}
