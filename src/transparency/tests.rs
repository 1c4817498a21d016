//! The logs from outside: as files, in an audit, before witnesses.

mod audit;
mod witness;
pub(crate) mod world;
