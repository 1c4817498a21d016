//! Webhooks: accepted changes for agencies that cannot hold the stream of a watch.
//!
//! A webhook is a watch that the gateway holds on its agency's behalf: the same filter, the same rights, the same ledger positions
//! (`province::watch`). Each change becomes an event, which is signed as Standard Webhooks says and posted to the agency's target, at least once and in
//! order. What fails is tried again by the world's clock, and given up after the last attempt.
//!
//! ```text
//! record ledger ─▶ watch from the stored position ─▶ event, signed ─▶ target: 2xx ─▶ position stored
//!                                                       ▲ schedule        else ─▶ again, at last a dead letter
//! ```
//!
//! What is sent and how is a port ([`Post`]): neither JSON of messages nor HTTP is known here.

mod address;
mod board;
mod book;
mod courier;
mod event;
mod post;
mod row;
mod schedule;
mod secret;
mod sending;
mod target;
mod targets;
#[cfg(test)]
mod tests;
#[allow(clippy::module_inception, reason = "the noun of the module")]
mod webhook;
mod webhooks;
mod world;

pub use board::AgencyWebhooks;
pub use event::{Content, Event};
pub use post::{ANSWERS_WITHIN, Failure, Post};
pub use secret::{Secret, SecretKey, SignedHeaders};
pub use sending::{Counts, Sending};
pub use target::{Host, Target};
pub use targets::{TargetList, TargetRule};
pub use webhook::{DeadLetter, Deliveries, Disabled, Failing, Rotation, Selection, TargetText, Webhook, WebhookState};
pub use webhooks::{NewWebhook, Parts, WebhookView, Webhooks, event_id};
