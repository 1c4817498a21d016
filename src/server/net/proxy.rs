//! The PROXY protocol, versions 1 and 2 (HAProxy, doc/proxy-protocol.txt): a proxy begins with its client's address.
//!
//! The sender of such a header decides which address a client has, so it is accepted from configured proxies only, and required of
//! them; from anybody else it is refused. A header has at most [`HEADER_BYTES_MAX`] bytes, including further fields, which are
//! ignored.

use std::io;
use std::net::SocketAddr;

use ppp::{v1, v2};
use tokio::io::AsyncRead;

use super::socket::Ahead;

/// Longest header: it fits one segment, as the protocol requires of proxies.
pub(super) const HEADER_BYTES_MAX: usize = 1_024;
/// Longest header of version 1, including its line end.
const LINE_BYTES_MAX: usize = 107;
const V1: &[u8] = v1::PROTOCOL_PREFIX.as_bytes();
const V2: &[u8] = v2::PROTOCOL_PREFIX;
/// The fixed part of version 2: signature, version and command, family, length of the rest.
const V2_FIXED_BYTES: usize = V2.len() + 4;

/// Whether these bytes begin a PROXY header.
pub(super) fn is_header(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PROXY ") || bytes.starts_with(V2)
}

/// Whether these bytes may begin a PROXY header when more arrive.
pub(super) fn may_be_header(bytes: &[u8]) -> bool {
    b"PROXY ".starts_with(bytes) || V2.starts_with(bytes)
}

/// Consumes the header; returns the client's address, or `None` if the proxy connects on its own behalf.
pub(super) async fn read<T: AsyncRead + Unpin>(stream: &mut Ahead<T>) -> io::Result<Option<SocketAddr>> {
    loop {
        if let Some(length) = length_of(stream.seen())?
            && stream.seen().len() >= length
        {
            let client = client(&stream.seen()[..length])?;
            stream.consume(length);
            return Ok(client);
        }
        stream.look_further(HEADER_BYTES_MAX).await?;
    }
}

/// The length of the whole header, once known.
fn length_of(bytes: &[u8]) -> io::Result<Option<usize>> {
    let begins = |signature: &[u8]| bytes.iter().zip(signature).all(|(a, b)| a == b);
    if begins(V2) {
        let Some(fixed) = bytes.get(..V2_FIXED_BYTES) else { return Ok(None) };
        let length = V2_FIXED_BYTES + usize::from(u16::from_be_bytes([fixed[V2.len() + 2], fixed[V2.len() + 3]]));
        return if length <= HEADER_BYTES_MAX { Ok(Some(length)) } else { Err(invalid("too long")) };
    }
    if !begins(V1) {
        return Err(invalid("no PROXY header"));
    }
    match bytes.iter().take(LINE_BYTES_MAX).position(|byte| *byte == b'\n') {
        Some(end) => Ok(Some(end + 1)),
        None if bytes.len() < LINE_BYTES_MAX => Ok(None),
        None => Err(invalid("too long")),
    }
}

/// The client in a whole header.
fn client(header: &[u8]) -> io::Result<Option<SocketAddr>> {
    if header.starts_with(V1) {
        let header = v1::Header::try_from(header).map_err(|_| invalid("not a PROXY header"))?;
        return Ok(match header.addresses {
            v1::Addresses::Unknown => None,
            v1::Addresses::Tcp4(ip) => Some((ip.source_address, ip.source_port).into()),
            v1::Addresses::Tcp6(ip) => Some((ip.source_address, ip.source_port).into()),
        });
    }
    let header = v2::Header::try_from(header).map_err(|_| invalid("not a PROXY header"))?;
    if header.command == v2::Command::Local {
        return Ok(None);
    }
    match (header.protocol, header.addresses) {
        (v2::Protocol::Stream, v2::Addresses::IPv4(ip)) => Ok(Some((ip.source_address, ip.source_port).into())),
        (v2::Protocol::Stream, v2::Addresses::IPv6(ip)) => Ok(Some((ip.source_address, ip.source_port).into())),
        (v2::Protocol::Unspecified, v2::Addresses::Unspecified) => Ok(None),
        _ => Err(invalid("not a TCP connection")),
    }
}

