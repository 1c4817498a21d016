//! Code lists, versioned by day: the codes, their names, and the days on which each may be used.
//!
//! A rule checks a code on the day that its record refers to ([`AsOf`]): a parcel of 2023 has the land uses of 2023, and an address of today
//! lies in a unit that exists today. A list that is complete refuses codes that it does not have; one that is not flags them, because the
//! code may be one that we do not know.
//!
//! The built-in lists are tables in `data/`, each with its source; [`CodeList::read`] reads a table.

mod built_in;
mod list;
mod read;
#[cfg(test)]
mod tests;
mod units;

pub use built_in::{all, list};
pub use list::{AsOf, Carries, Code, CodeList, Standing};
pub use read::CodeListError;
pub use units::{Centre, DIVIDED, centre, present, successor, unit};
