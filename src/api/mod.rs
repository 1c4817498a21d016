//! Transport, above all use cases: admission of calls, the gRPC services, the HTTP routes and the console.
//!
//! [`admission`] lets a request in (credential, rate, limits, message), [`edge`] runs one use case for it under its deadline and maps its error;
//! `grpc` holds the services, one folder a package; `http` the public routes; `console` the pages for people; `web` lets browsers call by
//! gRPC-Web; `remote` and `webhook` are the other direction: the client of a registry on another host, and of
//! the targets of webhooks. Use cases below know neither tonic nor axum.

pub mod admission;
mod call_ids;
pub mod certificate;
pub mod connection;
pub mod console;
pub mod credential;
pub mod discard;
pub mod dispatch;
pub mod edge;
pub mod forwarded;
pub mod frame;
pub mod grpc;
pub mod health;
pub mod http;
pub mod language;
mod lines;
pub mod metrics;
pub mod page;
pub mod panic;
pub mod rate;
pub mod remote;
pub mod renewing;
pub mod request_id;
pub mod status;
pub mod streams;
pub mod web;
pub mod webhook;

pub use edge::{AnswerStream, Edge};
pub use page::PageTokens;
pub use streams::OpenStreams;
