//! Sealing of secrets at rest: ChaCha20-Poly1305 (RFC 8439), from ring like all of the module's cryptography.

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

/// Bytes do not open: another key, or somebody changed them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it does not decrypt: another key, or damaged")]
pub struct DoesNotOpen;

/// Encrypts `bytes` and authenticates them together with `associated`. A nonce must never come twice with one key.
pub fn seal(key: &[u8; 32], nonce: [u8; 12], associated: &[u8], mut bytes: Vec<u8>) -> Result<Vec<u8>, DoesNotOpen> {
    let nonce = Nonce::assume_unique_for_key(nonce);
    cipher(key)?.seal_in_place_append_tag(nonce, Aad::from(associated), &mut bytes).map_err(|_| DoesNotOpen)?;
    Ok(bytes)
}

/// Decrypts the output of [`seal`], if neither it nor `associated` was changed.
pub fn open(key: &[u8; 32], nonce: [u8; 12], associated: &[u8], mut sealed: Vec<u8>) -> Result<Vec<u8>, DoesNotOpen> {
    let nonce = Nonce::assume_unique_for_key(nonce);
    let opened = cipher(key)?.open_in_place(nonce, Aad::from(associated), &mut sealed).map_err(|_| DoesNotOpen)?;
    let length = opened.len();
    sealed.truncate(length);
    Ok(sealed)
}

fn cipher(key: &[u8; 32]) -> Result<LessSafeKey, DoesNotOpen> {
    UnboundKey::new(&CHACHA20_POLY1305, key).map(LessSafeKey::new).map_err(|_| DoesNotOpen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_sealed_opens() {
        let (key, nonce) = ([1; 32], [2; 12]);
        let sealed = seal(&key, nonce, b"name", b"secret".to_vec()).expect("sealed");
        assert_eq!(open(&key, nonce, b"name", sealed.clone()), Ok(b"secret".to_vec()));
        assert_eq!(open(&[3; 32], nonce, b"name", sealed.clone()), Err(DoesNotOpen));
        assert_eq!(open(&key, nonce, b"other", sealed.clone()), Err(DoesNotOpen));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(open(&key, nonce, b"name", changed), Err(DoesNotOpen), "byte {at}");
        }
        assert_eq!(open(&key, nonce, b"name", vec![]), Err(DoesNotOpen));
    }
}
