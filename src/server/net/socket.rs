//! A TCP connection that notes its writes, and whose first bytes can be peeked at.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::standing::Standing;

/// A TCP connection that notes which writes succeed.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    standing: Arc<Standing>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, standing: Arc<Standing>) -> Self {
        Self { stream, standing }
    }

    fn noted(&self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &polled {
            Poll::Ready(_) => self.standing.note_written(),
            Poll::Pending => self.standing.note_blocked(),
        }
        polled
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.noted(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.noted(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// A stream with a buffer of peeked bytes: those not consumed are read again.
#[derive(Debug)]
pub(super) struct Ahead<T> {
    inner: T,
    ahead: BytesMut,
}

impl<T> Ahead<T> {
    pub(super) fn new(inner: T) -> Self {
        Self { inner, ahead: BytesMut::new() }
    }

    /// The peeked bytes.
    pub(super) fn seen(&self) -> &[u8] {
        &self.ahead
    }

    /// Consumes the first of the peeked bytes.
    pub(super) fn consume(&mut self, bytes: usize) {
        self.ahead.advance(bytes.min(self.ahead.len()));
    }
}

impl<T: AsyncRead + Unpin> Ahead<T> {
    /// Peeks until there are `bytes` in all; fails at the end of the stream.
    pub(super) async fn look_further(&mut self, bytes: usize) -> io::Result<()> {
        let wanted = bytes.saturating_sub(self.ahead.len());
        self.ahead.reserve(wanted);
        let mut limited = bytes::BufMut::limit(&mut self.ahead, wanted);
        match self.inner.read_buf(&mut limited).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Ahead<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ahead.is_empty() {
            return Pin::new(&mut self.inner).poll_read(context, buffer);
        }
        let taken = self.ahead.len().min(buffer.remaining());
        buffer.put_slice(&self.ahead[..taken]);
        self.ahead.advance(taken);
        if self.ahead.is_empty() {
            self.ahead = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Ahead<T> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn what_was_looked_at_is_read_again_but_for_what_was_consumed() {
        let (near, mut far) = duplex(64);
        let mut near = Ahead::new(near);
        far.write_all(b"header").await.expect("written");
        near.look_further(4).await.expect("some");
        assert_eq!(near.seen(), b"head", "no more than was asked for");
        near.look_further(64).await.expect("the rest");
        near.consume(3);
        far.write_all(b" and body").await.expect("written");
        drop(far);
        let mut seen = String::new();
        near.read_to_string(&mut seen).await.expect("read");
        assert_eq!(seen, "der and body");
        assert_eq!(near.look_further(1).await.expect_err("ended").kind(), io::ErrorKind::UnexpectedEof);
    }
}
