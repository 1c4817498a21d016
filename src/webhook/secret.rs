//! The secrets that sign events, and the signatures, as Standard Webhooks says (standardwebhooks.com, specification 1.0.0).
//!
//! A secret is never stored: it derives from a key of the data folder, the webhook's id and the number of rotations. So a copy of the store gives
//! nobody a signature, and a request that is repeated gets the same answer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use uuid::Uuid;

use crate::base::{Seed, Timestamp};

/// Derives the secrets of all webhooks of a process.
#[derive(Debug, Clone)]
pub struct SecretKey(Seed);

impl SecretKey {
    /// The key of a data folder: a branch of its token key, which is random, kept readable by its owner only, and not of the world's seed.
    pub fn of(token_key: &Seed) -> Self {
        Self(token_key.child("webhook-secrets", 0))
    }

    /// The secret of a webhook after so many rotations.
    pub(super) fn secret(&self, webhook: Uuid, rotations: u32) -> Secret {
        Secret(self.0.child(&webhook.to_string(), rotations.into()).bytes().to_vec())
    }
}

/// A secret, 24 to 64 bytes. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// The form in which receivers keep it: `whsec_` and base64.
    pub fn text(&self) -> String {
        format!("whsec_{}", STANDARD.encode(&self.0))
    }

    /// The signature of a message: HMAC-SHA256 over `id.timestamp.body`, as `v1,` and base64.
    fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        for part in [id.as_bytes(), b".", seconds.to_string().as_bytes(), b".", body] {
            mac.update(part);
        }
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// The headers that a receiver verifies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHeaders {
    /// `webhook-id`: the same in every attempt.
    pub id: String,
    /// `webhook-timestamp`: of this attempt, in seconds.
    pub timestamp: String,
    /// `webhook-signature`: one for each secret in use, the newest first.
    pub signature: String,
}

impl SignedHeaders {
    /// The headers of a message that is sent at `now`.
    pub fn new<'a>(id: &str, now: Timestamp, body: &[u8], secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let seconds = now.0.div_euclid(1_000);
        let signatures: Vec<String> = secrets.into_iter().map(|secret| secret.sign(id, seconds, body)).collect();
        Self { id: id.to_owned(), timestamp: seconds.to_string(), signature: signatures.join(" ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the reference libraries.
    #[test]
    fn the_published_example_has_the_published_signature() {
        let secret = Secret(STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("base64"));
        assert_eq!(secret.text(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let (id, now) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", Timestamp(1_614_265_330_999));
        let headers = SignedHeaders::new(id, now, br#"{"test": 2432232314}"#, [&secret]);
        assert_eq!((&*headers.id, &*headers.timestamp), (id, "1614265330"));
        assert_eq!(headers.signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn each_webhook_and_rotation_has_a_secret_that_stays_and_that_nothing_shows() {
        let key = SecretKey::of(&Seed::root(1));
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let first = key.secret(one, 0);
        assert_eq!(first, SecretKey::of(&Seed::root(1)).secret(one, 0));
        for different in [key.secret(one, 1), key.secret(other, 0), SecretKey::of(&Seed::root(2)).secret(one, 0)] {
            assert_ne!(first, different);
        }
        assert_eq!(STANDARD.decode(first.text().trim_start_matches("whsec_")).expect("base64").len(), 32);
        assert_eq!(format!("{first:?} {key:?}"), "Secret(…) SecretKey(Seed(…))");
    }

    #[test]
    fn all_secrets_in_use_sign_the_newest_first() {
        let key = SecretKey::of(&Seed::root(1));
        let (new, old) = (key.secret(Uuid::nil(), 1), key.secret(Uuid::nil(), 0));
        let signed =
            |secrets: &[&Secret]| SignedHeaders::new("a", Timestamp(0), b"", secrets.iter().copied()).signature;
        assert_eq!(signed(&[&new, &old]), format!("{} {}", signed(&[&new]), signed(&[&old])));
    }
}
