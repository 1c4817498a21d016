//! The shared provincial layer: the statements of all registries in one ledger, and one view of each person, household, parcel, vehicle,
//! organisation and address over their records, at any point of two times.
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

mod about;
mod accepted;
mod candidates;
mod change_at;
mod change_filter;
mod chosen;
mod claim;
mod complete;
mod discrepancies;
pub mod elsewhere;
mod facts;
mod feed;
mod fetched;
mod follow;
mod found;
mod history;
mod index;
mod ingest;
mod names;
mod parts;
mod people;
mod period;
mod places;
mod positions;
mod resent;
mod row;
mod snapshot;
pub mod stored;
mod survivorship;
#[cfg(test)]
mod tests;
mod things;
mod turns;
mod units;
mod versions;
mod view;
mod watch;

pub use change_filter::ChangeFilter;
pub use chosen::{Chosen, ChosenBy};
pub use claim::{Claim, Discrepancy};
pub use feed::{FeedState, Lag, Progress};
pub use fetched::{Disclosed, fetched};
pub use follow::Province;
pub use history::{FieldChange, HistoryChange};
pub use parts::Parts;
pub use people::{PeopleQuery, PersonSummary};
pub use places::{Place, PlaceView};
pub use snapshot::AsOf;
pub use status::{Published, StatusLists};
pub use things::ThingView;
pub use turns::Turn;
pub use view::{Asked, Audience, Item, PAGE_RECORDS_MAX, Page, PersonView, Section, Source, View};
pub use watch::{Latest, Pace, ProvedStatement, WatchProgress, Watched};
