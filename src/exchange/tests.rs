//! The exchange over real registries in memory, a stand-in for the province, and registries that fail.

mod delivery;
mod fetching;
mod numbers;
pub(crate) mod world;
