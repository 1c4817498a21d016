//! Keys and what is published of them: the signers of this world, grown from its seed or kept in a folder, the key of tokens, and the trust
//! anchor's versions.

pub mod anchors;
pub mod credential_key;
pub mod keyring;
pub mod signers;

use crate::base::PROVINCE;

/// The origin of a log of the province: `records` or `evidence`.
pub fn origin(log: &str) -> String {
    format!("lienthong/{PROVINCE}/{log}")
}
