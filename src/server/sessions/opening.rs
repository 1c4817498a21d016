//! How a session's world begins: from a snapshot of another world, whose logs it continues under origins and keys of its own.

#![allow(
    clippy::disallowed_methods,
    reason = "a snapshot waits until the province has caught up, by the machine's time"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::access::{Rights, RightsBook};
use crate::api::credential::TokenMint;
use crate::base::limits::BATCH_RECORDS_MAX;
use crate::base::origins::{EVIDENCE_LEDGER, RECORD_LEDGER};
use crate::base::{Entropy, Error, PersonalId, Reason, Result, Seed, SessionId, Timestamp};
use crate::keys::signers::Keys;
use crate::ledger::{LogClock, continue_log};
use crate::registry::{Catalogue, Name};
use crate::server::assembly::{Assembly, Common};
use crate::server::memory::Memory;
use crate::server::roles::{gateway, province, registry};
use crate::server::world::World;
use crate::simulation::clock::WorldClock;
use crate::simulation::faults::{self, FaultyStore, Rule, Rules, Standing};
use crate::simulation::personas;
use crate::store::{MemoryTotal, OverlayStore, Snapshot, Store};
use crate::trust::anchor::Continued;
use crate::trust::{Signer, TrustAnchor};
use crate::webhook::Sending;

/// How often, and at what intervals, a snapshot is taken anew because the world was about to change.
const ATTEMPTS: u32 = 250;
const BETWEEN: Duration = Duration::from_millis(20);

/// The beginning of a session. Clones share it.
#[derive(Clone)]
pub(super) struct Source {
    snapshot: Arc<dyn Snapshot>,
    catalogue: Arc<Catalogue>,
    anchor: Arc<TrustAnchor>,
    /// The reading with which the session's clock begins.
    pub(super) clock: Arc<WorldClock>,
    rights: Arc<Rights>,
    faults: Arc<Rules>,
    compromised: BTreeMap<Name, Arc<dyn Signer>>,
    tokens: Arc<TokenMint>,
    sending: Arc<Sending>,
    seed: Seed,
    created_at: Timestamp,
}

impl Source {
    /// About how much was written to the store below while it holds back replaced rows.
    pub(super) fn held_back_bytes(&self) -> u64 {
        self.snapshot.held_back_bytes()
    }

    /// A world in its present state. Of a world into which more is being written at this moment than its province has accepted, the snapshot is taken a
    /// little later; fails with [`Overloaded`](Reason::Overloaded) if that goes on for seconds.
    pub(super) async fn of(assembly: &Assembly) -> Result<Self> {
        if let Some(registry) = assembly.remotes.keys().next() {
            let message =
                format!("a session is a world of this process, and the {registry} registry is on a host of its own");
            return Err(Error::new(Reason::RegistriesElsewhere, message).with_subject("registry", &**registry));
        }
        for _ in 0..ATTEMPTS {
            let anchor = assembly.province.verifier.anchor();
            let accepted = assembly.province.layer.progress();
            let snapshot = assembly.world.store.snapshot().await?;
            // Records that a registry issued and the province has not accepted yet form one batch in the session.
            let is_close = assembly.registries.iter().all(|(name, registry)| {
                let accepted = accepted.get(name).map_or(0, |progress| progress.log_size);
                registry.log().head().size.saturating_sub(accepted) <= BATCH_RECORDS_MAX as u64
            });
            if is_close && assembly.province.verifier.anchor().version == anchor.version {
                let world = &assembly.world;
                let clock = world.clock.branch();
                let faults = Arc::new(world.faults.copy(clock.clone(), |_| true));
                let compromised = assembly.registries.iter().map(|(name, role)| (name.clone(), role.compromised()));
                return Ok(Self {
                    snapshot,
                    catalogue: world.catalogue.clone(),
                    anchor,
                    clock,
                    rights: assembly.gateway.rights.current(),
                    faults,
                    compromised: compromised.collect(),
                    tokens: assembly.gateway.tokens.clone(),
                    sending: assembly.webhooks.sending().clone(),
                    seed: world.seed,
                    created_at: world.created_at,
                });
            }
            tokio::time::sleep(BETWEEN).await;
        }
        let message = "so much is being written that no session can begin: try again";
        Err(Error::new(Reason::Overloaded, message).with_retry_after(Duration::from_secs(1)))
    }

    /// The personas whose own faults hold.
    pub(super) fn persona_faults(&self) -> Vec<PersonalId> {
        let table = self.faults.current();
        let holds = |rule: &Rule| {
            let person = rule.matching.person?;
            table.of_citizen(&person).is_some_and(|standing| standing.rule == *rule).then_some(person)
        };
        personas::faults().iter().filter_map(holds).collect()
    }

