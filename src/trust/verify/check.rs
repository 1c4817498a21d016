//! The checks of one record.

use super::{Beliefs, HeadError, OwnerRef, SignedHead, Verifier};
use crate::base::Timestamp;
use crate::base::limits::CLOCK_SKEW_MS_MAX;
use crate::trust::anchor::{IssuerAnchor, KeyState, LogPurpose, judge_signed};
use crate::trust::commitment::{DisclosureError, disclosed_root};
use crate::trust::entry::EntryType;
use crate::trust::merkle::{Hash, hash_leaf};
use crate::trust::record::{Disclosure, LogProof, SignedRecord};
use crate::trust::statement::Statement;
use crate::trust::verdict::{Code, Report, Tally, Verdict};

/// The order in which failures decide the verdict: see [`Tally::fail`].
mod rank {
    pub(super) const SIGNATURE: u8 = 0;
    pub(super) const OTHER_ISSUER: u8 = 1;
    pub(super) const INCLUSION: u8 = 2;
    pub(super) const UNKNOWN_ISSUER: u8 = 3;
    pub(super) const MALFORMED: u8 = 4;
    pub(super) const SCHEMA: u8 = 5;
    pub(super) const KEY: u8 = 6;
    pub(super) const CANONICAL: u8 = 7;
    pub(super) const PAYLOAD: u8 = 8;
    pub(super) const FUTURE: u8 = 9;
    pub(super) const EXPIRED_ANCHOR: u8 = 20;
    pub(super) const INDETERMINATE_KEY: u8 = 21;
    pub(super) const NO_PROOF: u8 = 22;
}

const NO_SIGNATURE: Verdict = Verdict::Invalid(Code::NoTrustedSignature);
const NO_STATEMENT: &str = "the statement does not decode";

impl Verifier {
    /// Verifies a delivered record: issued by its issuer and contained in the province's record ledger.
    pub fn verify(&self, record: &SignedRecord, now: Timestamp) -> Report {
        self.beliefs().examine(record, now, true)
    }

    /// Verifies a record as its issuer hands it over, before it can be in the record ledger: the ledger's checks
    /// are skipped when there is no ledger proof.
    pub fn verify_issued(&self, record: &SignedRecord, now: Timestamp) -> Report {
        self.beliefs().examine(record, now, false)
    }

    /// Whether a record that was VALID before still is at `now`, as far as that depends on the time.
    pub fn is_timely(&self, statement: &Statement, now: Timestamp) -> bool {
        let expires_at = self.beliefs().anchor.expires_at;
        now < expires_at && statement.issued_at <= now.plus_ms(CLOCK_SKEW_MS_MAX)
    }
}

impl Beliefs {
    fn examine(&self, record: &SignedRecord, now: Timestamp, ledger_needed: bool) -> Report {
        let mut tally = Tally::new();
        if now < self.anchor.expires_at {
            tally.pass("anchor_current");
        } else {
            let why = format!("the trust anchor expired at {}", self.anchor.expires_at);
            tally.fail("anchor_current", Verdict::Indeterminate(Code::TryLater), rank::EXPIRED_ANCHOR, why);
        }
        let statement = match Statement::decode(&record.statement) {
            Ok(statement) => {
                tally.pass("statement_decodes");
                Some(statement)
            }
            Err(error) => {
                let verdict = Verdict::Invalid(Code::Malformed);
                tally.fail("statement_decodes", verdict, rank::MALFORMED, error.to_string());
                None
            }
        };
        let issuer_head = self.check_issuer(record, statement.as_ref(), &mut tally);
        let ledger_index = self.check_ledger(record, ledger_needed, &mut tally);
        self.check_key_state(issuer_head.as_deref(), ledger_index, &mut tally);
        check_disclosure(&record.disclosure, statement.as_ref(), &mut tally);
        check_times(statement.as_ref(), now, &mut tally);
        tally.report(statement)
    }

