//! Who may read what, for which purpose, and who did: agencies, purposes, rights, consents, the decision, the access log.
//!
//! Agencies, purposes and rights are data: a file, embedded or given, of which [`RightsBook`] hands out an immutable snapshot. Consents are
//! the citizens' own and are in the store. [`decide`] is a pure function of all of them and the time. [`evidence`] is the ledger of accesses, with a chain for each citizen.

pub mod acting;
pub mod consent;
pub mod consent_book;
pub mod decision;
pub mod evidence;
pub mod rights;

pub use acting::{Acting, Actor, People, Representation};
pub use consent::{Consent, ConsentState};
pub use consent_book::ConsentBook;
pub use decision::{Denial, Grant, Leave, decide};
pub use evidence::{EvidenceEntry, EvidenceLog, Recorded};
pub use rights::{Agency, Basis, Fields, Purpose, Rights, RightsBook};
