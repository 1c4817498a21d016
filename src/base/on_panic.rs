//! A guard that reports when a panic ends a task, so that its dependents learn of the defect instead of waiting for work that nobody does.

/// Held by a task while it works. A panic that ends the task runs the function; an ordinary end does not.
#[must_use]
pub struct OnPanic<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> OnPanic<F> {
    /// Runs `tell` if the task that holds the value panics.
    pub fn new(tell: F) -> Self {
        Self(Some(tell))
    }
}

impl<F: FnOnce()> Drop for OnPanic<F> {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(tell) = self.0.take()
        {
            tell();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn a_panic_is_told_and_an_ordinary_end_is_not() {
        for panics in [false, true] {
            let mut is_told = false;
            let ended = catch_unwind(AssertUnwindSafe(|| {
                let _tells = OnPanic::new(|| is_told = true);
                assert!(!panics, "a defect, made by this test");
            }));
            assert_eq!((ended.is_err(), is_told), (panics, panics));
        }
    }
}
