//! Verification against the attack table, against every changed byte, and of batches.

mod attacks;
mod batches;
mod changed_bytes;
mod credentials;
mod fixed;
mod key_states;
mod world;
