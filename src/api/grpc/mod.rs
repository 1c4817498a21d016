//! The gRPC services, one folder a package. Each handler is thin: convert the request, run one use case, convert its result.

pub mod access;
pub mod exchange;
pub mod fault;
pub mod health;
pub mod identity;
pub mod journal;
pub mod province;
pub mod registry;
pub mod session;
pub mod simulation;
pub mod trust;
