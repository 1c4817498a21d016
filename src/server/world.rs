//! A world: one province with its time, randomness, storage, record types, rights and faults, as one value.
//!
//! Nothing about a world is global, so that any number of them live in one process; the other settings of an assembly (keys,
//! memory, addresses) belong to the process that serves it.

use std::sync::Arc;

use super::config::Config;
use super::data::Data;
use crate::access::RightsBook;
use crate::base::{Entropy, ProvinceCode, Result, Seed, Timestamp};
use crate::keys::anchors;
use crate::keys::signers::Keys;
use crate::registry::{Catalogue, allocation};
use crate::simulation::clock::WorldClock;
use crate::simulation::faults::{FaultyStore, Rule, Rules, kept};
use crate::simulation::personas;
use crate::store::Store;

/// The rules that come with the citizens of a world: the personas', unless they hold elsewhere, and those of citizens who were created in a situation.
///
/// A created citizen's rule that signs falsely holds in sessions alone ([`FaultNeedsSession`](crate::base::Reason::FaultNeedsSession)): one that
/// an earlier version kept in the store is left out.
async fn faults_of_citizens(config: &Config, data: &Data) -> Result<Vec<Rule>> {
    let of_personas = personas::faults().into_iter().filter(|_| config.has_persona_faults);
    let (false_ones, created): (Vec<_>, Vec<_>) =
        kept::all(&*data.store).await?.into_iter().partition(|rule| rule.action.signs_falsely());
    if !false_ones.is_empty() {
        let citizens = false_ones.len();
        tracing::warn!(
            citizens,
            "the faults of created citizens that sign falsely hold in sessions only, and are left out"
        );
    }
    Ok(of_personas.chain(created).collect())
}

/// One world.
#[derive(Clone)]
pub struct World {
    /// The province's code, a part of every log's origin.
    pub province: ProvinceCode,
    /// The seed of all generated data.
    pub seed: Seed,
    /// When the world was made.
    pub created_at: Timestamp,
    /// The world's clock.
    pub clock: Arc<WorldClock>,
    /// The world's randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The world's store.
    pub store: Arc<dyn Store>,
    /// The world's registries and record types.
    pub catalogue: Arc<Catalogue>,
    /// The agencies' rights.
    pub rights: Arc<RightsBook>,
    /// The rules of its faults.
    pub faults: Arc<Rules>,
}

impl World {
    /// The world of a configuration over its store. Where the simulation is off, no fault holds in it: neither the personas' nor those of created
    /// citizens.
    pub async fn open(config: &Config, data: &Data, rights: Arc<RightsBook>) -> Result<Self> {
        let province = data.world.province();
        let (further, seed) = (config.registries.clone(), Seed::root(data.world.seed));
        if let Some(kept) = &config.keys {
            // Before a registry is kept in the store: a start that ends here leaves the folder as it was.
            Keys::admitted(&allocation::unkept(&province, further.clone())?, kept)?;
        }
        let created_at = Timestamp(data.world.created_at_ms);
        let may_admit = || match &config.anchor {
            // The next version of the anchor must have a position; a start that is refused admits nobody.
            Some(path) if config.keys.is_none() => {
                let keys = Keys::new(Arc::new(allocation::unkept(&province, Vec::new())?), seed);
                anchors::check_file(path, &keys.versions(created_at, created_at, &[])?)
            }
            _ => Ok(()),
        };
        let catalogue = allocation::open(&*data.store, &province, further, !data.world.seeded, may_admit).await?;
        let of_citizens = if config.simulation { faults_of_citizens(config, data).await? } else { Vec::new() };
        let clock = WorldClock::open(config.clock.clone(), data.home())?;
        let faults = Arc::new(Rules::new(of_citizens, clock.clone(), seed));
        let store: Arc<dyn Store> = FaultyStore::new(data.store.clone(), faults.clone());
        clock.stand_beside(&store);
        let entropy = config.entropy.clone();
        Ok(Self { province, seed, created_at, clock, entropy, store, catalogue, rights, faults })
    }
}
