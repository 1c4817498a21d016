//! The gRPC faces of the registries: thin, authenticate, authorise, convert, one use case, convert back.

mod certificate;
mod describe;
mod sectors;
pub mod shared;
mod stream;
pub mod typed;

pub use shared::SharedRegistries;
pub use typed::TypedRegistry;
