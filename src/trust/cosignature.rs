//! Cosignatures: a witness says that it saw a log's head at a time, and that the log had only grown until then
//! (C2SP tlog-cosignature, Ed25519).
//!
//! Signed is `cosignature/v1`, `time <seconds>`, and the note's text; the signature line holds the time in 8 bytes, big-endian, and
//! the signature's 64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::keys::Signer;
use super::note::NoteSignature;
use super::vkey::{KeyUse, NoteKey};
use crate::base::{Error, Result, Timestamp};

/// A cosignature that does not verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cosignature does not verify")]
pub struct BadCosignature;

fn message(seconds: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {seconds}\n{text}")
}

/// Cosigns a note's text; gives the signature line, with its end.
pub fn cosign(text: &str, signer: &dyn Signer, at: Timestamp) -> Result<String> {
    let key = NoteKey::of(signer, KeyUse::Cosignature)?;
    let seconds = u64::try_from(at.0 / 1_000).map_err(Error::bug)?;
    let mut bytes = key.id().to_be_bytes().to_vec();
    bytes.extend_from_slice(&seconds.to_be_bytes());
    bytes.extend_from_slice(&signer.sign(message(seconds, text).as_bytes())?);
    Ok(format!("— {} {}\n", key.name, STANDARD.encode(bytes)))
}

/// Verifies a line that [claims](NoteKey::claims) to be by `key`; gives its time.
pub fn verify_cosignature(text: &str, line: &NoteSignature<'_>, key: &NoteKey) -> Result<Timestamp, BadCosignature> {
    let (seconds, signature) = line.signature.split_first_chunk().ok_or(BadCosignature)?;
    let seconds = u64::from_be_bytes(*seconds);
    let at = i64::try_from(seconds).ok().and_then(|seconds| seconds.checked_mul(1_000)).ok_or(BadCosignature)?;
    if key.usage != KeyUse::Cosignature {
        return Err(BadCosignature);
    }
    key.key.verify(message(seconds, text).as_bytes(), signature).map_err(|_| BadCosignature)?;
    Ok(Timestamp(at))
}

/// A note with further signature lines.
pub fn with_lines(note: &[u8], lines: impl IntoIterator<Item = impl AsRef<str>>) -> Bytes {
    let mut note = note.to_vec();
    lines.into_iter().for_each(|line| note.extend_from_slice(line.as_ref().as_bytes()));
    note.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Seed;
    use crate::trust::keys::Ed25519Signer;
    use crate::trust::note::{Checkpoint, Note};

    const AT: Timestamp = Timestamp(1_679_315_147_999);

    #[test]
    fn a_cosignature_holds_for_its_text_time_and_key_alone() {
        let log = Ed25519Signer::from_seed("lienthong/H27/records", &Seed::root(1));
        let witness = Ed25519Signer::from_seed("witness.example/w1", &Seed::root(2));
        let checkpoint = Checkpoint { origin: "lienthong/H27/records".into(), size: 5, root: [3; 32] };
        let line = cosign(&checkpoint.text(), &witness, AT).expect("cosigns");
        let note = with_lines(&checkpoint.sign(&log).expect("signs"), [line]);
        let note = Note::parse(&note).expect("a note");
        let [own, line] = note.signatures.as_slice() else { panic!("two lines") };
        let key = NoteKey::of(&witness, KeyUse::Cosignature).expect("a key");
        assert!(key.claims(line) && !key.claims(own));
        assert_eq!(verify_cosignature(note.text, line, &key), Ok(Timestamp(1_679_315_147_000)));

        let other = Ed25519Signer::from_seed("witness.example/w1", &Seed::root(3));
        let other = NoteKey::of(&other, KeyUse::Cosignature).expect("a key");
        assert_eq!(verify_cosignature(note.text, line, &other), Err(BadCosignature));
        let as_note = NoteKey { usage: KeyUse::Note, ..key.clone() };
        assert!(!as_note.claims(line) && verify_cosignature(note.text, line, &as_note).is_err());
        assert!(verify_cosignature(&note.text.replace("\n5\n", "\n6\n"), line, &key).is_err());
        for position in 0..line.signature.len() {
            let mut changed = line.clone();
            changed.signature[position] ^= 1;
            assert!(verify_cosignature(note.text, &changed, &key).is_err(), "{position}");
        }
        let short = NoteSignature { signature: vec![0; 7], ..line.clone() };
        assert!(verify_cosignature(note.text, &short, &key).is_err());
    }

    /// The example of C2SP tlog-cosignature names key and time; its key is not given, so the layout alone is held to it.
    #[test]
    fn the_layout_is_that_of_the_specification() {
        let line = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— \
                    witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";
        let note = Note::parse(line.as_bytes()).expect("a note");
        let bytes = &note.signatures[0].signature;
        assert_eq!((bytes.len(), &bytes[..8]), (72, &1_679_315_147_u64.to_be_bytes()[..]));
        assert_eq!(message(1_679_315_147, "x\n"), "cosignature/v1\ntime 1679315147\nx\n");
    }
}
