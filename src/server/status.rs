//! Where status lists, wallets' credentials and the keys meet: an issuer's list and its credentials are signed by the issuer's key.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::keys::Keys;
use crate::base::{Error, Result};
use crate::identity::credential::CredentialKeys;
use crate::province::{IssuerSigners, StatusLists};
use crate::registry;
use crate::trust::Signer;

/// The signer of each registry.
pub(super) struct ListSigners(BTreeMap<&'static str, Arc<dyn Signer>>);

impl ListSigners {
    /// The signers as they are in `keys`.
    pub(super) fn of(keys: &Keys) -> Result<Self> {
        let signers = registry::ALL.iter().map(|sector| Ok((sector.name, keys.issuer(sector.name)?)));
        signers.collect::<Result<_>>().map(Self)
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
}

impl IssuerSigners for ListSigners {
    fn signer(&self, issuer: &str) -> Result<Arc<dyn Signer>> {
        let unknown = || Error::bug(format!("there is no registry {issuer}"));
        self.0.get(issuer).cloned().ok_or_else(unknown)
    }
}
