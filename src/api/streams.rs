//! How many streams each caller of a service has open: a bounded number.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::{Error, Reason, Result, limits};

/// Open streams, counted by caller.
#[derive(Debug, Clone)]
pub struct OpenStreams<K: Ord = String> {
    open: Arc<Mutex<BTreeMap<K, usize>>>,
    each_max: usize,
    total_max: usize,
}

/// One open stream; dropping it closes it.
#[derive(Debug)]
pub struct OpenStream<K: Ord = String> {
    streams: OpenStreams<K>,
    owner: K,
}

impl Default for OpenStreams {
    /// The limit of streams of each agency, of which there are few.
    fn default() -> Self {
        Self::new(limits::STREAMS_PER_CALLER_MAX, usize::MAX)
    }
}

impl<K: Ord + Clone> OpenStreams<K> {
    /// The limits of each network, and of all.
    pub fn new(each_max: usize, total_max: usize) -> Self {
        Self { open: Arc::default(), each_max, total_max }
    }

    /// Opens one more stream. Fails with [`TooManyStreams`](Reason::TooManyStreams) when there are as many as may be.
    pub fn open(&self, owner: &K) -> Result<OpenStream<K>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let own = open.get(owner).copied().unwrap_or_default();
        let message = if own >= self.each_max {
            format!("each caller may have at most {} open streams", self.each_max)
        } else if open.values().sum::<usize>() >= self.total_max {
            "too many streams are open: repeat later".to_owned()
        } else {
            open.insert(owner.clone(), own + 1);
            return Ok(OpenStream { streams: self.clone(), owner: owner.clone() });
        };
        Err(Error::new(Reason::TooManyStreams, message).with_subject("quota", "open_streams"))
    }
}

impl<K: Ord> Drop for OpenStream<K> {
    fn drop(&mut self) {
        let mut open = self.streams.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.owner) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agency_has_a_bounded_number_of_open_streams() {
        let streams = OpenStreams::default();
        let (operator, police) = ("operator".to_owned(), "police".to_owned());
        let mut open: Vec<_> =
            (0..limits::STREAMS_PER_CALLER_MAX).map(|_| streams.open(&operator).expect("one more")).collect();
        let refused = streams.open(&operator).expect_err("one too many");
        assert_eq!(refused.reason, Reason::TooManyStreams);
        streams.open(&police).expect("another's");
        open.pop();
        streams.open(&operator).expect("one was closed");
        drop(open);
        assert!(streams.open.lock().expect("whole").is_empty());
    }

    #[test]
    fn all_together_have_a_bounded_number_too() {
        let streams = OpenStreams::new(2, 3);
        let open: Vec<_> = [1, 1, 2].iter().map(|owner| streams.open(owner).expect("one more")).collect();
        streams.open(&3).expect_err("no more in all");
        drop(open);
        streams.open(&3).expect("there is room again");
    }
}
