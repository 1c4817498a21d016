//! The heads of all logs as clients and the witness saw them: no two of one size, and none that goes back.

use std::collections::BTreeMap;
use std::sync::Mutex;

use lienthong::trust::note::Checkpoint;

use super::disk::lock;
use super::log::Log;

/// All heads that anybody saw, whatever was restarted in between.
pub struct Heads {
    log: Log,
    seen: Mutex<BTreeMap<(String, u64), [u8; 32]>>,
}

impl Heads {
    /// None was seen yet.
    pub fn new(log: Log) -> Self {
        Self { log, seen: Mutex::default() }
    }

    /// Notes a head that `who` was shown; gives it.
    pub fn note(&self, who: &str, note: &str) -> Option<Checkpoint> {
        let Ok(head) = Checkpoint::of_note(note.as_bytes()) else {
            self.log.violated(format!("{who} was shown a checkpoint that cannot be read"));
            return None;
        };
        let before = lock(&self.seen).insert((head.origin.clone(), head.size), head.root);
        self.log.check(before.is_none_or(|before| before == head.root), || {
            format!("{who} was shown a second head of {} with {} entries", head.origin, head.size)
        });
        Some(head)
    }

    /// The largest size of a log that anybody saw.
    pub fn newest(&self, origin: &str) -> u64 {
        let seen = lock(&self.seen);
        let of = seen.range((origin.to_owned(), 0)..=(origin.to_owned(), u64::MAX));
        of.last().map_or(0, |((_, size), _)| *size)
    }
}
