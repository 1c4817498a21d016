//! The public routes: bytes, types, caching, refusals.

mod logs;
mod status_lists;
mod witness;
