//! One entry of the evidence ledger, and its bytes: canonical JSON, so that anyone can read the entries.
//!
//! ```json
//! {"agency":"one-stop","at_ms":1795388400000,"client_request_id":"…","guardian":"<pseudonym>","kind":"presentation","outcome":"OK",
//!  "previous":"<leaf hash>","purpose":"one_stop.verify_documents","record_types":["land.certificate.v1"],
//!  "records":[{"fields":9,"statement":"<SHA-256 of the statement>"}],"reference":"<keyed hash>",
//!  "request_id":"…","rights":"<SHA-256 of the file>","subject":"<pseudonym>","subject_sequence":7,"trace_id":"<32 hexadecimal characters>","version":1}
//! ```
//!
//! Absent: `client_request_id` and `trace_id` where the client named none; `rights` where a citizen's presentation decided, and in entries from before the field existed; `guardian` where no guardian presented documents for the subject; `previous` in a subject's first entry; `purpose` and
//! `reference` where the call had none that is valid; `subject` with `subject_sequence` where the call named no citizen; empty lists.

use std::sync::Arc;

use crate::base::id::to_hex;
use crate::base::{ClientIds, RequestId, Timestamp};
use crate::registry::Name;
use crate::trust::Hash;

use super::Subject;

/// The kind of an access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An agency asked with a right.
    Exchange,
    /// A citizen presented documents to an agency.
    Presentation,
}

impl Kind {
    /// The name in entries.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exchange => "exchange",
            Self::Presentation => "presentation",
        }
    }
}

/// A record that was delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidencedRecord {
    /// Hash of its statement.
    pub statement: Hash,
    /// The number of disclosed fields.
    pub fields: u16,
}

/// The content of an entry, without its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceEntry {
    /// The call's id.
    pub request_id: RequestId,
    /// The client's names for it.
    pub client_ids: ClientIds,
    /// When the call arrived.
    pub at: Timestamp,
    /// The kind of the access.
    pub kind: Kind,
    /// The agency's key.
    pub agency: String,
    /// One of the known purposes.
    pub purpose: Option<Arc<str>>,
    /// The version of the rights that decided it.
    pub rights: Option<Arc<str>>,
    /// Keyed hash of the caller's own reference.
    pub reference: Option<Hash>,
    /// The guardian who presented documents for the subject.
    pub guardian: Option<Subject>,
    /// The subject; `None` if the call named nobody.
    pub subject: Option<Subject>,
    /// The existing record types that were requested.
    pub record_types: Vec<Name>,
    /// `OK`, `REPEATED` for a repeated redemption, or the reason of the refusal.
    pub outcome: &'static str,
    /// The records delivered.
    pub records: Vec<EvidencedRecord>,
}

/// The position of an entry in the chain of its subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EvidencePosition {
    /// Its number, from 1.
    pub sequence: u64,
    /// Leaf hash of the entry before it; `None` for the first.
    pub previous: Option<Hash>,
}

impl EvidenceEntry {
    /// The entry's canonical JSON. Written directly: every text in it comes from a closed list or is plain ASCII by its type, so
    /// nothing needs escaping, and every call passes here.
    pub(super) fn encode(&self, position: Option<EvidencePosition>) -> Vec<u8> {
        let mut out = String::with_capacity(512 + self.records.len() * 96);
        out.push('{');
        text(&mut out, "agency", &self.agency);
        number(&mut out, "at_ms", self.at.0);
        if let Some(client_request_id) = self.client_ids.request_id() {
            text(&mut out, "client_request_id", client_request_id);
        }
        if let Some(guardian) = &self.guardian {
            text(&mut out, "guardian", &to_hex(guardian));
        }
        text(&mut out, "kind", self.kind.as_str());
        text(&mut out, "outcome", self.outcome);
        if let Some(previous) = position.and_then(|position| position.previous) {
            text(&mut out, "previous", &to_hex(&previous));
        }
        if let Some(purpose) = &self.purpose {
            text(&mut out, "purpose", purpose);
        }
        if !self.record_types.is_empty() {
            name(&mut out, "record_types");
            list(&mut out, &self.record_types, |out, record_type| quoted(out, record_type));
        }
        if !self.records.is_empty() {
            name(&mut out, "records");
            list(&mut out, &self.records, |out, record| {
                out.push('{');
                number(out, "fields", record.fields.into());
                text(out, "statement", &to_hex(&record.statement));
                out.push('}');
            });
        }
        if let Some(reference) = &self.reference {
            text(&mut out, "reference", &to_hex(reference));
        }
        text(&mut out, "request_id", &self.request_id.to_string());
        if let Some(rights) = &self.rights {
            text(&mut out, "rights", rights);
        }
        if let (Some(subject), Some(position)) = (&self.subject, position) {
            text(&mut out, "subject", &to_hex(subject));
            number(&mut out, "subject_sequence", position.sequence as i64);
        }
        if let Some(trace_id) = self.client_ids.trace_id() {
            text(&mut out, "trace_id", &trace_id);
        }
        number(&mut out, "version", 1);
        out.push('}');
        out.into_bytes()
    }
}

