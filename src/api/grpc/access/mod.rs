//! The gRPC faces of access: thin, authenticate, authorise, convert, one use case, convert back.

mod access_log;
mod agency;
mod consent;

pub use access_log::AccessLogFace;
pub use agency::AgencyFace;
pub use consent::ConsentFace;
