//! Signed, verified records: what is signed, how it is proved, and how anyone verifies it offline.
//!
//! Needs only `base`; does no I/O and reads no clock.

pub mod canonical;
pub mod value;

pub use canonical::{CanonicalError, Object, Value};
