//! How many streams each caller of a service has open: a bounded number.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::{Error, Reason, Result, limits};

/// The open streams of one service, counted by agency.
#[derive(Debug, Clone, Default)]
pub struct OpenStreams(Arc<Mutex<BTreeMap<String, usize>>>);

/// One open stream; dropping it closes it.
#[derive(Debug)]
pub struct OpenStream {
    streams: OpenStreams,
    agency: String,
}

impl OpenStreams {
    /// Opens one more stream of `agency`. Fails with [`TooManyStreams`](Reason::TooManyStreams) when it has
    /// [`STREAMS_PER_CALLER_MAX`](limits::STREAMS_PER_CALLER_MAX).
    pub fn open(&self, agency: &str) -> Result<OpenStream> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(agency.to_owned()).or_default();
        if *count >= limits::STREAMS_PER_CALLER_MAX {
            let message = format!("at most {} open streams for each caller", limits::STREAMS_PER_CALLER_MAX);
            return Err(Error::new(Reason::TooManyStreams, message).with_subject("quota", "open_streams"));
        }
        *count += 1;
        Ok(OpenStream { streams: self.clone(), agency: agency.to_owned() })
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut open = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.agency) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.agency);
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
        let mut open: Vec<_> =
            (0..limits::STREAMS_PER_CALLER_MAX).map(|_| streams.open("operator").expect("one more")).collect();
        let refused = streams.open("operator").expect_err("one too many");
        assert_eq!(refused.reason, Reason::TooManyStreams);
        streams.open("police").expect("another's");
        open.pop();
        streams.open("operator").expect("one was closed");
        drop(open);
        assert!(streams.0.lock().expect("whole").is_empty());
    }
}
