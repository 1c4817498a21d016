//! The gRPC services of identity. Each handler is thin: convert the request, run one use case, convert its result.

mod account;
mod convert;
mod credential;
mod link;
mod organisation;
mod presentation;

pub use account::AccountGrpcService;
pub use credential::CredentialGrpcService;
pub use link::LinkGrpcService;
pub use organisation::OrganisationGrpcService;
pub use presentation::PresentationGrpcService;
