//! The roles: the parts of the system, each built alone from ports and configuration.
//!
//! | role | owns | uses |
//! |---|---|---|
//! | [`RegistryRole`] | one registry's records, log and keys | nothing |
//! | [`ProvinceRole`] | record ledger, index, status lists, trust anchor | the registries' ports |
//! | [`GatewayRole`] | evidence, rights, consents, accounts, links, tokens | the registries' ports, the province |
//!
//! `serve` joins all of them in one process ([`Assembly`](super::assembly::Assembly)); what crosses from one to another is a port or a
//! value, so that each could as well stand on a host of its own.

pub mod gateway;
pub mod province;
pub mod registry;

pub use gateway::GatewayRole;
pub use province::ProvinceRole;
pub use registry::RegistryRole;

#[cfg(test)]
mod tests;
