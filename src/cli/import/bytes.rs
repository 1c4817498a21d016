//! The bytes of a file: their kind, and CSV files of every encoding as UTF-8 or one byte per character.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest as _, Sha256};
use unicode_normalization::UnicodeNormalization as _;

use super::limits::FILE_BYTES_MAX;
use crate::base::id::to_hex;

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// How the bytes of a CSV file are characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bytes {
    Utf8,
    Utf16 {
        is_big_endian: bool,
    },
    /// One byte a character: an encoding before Unicode, read as Latin-1.
    Single,
}

impl Bytes {
    /// The text of a cell. In a file of one byte per character a cell that is UTF-8 all the same was written by another program: it is
    /// decomposed, so that no letter of it is taken for one of an older encoding.
    pub(super) fn text(self, bytes: &[u8]) -> String {
        match self {
            Self::Single => match std::str::from_utf8(bytes) {
                Ok(text) => text.nfd().collect(),
                Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
            },
            Self::Utf8 | Self::Utf16 { .. } => String::from_utf8_lossy(bytes).into_owned(),
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16 { .. } => "UTF-16",
            Self::Single => "one byte per character",
        }
    }
}

/// The findings of one reading of a file.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) encoding: Bytes,
    /// SHA-256 of the file, in hexadecimal.
    pub(super) hash: String,
    pub(super) bytes: u64,
    /// Whether its quotes are odd in number.
    pub(super) has_open_quote: bool,
    /// Its beginning, as UTF-8 or one byte per character.
    pub(super) head: Vec<u8>,
}

impl Seen {
    /// Whether lines end with a line feed; old programs of the Mac write `\r` alone.
    pub(super) fn has_line_feeds(&self) -> bool {
        self.head.contains(&b'\n') || !self.head.contains(&b'\r')
    }
}

/// Reads a file once: its hash, and how its bytes are characters.
pub(super) fn look(path: &Path) -> io::Result<Seen> {
    let metadata = path.metadata()?;
    let refuse = |why: String| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    if !metadata.is_file() {
        return refuse("it is not a regular file".into());
    }
    if metadata.len() > FILE_BYTES_MAX {
        return refuse(format!("it has more than {FILE_BYTES_MAX} bytes"));
    }
    let mut file = File::open(path)?;
    let (mut hash, mut head, mut bytes) = (Sha256::new(), Vec::new(), 0);
    let (mut is_utf8, mut rest, mut quotes) = (true, Vec::new(), 0);
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            break;
        }
        let part = &chunk[..read];
        hash.update(part);
        bytes += read as u64;
        quotes += memchr::memchr_iter(b'"', part).count();
        if head.len() < CHUNK_BYTES {
            head.extend_from_slice(part);
        }
        if is_utf8 {
            rest.extend_from_slice(part);
            match simdutf8::compat::from_utf8(&rest) {
                Ok(_) => rest.clear(),
                // A character may be cut at the end of a chunk.
                Err(error) if error.error_len().is_none() => drop(rest.drain(..error.valid_up_to())),
                Err(_) => is_utf8 = false,
            }
        }
    }
    let encoding = match head.as_slice() {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => return refuse("it is UTF-32: save it as UTF-8".into()),
        [0xff, 0xfe, ..] => Bytes::Utf16 { is_big_endian: false },
        [0xfe, 0xff, ..] => Bytes::Utf16 { is_big_endian: true },
        unmarked if half_of_zeros(unmarked, 1) => Bytes::Utf16 { is_big_endian: false },
        unmarked if half_of_zeros(unmarked, 0) => Bytes::Utf16 { is_big_endian: true },
        _ if is_utf8 && rest.is_empty() => Bytes::Utf8,
        _ => Bytes::Single,
    };
    if let Bytes::Utf16 { .. } = encoding {
        let mut utf8 = Vec::new();
        Transcoded::new(head.as_slice(), encoding).read_to_end(&mut utf8)?;
        head = utf8;
    }
    Ok(Seen { encoding, hash: to_hex(&hash.finalize()), bytes, has_open_quote: quotes % 2 == 1, head })
}

/// Whether most of every second byte from `first` on is zero, and little of the others: UTF-16 without its mark, of which most letters are ASCII.
fn half_of_zeros(head: &[u8], first: usize) -> bool {
    let zeros = |from: usize| head.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
    let pairs = head.len() / 2;
    pairs > 1 && zeros(first) * 2 > pairs && zeros(1 - first) * 10 < pairs
}

/// UTF-16 as UTF-8; other encodings as they are. The mark of the byte order is dropped.
pub(super) struct Transcoded<R> {
    inner: R,
    encoding: Bytes,
    is_begun: bool,
    /// Bytes that do not form a complete character yet.
    raw: Vec<u8>,
    /// The bytes that are ready, and how many of them were taken.
    ready: Vec<u8>,
    taken: usize,
}

impl<R: Read> Transcoded<R> {
    pub(super) fn new(inner: R, encoding: Bytes) -> Self {
        Self { inner, encoding, is_begun: false, raw: Vec::new(), ready: Vec::new(), taken: 0 }
    }

    /// Makes the next characters ready; false at the end.
    fn fill(&mut self) -> io::Result<bool> {
        let mut chunk = vec![0; CHUNK_BYTES];
        let read = self.inner.read(&mut chunk)?;
        self.raw.extend_from_slice(&chunk[..read]);
        (self.taken, self.ready) = (0, Vec::new());
        let Bytes::Utf16 { is_big_endian } = self.encoding else {
            let skipped = if !self.is_begun && self.raw.starts_with(&[0xef, 0xbb, 0xbf]) { 3 } else { 0 };
            self.is_begun = true;
            self.ready = self.raw.split_off(skipped);
            self.raw.clear();
            return Ok(read > 0);
        };
        let unit = |pair: &[u8]| match (is_big_endian, pair) {
            (true, [high, low]) | (false, [low, high]) => u16::from_be_bytes([*high, *low]),
            _ => 0,
        };
        let mut units: Vec<u16> = self.raw.chunks_exact(2).map(unit).collect();
        let is_half = units.last().is_some_and(|unit| (0xd800..0xdc00).contains(unit)) && read > 0;
        if is_half {
            units.pop();
        }
        self.raw.drain(..units.len() * 2);
        let mut text: String = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
        if !self.is_begun && text.starts_with('\u{feff}') {
            text.remove(0);
        }
        self.is_begun = true;
        self.ready = text.into_bytes();
        Ok(read > 0)
    }
}

impl<R: Read> Read for Transcoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.ready.len() {
            if !self.fill()? {
                return Ok(0);
            }
        }
        let count = buffer.len().min(self.ready.len() - self.taken);
        buffer[..count].copy_from_slice(&self.ready[self.taken..self.taken + count]);
        self.taken += count;
        Ok(count)
    }
}
