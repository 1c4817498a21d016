//! Transport, above all use cases: how a call gets in, and the faces that it gets in by.
//!
//! [`edge`] admits a call (credential, limits, deadline) and maps its error; `grpc` holds the services, one folder a package;
//! `http` what is served as plain files; `console` the pages for people. Use cases below know neither tonic nor axum.

pub mod console;
pub mod credential;
pub mod dispatch;
pub mod edge;
pub mod grpc;
pub mod http;
pub mod page;
pub mod panic;
pub mod rate;
pub mod status;
pub mod streams;

pub use edge::{Answers, Edge};
pub use page::PageTokens;
pub use streams::OpenStreams;
