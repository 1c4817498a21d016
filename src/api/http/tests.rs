//! The public routes: bytes, types, caching, refusals.

mod answer;
mod issuers;
mod logs;
mod status_lists;
mod witness;
