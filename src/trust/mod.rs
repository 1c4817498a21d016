//! Signed, verified records: what is signed, how it is proved, and how anyone verifies it offline.
//!
//! Needs only `base`; does no I/O and reads no clock.

pub mod canonical;
pub mod commitment;
pub mod keys;
pub mod merkle;
pub mod record;
pub mod statement;
pub mod value;

pub use canonical::{CanonicalError, Object, Value};
pub use commitment::{Salt, redact};
pub use keys::{Algorithm, Ed25519Signer, KeyId, P256Signer, PublicKey, Signer};
pub use merkle::Hash;
pub use record::{Disclosure, HiddenField, LogProof, ShownField, SignedRecord};
pub use statement::{Operation, Statement, StatementError, statement_hash};
