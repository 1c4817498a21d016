//! A world: one province with its time, chance, storage, record types, rights and faults, as one value.
//!
//! Nothing about a world is global, so that any number of them live in one process; what stands beside it in an assembly (keys, memory,
//! where things are published) belongs to whoever serves it.

use std::sync::Arc;

use super::config::Config;
use super::data::Data;
use crate::access::RightsBook;
use crate::base::{Entropy, ProvinceCode, Result, Seed, Timestamp};
use crate::registry::{Catalogue, allocation};
use crate::simulation::clock::WorldClock;
use crate::simulation::faults::Rules;
use crate::simulation::personas;
use crate::store::Store;

/// One world.
#[derive(Clone)]
pub struct World {
    /// The province's code: a part of every log's origin.
    pub province: ProvinceCode,
    /// What everything generated grows from.
    pub seed: Seed,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its time.
    pub clock: Arc<WorldClock>,
    /// Its randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Where it is kept.
    pub store: Arc<dyn Store>,
    /// The registries and record types that it has.
    pub catalogue: Arc<Catalogue>,
    /// The agencies' rights in it.
    pub rights: Arc<RightsBook>,
    /// What goes wrong in it, and when.
    pub faults: Arc<Rules>,
}

impl World {
    /// The world of a configuration over its store, with the personas' faults.
    pub async fn open(config: &Config, data: &Data, rights: Arc<RightsBook>) -> Result<Self> {
        let province = data.world.province();
        let further = config.registries.clone();
        let catalogue = allocation::open(&*data.store, &province, further, !data.world.seeded).await?;
        Ok(Self {
            province,
            seed: Seed::root(data.world.seed),
            created_at: Timestamp(data.world.created_at_ms),
            clock: WorldClock::open(config.clock.clone(), data.home())?,
            entropy: config.entropy.clone(),
            store: data.store.clone(),
            catalogue,
            rights,
            faults: Arc::new(personas::faults()),
        })
    }
}
