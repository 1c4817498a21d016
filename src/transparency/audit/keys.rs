//! The key events of the record ledger, compared with the trust anchor: each change of a key is an entry of the ledger, and the ledger
//! has no other change.
//!
//! | rule | otherwise, LOG_RULE |
//! |---|---|
//! | the events of one version of the key registry are adjacent, versions in order | "is separated from the others of its version" |
//! | a key is added once, and changes as its state allows | "key …: …" |
//! | a key of the anchor was added at its `from_index`, and went out of use at the index that the anchor says | the same, at the ledger's end |
//! | a key that was added is the anchor's | the same |
//!
//! Events of a later version than the anchor's are ignored until the anchor is brought up to date. The events at the ledger's beginning
//! can state that a key is out of use already; only the anchor states since which index.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::id::to_hex;
use crate::trust::key_event::{KeyEvent, KeyEventKind};
use crate::trust::{KeyId, KeyRecord, KeyState, TrustAnchor};

/// The ledger index of an event, and the event.
pub(super) type Told = (u64, KeyEvent);

/// The state of a key according to the events.
struct Key {
    origin: String,
    record: KeyRecord,
    /// The ledger index of the event that added it.
    index: u64,
    /// The key was added with a state: the index in the state is not the event's.
    is_born_out_of_use: bool,
}

/// The events of one version of the key registry.
struct Block {
    version: u64,
    from: u64,
    next: u64,
}

/// The differences between the key events and the anchor, in a ledger of `size` entries: each with the index of an entry.
pub(super) fn discrepancies(told: &[Told], anchor: &TrustAnchor, size: u64) -> Vec<(u64, String)> {
    let mut found = Vec::new();
    let mut keys: BTreeMap<KeyId, Key> = BTreeMap::new();
    let mut block: Option<Block> = None;
    for (index, event) in told.iter().filter(|(_, event)| event.anchor_version <= anchor.version) {
        let version = event.anchor_version;
        let from = match &mut block {
            Some(block) if block.version == version && block.next == *index => {
                block.next += 1;
                block.from
            }
            _ => {
                if block.as_ref().is_some_and(|before| before.version >= version) {
                    let why = format!("a key event of version {version} is separated from the others of its version");
                    found.push((*index, why));
                }
                block = Some(Block { version, from: *index, next: index + 1 });
                *index
            }
        };
        if let Err(why) = apply(&mut keys, *index, event, anchor.present_origin(&event.origin), from) {
            found.push((*index, format!("key {}: {why}", to_hex(&event.key_id))));
        }
    }
    if size > anchor.events_from {
        compare(&keys, anchor, size, &mut found);
    }
    found
}

/// `origin` is that of the event's log in the anchor, which may continue the log that the event names.
fn apply(
    keys: &mut BTreeMap<KeyId, Key>,
    index: u64,
    event: &KeyEvent,
    origin: &str,
    from: u64,
) -> Result<(), &'static str> {
    if let KeyEventKind::Added(key) = &event.kind {
        if key.id() != event.key_id {
            return Err("the id is not the key's");
        }
        let record = KeyRecord { key: key.clone(), from_index: from, state: KeyState::Active, reattested: vec![] };
        let added = Key { origin: origin.to_owned(), record, index, is_born_out_of_use: false };
        return match keys.insert(event.key_id, added) {
            None => Ok(()),
            Some(_) => Err("it is added a second time"),
        };
    }
    let key = keys.get_mut(&event.key_id).filter(|key| key.origin == origin).ok_or("nothing says that it was added")?;
    let is_new = key.record.from_index == from;
    let state = &mut key.record.state;
    *state = match (&event.kind, *state) {
        (KeyEventKind::Rotated, KeyState::Active) => KeyState::Rotated { event_index: from },
        (KeyEventKind::Withdrawn, KeyState::Active) => KeyState::Withdrawn { event_index: from },
        (KeyEventKind::Compromised { suspect_from }, before) => {
            let suspect_from = *suspect_from;
            let event_index = match before {
                KeyState::Active => from,
                KeyState::Rotated { event_index } | KeyState::Withdrawn { event_index } => event_index,
                KeyState::Compromised { suspect_from: known, event_index } if suspect_from < known => event_index,
                KeyState::Compromised { .. } => return Err("it is compromised from an earlier index already"),
            };
            KeyState::Compromised { suspect_from, event_index }
        }
        (KeyEventKind::Reattested(range), same @ KeyState::Compromised { .. }) => {
            key.record.reattested.push(range.clone());
            same
        }
        _ => return Err("its state does not allow the event"),
    };
    key.is_born_out_of_use |= is_new;
    Ok(())
}

fn compare(keys: &BTreeMap<KeyId, Key>, anchor: &TrustAnchor, size: u64, found: &mut Vec<(u64, String)>) {
    let end = size.saturating_sub(1);
    let mut named = BTreeSet::new();
    for (origin, record) in anchor.keys() {
        named.insert(record.id());
        let mut differs = |at, why: &str| found.push((at, format!("key {} of {origin}: {why}", to_hex(&record.id()))));
        let Some(told) = keys.get(&record.id()) else {
            differs(end, "no key event adds it");
            continue;
        };
        if told.origin != origin || told.record.from_index != record.from_index {
            differs(told.index, "the trust anchor says that it was added at another index");
        }
        if state_of(&told.record, told.is_born_out_of_use) != state_of(record, told.is_born_out_of_use) {
            differs(end, "its key events result in another state than the trust anchor's");
        }
        if sorted(&told.record) != sorted(record) {
            differs(end, "the trust anchor lists other re-attested records");
        }
    }
    for (id, told) in keys.iter().filter(|(id, _)| !named.contains(*id)) {
        found.push((told.index, format!("key {} of {}: the trust anchor does not know it", to_hex(id), told.origin)));
    }
}

fn state_of(record: &KeyRecord, without_index: bool) -> KeyState {
    match record.state {
        KeyState::Rotated { .. } if without_index => KeyState::Rotated { event_index: 0 },
        KeyState::Withdrawn { .. } if without_index => KeyState::Withdrawn { event_index: 0 },
        KeyState::Compromised { suspect_from, .. } if without_index => {
            KeyState::Compromised { suspect_from, event_index: 0 }
        }
        state => state,
    }
}

fn sorted(record: &KeyRecord) -> Vec<(u64, u64)> {
    let mut ranges: Vec<_> = record.reattested.iter().map(|range| (range.start, range.end)).collect();
    ranges.sort_unstable();
    ranges
}
