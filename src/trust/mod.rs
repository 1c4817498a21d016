//! Signed, verified records: the signed bytes, their proofs, and how anyone verifies them offline.
//!
//! This page and the module pages that it names are the format. A reader needs nothing else to write another
//! verifier; SHA-256, HMAC-SHA256, Ed25519 or ECDSA P-256 and base64 come from a library. The module needs only
//! `base`, does no I/O and reads no clock: the caller says what time it is.
//!
//! # From a payload to a verdict
//!
//! 1. A registry writes a record's **payload** as [`canonical`] JSON. Its bytes are its identity from then on; nobody
//!    writes them again.
//! 2. It commits to each top-level field with a salt of its own ([`commitment`]); the root over the commitments is
//!    `fields_root`. Hidden fields can later be replaced by their commitments, and the root stays the same.
//! 3. It puts `fields_root` into a [`statement`] of the issuer about one version of one record. It has no personal data.
//! 4. The statement is a leaf of the registry's own [`merkle`] log, and a signed [`note`] covers each batch of leaves.
//! 5. The province verifies the batch ([`verify`]) and appends the statement to its record ledger ([`entry`]), whose
//!    checkpoints it signs.
//! 6. A delivered [`record`] carries the statement, the payload or some of its fields, and two proofs: one in the
//!    issuer's log, one in the ledger. With a trust [`anchor`] anyone gets a [`verdict`].
//!
//! # Bytes
//!
//! `‖` joins, `00` is one byte, `len16` and `len32` are big-endian lengths, H is SHA-256.
//!
//! | what | bytes |
//! |---|---|
//! | payload | RFC 8785, narrowed: see [`canonical`] |
//! | field salt | HMAC-SHA256(record salt, `lienthong/field-salt/v1` ‖ 00 ‖ name) |
//! | field leaf | H(00 ‖ `lienthong/field/v1` ‖ 00 ‖ field salt ‖ len16(name) ‖ name ‖ len32(value) ‖ value) |
//! | node | H(01 ‖ left ‖ right) |
//! | fields_root | root over the field leaves in canonical order, H() for none |
//! | statement | `lienthong/statement/v1` ‖ 00 ‖ … ‖ fields_root: the table in [`statement`] |
//! | previous | H(statement of the version before), 32 zeros for the first |
//! | issuer log leaf | H(00 ‖ statement) |
//! | ledger entry | type (1 statement, 2 issuer checkpoint, 3 key event, 4 status digest, 5 equivocation) ‖ body |
//! | ledger leaf | H(00 ‖ entry) |
//! | checkpoint text | origin ‖ LF ‖ size in decimal ‖ LF ‖ base64(root) ‖ LF |
//! | checkpoint | text ‖ LF ‖ `— ` ‖ key name ‖ space ‖ base64(key id ‖ signature over the text) ‖ LF |
//! | key name | the log's origin |
//! | key id, Ed25519 | first 4 bytes of H(key name ‖ LF ‖ 01 ‖ public key) |
//! | cosignature | `— ` ‖ witness ‖ space ‖ base64(key id ‖ seconds in 8 bytes ‖ signature) ‖ LF: see [`cosignature`] |
//! | key id, witness | first 4 bytes of H(key name ‖ LF ‖ 04 ‖ public key) |
//! | key id, P-256 | first 4 bytes of H(SubjectPublicKeyInfo) |
//! | key's id in the anchor | H(SubjectPublicKeyInfo) |
//!
//! A root over n leaves splits at the largest power of two below n (RFC 6962). Origins are
//! `lienthong/<province>/<registry>` for issuers and `lienthong/<province>/records`, `…/evidence` for the province.
//!
//! # Verifying
//!
//! The table in [`verify`] lists the checks. In short: the statement's issuer owns the log that the issuer's
//! checkpoint names, a key of that log signed it, the statement is a leaf of it at the index; the same for the
//! ledger, with the statement's entry as the leaf; the key was good at that ledger index; the issuer may issue the
//! schema; the fields are canonical and their commitments lead to `fields_root`; and it was not issued ahead of time.
//! A path's length follows from index and size and is checked before anything is hashed.
//!
//! ```
//! use lienthong::base::{RecordId, Seed, Timestamp};
//! use lienthong::trust::merkle::hash_leaf;
//! use lienthong::trust::*;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // a registry, the province, and what a verifier knows of them
//! let land = Ed25519Signer::from_seed("lienthong/H27/land", &Seed::root(1));
//! let ledger = Ed25519Signer::from_seed("lienthong/H27/records", &Seed::root(2));
//! let anchor = TrustAnchor {
//!     province: "H27".into(),
//!     version: 1,
//!     events_from: 0,
//!     root: Default::default(),
//!     signatures: Vec::new(),
//!     expires_at: Timestamp(2_000_000),
//!     logs: vec![LogAnchor {
//!         continues: Vec::new(),
//!         origin: "lienthong/H27/records".into(),
//!         purpose: LogPurpose::Records,
//!         keys: vec![KeyRecord::active(&ledger)?],
//!     }],
//!     issuers: vec![IssuerAnchor {
//!         continues: Vec::new(),
//!         name: "land".into(),
//!         origin: "lienthong/H27/land".into(),
//!         schemas: vec!["land.parcel.v1".into()],
//!         keys: vec![KeyRecord::active(&land)?],
//!     }],
//! };
//!
//! // the registry issues a record
//! let payload = canonical::write_checked(&Object::new().with("area_m2", 250).with("number", "CĐ 123456"))?;
//! let salt = [7; 32];
//! let draft = Draft {
//!     issuer: "land",
//!     schema: "land.parcel.v1",
//!     record_id: RecordId([1; 16]),
//!     version: 1,
//!     previous: [0; 32],
//!     operation: Operation::Create,
//!     issued_at: Timestamp(1_000_000),
//!     valid_from: Timestamp(1_000_000),
//!     valid_until: Timestamp::MAX,
//!     status_index: 0,
//! };
//! let (_, statement) = build_record(draft, &payload, &salt)?;
//!
//! // two logs of one leaf each: the root is the leaf, the path is empty
//! let proof = |signer: &Ed25519Signer, root| -> Result<LogProof, Box<dyn std::error::Error>> {
//!     let checkpoint = Checkpoint { origin: signer.key_name().into(), size: 1, root };
//!     Ok(LogProof { checkpoint: checkpoint.sign(signer)?, index: 0, path: vec![] })
//! };
//! let mut record = SignedRecord {
//!     issuer_proof: Some(proof(&land, hash_leaf(&statement))?),
//!     ledger_proof: Some(proof(&ledger, EntryType::Statement.leaf(&statement))?),
//!     statement: statement.into(),
//!     disclosure: Disclosure::Whole { payload: payload.into(), salt },
//! };
//!
//! // anyone verifies it, whole or redacted
//! let verifier = Verifier::new(anchor);
//! let now = Timestamp(1_500_000);
//! assert_eq!(verifier.verify(&record, now).verdict, Verdict::Valid);
//! record.disclosure = redact(&record.disclosure, &["number"])?;
//! assert_eq!(verifier.verify(&record, now).verdict, Verdict::Valid);
//! record.disclosure = redact::<&str>(&record.disclosure, &[])?;
//! assert!(record.disclosure.fields()?.is_empty());
//! # Ok(())
//! # }
//! ```

