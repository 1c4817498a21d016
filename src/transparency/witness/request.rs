//! The body of an add-checkpoint request: `old <size>`, the hashes of a consistency proof, an empty line, a checkpoint.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use crate::trust::merkle::Hash;
use crate::trust::note::NOTE_BYTES_MAX;

/// Most hashes in a proof.
const PROOF_MAX: usize = 63;
/// Longest body, in bytes.
pub const BODY_BYTES_MAX: usize = NOTE_BYTES_MAX + 4 * 1024;

/// An add-checkpoint request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size of the witness's newest head, as far as the client knows.
    pub old_size: u64,
    /// The consistency proof from that size to the checkpoint's.
    pub path: Vec<Hash>,
    /// The signed checkpoint.
    pub note: Bytes,
}

impl AddCheckpoint {
    /// Parses a body; the error is the explanation.
    pub fn parse(body: &[u8]) -> Result<Self, String> {
        if body.len() > BODY_BYTES_MAX {
            return Err("the request is too long".into());
        }
        let text = std::str::from_utf8(body).map_err(|_| "the request is not UTF-8")?;
        let (head, note) = text.split_once("\n\n").ok_or("there is no empty line before the checkpoint")?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old ")).ok_or("there is no old size")?;
        let is_plain = old.bytes().all(|byte| byte.is_ascii_digit()) && (old == "0" || !old.starts_with('0'));
        let old_size = old.parse().ok().filter(|_| is_plain).ok_or("the old size is not a number")?;
        let mut path = Vec::new();
        for line in lines {
            if path.len() == PROOF_MAX {
                return Err("the proof is too long".into());
            }
            let hash = STANDARD.decode(line).ok().and_then(|hash| hash.try_into().ok());
            path.push(hash.ok_or("a line of the proof is not a hash")?);
        }
        Ok(Self { old_size, path, note: Bytes::copy_from_slice(note.as_bytes()) })
    }

    /// Encodes the body.
    pub fn write(&self) -> Vec<u8> {
        let mut body = format!("old {}\n", self.old_size);
        for hash in &self.path {
            STANDARD.encode_string(hash, &mut body);
            body.push('\n');
        }
        body.push('\n');
        let mut body = body.into_bytes();
        body.extend_from_slice(&self.note);
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_read_what_was_written_and_nothing_else() {
        for path in [vec![], vec![[1; 32], [2; 32]], vec![[3; 32]; PROOF_MAX]] {
            let request = AddCheckpoint { old_size: 7, path, note: Bytes::from_static(b"a\n1\nAA==\n\n- b c\n") };
            assert_eq!(AddCheckpoint::parse(&request.write()), Ok(request));
        }
        let good = AddCheckpoint { old_size: 70, path: vec![[1; 32]], note: Bytes::from_static(b"a\n\nb\n") }.write();
        let good = String::from_utf8(good).expect("text");
        for bad in [
            good.replace("old 70", "old 070"),
            good.replace("old 70", "old +70"),
            good.replace("old 70", "old  70"),
            good.replace("old 70", "old 99999999999999999999"),
            good.replace("old 70", "new 70"),
            good.replace("AQEB", "AQE"),
            good.replacen("\n\n", "\n", 2),
            format!("old 1\n{}\n\n", "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n".repeat(64)),
        ] {
            assert!(AddCheckpoint::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(AddCheckpoint::parse(&vec![b'a'; BODY_BYTES_MAX + 1]).is_err());
        assert!(AddCheckpoint::parse(b"\xff\n\n").is_err());
    }
}
