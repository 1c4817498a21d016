//! Public HTTP routes: the logs, the status lists, the issuers' keys, and a witness's own; files that anyone may read.

pub mod issuers;
mod lines;
pub mod logs;
pub mod metrics;
pub mod rate;
pub mod sessions;
pub mod status_lists;
pub mod witness;

#[cfg(test)]
mod tests;
