//! Access to private keys: a secret for keys in files, a token for the keys in it.

use std::path::PathBuf;
use std::sync::Arc;

use super::sealed::Secret;
use super::token::Token;

/// Access to private keys, and the destination of new ones.
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
