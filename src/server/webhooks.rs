//! The webhooks of a world, and the way out that all worlds of a process share.

use std::sync::Arc;

use super::config::Config;
use super::roles::ProvinceRole;
use super::world::World;
use crate::api::webhook::{HttpPost, public, system};
use crate::base::Seed;
use crate::webhook::{Counts, Parts, SecretKey, Sending, Webhooks};

/// The way out of a process whose token key this is.
pub(super) fn sending(config: &Config, token_key: &Seed) -> Arc<Sending> {
    let targets = config.webhook_targets.clone();
    let tls = config.webhook_tls.clone().unwrap_or_else(public);
    Arc::new(Sending {
        post: Arc::new(HttpPost::new(targets.clone(), tls, system())),
        targets,
        key: SecretKey::of(token_key),
        machine: config.clock.clone(),
        counts: Counts::default(),
    })
}

/// The webhooks of a world whose record ledger has this origin. A session has its own, to the same targets.
pub(super) fn of_world(world: &World, province: &ProvinceRole, origin: String, sending: Arc<Sending>) -> Webhooks {
    Webhooks::new(Parts {
        store: world.store.clone(),
        province: province.layer.clone(),
        rights: world.rights.clone(),
        clock: world.clock.clone(),
        entropy: world.entropy.clone(),
        origin,
        sending,
    })
}
