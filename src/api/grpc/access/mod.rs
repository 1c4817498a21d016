//! The gRPC services of access. Each handler is thin: convert the request, run one use case, convert its result.

mod access_log;
mod agency;
mod consent;

pub use access_log::AccessLogGrpcService;
pub use agency::AgencyGrpcService;
pub use consent::ConsentGrpcService;
