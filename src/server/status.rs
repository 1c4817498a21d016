//! Where the province's status lists and the keys meet: an issuer's list is signed by the issuer's key.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::keys::Keys;
use crate::base::{Error, Result};
use crate::province::IssuerSigners;
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

impl IssuerSigners for ListSigners {
    fn signer(&self, issuer: &str) -> Result<Arc<dyn Signer>> {
        let unknown = || Error::bug(format!("there is no registry {issuer}"));
        self.0.get(issuer).cloned().ok_or_else(unknown)
    }
}
