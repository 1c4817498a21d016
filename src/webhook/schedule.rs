//! When an event that was not accepted is tried again: the schedule that Standard Webhooks recommends, ten attempts within three to four days.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::post::Failure;

const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;

/// The pause after each attempt, in seconds; after the last one the event is given up.
const PAUSES: [u64; 9] = [5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];
/// The longest pause that a target may ask for.
const ASKED_MAX: Duration = Duration::from_secs(24 * HOUR);

/// How long to wait after so many attempts, of which the last one failed so; `None`: it was the last one. A pause is up to a fifth longer than the
/// schedule says, so that what failed at one time is not tried again at one time; by how much follows from the event, and needs no randomness.
pub(super) fn pause(event: &str, attempts: u32, failure: Failure) -> Option<Duration> {
    let at = usize::try_from(attempts).ok()?.checked_sub(1)?;
    let pause = Duration::from_secs(*PAUSES.get(at)?);
    let asked = failure.retry_after().unwrap_or_default().min(ASKED_MAX);
    let pause = pause.max(asked);
    Some(pause + pause.mul_f64(jitter(event, attempts)))
}

/// From 0 to a fifth.
fn jitter(event: &str, attempts: u32) -> f64 {
    let hash = Sha256::new().chain_update(event).chain_update(attempts.to_be_bytes()).finalize();
    f64::from(u16::from_be_bytes([hash[0], hash[1]])) / f64::from(u16::MAX) / 5.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(attempts: u32, failure: Failure) -> Option<u64> {
        pause("an event", attempts, failure).map(|pause| pause.as_secs())
    }

    #[test]
    fn there_are_ten_attempts_in_three_to_four_days() {
        let pauses: Vec<u64> = (1..).map_while(|attempts| seconds(attempts, Failure::Timeout)).collect();
        assert_eq!(pauses.len(), 9);
        for (pause, least) in pauses.iter().zip(PAUSES) {
            assert!((least..=least + least / 5).contains(pause), "{pause} for {least}");
        }
        assert!((3 * 24 * HOUR..4 * 24 * HOUR).contains(&pauses.iter().sum()));
    }

    #[test]
    fn a_target_may_ask_for_a_longer_pause_and_for_no_shorter_one() {
        let asking = |seconds| Failure::Status { status: 503, retry_after: Some(Duration::from_secs(seconds)) };
        for (asked, within) in [(0, 5..=6), (60, 60..=72), (u64::MAX, 24 * HOUR..=29 * HOUR)] {
            let pause = seconds(1, asking(asked)).expect("again");
            assert!(within.contains(&pause), "{pause} for {asked}");
        }
        assert_eq!(seconds(10, asking(5)), None);
    }

    #[test]
    fn events_that_failed_together_are_tried_apart() {
        let pauses: std::collections::BTreeSet<_> =
            (0..50).map(|event| pause(&event.to_string(), 2, Failure::Timeout)).collect();
        assert!(pauses.len() > 40);
    }
}
