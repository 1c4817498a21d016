//! A witness: cosigns heads of logs that only grow, and remembers the newest of each (C2SP tlog-witness, as on its main branch: version
//! 1.0.0 answers 409, not 422, to another root of a known size).
//!
//! Checking a head against the memory and writing it there is one step for each log, under that log's lock, and the memory is on
//! disk before the answer goes out: of requests that race, none takes the witness back to a smaller tree, and neither does a crash.
//! Two heads that cannot both be true are kept, whole, in the state's folder: two trees of one size; or a larger tree whose own proof
//! shows that it had another beginning. (Where the known tree is one perfect subtree, a proof says nothing of the old root, and
//! nothing is kept.) A smaller head is an old one that anybody may show again: it is refused, and proves nothing.

pub mod memory;
pub mod request;

use std::sync::{Arc, PoisonError, RwLock};

use super::head::{HeadError, SignedHead};
use crate::base::{Clock, Error, Timestamp};
use crate::trust::cosignature::cosign;
use crate::trust::merkle::{CompactRange, ProofError, roots_from_consistency};
use crate::trust::note::Note;
use crate::trust::{Signer, TrustAnchor};
use memory::Memory;
use request::AddCheckpoint;

/// The reason why a head is not cosigned; each has its HTTP status.
#[derive(Debug)]
pub enum Refusal {
    /// The request does not parse, or its old size is above the checkpoint's: 400.
    Malformed(String),
    /// No trusted key of the log signed the head: 403.
    NotSigned(String),
    /// The trust anchor has expired, and no log's key is trusted: 403.
    Expired(Timestamp),
    /// The log is not known: 404.
    UnknownLog(String),
    /// The witness's newest head has another size: 409, with that size.
    OtherSize(u64),
    /// The witness cosigned another head of this size: 422.
    SplitView(u64),
    /// The log did not only grow, or the proof does not show it: 422.
    Inconsistent(String),
    /// The state cannot be written: 500.
    Failed(Error),
}

impl From<HeadError> for Refusal {
    fn from(error: HeadError) -> Self {
        match error {
            HeadError::Malformed(_) => Self::Malformed(error.to_string()),
            HeadError::UnknownLog(_) => Self::UnknownLog(error.to_string()),
            HeadError::NotSigned(_) | HeadError::NotContinued(_) => Self::NotSigned(error.to_string()),
        }
    }
}

/// A witness of the logs that a trust anchor names.
pub struct Witness {
    anchor: RwLock<Arc<TrustAnchor>>,
    signer: Arc<dyn Signer>,
    clock: Arc<dyn Clock>,
    memory: Memory,
}

impl Witness {
    /// A witness with this key and this state.
    pub fn new(anchor: TrustAnchor, signer: Arc<dyn Signer>, clock: Arc<dyn Clock>, memory: Memory) -> Self {
        Self { anchor: RwLock::new(Arc::new(anchor)), signer, clock, memory }
    }

    /// The present trust anchor.
    pub fn anchor(&self) -> Arc<TrustAnchor> {
        self.anchor.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the trust anchor. The caller has verified that it succeeds the present one.
    pub fn trust(&self, anchor: TrustAnchor) {
        *self.anchor.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(anchor);
    }

    /// Cosigns a head; returns the signature line. Blocks until the new state is on disk.
    pub fn add_checkpoint(&self, body: &[u8]) -> Result<String, Refusal> {
        let request = AddCheckpoint::parse(body).map_err(Refusal::Malformed)?;
        let anchor = self.anchor();
        let head = SignedHead::read(&request.note, &anchor)?;
        if self.clock.now() >= anchor.expires_at {
            return Err(Refusal::Expired(anchor.expires_at));
        }
        if request.old_size > head.size() {
            return Err(Refusal::Malformed("the old size is above the checkpoint's".into()));
        }
        if head.size() == 0 && *head.root() != CompactRange::new().root() {
            return Err(Refusal::Inconsistent("this is not the root of the empty tree".into()));
        }
        let slot = self.memory.slot(head.origin());
        // The slot stays locked until the write ends.
        let mut newest = slot.lock();
        let known = newest.read(&anchor).map_err(Refusal::Failed)?;
        let size = known.as_ref().map_or(0, SignedHead::size);
        if request.old_size != size {
            return Err(Refusal::OtherSize(size));
        }
        if let Some(known) = known.as_ref().filter(|known| size == head.size() && known.root() != head.root()) {
            self.keep(known, &head, "SPLIT_VIEW")?;
            return Err(Refusal::SplitView(size));
        }
        if let Some(known) = known.filter(|_| size > 0) {
            let (old, new) = ((size, known.root()), (head.size(), head.root()));
            let roots = roots_from_consistency(old, new, &request.path);
            let roots = roots.map_err(|error| Refusal::Inconsistent(error.to_string()))?;
            if roots != (*known.root(), *head.root()) {
                // A wrong proof for a good head is the client's fault and proves nothing. A valid proof of another history is
                // evidence.
                if roots.1 == *head.root() {
                    self.keep(&known, &head, "LOG_ROLLBACK")?;
                }
                return Err(Refusal::Inconsistent(ProofError::Root.to_string()));
            }
        } else if !request.path.is_empty() {
            return Err(Refusal::Inconsistent("an old size of 0 takes no proof".into()));
        }
        newest.write(&head).map_err(Refusal::Failed)?;
        let text = Note::parse(&head.note).map_err(|error| Refusal::Malformed(error.to_string()))?.text.to_owned();
        cosign(&text, &*self.signer, self.clock.now()).map_err(Refusal::Failed)
    }

    fn keep(&self, known: &SignedHead, shown: &SignedHead, what: &str) -> Result<(), Refusal> {
        tracing::error!(
            log = known.origin(),
            known = known.size(),
            shown = shown.size(),
            what,
            "a log showed contradicting heads"
        );
        self.memory.keep_conflict(known, shown, what).map_err(Refusal::Failed)
    }
}
