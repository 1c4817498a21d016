//! The facts for the console and the banner.

use std::sync::Arc;

use super::assembly::Assembly;
use super::world_file::WorldFile;
use crate::api::console::{Facts, LogHead, PersonaFacts, RegistryFacts, View};
use crate::api::grpc::simulation::{Reach, personas_at};
use crate::base::id::to_hex;
use crate::ledger::Log;
use crate::simulation::clock::Reading;
use crate::wire::typed;

/// A view of a gateway's world.
pub(super) struct WorldView {
    pub(super) world: WorldFile,
    pub(super) assembly: Arc<Assembly>,
    pub(super) reach: Reach,
    pub(super) simulation: bool,
}

impl View for WorldView {
    fn facts(&self) -> Facts {
        let Reading { now, is_frozen, .. } = self.assembly.world.clock.reading();
        let personas = personas_at(now.date(), &self.reach).into_iter().map(|persona| PersonaFacts {
            personal_id: persona.personal_id,
            full_name: persona.full_name,
            situation: persona.situation,
            expectation: persona.expectation,
            command: persona.command,
        });
        let registries = self.assembly.world.catalogue.sectors().iter().map(|sector| RegistryFacts {
            name: (&sector.name).into(),
            agency: sector.agency.clone(),
            record_types: sector.record_types.iter().map(|kind| (&kind.name).into()).collect(),
        });
        Facts {
            grpc: self.reach.address.clone(),
            population: self.world.population,
            now,
            is_frozen,
            has_tls: self.reach.has_tls,
            accepts_demo: self.reach.tokens_from.is_none(),
            fingerprint: self.assembly.province.anchor.newest().fingerprint.clone(),
            anchor_json: self.assembly.province.anchor.newest().json.clone(),
            logs: vec![head(&self.assembly.province.records), head(&self.assembly.gateway.evidence)],
            services: service_names(self.simulation),
            registries: registries.collect(),
            personas: personas.collect(),
        }
    }
}

fn head(ledger: &Log) -> LogHead {
    let head = ledger.head();
    LogHead { origin: ledger.origin().to_owned(), size: head.size, root: to_hex(&head.root) }
}

/// The names of our services, from the descriptors.
fn service_names(with_simulation: bool) -> Vec<String> {
    let names = typed::pool().services().map(|service| service.full_name().to_owned());
    names.filter(|name| with_simulation || !name.starts_with("lienthong.simulation.")).collect()
}
