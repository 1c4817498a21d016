//! The root: the keys that sign the next version of an anchor, and their signatures.

use crate::trust::keys::{KeyId, PublicKey};

/// Most root keys of one version.
const ROOT_KEYS_MAX: usize = 16;

/// The keys that sign the next version. No keys and threshold 0: nobody.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Root {
    /// How many of the keys have to sign.
    pub threshold: u32,
    /// The keys.
    pub keys: Vec<PublicKey>,
}

/// A root key's signature over an anchor's canonical form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootSignature {
    /// The key.
    pub key_id: KeyId,
    /// What it signed.
    pub signature: Vec<u8>,
}

impl Root {
    pub(super) fn check(&self) -> Result<(), String> {
        let mut ids: Vec<KeyId> = self.keys.iter().map(PublicKey::id).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.len() != self.keys.len() {
            return Err("a root key occurs twice".into());
        }
        if self.keys.len() > ROOT_KEYS_MAX {
            return Err(format!("it has more than {ROOT_KEYS_MAX} root keys"));
        }
        let possible = if self.keys.is_empty() { 0..=0 } else { 1..=self.keys.len() };
        if possible.contains(&(self.threshold as usize)) {
            Ok(())
        } else {
            Err(format!("the threshold is {} of {} root keys", self.threshold, self.keys.len()))
        }
    }
}
