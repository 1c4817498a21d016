//! Cosignatures: a witness attests that it saw a log's head at a time, and that the log had only grown until then
//! (C2SP tlog-cosignature, the draft at commit 01194db).
//!
//! The signature line holds the time in 8 bytes, big-endian, and the signature. The signed message depends on the key:
//!
//! - Ed25519: `cosignature/v1`, `time <seconds>`, and the note's text. Ours are of this kind.
//! - ML-DSA-44: [`cosigned_message`], which names witness, log, size and root, and leaves out a note's extension lines.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::keys::Signer;
use super::note::{Checkpoint, NoteSignature};
use super::vkey::{KeyUse, LineKey, NoteKey};
use crate::base::{Error, Result, Timestamp};

/// A cosignature that does not verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cosignature does not verify")]
pub struct BadCosignature;

fn message(seconds: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {seconds}\n{text}")
}

/// The message that an ML-DSA-44 witness signs: a `cosigned_message` of the whole tree. `None` for names whose length does not fit into one byte.
pub fn cosigned_message(cosigner: &str, seconds: u64, checkpoint: &Checkpoint) -> Option<Vec<u8>> {
    let mut message = b"subtree/v1\n\0".to_vec();
    let mut named = |name: &str, then: u64| {
        message.push(u8::try_from(name.len()).ok().filter(|length| *length > 0)?);
        message.extend_from_slice(name.as_bytes());
        message.extend_from_slice(&then.to_be_bytes());
        Some(())
    };
    named(cosigner, seconds)?;
    named(&checkpoint.origin, 0)?; // the tree's first leaf
    message.extend_from_slice(&checkpoint.size.to_be_bytes());
    message.extend_from_slice(&checkpoint.root);
    Some(message)
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
    let signed = match &key.key {
        LineKey::Plain(_) => message(seconds, text).into_bytes(),
        LineKey::MlDsa44(_) => {
            let checkpoint = Checkpoint::parse(text).map_err(|_| BadCosignature)?;
            cosigned_message(&key.name, seconds, &checkpoint).ok_or(BadCosignature)?
        }
    };
    key.verify(&signed, signature).map_err(|_| BadCosignature)?;
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

    #[test]
    fn an_ml_dsa_cosignature_names_witness_log_time_size_and_root() {
        let pair = ml_dsa::SigningKey::<ml_dsa::MlDsa44>::from_seed(&[7; 32].into());
        let bytes = pair.expanded_key().verifying_key().encode();
        let key = |name: &str| NoteKey {
            name: name.into(),
            usage: KeyUse::Cosignature,
            key: LineKey::MlDsa44(crate::trust::keys::MlDsaKey::new(&bytes).expect("a key")),
        };
        let checkpoint = Checkpoint { origin: "lienthong/H27/records".into(), size: 5, root: [3; 32] };
        let seconds = 1_679_315_147_u64;
        let message = cosigned_message("witness.example/pq", seconds, &checkpoint).expect("short names");
        let expected = [
            &b"subtree/v1\n\0\x12witness.example/pq\0\0\0\0\x64\x18\x50\xcb\x15lienthong/H27/records"[..],
            &[0; 8],
            &[0, 0, 0, 0, 0, 0, 0, 5],
            &[3; 32],
        ];
        assert_eq!(message, expected.concat());
        let signature = pair.expanded_key().sign_deterministic(&message, &[]).expect("signs").encode();
        let line = NoteSignature {
            name: "witness.example/pq",
            key_id: key("witness.example/pq").id(),
            signature: [&seconds.to_be_bytes()[..], &signature].concat(),
        };
        let text = checkpoint.text();
        let verify = |text: &str, line: &NoteSignature<'_>, name: &str| verify_cosignature(text, line, &key(name));
        assert_eq!(verify(&text, &line, "witness.example/pq"), Ok(Timestamp(1_679_315_147_000)));
        assert!(verify(&(text.clone() + "an extension\n"), &line, "witness.example/pq").is_ok(), "not covered");
        assert!(verify(&text, &line, "witness.example/other").is_err());
        assert!(verify("no checkpoint\n", &line, "witness.example/pq").is_err());
        for changed in [text.replace("\n5\n", "\n6\n"), text.replace("records", "others"), text.replace("AwMD", "AwME")]
        {
            assert!(verify(&changed, &line, "witness.example/pq").is_err(), "{changed}");
        }
        for at in [0, 7, 8, 39, 40, 2_000, 2_427] {
            let mut changed = line.clone();
            changed.signature[at] ^= 1;
            assert!(verify(&text, &changed, "witness.example/pq").is_err(), "{at}");
        }
        let long = Checkpoint { origin: "o".repeat(256), ..checkpoint };
        assert_eq!(cosigned_message("w", 0, &long), None);
    }

    /// The example of C2SP tlog-cosignature names key and time; its key is not given, so only the layout is compared.
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
