//! Where status lists, wallets' credentials and the keys meet: an issuer's list and its credentials are signed by the issuer's key.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::{Error, Result};
use crate::identity::credential::CredentialKeys;
use crate::ledger::Ledger;
use crate::province::{IssuerSigners, StatusLists};
use crate::registry::Name;
use crate::registry::embedded::EmbeddedRegistry;
use crate::trust::Signer;

/// The log of each registry, which knows the key in use: what is signed follows a change of keys at once.
pub(super) struct ListSigners(BTreeMap<Name, Arc<Ledger>>);

impl ListSigners {
    /// The signers of the registries in this process.
    pub(super) fn of(hosts: &BTreeMap<Name, Arc<EmbeddedRegistry>>) -> Self {
        Self(hosts.iter().map(|(name, host)| (name.clone(), host.ledger().clone())).collect())
    }
}

/// What wallets' credentials are signed with, and which status lists they name.
pub(super) struct WalletKeys {
    pub(super) signers: Arc<ListSigners>,
    pub(super) status: Arc<StatusLists>,
}

impl CredentialKeys for WalletKeys {
    fn signer(&self, issuer: &str) -> Result<Arc<dyn Signer>> {
        IssuerSigners::signer(&*self.signers, issuer)
    }

    fn status_uri(&self, issuer: &str, schema: &str) -> String {
        self.status.uri(issuer, schema)
    }

    fn public_url(&self) -> Option<String> {
        self.status.public_url().map(str::to_owned)
    }
}

impl IssuerSigners for ListSigners {
    fn signer(&self, issuer: &str) -> Result<Arc<dyn Signer>> {
        let unknown = || Error::bug(format!("there is no registry {issuer}"));
        self.0.get(issuer).map(|log| log.signer()).ok_or_else(unknown)
    }
}
