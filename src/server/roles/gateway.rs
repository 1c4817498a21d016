//! The gateway role: what agencies and citizens meet. Evidence, rights, consents, accounts and links are its own; records come from the
//! registries' ports, and what was accepted of them from the province.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::access::{self, ConsentBook, EvidenceLog, People, RightsBook};
use crate::api::credential::TokenMint;
use crate::api::metrics::Metrics;
use crate::base::{Entropy, Result, Seed};
use crate::exchange::{self, Exchange, Memory, RecentCalls};
use crate::identity::credential::Addresses;
use crate::identity::{Accounts, Citizens, Credentials, Linking, people};
use crate::ledger::{LogClock, LogId, Sequencer, TileCache};
use crate::registry::numbers::Residents;
use crate::registry::port::{Inclusion, Registry};
use crate::registry::{Catalogue, Name, Reader};
use crate::store::Store;
use crate::trust::{Signer, Verifier};

/// The evidence ledger's number in storage keys.
pub const EVIDENCE: LogId = LogId(201);

/// What a gateway is opened with.
pub struct Opening {
    /// Where it keeps what is its own.
    pub store: Arc<dyn Store>,
    /// The registries and record types that there are.
    pub catalogue: Arc<Catalogue>,
    /// The registries' ports, by name.
    pub registries: BTreeMap<Name, Arc<dyn Registry>>,
    /// What the province accepted.
    pub accepted: Accepted,
    /// The agencies' rights.
    pub rights: Arc<RightsBook>,
    /// Randomness for codes and ids.
    pub entropy: Arc<dyn Entropy>,
    /// Its evidence ledger.
    pub evidence: Evidence,
    /// Mints bearer tokens.
    pub tokens: TokenMint,
    /// What the exchange may keep in memory.
    pub memory: Memory,
}

/// The province as a gateway sees it.
pub struct Accepted {
    /// Where statements stand in the record ledger.
    pub inclusion: Arc<dyn Inclusion>,
    /// The resident records that were accepted.
    pub residents: Arc<dyn Residents>,
    /// Verifies against the trust anchor.
    pub verifier: Arc<Verifier>,
    /// Where status lists are served.
    pub addresses: Arc<dyn Addresses>,
}

/// The evidence ledger that a gateway opens.
pub struct Evidence {
    /// Its origin.
    pub origin: String,
    /// Signs it.
    pub signer: Arc<dyn Signer>,
    /// Its clock.
    pub clock: LogClock,
    /// The tiles that are kept in memory.
    pub tiles: TileCache,
    /// Keys the pseudonyms; a branch of the world's seed, from which no key of a log can be told.
    pub secret: Seed,
}

/// A gateway, without sockets.
pub struct GatewayRole {
    /// Who asked for what.
    pub evidence: Arc<Sequencer>,
    /// The access log.
    pub access_log: Arc<EvidenceLog>,
    /// The agencies' rights.
    pub rights: Arc<RightsBook>,
    /// The citizens' consents.
    pub consents: Arc<ConsentBook>,
    /// Records for agencies.
    pub exchange: Arc<Exchange>,
    /// Mints bearer tokens.
    pub tokens: TokenMint,
    /// Traces of failed calls that left no evidence.
    pub traces: Arc<RecentCalls>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Electronic identification accounts.
    pub accounts: Accounts,
    /// Who stands behind a number, and who acts for whom.
    pub people: Arc<dyn People>,
    /// Documents of accounts.
    pub linking: Linking,
    /// Documents for wallets.
    pub credentials: Credentials,
}

impl GatewayRole {
    /// Opens a gateway, or begins it: its evidence ledger verifies that it rebuilds to its signed root, and that no entry is missing
    /// from the citizens' lists.
    pub async fn open(opening: Opening) -> Result<Self> {
        let Opening { store, catalogue, registries, accepted, rights, entropy, evidence, tokens, memory } = opening;
        let (evidence, access_log) = open_evidence(&store, evidence).await?;
        let consents = Arc::new(ConsentBook::new(store.clone(), entropy.clone()));
        let Accepted { inclusion, residents, verifier, addresses } = accepted;
        let reader = Reader::new(catalogue, registries.into_values(), inclusion, verifier);
        let exchange = Exchange::new(exchange::Parts {
            reader: reader.clone(),
            accepted: residents.clone(),
            rights: rights.clone(),
            consents: consents.clone(),
            evidence: access_log.clone(),
            memory,
        });
        let accounts = Accounts::new(store.clone());
        let people = Arc::new(Citizens::new(residents, accounts.clone()));
        let asked = people::Registries { reader };
        let linking = Linking::new(store, asked, accounts.clone(), entropy.clone());
        let credentials = Credentials::new(linking.clone(), addresses, &*entropy)?;
        Ok(Self {
            evidence,
            access_log,
            rights,
            consents,
            exchange,
            tokens,
            traces: Arc::default(),
            metrics: Arc::default(),
            accounts,
            people,
            linking,
            credentials,
        })
    }
}

async fn open_evidence(store: &Arc<dyn Store>, evidence: Evidence) -> Result<(Arc<Sequencer>, Arc<EvidenceLog>)> {
    let Evidence { origin, signer, clock, tiles, secret } = evidence;
    let ledger = Sequencer::open_with(store.clone(), EVIDENCE, &origin, signer, clock, tiles).await?;
    access::evidence::stored::check_tail(&**store, &ledger.stored()).await?;
    let log = EvidenceLog::new(store.clone(), ledger.clone(), &secret);
    Ok((ledger, log))
}
