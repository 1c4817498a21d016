//! Credentials for wallets: a linked document in force, bound to a key whose possession the citizen has proved.
//!
//! An unused nonce is not stored: it consists of its expiry, its number and the account's, and their MAC under a secret of this process. A used nonce
//! is remembered until it expires, so that it works once.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::base::{Call, Entropy, Error, PersonalId, Reason, Result, Timestamp};
use crate::registry::RecordType;
use crate::registry::port::Selector;
use crate::registry::signing::{CREDENTIAL_LIFE_MS_MAX, CredentialDraft};
use crate::trust::credential::{VCT_PREFIX, possession};
use crate::trust::jose::{decode_part, encode_part};
use crate::trust::{PublicKey, SignedRecord, Statement};

use super::document::{Standing, standing_of};
use super::link::{Link, LinkState};
use super::linking::Linking;
use super::people::{Person, Registries};

/// Lifetime of a nonce, in seconds.
const NONCE_S: i64 = 300;

/// The addresses in credentials: of the status lists and of the province.
pub trait Addresses: Send + Sync + 'static {
    /// The URI of the status list of a record type.
    fn status_uri(&self, issuer: &str, schema: &str) -> String;

    /// The province's https address, if it has one: its identifier to wallets that speak OpenID4VCI.
    fn public_url(&self) -> Option<String>;
}

/// The use cases of credentials.
#[derive(Clone)]
pub struct Credentials {
    linking: Linking,
    addresses: Arc<dyn Addresses>,
    nonces: Arc<Nonces>,
}

/// Issues nonces, and accepts each once.
struct Nonces {
    secret: Hmac<Sha256>,
    /// Number of the next nonce: it tells nonces of one account in one millisecond apart.
    next: AtomicU64,
    used: Mutex<Used>,
}

/// The nonces that were used.
#[derive(Default)]
struct Used {
    /// Expiry and number of each used nonce of this process that has not expired.
    nonces: BTreeSet<(i64, u64)>,
    /// The expiry up to which used nonces were forgotten. A call with an older time must not have one of those accepted again.
    forgotten: Option<i64>,
}

/// An issued credential and its metadata.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The SD-JWT, in compact serialization.
    pub text: String,
    /// The credential's type, a URI.
    pub vct: String,
    /// The statement of the record version from which it was issued.
    pub statement: Statement,
    /// The URI of its status list.
    pub status_uri: String,
    /// Its expiry, not included.
    pub expires_at: Timestamp,
}

impl Credentials {
    /// Issues credentials for the links of `linking`.
    pub fn new(linking: Linking, addresses: Arc<dyn Addresses>, entropy: &dyn Entropy) -> Result<Self> {
        let mut secret = [0; 32];
        entropy.fill(&mut secret)?;
        let secret = Hmac::new_from_slice(&secret).map_err(Error::bug)?;
        let nonces = Nonces { secret, next: AtomicU64::new(0), used: Mutex::default() };
        Ok(Self { linking, addresses, nonces: Arc::new(nonces) })
    }

    /// The expected `aud` of a proof of possession; the public URL is accepted as well.
    pub fn audience(&self) -> String {
        self.linking.registries.catalogue().origins().origin("identity")
    }

    /// A nonce for an account, and its expiry.
    pub fn nonce(&self, number: PersonalId, now: Timestamp) -> (String, Timestamp) {
        self.nonces.make(number, now)
    }

    /// Issues a credential for a document linked to the account `number`, bound to the key of `proof`. Fails with `LINK_NOT_ACTIVE` if the link or
    /// the document is not in force.
    pub async fn issue(&self, call: &Call, number: PersonalId, link: uuid::Uuid, proof: &str) -> Result<Issued> {
        let now = call.now;
        let (name, url) = (self.audience(), self.addresses.public_url());
        let audiences: Vec<&str> = std::iter::once(name.as_str()).chain(url.as_deref()).collect();
        let proved = possession::verify(proof, &audiences, NONCE_S, now)
            .map_err(|error| Error::invalid_field("proof", "PROOF", error.to_string()))?;
        self.nonces.take(&proved.nonce, number, now)?;
        let person = self.linking.holder_of_account(number, now).await?;
        let link = self.linking.get(&person.numbers, link).await?;
        let record_type = self.linking.registries.document(link.document_type)?;
        if link.state_at(now).0 != LinkState::Linked {
            return Err(Error::new(Reason::LinkNotActive, "the document is not linked and in force")
                .with_subject("link", &*record_type.name));
        }
        let record = self.record(&person, &link, call).await?;
        self.sign(record_type, record, proved.key, now).await
    }

