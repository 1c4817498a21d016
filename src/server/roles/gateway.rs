//! The gateway role, which serves agencies and citizens. It owns evidence, rights, consents, accounts and links; records come from
//! the registries' ports, and accepted changes from the province.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::access::{self, ConsentBook, EvidenceLog, People, RightsBook};
use crate::api::credential::TokenMint;
use crate::api::metrics::Metrics;
use crate::base::{Entropy, Result, Seed};
use crate::exchange::{self, Exchange, ExchangeMemory, RecentCalls};
use crate::identity::credential::Addresses;
use crate::identity::organisation::Organisations;
use crate::identity::{Accounts, Citizens, Credentials, Linking, people};
use crate::ledger::{LogClock, LogId, Sequencer, TileCache};
use crate::registry::numbers::Residents;
use crate::registry::port::{Inclusion, Registry};
use crate::registry::{Catalogue, Name, Reader};
use crate::store::Store;
use crate::trust::{Signer, Verifier};

/// The evidence ledger's number in storage keys.
pub const EVIDENCE: LogId = LogId(201);

/// The ports and settings of a gateway role.
pub struct Opening {
    /// The store of its own data.
    pub store: Arc<dyn Store>,
    /// The catalogue of registries and record types.
    pub catalogue: Arc<Catalogue>,
    /// The registries' ports, by name.
    pub registries: BTreeMap<Name, Arc<dyn Registry>>,
    /// The province's accepted records.
    pub accepted: AcceptedRecords,
    /// The agencies' rights.
    pub rights: Arc<RightsBook>,
    /// Randomness for codes and ids.
    pub entropy: Arc<dyn Entropy>,
    /// Settings of the evidence ledger.
    pub evidence: Evidence,
    /// Mints bearer tokens.
    pub tokens: Arc<TokenMint>,
    /// Bounds on the exchange's memory.
    pub memory: ExchangeMemory,
}

/// The province, as a gateway uses it.
pub struct AcceptedRecords {
    /// Ledger positions of statements and their proofs.
    pub inclusion: Arc<dyn Inclusion>,
    /// The accepted resident records.
    pub residents: Arc<dyn Residents>,
    /// The verifier of the trust anchor.
    pub verifier: Arc<Verifier>,
    /// The addresses of status lists.
    pub addresses: Arc<dyn Addresses>,
}

/// Settings of the evidence ledger.
pub struct Evidence {
    /// Its origin.
    pub origin: String,
    /// The signer of its checkpoints.
    pub signer: Arc<dyn Signer>,
    /// Its clock.
    pub clock: LogClock,
    /// The cache of its tiles.
    pub tiles: TileCache,
    /// The key of the pseudonyms; a branch of the world's seed, from which no log's key can be derived.
    pub secret: Seed,
}

/// An opened gateway role, without sockets.
pub struct GatewayRole {
    /// The evidence ledger.
    pub evidence: Arc<Sequencer>,
    /// The access log, read from the evidence ledger.
    pub access_log: Arc<EvidenceLog>,
    /// The agencies' rights.
    pub rights: Arc<RightsBook>,
    /// The citizens' consents.
    pub consents: Arc<ConsentBook>,
    /// Fetches records for agencies.
    pub exchange: Arc<Exchange>,
    /// Mints bearer tokens.
    pub tokens: Arc<TokenMint>,
    /// Recent calls that left no evidence.
    pub traces: Arc<RecentCalls>,
    /// Counters for the metrics.
    pub metrics: Arc<Metrics>,
    /// Electronic identification accounts.
    pub accounts: Accounts,
    /// The accounts of organisations.
    pub organisations: Organisations,
    /// The people behind numbers, and their guardians.
    pub people: Arc<dyn People>,
    /// The registries, read with all checks.
    pub registries: people::Registries,
    /// Links of documents to accounts.
    pub linking: Linking,
    /// Credentials for wallets.
    pub credentials: Credentials,
}

impl GatewayRole {
    /// Opens or creates a gateway: verifies that the evidence ledger rebuilds to its signed root, and that no entry is missing from
    /// the citizens' lists.
    pub async fn open(opening: Opening) -> Result<Self> {
        let Opening { store, catalogue, registries, accepted, rights, entropy, evidence, tokens, memory } = opening;
        let (evidence, access_log) = open_evidence(&store, evidence).await?;
        let consents = Arc::new(ConsentBook::new(store.clone(), entropy.clone()));
        let AcceptedRecords { inclusion, residents, verifier, addresses } = accepted;
        let reader = Reader::new(catalogue, registries.into_values(), inclusion, verifier);
        let exchange = Exchange::new(exchange::ExchangeAssembly {
            reader: reader.clone(),
            accepted: residents.clone(),
            rights: rights.clone(),
            consents: consents.clone(),
            evidence: access_log.clone(),
            memory,
        });
        let accounts = Accounts::new(store.clone());
        let asked = people::Registries { reader };
        let organisations = Organisations::new(store.clone(), asked.clone());
        let people = Arc::new(Citizens::new(residents, accounts.clone(), organisations.clone()));
        let linking = Linking::new(store, asked.clone(), accounts.clone(), entropy.clone());
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
            organisations,
            people,
            registries: asked,
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
