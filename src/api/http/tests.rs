//! The public routes: bytes, types, caching, refusals.

mod logs;
mod witness;
