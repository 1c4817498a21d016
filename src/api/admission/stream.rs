//! Bodies that admission does not read itself: streams of messages.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::unfold;
use http_body_util::{BodyExt as _, StreamBody};
use tonic::body::Body;

use super::message::Take;
use crate::base::limits;

/// A body that holds a resource as long as it exists.
pub(super) fn held(body: Body, what: impl Send + 'static) -> Body {
    Body::new(body.map_frame(move |frame| {
        let _ = &what;
        frame
    }))
}

/// The body of a stream of messages: each piece comes within a time, all of them within a size, and what came is held for until the
/// stream ends.
pub(super) fn guarded(body: Body, memory: impl Take + Send + 'static) -> Body {
    let state = Some((body, limits::REQUEST_STREAM_BYTES_MAX, memory));
    let frames = unfold(state, |state| async {
        let (mut body, left, mut memory) = state?;
        let idle = Duration::from_millis(limits::REQUEST_STREAM_IDLE_MS_MAX);
        let late = || std::io::Error::from(std::io::ErrorKind::TimedOut);
        match tokio::time::timeout(idle, body.frame()).await {
            Err(_) => Some((Err(late().into()), None)),
            Ok(None) => None,
            Ok(Some(Err(error))) => Some((Err(tonic::codegen::StdError::from(error)), None)),
            Ok(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, |data| data.len());
                let left = left.checked_sub(bytes).filter(|_| memory.take(bytes));
                match left {
                    Some(left) => Some((Ok(frame), Some((body, left, memory)))),
                    None => Some((Err(std::io::Error::from(std::io::ErrorKind::FileTooLarge).into()), None)),
                }
            }
        }
    });
    Body::new(StreamBody::new(frames.boxed()))
}
