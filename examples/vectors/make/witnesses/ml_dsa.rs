//! Cosignatures by ML-DSA-44 keys (C2SP tlog-cosignature): a witness with others and alone, and lines that are not its cosignatures.

use ::ml_dsa::{MlDsa44, SigningKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lienthong::trust::cosignature::cosigned_message;
use lienthong::trust::keys::MlDsaKey;
use lienthong::trust::vkey::{KeyUse, LineKey, NoteKey};
use lienthong::trust::*;

use super::super::world::{NOW, World};
use super::{Case, cosigned, judged, two_of_three};

/// A witness with an ML-DSA-44 key: its vkey and its cosignatures.
struct MlDsaWitness {
    pair: SigningKey<MlDsa44>,
    key: NoteKey,
}

impl MlDsaWitness {
    fn new() -> Self {
        let pair = SigningKey::<MlDsa44>::from_seed(&[0x5a; 32].into());
        let key = MlDsaKey::new(&pair.expanded_key().verifying_key().encode()).expect("a key");
        let key = NoteKey { name: "witness.example/pq".into(), usage: KeyUse::Cosignature, key: LineKey::MlDsa44(key) };
        Self { pair, key }
    }

    /// A line that cosigns a checkpoint at [`NOW`], in another witness's name if one is given.
    fn line(&self, checkpoint: &Checkpoint, name: Option<&str>) -> String {
        let seconds = NOW.0 as u64 / 1_000;
        let message = cosigned_message(name.unwrap_or(&self.key.name), seconds, checkpoint).expect("short names");
        let signature = self.pair.expanded_key().sign_deterministic(&message, &[]).expect("signs").encode();
        let bytes = [&self.key.id().to_be_bytes()[..], &seconds.to_be_bytes(), &signature].concat();
        format!("— {} {}\n", self.key.name, STANDARD.encode(bytes))
    }
}

/// Its key, as policies write it.
pub(super) fn vkey() -> String {
    MlDsaWitness::new().key.to_string()
}

/// A witness with an ML-DSA-44 key, with the others and alone.
pub(super) fn all() -> Vec<(String, String)> {
    let witness = MlDsaWitness::new();
    let with_it = two_of_three().replace(&super::vkey(3), &witness.key.to_string());
    let alone = format!("witness pq {}\nquorum pq\n", witness.key);
    let world = World::new();
    let checkpoint = world.records.checkpoint();
    let with = |note: String, line: String| note + &line;
    let line = witness.line(&checkpoint, None);
    let larger = Checkpoint { size: checkpoint.size + 1, ..checkpoint.clone() };
    // the last byte of its time, after which the signature begins
    let changed = {
        let (head, encoded) = line.trim_end().rsplit_once(' ').expect("three words");
        let mut bytes = STANDARD.decode(encoded).expect("base64");
        bytes[11] ^= 1;
        format!("{head} {}\n", STANDARD.encode(bytes))
    };
    let extended = {
        let text = checkpoint.text() + "an extension line\n";
        let note = note::sign_note(&text, &[&*world.records.signer]).expect("signs");
        String::from_utf8(note.to_vec()).expect("text")
    };
    let cases: [Case; 8] = [
        (
            "witness-ml-dsa",
            "The one witness has an ML-DSA-44 key, and cosigned.",
            alone.clone(),
            with(cosigned(&[]), line.clone()),
            None,
        ),
        (
            "witness-ml-dsa-beside",
            "Two of three witnesses cosigned, one of them with an ML-DSA-44 key.",
            with_it.clone(),
            with(cosigned(&[(1, NOW)]), line.clone()),
            None,
        ),
        (
            "witness-ml-dsa-missing",
            "The witness with an ML-DSA-44 key is needed, and did not cosign.",
            with_it,
            cosigned(&[(1, NOW)]),
            Some(Code::Quorum),
        ),
        (
            "witness-ml-dsa-extension",
            "An ML-DSA-44 cosignature leaves out extension lines.",
            alone.clone(),
            with(extended, line),
            None,
        ),
        (
            "witness-ml-dsa-other-size",
            "An ML-DSA-44 cosignature is of another size.",
            alone.clone(),
            with(cosigned(&[]), witness.line(&larger, None)),
            Some(Code::Quorum),
        ),
        (
            "witness-ml-dsa-other-name",
            "An ML-DSA-44 cosignature was made in another witness's name.",
            alone.clone(),
            with(cosigned(&[]), witness.line(&checkpoint, Some("witness.example/other"))),
            Some(Code::Quorum),
        ),
        (
            "witness-ml-dsa-other-time",
            "An ML-DSA-44 cosignature with another time than the signed one.",
            alone.clone(),
            with(cosigned(&[]), changed),
            Some(Code::Quorum),
        ),
        (
            "witness-ml-dsa-short",
            "An ML-DSA-44 cosignature that ends early.",
            alone,
            with(cosigned(&[]), {
                let short = [&witness.key.id().to_be_bytes()[..], &[0; 8 + 2_419]].concat();
                format!("— {} {}\n", witness.key.name, STANDARD.encode(short))
            }),
            Some(Code::Quorum),
        ),
    ];
    cases.into_iter().map(judged).collect()
}
