//! The trust anchor's file: as `serve` writes it, or as grpcurl prints the answer of `TrustService/GetTrustAnchor`.

use std::path::Path;

use serde::Deserialize;

use super::output::Failure;
use super::text;
use crate::base::id::to_hex;
use crate::trust::TrustAnchor;

/// The answer, as protobuf JSON in either spelling.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    #[serde(alias = "anchor_json", rename = "anchorJson")]
    anchor_json: String,
    fingerprint: Option<String>,
    /// A number, or as text: in any case also in the anchor, which counts.
    #[serde(rename = "version")]
    _version: Option<serde_json::Value>,
}

/// The trust anchor cannot be read, or is not one.
pub(super) const EXIT_ANCHOR: u8 = 5;

/// Reads an anchor; says why it cannot be read, with the file's name.
pub(super) fn read(path: &Path) -> Result<TrustAnchor, Failure> {
    let failure = |why: String| Failure::with_code(format!("{}: {why}", path.display()), EXIT_ANCHOR);
    let bytes = std::fs::read(path).map_err(|error| failure(format!("cannot be read: {error}")))?;
    parse(&bytes).map_err(failure)
}

fn parse(bytes: &[u8]) -> Result<TrustAnchor, String> {
    let skip = text::begin(&bytes[..bytes.len().min(text::HEAD_BYTES)])?;
    let json = &bytes[skip..];
    let anchor = |json: &[u8]| TrustAnchor::from_json(json).map_err(|error| error.message.clone());
    let Ok(answer) = serde_json::from_slice::<Answer>(json) else { return anchor(json) };
    let found = anchor(answer.anchor_json.as_bytes())?;
    let fingerprint = to_hex(&found.fingerprint().map_err(|error| error.message.clone())?);
    match answer.fingerprint {
        Some(said) if said != fingerprint => {
            Err(format!("the answer states the fingerprint {said}, but its anchor has {fingerprint}"))
        }
        _ => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Clock as _, Seed, time::SystemClock};
    use crate::keys::signers::Keys;
    use crate::registry::Catalogue;

    #[test]
    fn an_anchor_is_read_from_its_file_and_from_an_answer() {
        let anchor = Keys::new(Catalogue::built_in(), Seed::root(1))
            .versions(SystemClock.now(), SystemClock.now(), &[])
            .expect("an anchor")
            .remove(0);
        let json = String::from_utf8(anchor.to_json().expect("JSON")).expect("UTF-8");
        let fingerprint = to_hex(&anchor.fingerprint().expect("one"));
        let answer = |name: &str, fingerprint: &str| {
            serde_json::json!({ name: json, "fingerprint": fingerprint, "version": "1" }).to_string()
        };
        let texts = [
            json.clone(),
            format!("\u{feff}{json}"),
            answer("anchorJson", &fingerprint),
            answer("anchor_json", &fingerprint),
        ];
        for text in texts {
            assert_eq!(parse(text.as_bytes()).as_ref(), Ok(&anchor), "{text}");
        }
        let other = parse(answer("anchorJson", "00").as_bytes()).expect_err("another fingerprint");
        assert!(other.contains("fingerprint 00"), "{other}");
        let utf16: Vec<u8> = json.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(parse(&utf16).expect_err("UTF-16").contains("UTF-16"));
        parse(br#"{"anchorJson":"{}"}"#).expect_err("no anchor inside");
    }
}
