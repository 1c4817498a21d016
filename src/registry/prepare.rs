//! From submitted changes to the writer's input: validated, canonical, committed to. Pure, and all the heavy work, so
//! that it runs in parallel with the one writer, on every core.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use crate::base::time::Date;
use crate::base::{Error, RecordId, Result, Seed, Timestamp, Violations, Warnings};
use crate::trust::commitment::fields_root;
use crate::trust::{Hash, Object, Operation, Salt, canonical};

use super::catalogue::unknown_record_type;
use super::due::Dues;
use super::lifecycle::is_of_system;
use super::normal::normal;
use super::port::Change;
use super::row::{RecordKey, record_key};
use super::rule::Findings;
use super::schema::{Holds, State};
use super::{RecordType, Sector, basis, due, index};

/// The secrets of a registry: pseudonyms and salts follow from them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Secrets {
    record_ids: Seed,
    salts: Seed,
}

impl Secrets {
    pub(super) fn new(secret: &Seed) -> Self {
        Self { record_ids: secret.child("record-id", 0), salts: secret.child("record-salt", 0) }
    }

    /// The record id of a natural key in its key form.
    pub(super) fn record_id(&self, record_type: &RecordType, key: &str) -> RecordId {
        let hash = self.record_ids.keyed_hash(&[record_type.name.as_bytes(), key.as_bytes()]);
        let mut id = [0; 16];
        id.copy_from_slice(&hash[..16]);
        RecordId(id)
    }

    fn salt(&self, id: RecordId, version: u64) -> Salt {
        self.salts.keyed_hash(&[&id.0, &version.to_be_bytes()])
    }
}

/// A change that only needs its index in the log.
pub(super) struct Prepared {
    pub record_type: Arc<RecordType>,
    pub record_id: RecordId,
    pub operation: Operation,
    pub expected_version: u64,
    pub payload: Bytes,
    pub salt: Salt,
    pub field_count: u16,
    pub fields_root: Hash,
    pub holds: Holds,
    /// Its time of issue; `None`: the time of the whole submission.
    pub issued_at: Option<Timestamp>,
    /// Its due days under time rules.
    pub dues: Dues,
    pub index_keys: Vec<Vec<u8>>,
    /// The values that it alone may have, with the numbers of the rules.
    pub claims: Vec<(usize, Vec<u8>)>,
    /// Whether its basis names the registry itself as the author of the change.
    pub is_of_system: bool,
    /// Its warnings.
    pub warnings: Warnings,
    /// The content, where a rule of its lifecycle may need it: not for a new record without others.
    pub content: Option<Object>,
    /// Other records that its lifecycle looks up: number of the type, natural key, and storage key.
    pub related: Vec<(u8, String, RecordKey)>,
    /// What its lifecycle asks the index for: the beginnings of keys.
    pub lookups: Vec<Vec<u8>>,
}

impl Prepared {
    /// The storage key of its record.
    pub(super) fn key(&self) -> RecordKey {
        record_key(&self.record_type, self.record_id)
    }

    /// Whether its lifecycle asks about other records.
    pub(super) fn asks(&self) -> bool {
        !(self.related.is_empty() && self.lookups.is_empty())
    }

    /// Whether it changes an existing record on the basis of a document.
    pub(super) fn names_basis(&self) -> bool {
        !self.is_of_system && self.content.as_ref().is_some_and(|content| content.contains(basis::FIELD))
    }
}

/// Prepares `changes[range]`; fails with every bad field of every one of them.
pub(super) fn prepare(
    sector: &Sector,
    secrets: &Secrets,
    changes: &[Change],
    range: Range<usize>,
    today: Date,
) -> Result<Vec<Prepared>> {
    let mut violations = Violations::default();
    let mut prepared = Vec::with_capacity(range.len());
    for at in range {
        let Some(change) = changes.get(at) else { break };
        prepared.extend(prepare_one(sector, secrets, change, at, today, &mut violations));
    }
    if violations.is_empty() { Ok(prepared) } else { Err(Error::invalid(violations)) }
}

/// Adds every bad field of `changes[at]` to `violations`; when there is none, gives its type and the payload to store.
pub fn check<'a>(
    sector: &'a Sector,
    change: &'a Change,
    at: usize,
    today: Date,
    violations: &mut Violations,
) -> Option<(&'a Arc<RecordType>, Cow<'a, Object>)> {
    let before = violations.total();
    let Some(record_type) = sector.record_type(&change.record_type) else {
        // Similar names are only looked for when the message is read.
        let path = format_args!("changes[{at}].record_type");
        if violations.is_full() {
            violations.add(path, "UNKNOWN_VALUE", "");
        } else {
            violations.push(unknown_record_type(path, &change.record_type, &sector.record_types));
        }
        return None;
    };
    check_change(change, at, violations);
    let root = format_args!("changes[{at}].payload");
    let payload = normal(record_type, &change.payload, &mut Findings::new(&root, violations));
    record_type.validate(&payload, today, &root, violations);
    check_revocation(record_type, change.operation, &payload, at, violations);
    (violations.total() == before).then_some((record_type, payload))
}

