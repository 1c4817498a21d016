//! Keys, and their published part: the signers of this world, derived from its seed or kept in a folder, the token key, and the trust
//! anchor's versions.

pub mod anchors;
pub mod credential_key;
pub mod keyring;
pub mod renewal;
pub mod signers;
