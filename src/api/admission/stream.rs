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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use bytes::Bytes;
    use futures::stream;
    use http_body::Frame;

    use super::*;
    use crate::base::time::Instant;

    /// Memory without end, which counts what is held of it.
    #[derive(Default)]
    struct Held(Arc<AtomicUsize>, usize);

    impl Take for Held {
        fn take(&mut self, bytes: usize) -> bool {
            self.1 += bytes;
            self.0.fetch_add(bytes, Ordering::Relaxed);
            true
        }
    }

    impl Drop for Held {
        fn drop(&mut self) {
            self.0.fetch_sub(self.1, Ordering::Relaxed);
        }
    }

    struct NoRoom;

    impl Take for NoRoom {
        fn take(&mut self, _: usize) -> bool {
            false
        }
    }

    /// A body of pieces of so many bytes, each after a pause; then it stays open.
    fn pieces(sizes: Vec<usize>, pause: Duration) -> Body {
        let sent = stream::iter(sizes).then(move |size| async move {
            tokio::time::sleep(pause).await;
            Ok::<_, std::io::Error>(Frame::data(Bytes::from(vec![0; size])))
        });
        Body::new(StreamBody::new(sent.chain(stream::pending()).boxed()))
    }

    /// Reads to the end: the bytes that came, and the error at the end.
    async fn read(body: &mut Body) -> (usize, Option<String>) {
        let mut bytes = 0;
        loop {
            match body.frame().await {
                None => return (bytes, None),
                Some(Ok(frame)) => bytes += frame.data_ref().map_or(0, Bytes::len),
                Some(Err(error)) => {
                    assert!(body.frame().await.is_none(), "nothing follows an error");
                    return (bytes, Some(error.message().to_owned()));
                }
            }
        }
    }

    /// The error of a body, as its reader sees it.
    fn told(kind: std::io::ErrorKind) -> Option<String> {
        Some(std::io::Error::from(kind).to_string())
    }

    #[tokio::test(start_paused = true)]
    async fn each_piece_has_its_time_and_all_of_them_may_take_longer() {
        let idle = Duration::from_millis(limits::REQUEST_STREAM_IDLE_MS_MAX);
        let (begun, pause) = (Instant::now(), idle - Duration::from_millis(1));
        let (bytes, error) = read(&mut guarded(pieces(vec![1; 10], pause), Held::default())).await;
        assert_eq!((bytes, error), (10, told(std::io::ErrorKind::TimedOut)));
        assert_eq!(begun.elapsed(), 10 * pause + idle);
        let mut late = guarded(pieces(vec![1], idle + Duration::from_millis(1)), Held::default());
        assert_eq!(read(&mut late).await, (0, told(std::io::ErrorKind::TimedOut)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_pieces_together_have_their_size() {
        const MAX: usize = limits::REQUEST_STREAM_BYTES_MAX;
        let too_long = told(std::io::ErrorKind::FileTooLarge);
        for (sizes, expected) in [
            (vec![MAX, 1], (MAX, too_long.clone())),
            (vec![MAX + 1], (0, too_long.clone())),
            (vec![1_000; MAX / 1_000 + 1], (MAX / 1_000 * 1_000, too_long)),
            (vec![MAX], (MAX, told(std::io::ErrorKind::TimedOut))),
        ] {
            assert_eq!(read(&mut guarded(pieces(sizes, Duration::ZERO), Held::default())).await, expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_memory_is_held_until_the_stream_ends_and_bounds_it() {
        let memory = Held::default();
        let held = memory.0.clone();
        let sent = stream::iter([3, 4]).map(|size| Ok::<_, std::io::Error>(Frame::data(Bytes::from(vec![0; size]))));
        let mut body = guarded(Body::new(StreamBody::new(sent.boxed())), memory);
        for expected in [3, 7] {
            body.frame().await.expect("a piece").expect("within the limits");
            assert_eq!(held.load(Ordering::Relaxed), expected);
        }
        assert_eq!(read(&mut body).await, (0, None));
        assert_eq!(held.load(Ordering::Relaxed), 0);
        let refused = read(&mut guarded(pieces(vec![1], Duration::ZERO), NoRoom)).await;
        assert_eq!(refused, (0, told(std::io::ErrorKind::FileTooLarge)));
    }
}
