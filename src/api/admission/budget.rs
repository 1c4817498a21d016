//! The memory budget of calls in progress, in total and for each caller: a caller within its own share is not refused because of
//! another.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Calls below this many bytes in all count in the total alone: most are small, and take no lock. The number of a caller's calls bounds what they take.
const SMALL: usize = 4 * 1024;

/// Bytes that may be taken.
#[derive(Debug)]
pub struct Budget<K> {
    total_max: usize,
    each_max: usize,
    total: AtomicUsize,
    by_caller: Mutex<HashMap<K, usize>>,
}

/// A share of the budget, which goes back when this is dropped.
#[derive(Debug)]
pub struct Reservation<K: Hash + Eq + Clone> {
    budget: Arc<Budget<K>>,
    total: usize,
    /// The part that counts in a caller's own share: nothing or everything.
    caller: Option<(K, usize)>,
}

impl<K: Hash + Eq + Clone> Budget<K> {
    /// The limits in bytes, in total and for each caller.
    pub fn new(total_max: usize, each_max: usize) -> Arc<Self> {
        Arc::new(Self { total_max, each_max, total: AtomicUsize::new(0), by_caller: Mutex::default() })
    }

    /// Nothing yet; [`Reservation::grow`] takes from it.
    pub fn begin(self: &Arc<Self>) -> Reservation<K> {
        Reservation { budget: self.clone(), total: 0, caller: None }
    }

    /// Gives back a part of a caller's own share.
    fn give_back(&self, caller: &K, bytes: usize) {
        let mut by_caller = self.by_caller.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = by_caller.get_mut(caller) {
            *own -= bytes;
            if *own == 0 {
                by_caller.remove(caller);
            }
        }
    }

    /// Bytes reserved now.
    pub fn taken(&self) -> usize {
        self.total.load(Ordering::Relaxed)
    }
}

impl<K: Hash + Eq + Clone> Reservation<K> {
    /// Nothing yet, of the same budget.
    pub fn beside(&self) -> Self {
        self.budget.begin()
    }

    /// Reserves `bytes` more for `caller`; reserves nothing more and returns `false` if they exceed the budget.
    pub fn grow(&mut self, caller: &K, bytes: usize) -> bool {
        let taken = self.budget.total.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let sum = self.total + bytes;
        let counted = self.caller.as_ref().map_or(0, |(_, counted)| *counted);
        // The sum decides, into however many pieces a peer cuts its message.
        if taken > self.budget.total_max || (sum >= SMALL && !self.grow_own(caller, sum - counted)) {
            self.budget.total.fetch_sub(bytes, Ordering::Relaxed);
            return false;
        }
        self.total = sum;
        true
    }

    /// Gives back `bytes` of what is reserved.
    pub fn shrink(&mut self, bytes: usize) {
        let bytes = bytes.min(self.total);
        self.total -= bytes;
        self.budget.total.fetch_sub(bytes, Ordering::Relaxed);
        if let Some((caller, counted)) = &mut self.caller {
            *counted -= bytes;
            self.budget.give_back(caller, bytes);
        }
    }

    fn grow_own(&mut self, caller: &K, bytes: usize) -> bool {
        let mut by_caller = self.budget.by_caller.lock().unwrap_or_else(PoisonError::into_inner);
        let own = by_caller.entry(caller.clone()).or_default();
        if *own + bytes > self.budget.each_max {
            if *own == 0 {
                by_caller.remove(caller);
            }
            return false;
        }
        *own += bytes;
        self.caller.get_or_insert_with(|| (caller.clone(), 0)).1 += bytes;
        true
    }
}

impl<K: Hash + Eq + Clone> Drop for Reservation<K> {
    fn drop(&mut self) {
        self.budget.total.fetch_sub(self.total, Ordering::Relaxed);
        if let Some((caller, bytes)) = &self.caller {
            self.budget.give_back(caller, *bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_takes_its_share_and_all_take_the_total() {
        let budget = Budget::new(100 * 1024, 40 * 1024);
        let mut one = budget.begin();
        assert!(one.grow(&"one", 30 * 1024));
        assert!(!one.grow(&"one", 11 * 1024), "beyond its share");
        assert!(one.grow(&"one", 10 * 1024));
        let mut again = budget.begin();
        assert!(!again.grow(&"one", SMALL), "another request of the same caller");
        assert!(again.grow(&"one", SMALL - 1), "a small one counts in the total alone");
        assert!(!again.grow(&"one", 1), "it is no longer small");
        let mut two = budget.begin();
        assert!(two.grow(&"two", 40 * 1024));
        let mut three = budget.begin();
        assert!(!three.grow(&"three", 30 * 1024), "beyond the total");
        assert_eq!(budget.taken(), 80 * 1024 + SMALL - 1);
        drop((one, again, two, three));
        assert_eq!(budget.taken(), 0);
        assert!(budget.by_caller.lock().expect("whole").is_empty());
    }

    #[test]
    fn a_share_is_the_same_into_however_many_pieces_a_message_is_cut() {
        const SHARE: usize = 40 * 1024;
        for piece in [1, 100, 1_000, SMALL - 1, SMALL, SMALL + 1, SHARE] {
            let budget = Budget::new(usize::MAX, SHARE);
            let mut large = budget.begin();
            let whole = SHARE / piece * piece;
            assert!((0..whole / piece).all(|_| large.grow(&"one", piece)), "{piece}");
            assert!(!large.grow(&"one", piece), "{piece}");
            assert_eq!(budget.taken(), whole, "what was refused is not held");
            assert!(budget.begin().grow(&"two", SHARE), "another's share");
            drop(large);
            assert_eq!((budget.taken(), budget.by_caller.lock().expect("whole").len()), (0, 0), "{piece}");
        }
    }

    #[test]
    fn what_is_given_back_is_free_for_the_caller_and_for_all() {
        let budget = Budget::new(4 * SMALL, 3 * SMALL);
        let (mut one, mut again) = (budget.begin(), budget.begin());
        assert!(one.grow(&"one", 3 * SMALL) && !again.grow(&"one", SMALL));
        one.shrink(2 * SMALL);
        assert!(again.grow(&"one", 2 * SMALL) && budget.begin().grow(&"two", SMALL));
        one.shrink(usize::MAX);
        assert_eq!(budget.taken(), 2 * SMALL);
        assert!(one.grow(&"one", SMALL), "it can grow again");
        drop((one, again));
        assert_eq!((budget.taken(), budget.by_caller.lock().expect("whole").len()), (0, 0));
    }

    #[test]
    fn what_was_refused_can_be_less() {
        let budget = Budget::new(usize::MAX, 2 * SMALL);
        let mut request = budget.begin();
        assert!(request.grow(&"one", SMALL - 1));
        assert!(!request.grow(&"one", 2 * SMALL), "with what it has it is over the share");
        assert!(request.grow(&"one", SMALL + 1), "and this is all of it");
        assert!(!request.grow(&"one", 1));
    }
}
