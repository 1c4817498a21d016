//! Keys that are kept: a folder with the versions of the key registry and the private keys, encrypted or in a token. `serve --keys` signs
//! with them instead of with keys that derive from the seed, and accepts changes while it runs.

mod change;
mod folder;
mod holder;
mod private;
mod sealed;
mod token;
mod unlock;

pub use change::{Watcher, place_events, publish, request};
pub use folder::{Beginning, KeyFolder, ROOT};
pub use holder::{KeyHolder, OpenKey, PausedLog};
pub use private::PrivateKey;
pub(super) use sealed::read_private;
pub use sealed::{SealedKey, Secret};
pub use token::{Pin, Token, TokenLocation};
pub use unlock::Unlock;

/// The location of kept keys, and the secrets that open them.
#[derive(Debug, Clone)]
pub struct KeptKeys {
    /// The folder.
    pub folder: std::path::PathBuf,
    /// What opens its private keys.
    pub unlock: Unlock,
}
