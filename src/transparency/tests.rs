//! The logs from outside: as files, in an audit, before witnesses.

mod audit;
mod serving;
mod witness;
mod world;
