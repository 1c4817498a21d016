//! Work that keeps a processor busy, or waits for a disk, beside the calls.
//!
//! On a runtime of many threads it gets a thread of its own, so that calls go on meanwhile. A runtime of one thread has promised its user that
//! everything happens on that thread: there the work is done at once, in the order in which it is given. The kind of runtime decides only how
//! long the work takes, never its result.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::JoinHandle;

use super::{Error, Result};

/// Offloaded work and its result. Dropping it does not end the work. Fails only if the work panics on another thread.
#[must_use]
pub struct Offloaded<T>(State<T>);

enum State<T> {
    Done(Option<T>),
    Running(JoinHandle<T>),
}

/// Begins `work`. Called within a runtime.
pub fn offload<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Offloaded<T> {
    Offloaded(match Handle::current().runtime_flavor() {
        RuntimeFlavor::CurrentThread => State::Done(Some(work())),
        _ => State::Running(tokio::task::spawn_blocking(work)),
    })
}

/// Nothing in it is pinned: a value is moved out whole.
impl<T> Unpin for Offloaded<T> {}

impl<T> Future for Offloaded<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        Poll::Ready(match &mut self.0 {
            State::Done(value) => value.take().ok_or_else(|| Error::bug("the outcome of work was taken twice")),
            State::Running(work) => ready!(Pin::new(work).poll(context)).map_err(Error::bug),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn many_threads_do_it_on_another() {
        let here = thread::current().id();
        assert_ne!(offload(|| thread::current().id()).await.expect("done"), here);
        assert!(offload(|| panic!("on purpose")).await.is_err());
    }

    #[tokio::test]
    async fn one_thread_does_it_at_once() {
        let here = thread::current().id();
        let (first, second) = (offload(|| thread::current().id()), offload(|| 2));
        assert_eq!((second.await.expect("done"), first.await.expect("done")), (2, here));
    }
}
