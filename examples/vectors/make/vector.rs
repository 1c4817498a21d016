//! A vector as a file: everything that a verifier needs, the expected result, and the signed bytes in readable form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lienthong::base::Timestamp;
use lienthong::trust::*;
use serde::Serialize;
use serde_json::value::RawValue;

use super::world::{NOW, World};

/// One case.
pub struct Vector {
    pub name: String,
    pub shows: &'static str,
    pub at: Timestamp,
    /// The anchor's file.
    pub anchor: String,
    pub file: Contents,
    /// Status lists to check the records against.
    pub status_lists: Vec<String>,
    pub expected: Expected,
}

/// The input of `verify`.
pub enum Contents {
    Records(Vec<SignedRecord>),
    /// A file that protobuf JSON cannot hold, or that holds more than records.
    Text(String),
}

#[derive(Serialize)]
pub struct Expected {
    /// 0 when all records are VALID.
    pub exit_code: u8,
    /// Empty when the anchor or the file cannot be read.
    pub records: Vec<ExpectedRecord>,
}

#[derive(Serialize)]
pub struct ExpectedRecord {
    pub verdict: &'static str,
    pub code: Option<&'static str>,
    /// The checks that fail, in order.
    pub fails: Vec<&'static str>,
}

/// A verdict with the checks that fail.
pub fn expect(verdict: Verdict, fails: &[&'static str]) -> ExpectedRecord {
    ExpectedRecord { verdict: verdict.as_str(), code: verdict.code().map(Code::as_str), fails: fails.to_vec() }
}

/// INVALID, or for the codes of missing proof INDETERMINATE.
pub fn verdict_of(code: Code) -> Verdict {
    if code.exit_code() < 30 { Verdict::Invalid(code) } else { Verdict::Indeterminate(code) }
}

impl Vector {
    /// A record that verifies.
    pub fn good(name: &str, shows: &'static str, world: &World, record: &SignedRecord) -> Self {
        Self::of(name, shows, world, record, Verdict::Valid, &[])
    }

    /// A record that doesn't, for the reason of `code`.
    pub fn bad(
        name: &str,
        shows: &'static str,
        world: &World,
        record: &SignedRecord,
        code: Code,
        fails: &[&'static str],
    ) -> Self {
        Self::of(name, shows, world, record, verdict_of(code), fails)
    }

    fn of(
        name: &str,
        shows: &'static str,
        world: &World,
        record: &SignedRecord,
        verdict: Verdict,
        fails: &[&'static str],
    ) -> Self {
        let expected = Expected { exit_code: verdict.exit_code(), records: vec![expect(verdict, fails)] };
        Self::many(name, shows, world, vec![record.clone()], expected)
    }

    /// Several records.
    pub fn many(
        name: &str,
        shows: &'static str,
        world: &World,
        records: Vec<SignedRecord>,
        expected: Expected,
    ) -> Self {
        let anchor = anchor_text(&world.anchor);
        Self {
            name: name.to_owned(),
            shows,
            at: NOW,
            anchor,
            file: Contents::Records(records),
            status_lists: vec![],
            expected,
        }
    }

    /// A file that is given as text.
    pub fn text_file(name: &str, shows: &'static str, world: &World, text: String, expected: Expected) -> Self {
        let anchor = anchor_text(&world.anchor);
        Self {
            name: name.to_owned(),
            shows,
            at: NOW,
            anchor,
            file: Contents::Text(text),
            status_lists: vec![],
            expected,
        }
    }

    /// The same at another time.
    pub fn at(self, at: Timestamp) -> Self {
        Self { at, ..self }
    }

    /// The file's name and text.
    pub fn file(&self) -> (String, String) {
        let (records, file) = match &self.file {
            Contents::Records(records) => (Some(records), None),
            Contents::Text(text) => (None, Some(text.as_str())),
        };
        let row = VectorJson {
            format: "lienthong/vector/v1",
            name: &self.name,
            shows: self.shows,
            at: self.at.to_string(),
            trust_anchor: raw(&self.anchor, "  "),
            records: records.map(|records| records.iter().map(RecordJson::of).collect()),
            file,
            status_lists: &self.status_lists,
            in_words: records.map(|records| records.iter().map(Words::of).collect()),
            expected: &self.expected,
        };
        json_file(&self.name, &row)
    }
}

/// A vector's file: its name and its text.
pub fn json_file(name: &str, row: &impl Serialize) -> (String, String) {
    let mut text = serde_json::to_string_pretty(row).expect("plain data is JSON");
    text.push('\n');
    (format!("{name}.json"), text)
}

/// An anchor's file.
pub fn anchor_text(anchor: &TrustAnchor) -> String {
    String::from_utf8(anchor.to_json().expect("a good anchor")).expect("JSON is text")
}

/// JSON that is inserted unchanged, indented with its surroundings.
pub fn raw(json: &str, indent: &str) -> Box<RawValue> {
    RawValue::from_string(json.trim_end().replace('\n', &format!("\n{indent}"))).expect("JSON")
}

/// A record in protobuf JSON.
pub fn record_text(record: &SignedRecord) -> String {
    serde_json::to_string(&RecordJson::of(record)).expect("plain data is JSON")
}

/// The same, to read.
pub fn pretty_record(record: &SignedRecord) -> String {
    serde_json::to_string_pretty(&RecordJson::of(record)).expect("plain data is JSON")
}

#[derive(Serialize)]
struct VectorJson<'a> {
    format: &'static str,
    name: &'a str,
    shows: &'a str,
    at: String,
    trust_anchor: Box<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    records: Option<Vec<RecordJson<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    status_lists: &'a [String],
    expected: &'a Expected,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_words: Option<Vec<Words>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RecordJson<'a> {
    statement: String,
    #[serde(flatten)]
    disclosure: DisclosureJson<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer_proof: Option<ProofJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ledger_proof: Option<ProofJson<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum DisclosureJson<'a> {
    Whole { payload: String, salt: String },
    Partial { shown: Vec<ShownJson<'a>>, hidden: Vec<HiddenJson> },
}

#[derive(Serialize)]
struct ShownJson<'a> {
    index: u16,
    name: &'a str,
    value: String,
    salt: String,
}

#[derive(Serialize)]
struct HiddenJson {
    index: u16,
    leaf: String,
}

#[derive(Serialize)]
struct ProofJson<'a> {
    checkpoint: &'a str,
    index: String,
    path: Vec<String>,
}

impl<'a> RecordJson<'a> {
    fn of(record: &'a SignedRecord) -> Self {
        let disclosure = match &record.disclosure {
            Disclosure::Whole { payload, salt } => {
                DisclosureJson::Whole { payload: STANDARD.encode(payload), salt: STANDARD.encode(salt) }
            }
            Disclosure::Partial { shown, hidden } => DisclosureJson::Partial {
                shown: shown
                    .iter()
                    .map(|field| ShownJson {
                        index: field.index,
                        name: &field.name,
                        value: STANDARD.encode(&field.value),
                        salt: STANDARD.encode(field.salt),
                    })
                    .collect(),
                hidden: hidden
                    .iter()
                    .map(|field| HiddenJson { index: field.index, leaf: STANDARD.encode(field.leaf) })
                    .collect(),
            },
        };
        let proof = |proof: &'a LogProof| ProofJson {
            checkpoint: std::str::from_utf8(&proof.checkpoint).expect("notes of vectors are text"),
            index: proof.index.to_string(),
            path: proof.path.iter().map(|hash| STANDARD.encode(hash)).collect(),
        };
        Self {
            statement: STANDARD.encode(&record.statement),
            disclosure,
            issuer_proof: record.issuer_proof.as_ref().map(proof),
            ledger_proof: record.ledger_proof.as_ref().map(proof),
        }
    }
}

/// The signed bytes in words. A verifier does not read this part.
#[derive(Serialize)]
struct Words {
    statement: Option<StatementWords>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shown: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hidden: Option<usize>,
}

#[derive(Serialize)]
struct StatementWords {
    issuer: String,
    schema: String,
    record_id: String,
    version: u64,
    operation: String,
    issued_at: String,
    valid_from: String,
    valid_until: String,
    field_count: u16,
}

impl Words {
    fn of(record: &SignedRecord) -> Self {
        const LONGEST: usize = 1_000;
        let text = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            if text.len() <= LONGEST { text.into_owned() } else { format!("({} bytes)", bytes.len()) }
        };
        let statement = Statement::decode(&record.statement).ok().map(|statement| StatementWords {
            record_id: statement.record_id.to_hex(),
            version: statement.version,
            operation: format!("{:?}", statement.operation).to_lowercase(),
            issued_at: statement.issued_at.to_string(),
            valid_from: statement.valid_from.to_string(),
            valid_until: statement.valid_until.to_string(),
            field_count: statement.field_count,
            issuer: statement.issuer,
            schema: statement.schema,
        });
        let (mut payload, mut shown, mut hidden) = (None, None, None);
        match &record.disclosure {
            Disclosure::Whole { payload: bytes, .. } => payload = Some(text(bytes)),
            Disclosure::Partial { shown: fields, hidden: rest } => {
                shown = Some(fields.iter().map(|field| format!("{}: {}", field.name, text(&field.value))).collect());
                hidden = Some(rest.len());
            }
        }
        Self { statement, payload, shown, hidden }
    }
}
