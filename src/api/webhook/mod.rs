//! How events of webhooks leave: as CloudEvents, by HTTP/1.1, to addresses that were checked.

mod client;
mod event;
mod tls;

pub use client::{HttpPost, Resolve, system};
pub use tls::{WebhookTls, authority_of, public};
