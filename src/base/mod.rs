//! Values that every other module shares: ids, time, seeds, limits and the one [`Error`].
//!
//! Nothing here does I/O or reads an ambient clock: callers pass `now` in.

pub mod call;
pub mod entropy;
pub mod error;
pub mod id;
pub mod limits;
pub mod path;
pub mod peer;
pub mod reason;
pub mod seed;
pub mod text;
pub mod time;

pub use call::{Call, Caller, Language};
pub use entropy::Entropy;
pub use error::{Error, Result, Violation};
pub use id::{AgencyId, PersonalId, RecordId, RequestId};
pub use path::Path;
pub use peer::Peer;
pub use reason::{Kind, Reason};
pub use seed::Seed;
pub use time::{Clock, Date, PartialDate, Timestamp};

/// Code of the simulated province, Hà Tĩnh, in the list of agency codes (Decision 20/2020/QĐ-TTg).
pub const PROVINCE: &str = "H27";
