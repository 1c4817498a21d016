//! A connection that merges the writes of many answers.
//!
//! HTTP/2 puts the answers of many calls on one connection, and each would be written when it is ready: a system call, a packet and
//! a wake-up of the client for each. Calls that wait for one group commit all become ready at the same moment. So writes are
//! gathered, and the flush lets the other ready tasks run first (one turn of the scheduler, not a timer); then everything leaves at
//! once. A single answer loses a microsecond.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Size at which gathered bytes are written without waiting for the flush.
const GATHERED_BYTES_MAX: usize = 256 * 1024;
/// Buffer capacity that an idle connection may keep.
const KEPT_BYTES_MAX: usize = 128 * 1024;

/// A connection that gathers writes until the other ready tasks have run.
#[derive(Debug)]
pub struct Coalescing<T> {
    inner: T,
    gathered: Vec<u8>,
    /// The number of gathered bytes written so far.
    written: usize,
    /// Whether the flush in progress has yielded.
    has_yielded: bool,
}

impl<T> Coalescing<T> {
    /// Gathers writes to `inner`.
    pub fn new(inner: T) -> Self {
        Self { inner, gathered: Vec::new(), written: 0, has_yielded: false }
    }
}

impl<T: AsyncWrite + Unpin> Coalescing<T> {
    fn poll_drain(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.gathered.len() {
            let rest = &self.gathered[self.written..];
            match ready!(Pin::new(&mut self.inner).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.written += written,
            }
        }
        self.written = 0;
        self.gathered.clear();
        self.gathered.shrink_to(KEPT_BYTES_MAX);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Coalescing<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Coalescing<T> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.gathered.len() >= GATHERED_BYTES_MAX {
            ready!(self.poll_drain(context))?;
        }
        slices.iter().for_each(|slice| self.gathered.extend_from_slice(slice));
        Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.gathered.is_empty() && !self.has_yielded {
            self.has_yielded = true;
            // A task that wakes itself is queued after all other ready tasks.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        ready!(self.poll_drain(context))?;
        self.has_yielded = false;
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(context))?;
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn what_is_written_arrives_at_the_flush_in_order() {
        let (near, mut far) = duplex(1 << 20);
        let mut near = Coalescing::new(near);
        near.write_all(b"one ").await.expect("gathered");
        near.write_all(b"two").await.expect("gathered");
        let mut seen = [0; 7];
        assert!(futures::poll!(Box::pin(far.read(&mut seen))).is_pending(), "nothing left before the flush");
        near.flush().await.expect("flushed");
        far.read_exact(&mut seen).await.expect("arrived");
        assert_eq!(&seen, b"one two");
    }

    #[tokio::test]
    async fn more_than_the_buffer_and_the_end_arrive_whole() {
        let (near, mut far) = duplex(4 << 10);
        let sent: Vec<u8> = (0..3 * GATHERED_BYTES_MAX).map(|at| (at % 251) as u8).collect();
        let expected = sent.clone();
        let writing = tokio::spawn(async move {
            let mut near = Coalescing::new(near);
            for part in sent.chunks(10_000) {
                near.write_all(part).await.expect("written");
            }
            near.shutdown().await.expect("shut down");
            assert!(near.gathered.capacity() <= KEPT_BYTES_MAX);
        });
        let mut seen = Vec::new();
        far.read_to_end(&mut seen).await.expect("read");
        writing.await.expect("no panic");
        assert!(seen == expected);
    }
}
