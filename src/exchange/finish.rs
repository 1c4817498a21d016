//! Work that runs to its end even when its caller goes away.
//!
//! A call that has begun must reach the evidence ledger. Running each call as a task of its own would ensure that too, at the cost of two more
//! wake-ups a call; here only abandoned work becomes a task.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

/// A future that continues in the background when it is dropped before its end.
pub(super) struct Finish<F>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    rest: Option<Pin<Box<F>>>,
}

/// Wraps `work`, which begins when first polled.
pub(super) fn finish<F>(work: F) -> Finish<F>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    Finish { rest: Some(Box::pin(work)) }
}

impl<F> Future for Finish<F>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        // Taken out while it runs, so that work that panics is not polled again.
        let mut work = self.rest.take().expect("a future is not polled after its end");
        let polled = work.as_mut().poll(context);
        if polled.is_pending() {
            self.rest = Some(work);
        }
        polled
    }
}

impl<F> Drop for Finish<F>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn drop(&mut self) {
        // Without a runtime the process is ending, and nothing can continue the work.
        if let (Some(rest), Ok(runtime)) = (self.rest.take(), Handle::try_current()) {
            runtime.spawn(rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn what_is_abandoned_is_finished() {
        assert_eq!(finish(async { 7 }).await, 7);
        let (go, gone) = oneshot::channel::<()>();
        let (done, is_done) = oneshot::channel::<()>();
        let mut work = Box::pin(finish(async move {
            let _ = gone.await;
            let _ = done.send(());
        }));
        assert!(futures::poll!(work.as_mut()).is_pending());
        drop(work);
        go.send(()).expect("it still waits");
        is_done.await.expect("it went on");
    }

    #[tokio::test]
    async fn what_was_never_begun_is_done_too() {
        let (done, is_done) = oneshot::channel::<()>();
        drop(finish(async move { done.send(()) }));
        is_done.await.expect("it went on");
    }
}
