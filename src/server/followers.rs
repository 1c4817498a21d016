//! The background tasks of an assembly: the province follows the registries, links follow the province, work that falls due by
//! the world's time runs, and webhooks are delivered.

use std::sync::Arc;

use super::assembly::Assembly;
use super::feed::ProvinceFeed;
use super::records_due::RecordsDue;
use super::task::{AbortOnDrop, Defects, Work};
use crate::base::Result;
use crate::identity::following::Following;
use crate::simulation::clock::WorldClock;

/// Runs what fell due while nobody served the world, and from then on what falls due by the world's time.
pub(super) async fn begin_due_work(clock: &Arc<WorldClock>, defects: &Defects) -> AbortOnDrop {
    // Failures are retried.
    if let Err(error) = clock.catch_up().await {
        tracing::error!(%error, "overdue work of the world's time did not run");
    }
    defects.spawn(Work::Due, clock.clone().run())
}

/// The tasks of one world, until dropped.
pub(super) struct Followers {
    _links: AbortOnDrop,
    _due_work: AbortOnDrop,
    _webhooks: AbortOnDrop,
}

impl Followers {
    /// Begins them on the present runtime, once what fell due while nobody served the world has run.
    pub(super) async fn begin(assembly: &Assembly) -> Result<Self> {
        assembly.province.follow_registries()?;
        let world = &assembly.world;
        let feed = Arc::new(ProvinceFeed(assembly.province.layer.clone()));
        let links = Following::new(assembly.gateway.linking.clone(), world.store.clone(), feed, world.clock.clone());
        let due = RecordsDue::new(assembly.registries.values(), &assembly.province.layer, links.followed());
        let links = assembly.defects.spawn(Work::Links, links.run());
        let due = Arc::new(due);
        assembly.shown.begin(due.clone());
        world.clock.take_on(due);
        let due_work = begin_due_work(&world.clock, &assembly.defects).await;
        let webhooks = assembly.defects.spawn(Work::Webhooks, assembly.webhooks.clone().run());
        Ok(Self { _links: links, _due_work: due_work, _webhooks: webhooks })
    }
}
