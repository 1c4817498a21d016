//! Keys that are kept: a folder with the versions of the key registry and the private keys, encrypted. `serve --keys` signs
//! with them instead of with keys that grow from the seed, and takes changes while it runs.

mod change;
mod folder;
mod sealed;

pub use change::{Watcher, place_events, request};
pub use folder::{Beginning, KeyFolder};
pub use sealed::{SealedKey, Secret};

/// The name of root keys.
pub const ROOT: &str = "root";

/// Where kept keys are, and what opens them.
#[derive(Debug, Clone)]
pub struct KeptKeys {
    /// The folder.
    pub folder: std::path::PathBuf,
    /// Its passphrase or key file.
    pub secret: Secret,
}

#[cfg(test)]
mod tests;
