//! Of what a creation is made: the registries' ports, and what identity and access keep.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use crate::access::ConsentBook;
use crate::base::time::Instant;
use crate::base::{Error, Result, Seed};
use crate::identity::people::Registries;
use crate::identity::{Accounts, Linking};
use crate::registry::port::Registry;
use crate::registry::{Catalogue, Name};
use crate::simulation::faults::Rules;
use crate::store::Store;

/// Waits until what was written shows: the province accepted it, and links follow.
#[async_trait]
pub trait Shown: Send + Sync + 'static {
    /// Waits for all that was written before the call, at most until then; names the parts that do not show it yet, which are none if all is well.
    async fn shown(&self, until: Instant) -> Vec<String>;
}

/// The ports through which a citizen is created.
pub struct Parts {
    /// The world's registries and record types.
    pub catalogue: Arc<Catalogue>,
    /// Where names and days are drawn from.
    pub seed: Seed,
    /// The world's store.
    pub store: Arc<dyn Store>,
    /// The registries' ports, by name.
    pub ports: BTreeMap<Name, Arc<dyn Registry>>,
    /// The same, read with all checks.
    pub registries: Registries,
    /// Citizens' accounts.
    pub accounts: Accounts,
    /// Links of documents.
    pub linking: Linking,
    /// Consents and refusals.
    pub consents: Arc<ConsentBook>,
    /// The rules of faults that hold.
    pub faults: Arc<Rules>,
    /// Whether a citizen's situation may be a false signature: in sessions, which end.
    pub may_sign_falsely: bool,
    /// Where all of it shows.
    pub shown: Arc<dyn Shown>,
}

impl Parts {
    pub(super) fn port(&self, registry: &str) -> Result<&Arc<dyn Registry>> {
        self.ports.get(registry).ok_or_else(|| Error::bug(format!("there is no registry {registry}")))
    }
}
