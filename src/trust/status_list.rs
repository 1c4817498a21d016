//! Status lists: which versions of an issuer's records are the latest and valid.
//!
//! An inclusion proof shows that a version existed, not that nothing came after it. The status list shows the latter. It is
//! a Token Status List (IETF, draft-ietf-oauth-status-list): one number of 2 bits for each version that the issuer has
//! signed of one record type, at the `status_index` of its statement. The first status is in the two lowest bits of
//! the first byte.
//!
//! | number | status | |
//! |---|---|---|
//! | 0 | valid | the latest version of its record, and the record is in force |
//! | 1 | invalid | revoked, or ended for good |
//! | 2 | suspended | the latest version, and the record is not in force for now |
//! | 3 | superseded | a later version exists (of the specification's application-specific values) |
//!
//! Every version has an index of its own: index n is the issuer's (n+1)th statement of the type. So "is this version the
//! latest?" has an answer, which one index for all versions of a record could not give.
//!
//! A list travels as a signed token ([`StatusToken`]): `typ` is `statuslist+jwt`, signed by the issuer's key. Claims:
//!
//! | claim | what |
//! |---|---|
//! | `iss` | the origin of the issuer's log: `lienthong/H27/land` |
//! | `sub` | the list's URI |
//! | `iat`, `exp` | time of issue and end of validity, seconds |
//! | `ttl` | how long a copy may be kept before looking for a newer one, seconds |
//! | `status_list` | `bits` is 2, `lst` the list as zlib stream (RFC 1950) in base64url |
//! | `lienthong` | `issuer` and `schema`; `count`, how many statuses there are; `ledger_size`: every statement of the type with an index below that in the record ledger is in the list |
//!
//! Each published list leaves an entry of type 4 in the record ledger: [`StatusDigest`].

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use sha2::{Digest as _, Sha256};

use super::jose::TokenError;
use super::merkle::Hash;
use crate::base::{Error, Result};

mod digest;
mod token;

pub use digest::StatusDigest;
pub use token::{Finding, StatusClaims, StatusToken};

/// Most statuses in a list: 32 MiB of indices are more than ten versions of everything that a province registers.
pub const STATUSES_MAX: u32 = 1 << 25;
/// The longest list before compression, in bytes.
const LIST_BYTES_MAX: usize = STATUSES_MAX as usize / 4;
/// The longest token, in characters: an incompressible list of the largest size, and its frame.
pub const TOKEN_CHARS_MAX: usize = LIST_BYTES_MAX / 3 * 4 + (64 << 10);

/// The reason why a status list is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatusError {
    /// It is not a status list.
    #[error("not a status list: {0}")]
    Malformed(String),
    /// No active key of an issuer in the trust anchor signed it.
    #[error("no key in use of the trust anchor signed the status list")]
    UnknownKey,
    /// The token does not verify.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The signer may not speak about this issuer or record type.
    #[error("the status list is about records that its signer may not issue")]
    NotAuthorised,
}

/// The status of a version of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// The latest version, in force.
    Valid,
    /// Revoked, or ended for good.
    Invalid,
    /// The latest version, not in force for now.
    Suspended,
    /// A later version exists.
    Superseded,
}

impl Status {
    /// All statuses, by their number.
    pub const ALL: [Self; 4] = [Self::Valid, Self::Invalid, Self::Suspended, Self::Superseded];

    /// The number in lists.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Reads the two lowest bits.
    pub fn from_code(code: u8) -> Self {
        Self::ALL[usize::from(code & 3)]
    }

    /// The word for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Suspended => "suspended",
            Self::Superseded => "superseded",
        }
    }
}

/// A list of statuses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatusList {
    bytes: Vec<u8>,
    count: u32,
}

impl StatusList {
    /// A list without a status.
    pub fn new() -> Self {
        Self::default()
    }

    /// A list of the first `count` statuses in `bytes`; `None` when there are not just as many bytes as they need, or when
    /// bits after the last one are set.
    pub fn from_bytes(bytes: Vec<u8>, count: u32) -> Option<Self> {
        let used = count % 4;
        let is_clean = used == 0 || bytes.last().is_some_and(|last| last >> (used * 2) == 0);
        (count <= STATUSES_MAX && bytes.len() == count.div_ceil(4) as usize && is_clean)
            .then_some(Self { bytes, count })
    }

    /// How many statuses there are.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The bytes, four statuses in each.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// SHA-256 of the bytes.
    pub fn digest(&self) -> Hash {
        Sha256::digest(&self.bytes).into()
    }

    /// The status at an index, if the list goes so far.
    pub fn get(&self, index: u32) -> Option<Status> {
        if index >= self.count {
            return None;
        }
        Some(Status::from_code(self.bytes.get(index as usize / 4)? >> (index % 4 * 2)))
    }

