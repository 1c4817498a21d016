//! The heads of all logs as clients and the witness saw them: no two of one size, and none that goes back.

use std::collections::BTreeMap;
use std::sync::Mutex;

use lienthong::trust::note::Checkpoint;

use super::disk::lock;
use super::log::Log;

/// All heads that anybody saw, whatever was restarted in between.
pub struct Heads {
    log: Log,
    seen: Mutex<BTreeMap<(String, u64), Seen>>,
}

/// A head of one size.
#[derive(Clone, Copy)]
struct Seen {
    root: [u8; 32],
    /// Whether its log published it; a registry signs its batches before that.
    is_published: bool,
}

impl Heads {
    /// None was seen yet.
    pub fn new(log: Log) -> Self {
        Self { log, seen: Mutex::default() }
    }

    /// Notes a head that a log published to `who`; gives it.
    pub fn note(&self, who: &str, note: &str) -> Option<Checkpoint> {
        self.seen(who, note, true)
    }

    /// Notes the head of a batch that a registry streamed to `who`; gives it. It may be published later.
    pub fn note_streamed(&self, who: &str, note: &str) -> Option<Checkpoint> {
        self.seen(who, note, false)
    }

    fn seen(&self, who: &str, note: &str, is_published: bool) -> Option<Checkpoint> {
        let Ok(head) = Checkpoint::of_note(note.as_bytes()) else {
            self.log.violated(format!("{who} was shown a checkpoint that cannot be read"));
            return None;
        };
        let now = Seen { root: head.root, is_published };
        let mut seen = lock(&self.seen);
        let known = seen.entry((head.origin.clone(), head.size)).or_insert(now);
        known.is_published |= is_published;
        self.log.check(known.root == head.root, || {
            format!("{who} was shown a second head of {} with {} entries", head.origin, head.size)
        });
        Some(head)
    }

    /// The largest size of a log that anybody saw published.
    pub fn newest(&self, origin: &str) -> u64 {
        let seen = lock(&self.seen);
        let mut of = seen.range((origin.to_owned(), 0)..=(origin.to_owned(), u64::MAX));
        of.rfind(|(_, seen)| seen.is_published).map_or(0, |((_, size), _)| *size)
    }
}
