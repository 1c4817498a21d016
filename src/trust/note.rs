//! Signed notes and checkpoints: a log's statement, in text, about its tree.
//!
//! C2SP signed-note: text that ends in a newline, an empty line, then lines `— <key name> base64(key id ‖ signature)`.
//! C2SP tlog-checkpoint: the text is the log's origin, its size in decimal, and its root in base64, a line each.
//! A note's text means nothing until a signature of a known key verifies; signatures of unknown keys are ignored,
//! and one bad signature of a known key spoils the note.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::keys::{PublicKey, Signer};
use super::merkle::Hash;
use crate::base::{Error, Result};

/// The longest note, in bytes: 16 signatures of post-quantum size fit.
pub const NOTE_BYTES_MAX: usize = 96 * 1024;
/// The most signatures on a note.
pub const NOTE_SIGNATURES_MAX: usize = 16;

/// Bytes that are not a signed note, or text that is not a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a signed checkpoint: {0}")]
pub struct NoteError(&'static str);

/// A note whose signatures are not verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note<'a> {
    /// The signed text, with its last newline.
    pub text: &'a str,
    /// The signature lines, in order.
    pub signatures: Vec<NoteSignature<'a>>,
}

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature<'a> {
    /// The key's name; for a log's own key, the origin.
    pub name: &'a str,
    /// The key's id within the name.
    pub key_id: u32,
    /// The signature over the text.
    pub signature: Vec<u8>,
}

impl<'a> Note<'a> {
    /// Takes a note apart; verifies nothing.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(NoteError("too long"));
        }
        let note = std::str::from_utf8(bytes).map_err(|_| NoteError("not UTF-8"))?;
        if note.bytes().any(|byte| byte < b' ' && byte != b'\n') {
            return Err(NoteError("a control character"));
        }
        let split = note.rfind("\n\n").ok_or(NoteError("no empty line before the signatures"))?;
        let (text, lines) = (&note[..=split], &note[split + 2..]);
        let lines = lines.strip_suffix('\n').ok_or(NoteError("the last line has no line end"))?;
        let signatures = lines.split('\n').take(NOTE_SIGNATURES_MAX + 1).map(NoteSignature::parse);
        let signatures = signatures.collect::<Result<Vec<_>, _>>()?;
        if signatures.len() > NOTE_SIGNATURES_MAX {
            return Err(NoteError("too many signatures"));
        }
        Ok(Self { text, signatures })
    }
}

impl<'a> NoteSignature<'a> {
    fn parse(line: &'a str) -> Result<Self, NoteError> {
        let malformed = NoteError("a malformed signature line");
        let (name, encoded) = line.strip_prefix("— ").and_then(|rest| rest.split_once(' ')).ok_or(malformed)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| malformed)?;
        let (key_id, signature) = bytes.split_first_chunk().ok_or(malformed)?;
        if !is_key_name(name) || signature.is_empty() {
            return Err(malformed);
        }
        Ok(Self { name, key_id: u32::from_be_bytes(*key_id), signature: signature.to_vec() })
    }

    /// Whether the line claims to be by this key.
    pub fn is_by(&self, name: &str, key: &PublicKey) -> bool {
        self.name == name && self.key_id == key.note_key_id(name)
    }
}

/// Whether a name may occur in a signature line.
pub fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c == '+' || c.is_whitespace() || c.is_control())
}

/// Signs a text that ends in a newline; the signatures are in the order of the signers.
pub fn sign_note(text: &str, signers: &[&dyn Signer]) -> Result<Bytes> {
    let mut note = format!("{text}\n");
    for signer in signers {
        let key = PublicKey::new(signer.algorithm(), signer.public_key()).map_err(Error::bug)?;
        let name = signer.key_name();
        let mut bytes = key.note_key_id(name).to_be_bytes().to_vec();
        bytes.extend_from_slice(&signer.sign(text.as_bytes())?);
        note.push_str("— ");
        note.push_str(name);
        note.push(' ');
        STANDARD.encode_string(bytes, &mut note);
        note.push('\n');
    }
    Ok(note.into())
}

/// A log's tree at one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's origin: `lienthong/H27/land`.
    pub origin: String,
    /// How many leaves.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

