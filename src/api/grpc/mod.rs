//! The gRPC services, one folder a package: thin; each method authorises, converts, calls one use case, and converts back.

pub mod access;
pub mod exchange;
pub mod health;
pub mod identity;
pub mod province;
pub mod registry;
pub mod simulation;
pub mod trust;
