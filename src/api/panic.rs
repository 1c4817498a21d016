//! A handler that panics answers INTERNAL, and the process goes on: one caller's bad luck is not everybody's.
//!
//! The panic becomes an error where the call is known, so that the refusal has the call's own id, and `Explain` and the journal the call. tower-http's
//! layer for panics hands its handler neither the request nor anything known about it, and puts the body of every answer into one more box.

use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;

use crate::base::{Error, Result};

/// The error that a panic becomes.
pub fn panicked() -> Error {
    Error::bug("a handler panicked")
}

/// Runs a handler; a panic becomes the error of a defect.
pub async fn caught<T>(handler: impl Future<Output = T>) -> Result<T> {
    // The state that a panic leaves behind belongs to the call; state shared by calls is behind locks that survive poisoning.
    AssertUnwindSafe(handler).catch_unwind().await.map_err(|_| panicked())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Reason;

    #[tokio::test]
    async fn a_panic_becomes_an_error() {
        assert_eq!(caught(async { 7 }).await.expect("no panic"), 7);
        let failing = async {
            if std::hint::black_box(true) {
                panic!("in a test");
            }
        };
        assert_eq!(caught(failing).await.expect_err("a panic").reason, Reason::Internal);
    }
}
