//! The shared provincial layer: the statements of all registries in one ledger, and one view of each person over their records.
//!
//! It holds no truth of its own. Every registry's change stream is followed from a durable cursor; a batch is verified
//! whole, appended to the record ledger, and the view's rows, the cursor and the ledger position are written in the
//! same commit, all or nothing. So the view never says more than the ledger proves, and a crash loses nothing that was
//! acknowledged.
//!
//! ```text
//! registry.changes ─▶ verify whole ─▶ chain of versions ─▶ ledger: statements, issuer's checkpoint ┐ one commit
//!        ▲ from the cursor            batch by batch         view rows, cursor, ledger position   ┘
//! ```

pub mod status;

mod accepted;
mod claim;
mod complete;
mod discrepancies;
mod facts;
mod follow;
mod found;
mod index;
mod ingest;
mod names;
mod parts;
mod people;
mod positions;
mod resent;
mod row;
pub mod stored;
#[cfg(test)]
mod tests;
mod turns;
mod units;
mod versions;
mod view;
mod watch;

pub use claim::{Claim, Discrepancy};
pub use follow::Province;
pub use ingest::{FeedState, Progress};
pub use parts::Parts;
pub use people::{PeopleQuery, PersonSummary};
pub use status::{Published, StatusLists};
pub use turns::Turn;
pub use view::{Audience, Item, PersonView, Section, Source};
pub use watch::{ChangeFilter, Latest, ProvedStatement};
