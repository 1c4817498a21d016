//! The gRPC faces of the registries: thin, authenticate, authorise, convert, one use case, convert back.

mod sectors;
pub mod typed;

pub use typed::TypedRegistry;
