//! The gRPC services of the registries. Each handler is thin: convert the request, run one use case, convert its result.

mod certificate;
mod codes;
mod describe;
mod put;
mod receipt;
mod sectors;
pub mod shared;
mod stream;
pub mod typed;

pub use shared::SharedRegistries;
pub use typed::TypedRegistry;
