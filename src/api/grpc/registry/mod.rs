//! The gRPC services of the registries. Each handler is thin: convert the request, run one use case, convert its result.

mod certificate;
mod codes;
mod describe;
pub mod issuing;
mod put;
mod receipt;
mod review;
mod sectors;
mod select;
pub mod shared;
mod stream;
pub mod typed;

pub use describe::Beginning;
pub use issuing::IssuingGrpcService;
pub use shared::SharedRegistries;
pub use typed::TypedRegistry;
