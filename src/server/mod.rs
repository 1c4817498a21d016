//! Assembly: one process that opens the store, seeds the world, connects all parts and serves.
//!
//! [`Gateway::open`] makes everything but sockets; the caller owns those, and the signal to end.

pub mod assembly;
pub mod config;
pub mod data;
pub mod ended;
pub mod entrance;
pub mod gateway;
pub mod host;
pub mod in_process;
pub mod listen;
pub mod memory;
pub mod net;
pub mod recheck;
pub mod remotes;
pub mod roles;
pub mod running;
pub mod seeding;
pub mod services;
pub mod shutdown;
pub mod upkeep;
pub mod world;
pub mod world_file;

mod delivery;
mod faulty_heads;
mod feed;
mod followers;
mod front;
mod ground_truth;
mod health;
mod host_assembly;
mod http_routes;
mod paused_logs;
mod readings;
mod records_due;
mod sessions;
mod task;
#[cfg(test)]
mod tests;
mod view;
mod webhooks;
mod witnessing;

pub use config::{Config, Storage};
pub use gateway::Gateway;
pub use host::RegistryHost;
pub use running::{Listening, Running};
