//! The logs from outside: as files, in an audit, before witnesses.

mod serving;
mod world;