    /// The rules that somebody added, by their names.
    pub(super) fn added_faults(&self) -> Vec<String> {
        let table = self.faults.current();
        let added = table.all().filter(|standing| standing.source == faults::Source::Added);
        added.map(|standing| standing.id.clone()).collect()
    }

    /// With the faults of these personas, whether or not they hold where it begins, and of no other persona. What holds there of one of them may be
    /// another fault than the persona's own, and stays.
    pub(super) fn with_faults_of(mut self, personas: &[PersonalId]) -> Self {
        let of_personas = personas::faults();
        let person = |rule: &Rule| rule.matching.person;
        let is_wanted = |rule: &Rule| person(rule).is_some_and(|person| personas.contains(&person));
        let is_of_another = |standing: &Standing| {
            let is_persona = of_personas.iter().any(|rule| person(rule) == person(&standing.rule));
            standing.source == faults::Source::Persona && is_persona && !is_wanted(&standing.rule)
        };
        let faults = self.faults.copy(self.clock.clone(), |standing| !is_of_another(standing));
        let has_none = |rule: &&Rule| person(rule).is_some_and(|person| faults.current().of_citizen(&person).is_none());
        of_personas
            .iter()
            .filter(|rule| is_wanted(rule))
            .filter(has_none)
            .for_each(|rule| faults.add_of_citizen(rule.clone()));
        self.faults = Arc::new(faults);
        self
    }
}

/// Opens the world of a session that was reset so many times, in which so many bytes may be written.
pub(super) async fn open(
    source: &Source,
    id: SessionId,
    resets: u32,
    entropy: Arc<dyn Entropy>,
    (bytes_max, memory): (usize, &MemoryTotal),
) -> Result<(Assembly, Arc<OverlayStore>)> {
    let origins = source.catalogue.origins().within(id, resets);
    let catalogue = Arc::new(source.catalogue.with_logs(origins));
    let store = Arc::new(OverlayStore::new(source.snapshot.clone(), bytes_max, memory));
    let clock = source.clock.branch();
    let keys = Keys::of_session(catalogue.clone(), source.seed, |name| source.compromised.get(name).cloned())?;
    let log_clock = LogClock::new(clock.clone());
    let anchor = take_over(source, &catalogue, &store, &keys, &log_clock).await?;
    // Rules added in a session are in force only there.
    let faults = Arc::new(source.faults.copy(clock.clone(), |_| true));
    let shown: Arc<dyn Store> = FaultyStore::new(store.clone(), faults.clone());
    clock.stand_beside(&shown);
    let world = World {
        province: catalogue.province().clone(),
        seed: source.seed,
        created_at: source.created_at,
        clock,
        entropy,
        store: shown,
        catalogue,
        rights: RightsBook::of(source.rights.clone()),
        faults,
    };
    let trust = province::Trust {
        versions: vec![anchor],
        before: Some(source.anchor.clone()),
        kept: None,
        file: None,
        waiting: Vec::new(),
    };
    let (tokens, sending) = (source.tokens.clone(), source.sending.clone());
    let common = Common { tokens, sending, memory: Memory::of_session() };
    Ok((Assembly::of_session(world, log_clock, &keys, trust, common).await?, store))
}

/// Makes every log continue in the session. Returns its trust anchor.
async fn take_over(
    source: &Source,
    catalogue: &Catalogue,
    store: &OverlayStore,
    keys: &Keys,
    clock: &LogClock,
) -> Result<TrustAnchor> {
    let (before, after) = (source.catalogue.origins(), catalogue.origins());
    let own = [(RECORD_LEDGER, province::RECORDS, &keys.records), (EVIDENCE_LEDGER, gateway::EVIDENCE, &keys.evidence)];
    let own = own.map(|(log, id, signer)| (id, before.origin(log), after.origin(log), signer.clone()));
    let mut continued: BTreeMap<String, (String, Continued)> = BTreeMap::new();
    for (id, from, origin, signer) in own {
        let head = continue_log(store, id, &from, &origin, &*signer, clock).await?;
        continued.insert(from, (origin, head));
    }
    for sector in catalogue.sectors() {
        let from = before.origin(&sector.name);
        let head = registry::continue_in_session(store, sector, &from, keys, clock).await?;
        continued.insert(from, (sector.log_origin(), head));
    }
    let records = continued.get(&before.origin(RECORD_LEDGER)).map_or(0, |(_, head)| head.size);
    keys.continuing(&source.anchor, records, &continued)
}