fn invalid(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    /// A header of version 2.
    fn second(command: u8, family: u8, addresses: &[u8], further: usize) -> Vec<u8> {
        let mut header = V2.to_vec();
        header.extend([0x20 | command, family]);
        header.extend(u16::try_from(addresses.len() + further).expect("short").to_be_bytes());
        header.extend(addresses);
        header.extend(vec![4; further]);
        header
    }

    /// Reads `sent` in pieces of `piece` bytes; returns the client and the rest of the stream.
    async fn read_in(sent: &[u8], piece: usize) -> io::Result<(Option<SocketAddr>, Vec<u8>)> {
        let (near, mut far) = duplex(piece);
        let sent = sent.to_vec();
        let writing = tokio::spawn(async move { far.write_all(&sent).await });
        let mut near = Ahead::new(near);
        let client = read(&mut near).await?;
        let mut rest = Vec::new();
        near.read_to_end(&mut rest).await?;
        writing.await.expect("no panic")?;
        Ok((client, rest))
    }

    #[tokio::test]
    async fn a_header_is_read_in_any_pieces_and_nothing_behind_it() {
        let v4 = [192, 0, 2, 1, 127, 0, 0, 1, 0x30, 0x39, 0, 80];
        let v6: Vec<u8> =
            [0x20, 1, 0xd, 0xb8].into_iter().chain([0; 11]).chain([1]).chain([0; 16]).chain([0, 7, 0, 8]).collect();
        let cases: Vec<(Vec<u8>, Option<&str>)> = vec![
            (b"PROXY TCP4 192.0.2.1 127.0.0.1 12345 80\r\n".to_vec(), Some("192.0.2.1:12345")),
            (b"PROXY TCP6 2001:db8::1 ::1 7 8\r\n".to_vec(), Some("[2001:db8::1]:7")),
            (b"PROXY UNKNOWN\r\n".to_vec(), None),
            (b"PROXY UNKNOWN anything at all\r\n".to_vec(), None),
            (second(1, 0x11, &v4, 0), Some("192.0.2.1:12345")),
            (second(1, 0x11, &v4, 300), Some("192.0.2.1:12345")),
            (second(1, 0x21, &v6, 3), Some("[2001:db8::1]:7")),
            (second(0, 0x11, &v4, 0), None),
            (second(0, 0x00, &[], 0), None),
            (second(1, 0x00, &[], 9), None),
        ];
        for (header, expected) in cases {
            for piece in [1, 7, 4_096] {
                let sent = [&header[..], b"PRI * HTTP/2.0"].concat();
                let (client, rest) = read_in(&sent, piece).await.expect("a header");
                assert_eq!(client, expected.map(|text| text.parse().expect("an address")));
                assert_eq!(rest, b"PRI * HTTP/2.0");
            }
        }
    }

    #[tokio::test]
    async fn what_is_no_header_is_refused_before_much_is_read() {
        let long = [&b"PROXY TCP4 "[..], &[b'1'; 200]].concat();
        let cases: Vec<Vec<u8>> = vec![
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
            b"GET / HTTP/1.1\r\n\r\n".to_vec(),
            b"PROXY\r\n".to_vec(),
            b"PROXY TCP5 192.0.2.1 127.0.0.1 1 2\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.256 127.0.0.1 1 2\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.1 127.0.0.1 1 65536\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.1 127.0.0.1 1 2\n".to_vec(),
            b"PROXY TCP4 2001:db8::1 ::1 1 2\r\n".to_vec(),
            long,
            second(1, 0x11, &[1, 2, 3], 0),
            second(1, 0x12, &[0; 12], 0),
            second(1, 0x31, &[0; 216], 0),
            second(2, 0x11, &[0; 12], 0),
            second(1, 0x11, &[0; 12], HEADER_BYTES_MAX),
            b"PROXY TCP4 192.0.2.1".to_vec(),
            V2[..5].to_vec(),
        ];
        for sent in cases {
            let shown = String::from_utf8_lossy(&sent[..sent.len().min(60)]).into_owned();
            read_in(&sent, 4_096).await.expect_err(&shown);
        }
    }

    proptest::proptest! {
        /// Whatever a proxy sends, or something that takes itself for one.
        #[test]
        fn no_bytes_make_reading_panic(
            version in 0..3_usize,
            changes in proptest::collection::vec((0..40_usize, proptest::num::u8::ANY), 0..4),
            further in proptest::collection::vec(proptest::num::u8::ANY, 0..64),
        ) {
            let v4 = [192, 0, 2, 1, 127, 0, 0, 1, 0x30, 0x39, 0, 80];
            let mut header = match version {
                0 => Vec::new(),
                1 => b"PROXY TCP4 192.0.2.1 127.0.0.1 12345 80\r\n".to_vec(),
                _ => second(1, 0x11, &v4, 0),
            };
            for (at, byte) in changes {
                if let Some(changed) = header.get_mut(at) {
                    *changed = byte;
                }
            }
            header.extend(further);
            if let Ok(Some(length)) = length_of(&header) {
                proptest::prop_assert!(length <= HEADER_BYTES_MAX);
                if let Some(header) = header.get(..length) {
                    let _ = client(header);
                }
            }
        }
    }
}
