//! The statement: the small binary structure that an issuer signs for each version of each record.
//!
//! Numbers are big-endian, times are milliseconds since 1970-01-01T00:00:00Z:
//!
//! | part | bytes | |
//! |---|---|---|
//! | label | 23 | `lienthong/statement/v1` ‖ 00 |
//! | issuer | 1 + n | length, then ASCII: `land` |
//! | schema | 1 + n | length, then ASCII: `land.parcel.v1` |
//! | record_id | 16 | keyed pseudonym of the natural key |
//! | version | 8 | from 1 |
//! | previous | 32 | [`statement_hash`] of the version before; zeros for the first |
//! | operation | 1 | 1 create, 2 update, 3 revoke |
//! | issued_at | 8 | signed |
//! | valid_from | 8 | signed; half-open interval |
//! | valid_until | 8 | signed; 2⁶³−1 while open |
//! | status_index | 4 | position in the issuer's status list for the schema: n for its (n+1)th statement |
//! | field_count | 2 | 0 to 64 |
//! | fields_root | 32 | see [`commitment`](super::commitment) |
//!
//! Decoding accepts exactly what encoding writes. A statement holds no personal data: once payload and salt are
//! erased, its position in a public log means nothing.

use sha2::{Digest, Sha256};

use super::merkle::Hash;
use crate::base::limits::PAYLOAD_FIELDS_MAX;
use crate::base::{RecordId, Timestamp};

const LABEL: &[u8; 23] = b"lienthong/statement/v1\0";
const FIXED_LENGTH: usize = LABEL.len() + 2 + 16 + 8 + 32 + 1 + 3 * 8 + 4 + 2 + 32;
/// The longest issuer or schema name, in bytes.
pub const NAME_BYTES_MAX: usize = 64;
/// The longest encoded statement, in bytes.
pub const STATEMENT_BYTES_MAX: usize = FIXED_LENGTH + 2 * NAME_BYTES_MAX;

/// The operation of a version on its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// The first version.
    Create,
    /// A later version.
    Update,
    /// The record is void from here on.
    Revoke,
}

impl Operation {
    /// The code in the encoded statement.
    pub fn code(self) -> u8 {
        match self {
            Self::Create => 1,
            Self::Update => 2,
            Self::Revoke => 3,
        }
    }

    /// Reads a code.
    pub fn from_code(code: u8) -> Option<Self> {
        [Self::Create, Self::Update, Self::Revoke].into_iter().find(|operation| operation.code() == code)
    }
}

/// An issuer's statement about one version of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The issuing registry: `land`.
    pub issuer: String,
    /// The record type: `land.parcel.v1`.
    pub schema: String,
    /// The record.
    pub record_id: RecordId,
    /// Its version, from 1.
    pub version: u64,
    /// Hash of the statement of the version before; zeros for the first.
    pub previous: Hash,
    /// The operation.
    pub operation: Operation,
    /// The time of issue, by the issuer's clock.
    pub issued_at: Timestamp,
    /// The beginning of the validity.
    pub valid_from: Timestamp,
    /// The end of the validity, exclusive; [`Timestamp::MAX`] while open.
    pub valid_until: Timestamp,
    /// Position in the issuer's [status list](super::status_list) for the schema, of this version alone.
    pub status_index: u32,
    /// How many top-level fields the payload has.
    pub field_count: u16,
    /// The commitment to them.
    pub fields_root: Hash,
}

/// Bytes that no statement encodes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a statement: {0}")]
pub struct StatementError(&'static str);

/// The hash that the next version of the record names as `previous`.
pub fn statement_hash(encoded: &[u8]) -> Hash {
    Sha256::digest(encoded).into()
}

/// Whether `name` is valid as issuer or schema: 1 to 64 of `a-z`, `0-9`, `_`, `-`, `.`, `/`.
pub fn is_statement_name(name: &[u8]) -> bool {
    let fits = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'.' | b'/');
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.iter().all(fits)
}

