//! The gRPC faces of identity: thin, authenticate, authorise, convert, one use case, convert back.

mod account;
mod convert;
mod credential;
mod link;
mod presentation;

pub use account::AccountFace;
pub use credential::CredentialFace;
pub use link::LinkFace;
pub use presentation::PresentationFace;
