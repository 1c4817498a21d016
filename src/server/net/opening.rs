//! The first bytes of a connection to the gRPC port: HTTP/2 begins with a preface of 24 bytes (RFC 9113, section 3.4).
//!
//! A client that speaks HTTP/1.x, such as a browser or a health check by URL, gets one line that says what the port is and where to go instead.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::proxy;
use super::socket::Ahead;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Bytes of a request that are read and discarded after its answer, so that closing the connection does not discard the answer.
const READ_AWAY_BYTES_MAX: u64 = 64 * 1024;

/// The answer to HTTP/1.x (RFC 9110, section 15.6.6): one line that says what the port is, and where the console is.
pub(super) fn http1_answer(console: Option<SocketAddr>) -> String {
    let head =
        "HTTP/1.1 505 HTTP Version Not Supported\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close";
    let browsers = match console {
        Some(console) => format!("browsers find the console, and gRPC-Web, at http://{console}"),
        None => "the console, which speaks gRPC-Web with browsers, is off".to_owned(),
    };
    let line =
        format!("This is the gRPC port of a Lienthong server, over HTTP/2: call it with a gRPC client; {browsers}.");
    format!("{head}\r\ncontent-length: {}\r\n\r\n{line}\n", line.len() + 1)
}

/// The first bytes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// The preface of HTTP/2.
    Http2,
    /// A request of HTTP/1.x.
    Http1,
    /// A PROXY header, where none is expected.
    ProxyHeader,
    /// Anything else.
    Other,
}

/// Peeks until the opening is recognized. Consumes nothing.
pub(super) async fn read<T: AsyncRead + Unpin>(stream: &mut Ahead<T>) -> io::Result<Opening> {
    loop {
        if let Some(opening) = judge(stream.seen()) {
            return Ok(opening);
        }
        stream.look_further(PREFACE.len()).await?;
    }
}

/// The opening with these first bytes; `None` if more are needed.
fn judge(bytes: &[u8]) -> Option<Opening> {
    if bytes.starts_with(PREFACE) {
        return Some(Opening::Http2);
    }
    if proxy::is_header(bytes) {
        return Some(Opening::ProxyHeader);
    }
    if PREFACE.starts_with(bytes) || proxy::may_be_header(bytes) {
        return None;
    }
    Some(if bytes.first().is_some_and(u8::is_ascii_uppercase) { Opening::Http1 } else { Opening::Other })
}

/// Answers any request of HTTP/1.x, and ends the connection.
pub(super) async fn answer_http1<T>(stream: &mut Ahead<T>, answer: &str) -> io::Result<()>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    let mut rest = stream.take(READ_AWAY_BYTES_MAX);
    tokio::io::copy(&mut rest, &mut tokio::io::sink()).await.map(drop)
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    #[tokio::test]
    async fn the_first_bytes_say_what_is_spoken_in_any_pieces() {
        let cases: [(&[u8], Opening); 9] = [
            (PREFACE, Opening::Http2),
            (b"GET / HTTP/1.1\r\n\r\n", Opening::Http1),
            (b"PRI * HTTP/1.1\r\n\r\nSM\r\n\r\n", Opening::Http1),
            (b"PROPFIND / HTTP/1.1\r\n\r\n", Opening::Http1),
            (b"POST /a.B/C HTTP/1.0\r\n\r\n", Opening::Http1),
            (b"PROXY UNKNOWN\r\n", Opening::ProxyHeader),
            (b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", Opening::ProxyHeader),
            (b"\x16\x03\x01\x02\x00\x01\x00", Opening::Other),
            (b"\r\n\r\n\r\n", Opening::Other),
        ];
        for (sent, expected) in cases {
            for piece in [1, 5, 4_096] {
                let (near, mut far) = duplex(piece);
                let writing = tokio::spawn(async move {
                    let _ = far.write_all(sent).await; // read only as far as needed
                });
                let mut near = Ahead::new(near);
                assert_eq!(read(&mut near).await.expect("clear"), expected, "{}", String::from_utf8_lossy(sent));
                drop(near);
                writing.await.expect("no panic");
            }
        }
    }

    #[tokio::test]
    async fn a_connection_that_ends_before_its_preface_is_an_error() {
        let (near, mut far) = duplex(64);
        far.write_all(&PREFACE[..23]).await.expect("written");
        drop(far);
        read(&mut Ahead::new(near)).await.expect_err("one byte is missing");
    }

    #[tokio::test]
    async fn http1_gets_one_whole_line() {
        for (console, expected) in [
            (Some(([127, 0, 0, 1], 50_052).into()), "and gRPC-Web, at http://127.0.0.1:50052.\n"),
            (None, "gRPC-Web with browsers, is off.\n"),
        ] {
            let (near, mut far) = duplex(4_096);
            let answer = http1_answer(console);
            let answering = tokio::spawn(async move { answer_http1(&mut Ahead::new(near), &answer).await });
            far.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("written");
            far.shutdown().await.expect("shut down");
            let mut seen = String::new();
            far.read_to_string(&mut seen).await.expect("read");
            answering.await.expect("no panic").expect("answered");
            let (head, body) = seen.split_once("\r\n\r\n").expect("a head");
            assert!(head.starts_with("HTTP/1.1 505 ") && body.ends_with(expected), "{seen}");
            assert!(head.contains(&format!("content-length: {}", body.len())) && body.lines().count() == 1, "{seen}");
        }
    }
}
