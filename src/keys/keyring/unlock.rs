//! What opens private keys: a secret for those in files, a token for those that it holds.

use std::path::PathBuf;
use std::sync::Arc;

use super::sealed::Secret;
use super::token::Token;

/// What opens private keys, and where new ones go.
#[derive(Debug, Clone, Default)]
pub struct Unlock {
    /// Opens the keys in files.
    pub secret: Option<Secret>,
    /// Holds keys. New ones go there if there is one.
    pub token: Option<Arc<Token>>,
    /// Files of root keys that are kept outside of the folder.
    pub root_files: Vec<PathBuf>,
}

impl Unlock {
    /// A secret alone.
    pub fn secret(secret: Secret) -> Self {
        Self { secret: Some(secret), ..Self::default() }
    }
}