    /// The latest version of a linked document, verified with both proofs, in force, and in the person's name.
    async fn record(&self, person: &Person, link: &Link, call: &Call) -> Result<SignedRecord> {
        let now = call.now;
        let Registries { reader } = &self.linking.registries;
        let record_type = self.linking.registries.document(link.document_type)?;
        let missing = || {
            Error::new(Reason::RecordNotFound, "the document's record does not exist")
                .with_subject("record", &*record_type.name)
        };
        let found = reader.first(record_type, Selector::Ids(vec![link.record_id]), 1).await?.pop();
        let answer = found.ok_or_else(missing)?;
        // The ledger position is waited for only after the issuer's log has proved the record: a forged one would never arrive there.
        reader.as_issued(&answer, now).verified()?;
        let proof = reader.ledger_proof(&answer, call.deadline).await?;
        let examined = reader.as_accepted(&answer, proof.as_deref(), now);
        let (verified, record) = (examined.verified()?, examined.record);
        let not = |reason, message: &str| Err(Error::new(reason, message).with_subject("record", &*record_type.name));
        let named = record_type.people_of(&verified.payload);
        if !named.is_empty() && !person.numbers.all().any(|number| named.contains(&number)) {
            return not(Reason::HolderMismatch, "the document is no longer in the holder's name");
        }
        match standing_of(record_type, &verified, now) {
            Standing::Valid => Ok(record),
            Standing::Expired => not(Reason::DocumentExpired, "the document has expired"),
            Standing::Suspended(_) => not(Reason::DocumentSuspended, "the document is not in force for now"),
            Standing::Revoked(_) => not(Reason::DocumentRevoked, "the document was revoked"),
        }
    }

    /// Asks the record's registry to sign the credential.
    async fn sign(
        &self,
        record_type: &RecordType,
        record: SignedRecord,
        holder: PublicKey,
        now: Timestamp,
    ) -> Result<Issued> {
        let statement = Statement::decode(&record.statement).map_err(Error::bug)?;
        // Claims have a resolution of seconds, and the metadata follows it.
        let expires_at = now.plus_ms(CREDENTIAL_LIFE_MS_MAX).min(statement.valid_until);
        let expires_at = Timestamp(expires_at.0.div_euclid(1_000) * 1_000);
        let addresses = &self.addresses;
        let status_uri = addresses.status_uri(&statement.issuer, &statement.schema);
        let public_url = addresses.public_url();
        let draft =
            CredentialDraft { record, holder, public_url, status_uri: status_uri.clone(), issued_at: now, expires_at };
        let Registries { reader } = &self.linking.registries;
        let text = reader.registry_of(record_type)?.sign_credential(draft).await?;
        Ok(Issued { text, vct: format!("{VCT_PREFIX}{}", statement.schema), statement, status_uri, expires_at })
    }
}

impl Nonces {
    fn make(&self, account: PersonalId, now: Timestamp) -> (String, Timestamp) {
        let end = now.plus_ms(NONCE_S * 1_000);
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let tag = self.mac(end.0, number, account).finalize().into_bytes();
        (encode_part(&[&end.0.to_be_bytes()[..], &number.to_be_bytes(), &tag[..]].concat()), end)
    }

    /// Spends a nonce, whatever the outcome of the call: of concurrent calls with one nonce, one continues.
    fn take(&self, nonce: &str, account: PersonalId, now: Timestamp) -> Result<()> {
        let refused = || {
            let why = "the nonce is another account's, has expired, or was used";
            Error::invalid_field("proof", "NONCE", why)
        };
        let nonce = decode_part(nonce).map_err(|_| refused())?;
        let (end, rest) = nonce.split_first_chunk::<8>().ok_or_else(refused)?;
        let (number, tag) = rest.split_first_chunk::<8>().ok_or_else(refused)?;
        let (end, number) = (i64::from_be_bytes(*end), u64::from_be_bytes(*number));
        self.mac(end, number, account).verify_slice(tag).map_err(|_| refused())?;
        if end <= now.0 {
            return Err(refused());
        }
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.forgotten = used.forgotten.max(Some(now.0));
        while used.nonces.first().is_some_and(|(end, _)| *end <= now.0) {
            used.nonces.pop_first();
        }
        if Some(end) > used.forgotten && used.nonces.insert((end, number)) { Ok(()) } else { Err(refused()) }
    }

    fn mac(&self, end: i64, number: u64, account: PersonalId) -> Hmac<Sha256> {
        let mut mac = Hmac::clone(&self.secret);
        mac.update(b"lienthong/credential-nonce/v1\0");
        mac.update(&end.to_be_bytes());
        mac.update(&number.to_be_bytes());
        mac.update(account.as_str().as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_serves_its_account_once_and_until_its_end() {
        let secret = Hmac::new_from_slice(&[7; 32]).expect("any length");
        let nonces = Nonces { secret, next: AtomicU64::new(0), used: Mutex::default() };
        let account = |text: &str| PersonalId::parse(text).expect("a number");
        let (mine, other) = (account("042185990002"), account("042185990001"));
        let now = Timestamp(1_000_000);
        let ((first, end), (second, _)) = (nonces.make(mine, now), nonces.make(mine, now));
        assert_ne!(first, second, "of one millisecond");
        nonces.take(&first, other, now).expect_err("another's");
        nonces.take("AAAA", mine, now).expect_err("too short");
        nonces.take(&first, mine, end).expect_err("over");
        nonces.take(&first, mine, now).expect("mine, and new");
        nonces.take(&first, mine, now).expect_err("used");
        nonces.take(&second, mine, Timestamp(end.0 - 1)).expect("the last millisecond");
        let (third, _) = nonces.make(mine, end);
        nonces.take(&third, mine, end).expect("new");
        assert_eq!(nonces.used.lock().expect("not poisoned").nonces.len(), 1, "what has ended is forgotten");
        nonces.take(&first, mine, now).expect_err("used, and forgotten");
    }
}