    /// Adds a status at the end. Fails when the list is full.
    pub fn push(&mut self, status: Status) -> Result<()> {
        if self.count >= STATUSES_MAX {
            return Err(Error::bug("the status list is full"));
        }
        if self.count.is_multiple_of(4) {
            self.bytes.push(0);
        }
        self.count += 1;
        self.set(self.count - 1, status)
    }

    /// Changes a status. Fails when there is none at the index.
    pub fn set(&mut self, index: u32, status: Status) -> Result<()> {
        let known = index < self.count;
        match self.bytes.get_mut(index as usize / 4).filter(|_| known) {
            Some(byte) => {
                set_in(byte, index, status);
                Ok(())
            }
            None => Err(Error::bug("the status list has no such index")),
        }
    }

    /// The list as a zlib stream.
    pub fn deflate(&self) -> Result<Vec<u8>> {
        let mut encoder = ZlibEncoder::new(Vec::with_capacity(self.bytes.len() / 8 + 64), Compression::best());
        encoder.write_all(&self.bytes).and_then(|()| encoder.finish()).map_err(Error::bug)
    }

    /// Reads a zlib stream that holds `count` statuses and nothing else. Never allocates much more than those need, whatever
    /// the stream would grow to.
    pub fn inflate(stream: &[u8], count: u32) -> Result<Self, StatusError> {
        if count > STATUSES_MAX {
            return Err(StatusError::Malformed("the list is too long".into()));
        }
        let length = count.div_ceil(4) as usize;
        let mut bytes = Vec::with_capacity(length);
        let mut decoder = ZlibDecoder::new(stream);
        let limit = length as u64 + 1; // one more, to see that there is no more
        (&mut decoder)
            .take(limit)
            .read_to_end(&mut bytes)
            .map_err(|error| StatusError::Malformed(format!("not a zlib stream ({error})")))?;
        if decoder.total_in() != stream.len() as u64 {
            return Err(StatusError::Malformed("something follows the list".into()));
        }
        Self::from_bytes(bytes, count)
            .ok_or_else(|| StatusError::Malformed("the list does not have its stated length".into()))
    }
}

/// Sets the status at an index in the byte that holds it.
pub fn set_in(byte: &mut u8, index: u32, status: Status) {
    let shift = index % 4 * 2;
    *byte = *byte & !(3 << shift) | status.code() << shift;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(codes: &[u8]) -> StatusList {
        let mut list = StatusList::new();
        codes.iter().for_each(|code| list.push(Status::from_code(*code)).expect("room"));
        list
    }

    #[test]
    fn statuses_lie_in_the_bits_that_the_specification_says() {
        // draft-ietf-oauth-status-list, section 4: 2 bits, 1 2 0 3 | 0 1 0 1 | 1 2 3 3
        let list = list(&[1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]);
        assert_eq!(list.as_bytes(), [0xc9, 0x44, 0xf9]);
        assert_eq!(list.get(3), Some(Status::Superseded));
        assert_eq!(list.get(12), None);
        // the specification's own compressed form of these bytes
        let stream = super::super::jose::decode_part("eNo76fITAAPfAgc").expect("base64url");
        assert_eq!(StatusList::inflate(&stream, 12), Ok(list));
    }

    #[test]
    fn a_list_reads_as_it_was_written_at_every_length() {
        let mut whole = StatusList::new();
        for n in 0..600_u32 {
            let stream = whole.deflate().expect("deflates");
            assert_eq!(StatusList::inflate(&stream, n), Ok(whole.clone()), "{n}");
            whole.push(Status::from_code((n * 7 % 13) as u8)).expect("room");
        }
        whole.set(5, Status::Suspended).expect("there");
        assert_eq!(whole.get(5), Some(Status::Suspended));
        assert!(whole.set(600, Status::Valid).is_err());
    }

    #[test]
    fn a_stream_that_is_not_just_the_list_is_refused() {
        let list = list(&[1, 2, 0, 3, 0, 1]);
        let good = list.deflate().expect("deflates");
        assert!(StatusList::inflate(&good, 5).is_err(), "a status behind the last");
        for count in [0, 4, 9, 4_000, STATUSES_MAX + 1, u32::MAX] {
            assert!(StatusList::inflate(&good, count).is_err(), "{count}");
        }
        for cut in 0..good.len() {
            assert!(StatusList::inflate(&good[..cut], 6).is_err(), "{cut}");
            let mut changed = good.clone();
            changed[cut] ^= 0x10;
            // The spare bits after a stream's last block mean nothing; any other change is detected.
            assert!(
                StatusList::inflate(&changed, 6).is_ok_and(|read| read == list)
                    || StatusList::inflate(&changed, 6).is_err()
            );
        }
        assert!(StatusList::inflate(&[&good[..], &[0]].concat(), 6).is_err());
    }

    #[test]
    fn a_bomb_is_refused_before_it_grows() {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&vec![0; 64 << 20]).expect("memory");
        let bomb = encoder.finish().expect("memory");
        assert!(bomb.len() < 100_000);
        assert!(StatusList::inflate(&bomb, 8).is_err());
    }
}
