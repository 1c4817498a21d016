//! A presentation with what is expected of it, as a vector's file.

use lienthong::base::Timestamp;
use lienthong::trust::jose::decode_part;
use lienthong::trust::{Code, TrustAnchor, Verdict};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::wallet::{AUDIENCE, NONCE, bind};
use crate::make::vector::{anchor_text, json_file, raw, verdict_of};
use crate::make::world::NOW;

#[derive(Serialize)]
struct PresentationVector<'a> {
    format: &'static str,
    name: &'a str,
    shows: &'a str,
    at: String,
    trust_anchor: Box<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audience: Option<&'static str>,
    presentation: &'a str,
    expected: Expected<'a>,
    in_words: Words,
}

#[derive(Serialize)]
struct Expected<'a> {
    exit_code: u8,
    verdict: &'static str,
    code: Option<&'static str>,
    fails: &'a [&'static str],
}

/// The readable parts: the token's claims, the disclosures, and the claims of the key binding.
#[derive(Serialize)]
struct Words {
    claims: Option<Value>,
    disclosed: Vec<Option<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    binding: Option<Value>,
}

impl Words {
    fn of(presentation: &str) -> Self {
        let json = |text: &str| serde_json::from_slice(&decode_part(text).ok()?).ok();
        let payload = |token: &str| json(token.split('.').nth(1)?);
        let mut parts = presentation.split('~');
        let claims = payload(parts.next().unwrap_or_default());
        let mut rest: Vec<&str> = parts.collect();
        let binding = rest.pop().and_then(payload);
        Self { claims, disclosed: rest.into_iter().map(json).collect(), binding }
    }
}

pub struct Case {
    pub name: &'static str,
    pub shows: &'static str,
    pub at: Timestamp,
    pub asked: bool,
    pub text: String,
    pub verdict: Verdict,
    pub fails: &'static [&'static str],
}

/// Bound as it was asked for.
pub fn good(name: &'static str, shows: &'static str, text: &str) -> Case {
    Case { name, shows, at: NOW, asked: true, text: bind(text), verdict: Verdict::Valid, fails: &[] }
}

/// Not good already before it is bound, which nobody asks for.
pub fn bad(name: &'static str, shows: &'static str, text: String, code: Code, fails: &'static [&'static str]) -> Case {
    Case { name, shows, at: NOW, asked: false, text, verdict: verdict_of(code), fails }
}

pub fn badly_bound(name: &'static str, shows: &'static str, text: String) -> Case {
    Case { asked: true, ..bad(name, shows, text, Code::KeyBinding, &["key_binding"]) }
}

pub fn file(case: &Case, anchor: &TrustAnchor) -> (String, String) {
    let row = PresentationVector {
        format: "lienthong/presentation-vector/v1",
        name: case.name,
        shows: case.shows,
        at: case.at.to_string(),
        trust_anchor: raw(&anchor_text(anchor), "  "),
        nonce: case.asked.then_some(NONCE),
        audience: case.asked.then_some(AUDIENCE),
        presentation: &case.text,
        expected: Expected {
            exit_code: case.verdict.exit_code(),
            verdict: case.verdict.as_str(),
            code: case.verdict.code().map(Code::as_str),
            fails: case.fails,
        },
        in_words: Words::of(&case.text),
    };
    json_file(case.name, &row)
}