impl Statement {
    /// The bytes to sign. An invalid name makes bytes that [`decode`](Self::decode) refuses; issuer
    /// and schema names are the issuer's own constants.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(FIXED_LENGTH + self.issuer.len() + self.schema.len());
        out.extend_from_slice(LABEL);
        for name in [&self.issuer, &self.schema] {
            let name = &name.as_bytes()[..name.len().min(usize::from(u8::MAX))];
            out.push(name.len() as u8);
            out.extend_from_slice(name);
        }
        out.extend_from_slice(&self.record_id.0);
        out.extend_from_slice(&self.version.to_be_bytes());
        out.extend_from_slice(&self.previous);
        out.push(self.operation.code());
        for time in [self.issued_at, self.valid_from, self.valid_until] {
            out.extend_from_slice(&time.0.to_be_bytes());
        }
        out.extend_from_slice(&self.status_index.to_be_bytes());
        out.extend_from_slice(&self.field_count.to_be_bytes());
        out.extend_from_slice(&self.fields_root);
        out
    }

    /// Reads a statement; whatever is accepted encodes to the same bytes.
    pub fn decode(encoded: &[u8]) -> Result<Self, StatementError> {
        if encoded.len() > STATEMENT_BYTES_MAX {
            return Err(StatementError("too long"));
        }
        let mut rest = encoded.strip_prefix(LABEL).ok_or(StatementError("the label is another one"))?;
        let statement = Self {
            issuer: take_name(&mut rest)?,
            schema: take_name(&mut rest)?,
            record_id: RecordId(take(&mut rest)?),
            version: u64::from_be_bytes(take(&mut rest)?),
            previous: take(&mut rest)?,
            operation: {
                let [code] = take(&mut rest)?;
                Operation::from_code(code).ok_or(StatementError("the operation is unknown"))?
            },
            issued_at: Timestamp(i64::from_be_bytes(take(&mut rest)?)),
            valid_from: Timestamp(i64::from_be_bytes(take(&mut rest)?)),
            valid_until: Timestamp(i64::from_be_bytes(take(&mut rest)?)),
            status_index: u32::from_be_bytes(take(&mut rest)?),
            field_count: u16::from_be_bytes(take(&mut rest)?),
            fields_root: take(&mut rest)?,
        };
        if !rest.is_empty() {
            return Err(StatementError("there are trailing bytes"));
        }
        if statement.version == 0 {
            return Err(StatementError("versions count from 1"));
        }
        if usize::from(statement.field_count) > PAYLOAD_FIELDS_MAX {
            return Err(StatementError("too many fields"));
        }
        Ok(statement)
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], StatementError> {
    let (part, after) = rest.split_first_chunk().ok_or(StatementError("too short"))?;
    *rest = after;
    Ok(*part)
}

fn take_name(rest: &mut &[u8]) -> Result<String, StatementError> {
    let [length] = take(rest)?;
    let (name, after) = rest.split_at_checked(length.into()).ok_or(StatementError("too short"))?;
    let text = std::str::from_utf8(name).ok().filter(|name| is_statement_name(name.as_bytes()));
    *rest = after;
    text.map(str::to_owned).ok_or(StatementError("a name has 1 to 64 characters of a-z 0-9 _ - . /"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::id::to_hex;

    fn sample() -> Statement {
        Statement {
            issuer: "land".to_owned(),
            schema: "land.parcel.v1".to_owned(),
            record_id: RecordId([1; 16]),
            version: 2,
            previous: [2; 32],
            operation: Operation::Update,
            issued_at: Timestamp(1_795_000_000_000),
            valid_from: Timestamp(-1),
            valid_until: Timestamp::MAX,
            status_index: 5,
            field_count: 16,
            fields_root: [3; 32],
        }
    }

    #[test]
    fn the_layout_is_fixed() {
        let expect = [
            "6c69656e74686f6e672f73746174656d656e742f763100",
            "046c616e64",
            "0e6c616e642e70617263656c2e7631",
            &"01".repeat(16),
            "0000000000000002",
            &"02".repeat(32),
            "02",
            "000001a1ee565e00",
            "ffffffffffffffff",
            "7fffffffffffffff",
            "00000005",
            "0010",
            &"03".repeat(32),
        ];
        assert_eq!(to_hex(&sample().encode()), expect.concat());
        assert_eq!(Statement::decode(&sample().encode()), Ok(sample()));
    }

    #[test]
    fn what_encoding_never_writes_is_refused() {
        let good = sample().encode();
        for length in 0..good.len() {
            assert!(Statement::decode(&good[..length]).is_err(), "{length}");
        }
        assert!(Statement::decode(&[&good[..], &[0]].concat()).is_err());
        let check = |change: fn(&mut Statement)| {
            let mut statement = sample();
            change(&mut statement);
            assert!(Statement::decode(&statement.encode()).is_err(), "{statement:?}");
        };
        check(|s| s.version = 0);
        check(|s| s.field_count = 65);
        check(|s| s.issuer = String::new());
        check(|s| s.issuer = "Land".to_owned());
        check(|s| s.schema = "x".repeat(65));
        check(|s| s.schema = "x".repeat(300));
        let mut bytes = good.clone();
        let operation = 23 + 5 + 15 + 16 + 8 + 32;
        for code in [0, 4, 255] {
            bytes[operation] = code;
            assert!(Statement::decode(&bytes).is_err());
        }
    }

    proptest! {
        #[test]
        fn whatever_decodes_encodes_to_the_same_bytes(at in 0usize..180, byte in any::<u8>()) {
            let mut bytes = sample().encode();
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Ok(statement) = Statement::decode(&bytes) {
                prop_assert_eq!(statement.encode(), bytes);
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(tail in prop::collection::vec(any::<u8>(), 0..220)) {
            let bytes = [LABEL.as_slice(), &tail].concat();
            if let Ok(statement) = Statement::decode(&bytes) {
                prop_assert_eq!(statement.encode(), bytes);
            }
        }
    }
}
