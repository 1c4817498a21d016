//! Credentials for wallets: a linked document that is in force, bound to a key that the citizen has shown to hold.
//!
//! A nonce that was only asked for is not stored: it is its end, its number and the account's, with their MAC under a secret of
//! this process. One that was used is remembered until its end, since it serves once.

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

/// How long a nonce holds, in seconds.
const NONCE_S: i64 = 300;

/// What credentials name: where status lists are served, and where the province is reached.
pub trait Addresses: Send + Sync + 'static {
    /// The URI of the status list of a record type.
    fn status_uri(&self, issuer: &str, schema: &str) -> String;

    /// Where the province is reached by https, if it is: its identifier to wallets that speak OpenID4VCI.
    fn public_url(&self) -> Option<String>;
}

/// The use cases of credentials.
#[derive(Clone)]
pub struct Credentials {
    linking: Linking,
    addresses: Arc<dyn Addresses>,
    nonces: Arc<Nonces>,
}

/// Makes nonces, and takes each once.
struct Nonces {
    secret: Hmac<Sha256>,
    /// The next one's number: no two are the same, even of one account in one millisecond.
    next: AtomicU64,
    used: Mutex<Used>,
}

/// The nonces that were used.
#[derive(Default)]
struct Used {
    /// Their ends and numbers. Only what this process made and what has not ended is in it.
    nonces: BTreeSet<(i64, u64)>,
    /// The end up to which they were forgotten. A call whose time is older than another's must not find one anew.
    forgotten: Option<i64>,
}

/// A credential, with what stands beside it.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The SD-JWT.
    pub text: String,
    /// Its type.
    pub vct: String,
    /// The statement of the version that it is of.
    pub statement: Statement,
    /// The status list.
    pub status_uri: String,
    /// Until when.
    pub expires_at: Timestamp,
}

impl Credentials {
    /// Credentials of the links of `linking`.
    pub fn new(linking: Linking, addresses: Arc<dyn Addresses>, entropy: &dyn Entropy) -> Result<Self> {
        let mut secret = [0; 32];
        entropy.fill(&mut secret)?;
        let secret = Hmac::new_from_slice(&secret).map_err(Error::bug)?;
        let nonces = Nonces { secret, next: AtomicU64::new(0), used: Mutex::default() };
        Ok(Self { linking, addresses, nonces: Arc::new(nonces) })
    }

    /// Who a proof of possession is for; the public URL stands for the same.
    pub fn audience(&self) -> String {
        self.linking.registries.catalogue().province().origin("identity")
    }

    /// A nonce for an account, and its end.
    pub fn nonce(&self, number: PersonalId, now: Timestamp) -> (String, Timestamp) {
        self.nonces.make(number, now)
    }

    /// Issues a credential of a document that is linked to the account `number`, to the key that `proof` is of.
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

    /// The latest version of a link's document, verified, with both proofs, in force, and in the person's name.
    async fn record(&self, person: &Person, link: &Link, call: &Call) -> Result<SignedRecord> {
        let now = call.now;
        let Registries { reader } = &self.linking.registries;
        let record_type = self.linking.registries.document(link.document_type)?;
        let missing = || {
            Error::new(Reason::RecordNotFound, "the document's record is not there")
                .with_subject("record", &*record_type.name)
        };
        let found = reader.first(record_type, Selector::Ids(vec![link.record_id]), 1).await?.pop();
        let answer = found.ok_or_else(missing)?;
        // Its index in the issuer's log is waited for only when it is proved: a false one would never come.
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

    /// Has the record's registry sign its credential.
    async fn sign(
        &self,
        record_type: &RecordType,
        record: SignedRecord,
        holder: PublicKey,
        now: Timestamp,
    ) -> Result<Issued> {
        let statement = Statement::decode(&record.statement).map_err(Error::bug)?;
        // Claims are in seconds; what stands beside them says the same.
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

    /// Uses a nonce up, whatever comes of the call: of calls that race with one nonce, one goes on.
    fn take(&self, nonce: &str, account: PersonalId, now: Timestamp) -> Result<()> {
        let refused = || {
            let why = "the nonce is not one of this account's, has expired, or was used";
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
