//! The code generated from `proto/`, one module a package: `proto::lienthong::exchange::v1::…`.
#![allow(missing_docs, clippy::all, clippy::unwrap_used)] // generated; the protos hold the documentation

include!(concat!(env!("OUT_DIR"), "/lienthong.rs"));

pub use self::lienthong::*;
