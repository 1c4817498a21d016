//! Signed, verified records: what is signed, how it is proved, and how anyone verifies it offline.
//!
//! Needs only `base`; does no I/O and reads no clock.

pub mod anchor;
pub mod canonical;
pub mod commitment;
pub mod entry;
pub mod issue;
pub mod keys;
pub mod merkle;
pub mod note;
pub mod record;
pub mod statement;
pub mod value;
pub mod verdict;
pub mod verify;

pub use anchor::{IssuerAnchor, KeyRecord, KeyState, LogAnchor, LogPurpose, TrustAnchor};
pub use canonical::{CanonicalError, Object, Value};
pub use commitment::{Salt, redact};
pub use entry::EntryType;
pub use issue::{Draft, build_record};
pub use keys::{Algorithm, Ed25519Signer, KeyId, P256Signer, PublicKey, Signer};
pub use merkle::Hash;
pub use note::{Checkpoint, Note, NoteError};
pub use record::{Disclosure, HiddenField, LogProof, ShownField, SignedRecord};
pub use statement::{Operation, Statement, StatementError, statement_hash};
pub use verdict::{Check, Code, Outcome, Report, Verdict};
pub use verify::{BatchError, BatchRecord, VerifiedBatch, Verifier};
