//! Citizens whom a tester creates: complete and legal, in one call, with papers of one's choice or in the situation of a persona.
//!
//! What is asked for (`asked`) is read against the rules of a request (`wanted`) and of ages (`ages`), composed to a life (`compose`, or the situation's row in the
//! catalogue of personas) and held to every rule and lifecycle of the registries (`lawful`): all of that is pure. Then the registries are asked
//! whether they would take it, and only then is anything written: first the whole plan (`made`), under the request's id, then each of its
//! steps, which can all be repeated. So a refusal leaves nothing behind, and a creation that was cut off is completed by its repetition.

pub mod accounts;
mod ages;
pub mod asked;
mod book;
mod compose;
mod draft;
mod entries;
mod kin;
mod lawful;
pub mod made;
mod numbers;
mod papers;
pub mod parts;
pub mod people;
mod relatives;
mod steps;
mod wanted;

pub use accounts::{AccountAsked, Opened, Opening};
pub use asked::Asked;
pub use made::Made;
pub use parts::{Parts, Shown};
pub use people::Creating;

#[cfg(test)]
mod tests;