    /// issuer_signature, issuer_agreement, schema_allowed, issuer_inclusion.
    fn check_issuer(
        &self,
        record: &SignedRecord,
        statement: Option<&Statement>,
        tally: &mut Tally,
    ) -> Option<std::sync::Arc<SignedHead>> {
        let head = match &record.issuer_proof {
            Some(proof) => self.head(&proof.checkpoint).map_err(|error| (error, error.to_string())),
            None => Err((HeadError::UnknownKey, "there is no proof from the issuer's log".to_owned())),
        };
        match &head {
            Ok(_) => tally.pass("issuer_signature"),
            Err((HeadError::OtherOwner, why)) => {
                let verdict = Verdict::Invalid(Code::IssuerMismatch);
                tally.fail("issuer_signature", verdict, rank::OTHER_ISSUER, why.as_str());
            }
            Err((_, why)) => tally.fail("issuer_signature", NO_SIGNATURE, rank::SIGNATURE, why.as_str()),
        }
        let head = head.ok();
        let named = statement.map(|statement| self.anchor.issuer(&statement.issuer));
        self.check_agreement(statement, named, head.as_deref(), tally);
        match (statement, named.flatten()) {
            (None, _) => tally.skip("schema_allowed", NO_STATEMENT),
            (Some(statement), Some(issuer)) if issuer.schemas.contains(&statement.schema) => {
                tally.pass("schema_allowed");
            }
            (Some(statement), _) => {
                let why = format!("{} may not issue {}", statement.issuer, statement.schema);
                tally.fail("schema_allowed", Verdict::Invalid(Code::NotAuthorised), rank::SCHEMA, why);
            }
        }
        match (&head, &record.issuer_proof) {
            (Some(head), Some(proof)) => {
                self.check_inclusion("issuer_inclusion", &hash_leaf(&record.statement), proof, head, tally);
            }
            _ => tally.skip("issuer_inclusion", "there is no accepted checkpoint"),
        }
        head
    }

    fn check_agreement(
        &self,
        statement: Option<&Statement>,
        named: Option<Option<&IssuerAnchor>>,
        head: Option<&SignedHead>,
        tally: &mut Tally,
    ) {
        const NAME: &str = "issuer_agreement";
        let mismatch = Verdict::Invalid(Code::IssuerMismatch);
        let (Some(statement), Some(head)) = (statement, head) else {
            let why = if statement.is_none() { NO_STATEMENT } else { "there is no accepted checkpoint" };
            return tally.skip(NAME, why);
        };
        let owner = match head.who {
            OwnerRef::Issuer(at) => self.anchor.issuers.get(at).map(|issuer| issuer.name.as_str()),
            OwnerRef::Log(..) => None,
        };
        match (owner, named.flatten()) {
            (Some(owner), Some(issuer)) if issuer.name == owner => tally.pass(NAME),
            (Some(owner), Some(issuer)) => {
                let why = format!("the statement names {}, but the checkpoint belongs to {owner}", issuer.name);
                tally.fail(NAME, mismatch, rank::OTHER_ISSUER, why);
            }
            (Some(_), None) => {
                let why = format!("the trust anchor has no issuer {}", statement.issuer);
                tally.fail(NAME, mismatch, rank::UNKNOWN_ISSUER, why);
            }
            (None, _) => tally.fail(NAME, mismatch, rank::OTHER_ISSUER, "the checkpoint belongs to no issuer's log"),
        }
    }

    /// ledger_signature, ledger_inclusion; gives the ledger index when it is proved.
    fn check_ledger(&self, record: &SignedRecord, needed: bool, tally: &mut Tally) -> Option<u64> {
        let Some(proof) = &record.ledger_proof else {
            tally.skip("ledger_signature", "there is no proof from the record ledger");
            if needed {
                let why = "there is no proof from the record ledger";
                tally.fail("ledger_inclusion", Verdict::Indeterminate(Code::NoPoe), rank::NO_PROOF, why);
            } else {
                tally.skip("ledger_inclusion", "a record that comes straight from its issuer may not be there yet");
            }
            return None;
        };
        let skip = |tally: &mut Tally| tally.skip("ledger_inclusion", "there is no accepted checkpoint");
        let head = match self.head(&proof.checkpoint) {
            Ok(head) => head,
            Err(error) => {
                tally.fail("ledger_signature", NO_SIGNATURE, rank::SIGNATURE, error.to_string());
                skip(tally);
                return None;
            }
        };
        if !matches!(head.who, OwnerRef::Log(_, LogPurpose::Records)) {
            tally.fail("ledger_signature", NO_SIGNATURE, rank::SIGNATURE, "the checkpoint belongs to another log");
            skip(tally);
            return None;
        }
        // The holder of the ledger's key decides the order, so that order cannot clear a compromised key.
        let good = head.keys.iter().any(|key| {
            let compromised = matches!(key.state, KeyState::Compromised { .. });
            !compromised && key.judge(Some(head.size.saturating_sub(1))) == Verdict::Valid
        });
        if !good {
            let verdict = Verdict::Invalid(Code::KeyNotValid);
            tally.fail("ledger_signature", verdict, rank::KEY, "the ledger's key may not sign this checkpoint");
            skip(tally);
            return None;
        }
        tally.pass("ledger_signature");
        let leaf = EntryType::Statement.leaf(&record.statement);
        self.check_inclusion("ledger_inclusion", &leaf, proof, &head, tally).then_some(proof.index)
    }

