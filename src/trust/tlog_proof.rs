//! Proofs of the ledger as programs of transparency logs read them: `c2sp.org/tlog-proof@v1`.
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! extra <the entry, base64>
//! index <n>
//! <a hash of the path, base64>…
//!
//! <the checkpoint with all its signatures>
//! ```
//!
//! Such a program verifies the checkpoint with a policy, and the path from the hash of an entry that it knows. What the entry is, the format
//! leaves to the application: `extra` has it, `01` and the statement. It is not signed: whoever relies on it takes the statement from there.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::record::LogProof;
use crate::base::{Error, Result};

/// The ending of such files.
pub const EXTENSION: &str = "tlog-proof";

/// Writes the proof of an entry.
pub fn write(entry: &[u8], proof: &LogProof) -> Result<String> {
    let checkpoint = std::str::from_utf8(&proof.checkpoint).map_err(Error::bug)?;
    let mut text = format!("c2sp.org/tlog-proof@v1\nextra {}\nindex {}\n", STANDARD.encode(entry), proof.index);
    for hash in &proof.path {
        STANDARD.encode_string(hash, &mut text);
        text.push('\n');
    }
    text.push('\n');
    text.push_str(checkpoint);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of C2SP tlog-proof, shortened, with its lines in their order.
    #[test]
    fn the_lines_are_those_of_the_specification() {
        let checkpoint = "example.com/fancylog\n109482\nsFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=\n\n— example.com/fancylog hI2DJw==\n";
        let hashes = ["gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=", "AHCioX9nLjsrse6YhjRRmk1WUEirVOLLRoOQ6vfO5vk="];
        let hash = |text: &&str| STANDARD.decode(text).expect("base64").try_into().expect("32 bytes");
        let proof = LogProof {
            checkpoint: checkpoint.as_bytes().to_vec().into(),
            index: 73_894,
            path: hashes.iter().map(hash).collect(),
        };
        let [first, last] = hashes;
        let expected = format!("c2sp.org/tlog-proof@v1\nextra AQI=\nindex 73894\n{first}\n{last}\n\n{checkpoint}");
        assert_eq!(write(&[1, 2], &proof).expect("text"), expected);
        let alone = LogProof { index: 0, path: vec![], ..proof };
        assert!(
            write(b"", &alone).expect("text").starts_with("c2sp.org/tlog-proof@v1\nextra \nindex 0\n\nexample.com/")
        );
    }
}
