//! Keys and what is published of them: the signers of this world, derived from its seed or kept in a folder, the key of tokens, and the trust
//! anchor's versions.

pub mod anchors;
pub mod credential_key;
pub mod keyring;
pub mod renewal;
pub mod signers;