fn prepare_one(
    sector: &Sector,
    secrets: &Secrets,
    change: &Change,
    at: usize,
    today: Date,
    violations: &mut Violations,
) -> Option<Prepared> {
    let before = violations.warnings().mark();
    let (record_type, payload) = check(sector, change, at, today, violations)?;
    let warnings = violations.warnings().since(before);
    let draft = Draft {
        record_type,
        operation: change.operation,
        expected_version: change.expected_version,
        holds: record_type.holds(&payload).or(change.valid_from, change.valid_until),
        payload: payload.into_owned(),
    };
    match draft.commit_to(sector, secrets) {
        Ok(prepared) => prepared.map(|prepared| Prepared { warnings, ..prepared }),
        Err(error) => {
            violations.add(format_args!("changes[{at}].payload"), "NON_CANONICAL", error.rule.as_str());
            None
        }
    }
}

/// A version that is to be committed to.
pub(super) struct Draft<'a> {
    pub record_type: &'a Arc<RecordType>,
    pub operation: Operation,
    pub expected_version: u64,
    pub holds: Holds,
    pub payload: Object,
}

impl Draft<'_> {
    /// The version with its commitments; `None` when the payload has no natural key.
    pub(super) fn commit_to(
        self,
        sector: &Sector,
        secrets: &Secrets,
    ) -> Result<Option<Prepared>, canonical::CanonicalError> {
        let Self { record_type, operation, expected_version, holds, payload } = self;
        let bytes = canonical::write(&payload);
        let scanned = canonical::scan(&bytes)?;
        let Some(key) = record_type.key_of(&payload) else { return Ok(None) };
        let record_id = secrets.record_id(record_type, &key);
        let salt = secrets.salt(record_id, expected_version + 1);
        let related = record_type.lifecycle.keys(&payload).filter_map(|(about, key)| {
            let of = about.map_or(Some(record_type), |name| sector.record_type(name))?;
            let id = secrets.record_id(of, &of.key_form.of(&key));
            Some((of.ordinal, key, record_key(of, id)))
        });
        // In order, so that other records are found by binary search, however many it names.
        let mut related: Vec<_> = related.collect();
        related.sort_unstable();
        related.dedup();
        let lookups = record_type.lifecycle.lookups(&payload).filter_map(|(about, lookup)| {
            let of = about.map_or(Some(record_type), |name| sector.record_type(name))?;
            Some(index::lookup_prefix(of, &lookup))
        });
        let mut lookups: Vec<_> = lookups.collect();
        lookups.sort_unstable();
        lookups.dedup();
        let is_asked_for = operation != Operation::Create || !related.is_empty() || !lookups.is_empty();
        Ok(Some(Prepared {
            record_type: record_type.clone(),
            record_id,
            operation,
            expected_version,
            salt,
            field_count: scanned.len() as u16,
            fields_root: fields_root(&scanned, &salt),
            holds,
            issued_at: None,
            dues: due::dues(record_type, &payload, operation),
            index_keys: index::keys(record_type, &payload, record_id),
            claims: index::claims(record_type, &payload),
            is_of_system: is_of_system(&payload),
            payload: Bytes::from(bytes),
            warnings: Warnings::default(),
            content: is_asked_for.then_some(payload),
            related,
            lookups,
        }))
    }
}

fn check_change(change: &Change, at: usize, violations: &mut Violations) {
    let is_new = change.expected_version == 0;
    if (change.operation == Operation::Create) != is_new || change.expected_version >= canonical::INTEGER_MAX as u64 {
        let says = "must be 0 for a new record, and the version last seen for any other change";
        violations.add(format_args!("changes[{at}].expected_version"), "OUT_OF_RANGE", says);
    }
    if change.valid_from.zip(change.valid_until).is_some_and(|(from, until)| from >= until) {
        violations.add(format_args!("changes[{at}].valid_until"), "ORDER", "must be after valid_from");
    }
}

/// The payload of a revocation is the record's last form, so its status must be final: nothing follows a revocation, and
/// a record can leave any other status (a card whose holder is insured again under the same number).
fn check_revocation(
    record_type: &RecordType,
    operation: Operation,
    payload: &Object,
    at: usize,
    violations: &mut Violations,
) {
    let can_end = record_type.statuses.iter().any(|(_, state)| *state == State::Ended);
    let ended = record_type.state(payload).is_none_or(|state| state == State::Ended);
    if operation == Operation::Revoke && can_end && !ended {
        let says = "must be a final status when the record is revoked";
        violations.add(format_args!("changes[{at}].payload.status"), "CONFLICT", says);
    } else if operation == Operation::Revoke
        && can_end
        && let Some(status) = payload.text("status")
        && record_type.lifecycle.may_leave("status", status)
    {
        let says = "a record can return from this status, but never after OPERATION_REVOKE: use OPERATION_UPDATE";
        violations.add(format_args!("changes[{at}].payload.status"), "CONFLICT", says);
    }
}
