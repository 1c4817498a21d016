//! What has to happen sometimes: every fault and every situation that the runs are there for. One that none of the gate's seeds met would be a check
//! that never ran, and fails the gate.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// All that has to be met, over the seeds of one gate.
pub const ALL: &[&str] = &[
    // The network.
    "a connection is cut",
    "a client is cut off for a while",
    "the network is slow",
    // The disk.
    "a commit is slow",
    "the disk is full",
    "a write fails and the engine stops",
    "a row cannot be read",
    "a row reads as zeros",
    "a row is gone, and the disk does not know",
    "a space is lost while nobody serves",
    "a space is lost, and the engine does not notice",
    "the store is gone, and world.json says that there was one",
    // The process and its folder.
    "a crash",
    "a crash keeps a batch that nobody was told of",
    "a crash loses a batch that nobody was told of",
    "an orderly restart",
    "a second start on a folder in use",
    "world.json forgets that the world was seeded",
    // Time.
    "the clock is moved forward",
    "the clock steps back a little",
    "the clock is days back at a start",
    // Rules of faults in the world itself: every action of the list (`faults::met`).
    "a call is delayed by a rule",
    "a call is refused by a rule",
    "a call is answered without its message",
    "a call is answered after its answer was lost",
    "a call is reset",
    "a connection is dismissed",
    "an answer comes a few bytes at a time",
    "a message comes twice",
    "a payload that was changed is refused",
    "what another registry signed is refused",
    "what a compromised key signed is refused",
    "another record's proof is refused",
    "what is issued tomorrow is refused",
    "what is not canonical is refused",
    "an older version is shown",
    "another person's record is refused",
    "a registry is not reached",
    "a registry is at its limit",
    "a registry is slower than any deadline",
    "a registry takes longer",
    "a registry has a defect",
    "a registry's answer breaks off",
    "a feed is halted",
    "a rule fills the disk",
    "a log is paused",
    "a registry's clock is wrong",
    "an old checkpoint is shown",
    "a log shows another tree",
    "the renewal of the trust anchor is halted",
    // What clients do.
    "a change is acknowledged",
    "a change comes too late",
    "records are disclosed",
    "a read is refused for lack of consent",
    "an old withdrawal is repeated",
    "a consent to another agency is withdrawn",
    "somebody else's consent is not to be withdrawn",
    "an access log is read while things go wrong",
    "a link is made",
    "a link is ended",
    "a redemption is repeated with the same answer",
    "a used code is refused to another agency",
    "a session changes what the province does not show",
    "two sessions change the same records, each in its way",
    "a deleted session is refused",
    "a session that is reset has other logs",
    "a head is cosigned",
    "a watcher of changes resumes where it was",
    "a follower of a log resumes where it was",
    "a bulk fetch brings everybody's outcome",
    "more views at once than are served at a time",
    "registries disagree about a name",
    "registries disagree about a birth date",
    "registries disagree about a sex",
    "registries agree again",
];

/// What was met, and how often. Clones share it.
#[derive(Clone, Default)]
pub struct Sometimes(Arc<Mutex<BTreeMap<&'static str, u64>>>);

impl Sometimes {
    /// Notes that something of the list happened.
    pub fn met(&self, what: &'static str) {
        assert!(ALL.contains(&what), "{what:?} is not in the list of what happens sometimes");
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(what).or_default() += 1;
    }

    /// What never happened.
    pub fn missing(&self) -> Vec<&'static str> {
        let met = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ALL.iter().copied().filter(|what| !met.contains_key(what)).collect()
    }

    /// How often each happened.
    pub fn table(&self) -> String {
        let met = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let line = |what: &&str| format!("{:>7}  {what}\n", met.get(*what).copied().unwrap_or_default());
        ALL.iter().map(line).collect()
    }
}
