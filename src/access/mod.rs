//! Who may read what, for which purpose, and who did: agencies, purposes, rights, consents, the decision, the access log.
//!
//! Agencies, purposes and rights are constant tables: they are the seeded province, and a test holds them to the record
//! types of the registries. Consents are the citizens' own and stand in the store. [`decide`] is a pure function of all of
//! them and the time. [`evidence`] is the ledger of who asked for what, with a chain for each citizen.

pub mod acting;
pub mod agency;
pub mod consent;
pub mod consent_book;
pub mod decision;
pub mod evidence;
pub mod purpose;
pub mod right;

pub use acting::{Acting, Actor, People};
pub use agency::Agency;
pub use consent::{Consent, ConsentState};
pub use consent_book::ConsentBook;
pub use decision::{Denial, Disclose, Grant, Leave, decide};
pub use evidence::{EvidenceEntry, EvidenceLog, Recorded};
pub use purpose::Purpose;
pub use right::{Basis, Fields, Right};
