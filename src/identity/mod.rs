//! Identity: accounts, links of documents to them, presentations of linked documents, and credentials of them for wallets.
//!
//! Rules are pure ([`account`], [`document`], [`matching`], [`link`], [`presentation`]); use cases read registries and the store
//! ([`linking`], [`following`], [`presenting`], [`credential`]); [`ports`] declares what other modules implement.

pub mod account;
pub mod citizens;
pub mod credential;
pub mod document;
pub mod following;
mod holder;
pub mod link;
mod link_row;
pub mod linking;
pub mod matching;
pub mod organisation;
pub mod people;
pub mod ports;
pub mod presentation;
pub mod presenting;
pub mod stored;
#[cfg(test)]
mod tests;

pub use account::{Account, Accounts, Level};
pub use citizens::Citizens;
pub use credential::Credentials;
pub use linking::Linking;
pub use presenting::Presenting;