fn name(out: &mut String, name: &str) {
    if !out.ends_with('{') {
        out.push(',');
    }
    quoted(out, name);
    out.push(':');
}

fn text(out: &mut String, key: &str, value: &str) {
    name(out, key);
    quoted(out, value);
}

fn number(out: &mut String, key: &str, value: i64) {
    use std::fmt::Write as _;
    name(out, key);
    let _ = write!(out, "{value}"); // writing to a String cannot fail
}

fn quoted(out: &mut String, value: &str) {
    out.push('"');
    out.push_str(value);
    out.push('"');
}

fn list<T>(out: &mut String, items: &[T], mut write: impl FnMut(&mut String, &T)) {
    out.push('[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write(out, item);
    }
    out.push(']');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::client_ids::{ClientRequestId, TraceParent};
    use crate::trust::canonical;

    fn entry() -> EvidenceEntry {
        EvidenceEntry {
            request_id: RequestId(uuid::Uuid::nil()),
            client_ids: ClientIds {
                request_id: ClientRequestId::parse("dossier-7/a"),
                trace: TraceParent::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
                on_behalf_of: None,
            },
            at: Timestamp(1_795_388_400_000),
            kind: Kind::Exchange,
            agency: "one-stop".into(),
            purpose: Some("one_stop.verify_documents".into()),
            rights: Some("07".repeat(32).into()),
            reference: Some([3; 32]),
            guardian: Some([9; 32]),
            subject: Some([4; 32]),
            record_types: vec!["resident.person.v1".into(), "land.certificate.v1".into()],
            outcome: "OK",
            records: vec![
                EvidencedRecord { statement: [5; 32], fields: 9 },
                EvidencedRecord { statement: [6; 32], fields: 0 },
            ],
        }
    }

    #[test]
    fn an_entry_is_canonical_and_says_everything() {
        let position = EvidencePosition { sequence: 7, previous: Some([8; 32]) };
        let read = canonical::parse(&entry().encode(Some(position))).expect("canonical");
        let names: Vec<_> = read.names().collect();
        assert_eq!(names.len(), 17, "{names:?}");
        assert_eq!(read.text("client_request_id"), Some("dossier-7/a"));
        assert_eq!(read.text("trace_id"), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        assert_eq!(read.text("guardian"), Some("09".repeat(32).as_str()));
        assert_eq!(read.text("rights"), Some("07".repeat(32).as_str()));
        assert_eq!(read.integer("subject_sequence"), Some(7));
        assert_eq!(read.text("previous"), Some("08".repeat(32).as_str()));
        assert_eq!(read.path("records.0.fields").and_then(canonical::Value::as_integer), Some(9));
        assert_eq!(read.text_at("record_types.1"), Some("land.certificate.v1"));
    }

    #[test]
    fn what_is_absent_is_left_out() {
        let bare = EvidenceEntry {
            client_ids: ClientIds::default(),
            purpose: None,
            rights: None,
            reference: None,
            guardian: None,
            subject: None,
            record_types: vec![],
            records: vec![],
            outcome: "INVALID_REQUEST",
            ..entry()
        };
        let read = canonical::parse(&bare.encode(None)).expect("canonical");
        let names: Vec<_> = read.names().collect();
        assert_eq!(names, ["agency", "at_ms", "kind", "outcome", "request_id", "version"]);
        let first = entry().encode(Some(EvidencePosition { sequence: 1, previous: None }));
        assert!(!canonical::parse(&first).expect("canonical").contains("previous"));
    }
}
