//! `trust.v1`: the anchor, the ledgers, the status lists. Public data, which anyone may ask for.

pub mod anchor;
pub mod ledger;
pub mod status;
