//! The cosigning tasks: the province cosigns the registries' heads, and the witnesses of the policy cosign the province's.

use std::sync::Arc;

use super::assembly::Assembly;
use super::config::Config;
use super::task::Work;
use crate::base::Result;
use crate::transparency::collect::Collector;
use crate::transparency::province::ProvinceWitness;
use crate::trust::{Ed25519Signer, KeyUse, NoteKey, Signer};

/// The tasks that cosign and collect cosignatures, until dropped.
pub(super) struct Witnessing {
    _province: ProvinceWitness,
    _collector: Option<Collector>,
    /// The verifier key of the province's cosignatures.
    pub province_key: String,
}

impl Witnessing {
    /// Starts them on the present runtime.
    pub(super) fn start(config: &Config, assembly: &Assembly) -> Result<Self> {
        let name = assembly.world.province.origin("witness");
        let seed = assembly.world.seed.child(&format!("key/{name}"), 0);
        let signer: Arc<dyn Signer> = Arc::new(Ed25519Signer::from_seed(name, &seed));
        let province_key = NoteKey::of(&*signer, KeyUse::Cosignature)?.to_string();
        let clock = || assembly.world.clock.clone();
        let defect = assembly.defects.of(Work::Cosigning);
        let province = ProvinceWitness::start(&assembly.province.layer, &assembly.logs, signer, clock(), &defect);
        let collector = config.witnesses.clone();
        let roots = config.witness_roots.as_ref();
        let collector = collector.map(|policy| Collector::start(policy, roots, &assembly.logs, clock(), &defect));
        Ok(Self { _province: province, _collector: collector, province_key })
    }
}
