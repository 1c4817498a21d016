//! Citizens as calls name them: the person to whom a number leads, and the guardian that their account names.
//!
//! Numbers are read from the resident records that the province accepted, so that a citizen can see and end what is theirs while a registry is
//! unreachable. Linking, presenting and issuing ask the registry itself.

use std::sync::Arc;

use async_trait::async_trait;

use crate::access::{People, Representation};
use crate::base::{OrganisationCode, PersonalId, Result, Timestamp};
use crate::registry::numbers::{Numbers, Residents, Standing, resolve};

use super::account::Accounts;
use super::organisation::Organisations;

/// The citizens of the province.
pub struct Citizens {
    residents: Arc<dyn Residents>,
    accounts: Accounts,
    organisations: Organisations,
}

impl Citizens {
    /// Looks citizens up in `residents`, `accounts` and the accounts of `organisations`.
    pub fn new(residents: Arc<dyn Residents>, accounts: Accounts, organisations: Organisations) -> Self {
        Self { residents, accounts, organisations }
    }
}

#[async_trait]
impl People for Citizens {
    async fn numbers(&self, number: PersonalId) -> Result<Numbers> {
        resolve(number, &*self.residents).await
    }

    async fn knows(&self, person: &Numbers) -> Result<bool> {
        Ok(person.standing != Standing::Unknown || self.accounts.of(person).await?.is_some())
    }

    async fn guardian_of(&self, person: &Numbers) -> Result<Option<PersonalId>> {
        Ok(self.accounts.of(person).await?.and_then(|account| account.guardian))
    }

    async fn represents(
        &self,
        person: &Numbers,
        organisation: OrganisationCode,
        now: Timestamp,
    ) -> Result<Option<Representation>> {
        self.organisations.representation(organisation, person, now).await
    }
}
