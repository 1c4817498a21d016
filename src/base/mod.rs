//! Values that every other module shares: ids, time, seeds, limits and the one [`Error`].
//!
//! Nothing here does I/O or reads an ambient clock: callers pass `now` in.

pub mod cache;
pub mod call;
pub mod client_ids;
pub mod entropy;
pub mod error;
pub mod host;
pub mod id;
pub mod language;
pub mod legacy;
pub mod limits;
pub mod log;
pub mod misread;
pub mod name;
pub mod near;
pub mod offload;
pub mod on_panic;
pub mod organisation;
pub mod origins;
pub mod path;
pub mod peer;
pub mod province;
pub mod reason;
pub mod seed;
pub mod session;
pub mod text;
pub mod time;
pub mod translation;
pub mod violation;
pub mod watch;
pub mod windows_1258;

pub use cache::CacheUse;
pub use call::{Call, Caller};
pub use client_ids::ClientIds;
pub use entropy::Entropy;
pub use error::{Error, Result};
pub use id::{AgencyId, PersonalId, RecordId, RequestId};
pub use language::Language;
pub use offload::offload;
pub use on_panic::OnPanic;
pub use organisation::{OrganisationCode, Party};
pub use origins::Origins;
pub use path::Path;
pub use peer::Peer;
pub use province::ProvinceCode;
pub use reason::{Kind, Reason};
pub use seed::Seed;
pub use session::SessionId;
pub use time::{Clock, Date, PartialDate, Timestamp};
pub use violation::{Violation, Violations, Warnings};
