//! The sessions of a gateway: worlds of their own, each over a snapshot, opened when they are called for the first time.
//!
//! Before that, a session costs only its snapshot: the engine keeps the versions of rows that it shows. It ends by itself after its time to
//! live, so that nothing is kept indefinitely.

mod desk;
mod issued;
mod manager;
mod opening;
mod slot;

pub(super) use manager::SessionManager;