pub mod anchor;
pub mod canonical;
pub mod commitment;
pub mod credential;
pub mod cosignature;
pub mod entry;
pub mod issue;
pub mod jose;
pub mod json;
pub mod key_event;
pub mod keys;
pub mod merkle;
pub mod note;
pub mod policy;
pub mod record;
pub mod sd_jwt;
mod sha256;
pub mod statement;
pub mod status_list;
pub mod tlog_proof;
pub mod value;
pub mod verdict;
pub mod verify;
pub mod vkey;

pub use anchor::{
    ChangeError, IssuerAnchor, KeyChange, KeyRecord, KeyState, LogAnchor, LogPurpose, Newcomer, NextError, Root,
    RootSignature, TrustAnchor, accept_chain, accept_next,
};
pub use canonical::{CanonicalError, Object, Value};
pub use commitment::redact;
pub use entry::EntryType;
pub use issue::{Draft, build_record};
pub use key_event::{KeyEvent, KeyEventKind};
pub use keys::{Algorithm, Ed25519Signer, KeyId, P256Signer, PublicKey, Signer, Successor};
pub use merkle::Hash;
pub use note::{Checkpoint, Note, NoteError};
pub use policy::Policy;
pub use record::{Disclosure, HiddenField, LogProof, Salt, ShownField, SignedRecord};
pub use statement::{Operation, Statement, StatementError, statement_hash};
pub use verdict::{Check, Code, Outcome, Report, Verdict};
pub use verify::{BatchError, BatchRecord, VerifiedBatch, Verifier};
pub use vkey::{KeyUse, NoteKey};
