//! The claim of completeness: the gateway's signed word on how many entries there are about a subject up to a checkpoint.
//!
//! A signed note (C2SP signed-note) by the evidence ledger's key, over these lines:
//!
//! ```text
//! lienthong/completeness/v1
//! <subject, 64 hexadecimal characters>
//! <count>
//! <ledger index of the last entry, 0 without one>
//! <origin of the evidence ledger>
//! <tree size of the checkpoint>
//! <root of the checkpoint, base64>
//! ```
//!
//! An entry about the subject below that size that the claim does not count is proof, by
//! the gateway's own signature, of the lie. The first line keeps a claim from being read as a checkpoint.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use crate::base::Result;
use crate::base::id::to_hex;
use crate::ledger::Head;
use crate::trust::Signer;
use crate::trust::note::sign_note;

use super::Subject;

/// A claim, with the checkpoint that it holds for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompletenessClaim {
    /// The subject.
    pub subject: Subject,
    /// The number of entries about the subject.
    pub count: u64,
    /// Ledger index of the last of these entries; 0 if there are none.
    pub last_index: u64,
    /// The checkpoint: a signed note.
    pub checkpoint: Bytes,
    /// The claim: a signed note.
    pub signed: Bytes,
}

impl CompletenessClaim {
    pub(super) fn sign(
        signer: &dyn Signer,
        origin: &str,
        head: &Head,
        subject: Subject,
        count: u64,
        last_index: u64,
    ) -> Result<Self> {
        let (hex, root) = (to_hex(&subject), STANDARD.encode(head.root));
        let text =
            format!("lienthong/completeness/v1\n{hex}\n{count}\n{last_index}\n{origin}\n{}\n{root}\n", head.size);
        let signed = sign_note(&text, &[signer])?;
        Ok(Self { subject, count, last_index, checkpoint: head.note.clone(), signed })
    }
}