    fn check_inclusion(
        &self,
        name: &'static str,
        leaf: &Hash,
        proof: &LogProof,
        head: &SignedHead,
        tally: &mut Tally,
    ) -> bool {
        match self.proved.inclusion(leaf, proof, (head.size, &head.root)) {
            Ok(()) => {
                tally.pass(name);
                true
            }
            Err(error) => {
                tally.fail(name, Verdict::Invalid(Code::Inclusion), rank::INCLUSION, error.to_string());
                false
            }
        }
    }

    /// key_state.
    fn check_key_state(&self, head: Option<&SignedHead>, ledger_index: Option<u64>, tally: &mut Tally) {
        const NAME: &str = "key_state";
        let Some(head) = head else { return tally.skip(NAME, "it is unknown which key signed") };
        let keys = match head.who {
            OwnerRef::Issuer(at) => self.anchor.issuers.get(at).map(|issuer| &issuer.keys),
            OwnerRef::Log(at, _) => self.anchor.logs.get(at).map(|log| &log.keys),
        };
        let keys = keys.map(Vec::as_slice).unwrap_or_default();
        // where several keys signed, the one in the best state counts
        let best = head.keys.iter().map(|key| judge_signed(keys, key, ledger_index)).min_by_key(|one| one.badness());
        match best.unwrap_or(NO_SIGNATURE) {
            Verdict::Valid => tally.pass(NAME),
            verdict @ Verdict::Invalid(_) => {
                tally.fail(NAME, verdict, rank::KEY, "the key was not in use at the record's ledger position");
            }
            verdict @ Verdict::Indeterminate(_) => {
                let why = match ledger_index {
                    Some(_) => "the key is compromised, and the record is newer than the suspicion",
                    None => "the key is out of use, and nothing proves that the record is older",
                };
                tally.fail(NAME, verdict, rank::INDETERMINATE_KEY, why);
            }
        }
    }
}

/// canonical, payload, field_count.
fn check_disclosure(disclosure: &Disclosure, statement: Option<&Statement>, tally: &mut Tally) {
    let mismatch = Verdict::Invalid(Code::PayloadMismatch);
    let (root, count) = match disclosed_root(disclosure) {
        Ok(disclosed) => disclosed,
        Err(error @ DisclosureError::Fields) => {
            tally.pass("canonical");
            tally.fail("payload", mismatch, rank::PAYLOAD, error.to_string());
            return tally.skip("field_count", "the fields are not complete and unique");
        }
        Err(error) => {
            let verdict = Verdict::Invalid(Code::NonCanonical);
            tally.fail("canonical", verdict, rank::CANONICAL, error.to_string());
            tally.skip("payload", "not canonical");
            return tally.skip("field_count", "not canonical");
        }
    };
    tally.pass("canonical");
    let Some(statement) = statement else {
        tally.skip("payload", NO_STATEMENT);
        return tally.skip("field_count", NO_STATEMENT);
    };
    if root == statement.fields_root {
        tally.pass("payload");
    } else {
        tally.fail("payload", mismatch, rank::PAYLOAD, "the commitments lead to another root than the statement's");
    }
    if count == usize::from(statement.field_count) {
        tally.pass("field_count");
    } else {
        let why = format!("{count} fields, but the statement says {}", statement.field_count);
        tally.fail("field_count", mismatch, rank::PAYLOAD, why);
    }
}

/// issued_not_in_future, validity_window.
fn check_times(statement: Option<&Statement>, now: Timestamp, tally: &mut Tally) {
    let Some(statement) = statement else {
        tally.skip("issued_not_in_future", NO_STATEMENT);
        return tally.skip("validity_window", NO_STATEMENT);
    };
    if statement.issued_at <= now.plus_ms(CLOCK_SKEW_MS_MAX) {
        tally.pass("issued_not_in_future");
    } else {
        let why = format!("issued at {}, more than five minutes ahead", statement.issued_at);
        tally.fail("issued_not_in_future", Verdict::Invalid(Code::IssuedInFuture), rank::FUTURE, why);
    }
    if now < statement.valid_from {
        tally.skip("validity_window", format!("information: not valid before {}", statement.valid_from));
    } else if now >= statement.valid_until {
        tally.skip("validity_window", format!("information: no longer valid since {}", statement.valid_until));
    } else {
        tally.pass("validity_window");
    }
}