impl Checkpoint {
    /// Reads a note's text. Extension lines are allowed and ignored: the signature covers them.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut lines = text.strip_suffix('\n').ok_or(NoteError("the text has no line end"))?.split('\n');
        let mut line = || lines.next().filter(|line| !line.is_empty()).ok_or(NoteError("a line is missing"));
        let (origin, size, root) = (line()?, line()?, line()?);
        let canonical = size == "0" || !size.starts_with('0');
        let digits = size.bytes().all(|byte| byte.is_ascii_digit());
        let size = size.parse().ok().filter(|_| canonical && digits).ok_or(NoteError("the size is not a number"))?;
        let root = STANDARD.decode(root).ok().and_then(|root| root.try_into().ok());
        let root = root.ok_or(NoteError("the root is not a hash"))?;
        if lines.any(str::is_empty) {
            return Err(NoteError("an empty extension line"));
        }
        Ok(Self { origin: origin.to_owned(), size, root })
    }

    /// The text to sign.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root))
    }

    /// Signs the checkpoint.
    pub fn sign(&self, signer: &dyn Signer) -> Result<Bytes> {
        sign_note(&self.text(), &[signer])
    }

    /// Reads the checkpoint of a note and verifies nothing: for a log that reads its own note back, and to learn the
    /// origin, which decides whose keys to ask.
    pub fn of_note(note: &[u8]) -> Result<Self, NoteError> {
        Self::parse(Note::parse(note)?.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Seed;
    use crate::trust::keys::{Algorithm, Ed25519Signer, P256Signer};

    const GO_SUM_KEY: &str = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";

    fn checkpoint() -> Checkpoint {
        Checkpoint { origin: "lienthong/H27/land".to_owned(), size: 20_852_163, root: [9; 32] }
    }

    #[test]
    fn key_ids_are_those_of_the_go_checksum_database() {
        let key = STANDARD.decode(&GO_SUM_KEY[24..]).expect("base64");
        assert_eq!(key[0], 1);
        let key = PublicKey::new(Algorithm::Ed25519, &key[1..]).expect("a good key");
        assert_eq!(key.note_key_id("sum.golang.org"), 0x033d_e0ae);
    }

    #[test]
    fn the_example_of_the_specification_parses() {
        let note = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— \
                    example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/\
                    Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";
        let parsed = Note::parse(note.as_bytes()).expect("a note");
        assert_eq!(parsed.signatures.len(), 1);
        assert_eq!(
            (parsed.signatures[0].name, parsed.signatures[0].key_id),
            ("example.com/behind-the-sofa", 0x033d_e0ae)
        );
        let checkpoint = Checkpoint::parse(parsed.text).expect("a checkpoint");
        assert_eq!((checkpoint.origin.as_str(), checkpoint.size), ("example.com/behind-the-sofa", 20_852_163));
        assert_eq!(checkpoint.text(), parsed.text);
    }

    #[test]
    fn what_is_signed_verifies() {
        let ed25519 = Ed25519Signer::from_seed("lienthong/H27/land", &Seed::root(1));
        let p256 = P256Signer::from_pkcs8("lienthong/H27/land", &P256Signer::generate_pkcs8().expect("randomness"));
        let p256 = p256.expect("a good key");
        let bytes = sign_note(&checkpoint().text(), &[&ed25519, &p256]).expect("signs");
        let note = Note::parse(&bytes).expect("a note");
        assert_eq!(Checkpoint::parse(note.text), Ok(checkpoint()));
        let signers: [&dyn Signer; 2] = [&ed25519, &p256];
        for (line, signer) in note.signatures.iter().zip(signers) {
            let key = PublicKey::new(signer.algorithm(), signer.public_key()).expect("a good key");
            assert!(line.is_by("lienthong/H27/land", &key) && !line.is_by("lienthong/H27/other", &key));
            assert_eq!(key.verify(note.text.as_bytes(), &line.signature), Ok(()));
        }
    }

    #[test]
    fn malformed_notes_and_checkpoints_are_refused() {
        let signer = Ed25519Signer::from_seed("lienthong/H27/land", &Seed::root(1));
        let good = String::from_utf8(checkpoint().sign(&signer).expect("signs").to_vec()).expect("text");
        assert!(Checkpoint::of_note(good.as_bytes()).is_ok());
        let last = good.lines().last().expect("a signature").to_owned();
        for bad in [
            String::new(),
            good.trim_end().to_owned(),
            good.replace("\n\n", "\n"),
            good.replace("\n\n", "\n\n\n"),
            good.replace("— ", "- "),
            good.replace("— lienthong", "— \u{a0}lienthong"),
            good.replace("— lienthong", "— +lienthong"),
            good.replace("=\n\n", "\n\n"),
            good.replace("\n20852163", "\n020852163"),
            good.replace("\n20852163", "\n+20852163"),
            good.replace("\n20852163", "\n20852163\r"),
            good.replace("\n20852163", "\n99999999999999999999"),
            good.replace("20852163\n", ""),
            format!("{good}{}", format!("{last}\n").repeat(16)),
            format!("{good}\n"),
            format!("{good}— lienthong/H27/land AAAA\n"),
            format!("{}{good}", "x".repeat(NOTE_BYTES_MAX)),
        ] {
            assert!(Checkpoint::of_note(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert!(Checkpoint::of_note(format!("{good}{}", format!("{last}\n").repeat(15)).as_bytes()).is_ok());
        assert!(Checkpoint::of_note(b"\xff\n\n\xe2\x80\x94 a AAAA\n").is_err());
    }
}
