//! A value that changes, and tasks that wait for it: tokio's watch channel, with waiters that are woken in the order in which they began to wait.
//!
//! tokio spreads the waiters of a watch channel over eight lists by a die of its own, which cannot be seeded. Where several calls wait for one batch,
//! that die would decide which of them goes on first: the same seed and the same calls would not give the same order twice. `Notify` has one list.
//!
//! So what a world's calls and followers wait for is one of these: sizes, progress, rules, due days. tokio's own channel tells of a process: its end, its
//! store's and logs' failures, its health. One task waits for each of those, or all end by it, whichever first. (`tests/layers.rs` holds it)

use std::pin::pin;
use std::sync::Arc;

use tokio::sync::{Notify, watch};

/// All senders are gone: the value never changes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed;

/// Wakes the waiters when it is dropped: the last sender that goes ends their wait.
#[derive(Debug, Default)]
struct Waking(Arc<Notify>);

impl Drop for Waking {
    fn drop(&mut self) {
        self.0.notify_waiters();
    }
}

/// Changes the value.
#[derive(Debug)]
pub struct Sender<T> {
    // Dropped before the waiters are woken, who then find the channel closed.
    value: watch::Sender<T>,
    waking: Waking,
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), waking: Waking(self.waking.0.clone()) }
    }
}

impl<T: Default> Default for Sender<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> Sender<T> {
    /// A value that nobody watches yet.
    pub fn new(value: T) -> Self {
        Self { value: watch::Sender::new(value), waking: Waking::default() }
    }

    /// Begins to watch; the present value counts as seen.
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver { value: self.value.subscribe(), woken: self.waking.0.clone() }
    }

    /// The present value. No change happens while it is held.
    pub fn borrow(&self) -> watch::Ref<'_, T> {
        self.value.borrow()
    }

    /// Replaces the value; gives the one before.
    pub fn send_replace(&self, value: T) -> T {
        let before = self.value.send_replace(value);
        self.waking.0.notify_waiters();
        before
    }

    /// Changes the value in place.
    pub fn send_modify(&self, change: impl FnOnce(&mut T)) {
        self.value.send_modify(change);
        self.waking.0.notify_waiters();
    }

    /// Changes the value in place, and wakes the waiters if `change` returns true; returns what it returned.
    pub fn send_if_modified(&self, change: impl FnOnce(&mut T) -> bool) -> bool {
        let is_changed = self.value.send_if_modified(change);
        if is_changed {
            self.waking.0.notify_waiters();
        }
        is_changed
    }

    /// How many watch it.
    pub fn receiver_count(&self) -> usize {
        self.value.receiver_count()
    }
}

/// Watches the value.
#[derive(Debug, Clone)]
pub struct Receiver<T> {
    value: watch::Receiver<T>,
    woken: Arc<Notify>,
}

/// A value with its first watcher.
pub fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
    let sender = Sender::new(value);
    let receiver = sender.subscribe();
    (sender, receiver)
}

impl<T> Receiver<T> {
    /// The present value. No change happens while it is held.
    pub fn borrow(&self) -> watch::Ref<'_, T> {
        self.value.borrow()
    }

    /// The same, which counts as seen.
    pub fn borrow_and_update(&mut self) -> watch::Ref<'_, T> {
        self.value.borrow_and_update()
    }

    /// The present value counts as seen.
    pub fn mark_unchanged(&mut self) {
        self.value.mark_unchanged();
    }

    /// Whether there is a value that was not seen. Fails once it never changes again.
    pub fn has_changed(&self) -> Result<bool, Closed> {
        self.value.has_changed().map_err(|_| Closed)
    }

    /// Waits for a value that was not seen, which then counts as seen.
    pub async fn changed(&mut self) -> Result<(), Closed> {
        loop {
            // A change from here on wakes it, whenever it begins to wait.
            let woken = self.woken.notified();
            let is_closed = self.value.has_changed().is_err();
            if self.value.borrow_and_update().has_changed() {
                return Ok(());
            }
            if is_closed {
                return Err(Closed);
            }
            pin!(woken).await;
        }
    }

    /// Waits until the value is as wanted, and gives it.
    pub async fn wait_for(&mut self, is_wanted: impl Fn(&T) -> bool) -> Result<T, Closed>
    where
        T: Clone,
    {
        loop {
            {
                let value = self.value.borrow_and_update();
                if is_wanted(&value) {
                    return Ok(value.clone());
                }
            }
            self.changed().await?;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn whoever_waited_first_goes_on_first() {
        for _ in 0..8 {
            let (size, order) = (Sender::new(0), Arc::new(Mutex::new(Vec::new())));
            let waiting: Vec<_> = (0..32)
                .map(|number| {
                    let (mut size, order) = (size.subscribe(), order.clone());
                    tokio::spawn(async move {
                        size.wait_for(|size| *size > 0).await.expect("it comes");
                        order.lock().expect("no panic").push(number);
                    })
                })
                .collect();
            tokio::task::yield_now().await;
            size.send_replace(1);
            for one in waiting {
                one.await.expect("ends");
            }
            assert!(order.lock().expect("no panic").iter().copied().eq(0..32), "{order:?}");
        }
    }

    #[tokio::test]
    async fn a_value_is_seen_once_and_the_last_one_is_not_lost() {
        let (sender, mut receiver) = channel(1);
        assert_eq!(receiver.has_changed(), Ok(false), "what is there at the beginning counts as seen");
        sender.send_modify(|value| *value += 1);
        assert_eq!(receiver.changed().await, Ok(()));
        let other = sender.clone();
        other.send_replace(3);
        drop((sender, other));
        assert_eq!(receiver.changed().await, Ok(()), "sent before the end");
        let last = *receiver.borrow();
        assert_eq!((last, receiver.changed().await), (3, Err(Closed)));
    }

    #[tokio::test]
    async fn the_end_of_the_last_sender_wakes_whoever_waits() {
        let (sender, mut receiver) = channel(());
        let other = sender.clone();
        let waiting = tokio::spawn(async move { receiver.changed().await });
        tokio::task::yield_now().await;
        drop(sender);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished(), "there is another sender");
        drop(other);
        assert_eq!(waiting.await.expect("ends"), Err(Closed));
    }
}
