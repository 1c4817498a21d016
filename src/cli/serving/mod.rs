//! The common parts of the commands that serve, a gateway and a registry's host: flags, addresses, the ready-file, and how a run ends.

mod address;
mod args;
mod ending;
mod ready;

pub(super) use address::{address, collide};
pub(super) use args::ServingArgs;
pub(super) use ending::{Ending, outcome};
pub(super) use ready::ReadyFile;
