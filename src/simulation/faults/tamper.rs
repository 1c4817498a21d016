//! Spoils a signed record so that exactly one check of the verifier fails.

use std::sync::Arc;

use bytes::Bytes;

use super::action::ReadAction;
use crate::base::{Error, Result, Seed};
use crate::trust::anchor::{KeyRecord, KeyState};
use crate::trust::canonical::{self, Object, Value};
use crate::trust::merkle::{hash_leaf, inclusion_length, root_from_inclusion};
use crate::trust::note::Checkpoint;
use crate::trust::{Disclosure, Ed25519Signer, LogProof, SignedRecord, Signer, Statement};

const DAY_MS: i64 = 86_400_000;
/// Further than any ledger grows, and still a number that JSON carries.
const NEVER: u64 = (1 << 53) - 1;
const COMPROMISED: KeyState = KeyState::Compromised { suspect_from: 0, event_index: NEVER };
/// So far ahead that the log does not get there while the answer travels.
const LEAVES_AHEAD: u64 = 1 << 20;

/// Signs a checkpoint of any tree with one key: the only access to the key that a registry's role gives its simulation.
pub type Forge = Arc<dyn Fn(&Checkpoint) -> Result<Bytes> + Send + Sync>;

/// The signatures available to a registry's faults.
#[derive(Clone)]
pub struct FaultKeys {
    /// The registry's own key in use.
    pub own: Forge,
    /// Another registry's.
    pub other: Forge,
    /// One of the registry's that the trust anchor calls compromised.
    pub compromised: Forge,
}

/// Forges with one signer.
pub fn forge_with(signer: Arc<dyn Signer>) -> Forge {
    Arc::new(move |checkpoint| checkpoint.sign(&*signer))
}

/// The compromised key of the registry whose log has this origin; `seed` is the world's. The trust anchor lists it as
/// [`compromised_record`].
pub fn compromised_key(seed: &Seed, origin: &str) -> Ed25519Signer {
    let branch = seed.child(&["key/compromised/", origin].concat(), 0);
    Ed25519Signer::from_seed(origin, &branch)
}

/// That key's entry in the trust anchor: suspect from the beginning, its event still to come, so that every record in the ledger
/// under it is INDETERMINATE.
pub fn compromised_record(signer: &dyn Signer) -> Result<KeyRecord> {
    let record = KeyRecord::active(signer).map_err(Error::bug)?;
    Ok(KeyRecord { state: COMPROMISED, ..record })
}

/// Whether a key of the trust anchor is there for the faults to sign with.
pub fn is_for_faults(record: &KeyRecord) -> bool {
    record.state == COMPROMISED
}

/// Spoils `record`; `donor` is another record's proof, `log_size` the size of the registry's log.
pub(super) fn spoil(
    record: &mut SignedRecord,
    action: ReadAction,
    keys: &FaultKeys,
    donor: Option<LogProof>,
    log_size: u64,
) -> Result<()> {
    match action {
        ReadAction::PayloadChanged => change_payload(record, with_another_digit),
        ReadAction::NotCanonical => change_payload(record, with_a_field_twice),
        ReadAction::OtherIssuer => sign_again(record, &keys.other),
        ReadAction::CompromisedKey => sign_again(record, &keys.compromised),
        ReadAction::OtherProof => {
            if let (Some(proof), Some(donor)) = (&mut record.issuer_proof, donor) {
                proof.path = donor.path;
            }
            Ok(())
        }
        ReadAction::IssuedInFuture => issue_tomorrow(record, &keys.own, log_size),
        _ => Ok(()),
    }
}

fn change_payload(record: &mut SignedRecord, change: fn(Object) -> Vec<u8>) -> Result<()> {
    if let Disclosure::Whole { payload, .. } = &mut record.disclosure {
        let object = canonical::parse(payload).map_err(Error::bug)?;
        *payload = Bytes::from(change(object));
    }
    Ok(())
}

/// The payload with one digit of its first text that has one made another; still canonical.
fn with_another_digit(mut payload: Object) -> Vec<u8> {
    let found = payload.iter().find_map(|(name, value)| {
        let text = value.as_text()?;
        let at = text.rfind(|c: char| c.is_ascii_digit())?;
        let next = if &text[at..=at] == "1" { "2" } else { "1" };
        Some((name.to_owned(), [&text[..at], next, &text[at + 1..]].concat()))
    });
    if let Some((name, text)) = found {
        payload.insert(name, Value::String(text));
    }
    canonical::write(&payload)
}

/// The payload with its first field twice.
fn with_a_field_twice(payload: Object) -> Vec<u8> {
    let first: Object = payload.iter().take(1).map(|(name, value)| (name.to_owned(), value.clone())).collect();
    let mut bytes = canonical::write(&first);
    // `{"a":1}` and `{"a":1,"b":2}` become `{"a":1,"a":1,"b":2}`
    bytes.pop();
    bytes.push(b',');
    bytes.extend_from_slice(canonical::write(&payload).get(1..).unwrap_or_default());
    bytes
}

/// The same tree under another key: statement and path still prove, only the signature is another's.
fn sign_again(record: &mut SignedRecord, forge: &Forge) -> Result<()> {
    if let Some(proof) = &mut record.issuer_proof {
        let checkpoint = Checkpoint::of_note(&proof.checkpoint).map_err(Error::bug)?;
        proof.checkpoint = forge(&checkpoint)?;
    }
    Ok(())
}

/// A statement of tomorrow in a tree of its own, signed by the registry itself. The tree is ahead of the log of `log_size` leaves:
/// the province refuses statements issued in the future, so the ledger has no proof of it.
fn issue_tomorrow(record: &mut SignedRecord, forge: &Forge, log_size: u64) -> Result<()> {
    let mut statement = Statement::decode(&record.statement).map_err(Error::bug)?;
    statement.issued_at = statement.issued_at.plus_ms(DAY_MS);
    record.statement = statement.encode().into();
    if let Some(proof) = &mut record.issuer_proof {
        let mut checkpoint = Checkpoint::of_note(&proof.checkpoint).map_err(Error::bug)?;
        proof.index = log_size + LEAVES_AHEAD;
        checkpoint.size = proof.index + 1;
        let length = inclusion_length(proof.index, checkpoint.size).map_err(Error::bug)?;
        proof.path = (0..length as u64).map(|sibling| hash_leaf(&sibling.to_be_bytes())).collect();
        let leaf = hash_leaf(&record.statement);
        checkpoint.root = root_from_inclusion(&leaf, proof.index, checkpoint.size, &proof.path).map_err(Error::bug)?;
        proof.checkpoint = forge(&checkpoint)?;
    }
    Ok(())
}
