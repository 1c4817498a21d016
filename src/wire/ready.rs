//! Answers whose records were encoded before.
//!
//! A record's message is the same in every answer that holds it, and making it costs more than everything else that a fetch
//! does, so the exchange keeps it encoded. On the wire an embedded message and a byte string are the same (protobuf.dev,
//! "Encoding", length-delimited records): this message is `exchange.v1.FetchRecordsResponse` with its records as bytes. The
//! build uses it instead of the generated one; a test compares it with the proto.

use bytes::{Buf, BufMut, Bytes};
use prost::encoding::{self, DecodeContext, WireType};
use prost::{DecodeError, Message};

use super::proto::exchange::v1::{Evidence, Missing, Record};

const REQUEST_ID: u32 = 1;
const RECORDS: u32 = 2;
const MISSING: u32 = 3;
const EVIDENCE: u32 = 4;

/// `exchange.v1.FetchRecordsResponse`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FetchRecordsResponse {
    /// The call's id.
    pub request_id: String,
    /// Encoded [`Record`]s; [`Self::decoded`] reads them.
    pub records: Vec<Bytes>,
    /// The record types without an answer.
    pub missing: Vec<Missing>,
    /// The entry of the call in the evidence ledger.
    pub evidence: Option<Evidence>,
}

/// By hand, for one line: a record's bytes are copied as a slice. The derived form clones the shared bytes for each answer, and two cores
/// that count the same references wait for each other.
impl Message for FetchRecordsResponse {
    fn encode_raw(&self, buffer: &mut impl BufMut) {
        if !self.request_id.is_empty() {
            encoding::string::encode(REQUEST_ID, &self.request_id, buffer);
        }
        for record in &self.records {
            encoding::encode_key(RECORDS, WireType::LengthDelimited, buffer);
            encoding::encode_varint(record.len() as u64, buffer);
            buffer.put_slice(record);
        }
        encoding::message::encode_repeated(MISSING, &self.missing, buffer);
        if let Some(evidence) = &self.evidence {
            encoding::message::encode(EVIDENCE, evidence, buffer);
        }
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buffer: &mut impl Buf,
        context: DecodeContext,
    ) -> Result<(), DecodeError> {
        match tag {
            REQUEST_ID => encoding::string::merge(wire_type, &mut self.request_id, buffer, context),
            RECORDS => encoding::bytes::merge_repeated(wire_type, &mut self.records, buffer, context),
            MISSING => encoding::message::merge_repeated(wire_type, &mut self.missing, buffer, context),
            EVIDENCE => {
                let evidence = self.evidence.get_or_insert_default();
                encoding::message::merge(wire_type, evidence, buffer, context)
            }
            _ => encoding::skip_field(wire_type, tag, buffer, context),
        }
    }

    fn encoded_len(&self) -> usize {
        let request_id = match self.request_id.is_empty() {
            true => 0,
            false => encoding::string::encoded_len(REQUEST_ID, &self.request_id),
        };
        request_id
            + encoding::bytes::encoded_len_repeated(RECORDS, &self.records)
            + encoding::message::encoded_len_repeated(MISSING, &self.missing)
            + self.evidence.as_ref().map_or(0, |evidence| encoding::message::encoded_len(EVIDENCE, evidence))
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}

impl FetchRecordsResponse {
    /// The records, read.
    pub fn decoded(&self) -> Result<Vec<Record>, DecodeError> {
        self.records.iter().map(|record| Record::decode(record.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use prost_reflect::DynamicMessage;

    use super::*;
    use crate::wire::typed::pool;

    #[test]
    fn it_has_the_fields_of_the_proto() {
        let message = pool().get_message_by_name("lienthong.exchange.v1.FetchRecordsResponse").expect("in the protos");
        let fields: Vec<_> = message
            .fields()
            .map(|field| {
                let of = field.kind().as_message().map(|message| message.name().to_owned());
                (field.number(), field.name().to_owned(), field.is_list(), of)
            })
            .collect();
        let field =
            |number, name: &str, is_list, of: Option<&str>| (number, name.to_owned(), is_list, of.map(str::to_owned));
        let wanted = [
            field(1, "request_id", false, None),
            field(2, "records", true, Some("Record")),
            field(3, "missing", true, Some("Missing")),
            field(4, "evidence", false, Some("Evidence")),
        ];
        assert_eq!(fields, wanted);
    }

    #[test]
    fn it_reads_as_it_was_encoded_and_as_the_proto_says() {
        let record = Record { record_type: "land.parcel.v1".into(), version: 3, ..Default::default() };
        let answer = FetchRecordsResponse {
            request_id: "an id".into(),
            records: vec![record.encode_to_vec().into(), Bytes::new()],
            missing: vec![Missing { registry: "judicial".into(), ..Default::default() }, Missing::default()],
            evidence: Some(Evidence { index: 7, checkpoint: "a note".into() }),
        };
        for answer in [answer, FetchRecordsResponse::default()] {
            let encoded = answer.encode_to_vec();
            assert_eq!(encoded.len(), answer.encoded_len());
            assert_eq!(FetchRecordsResponse::decode(encoded.as_slice()).expect("reads"), answer);
            let of = pool().get_message_by_name("lienthong.exchange.v1.FetchRecordsResponse").expect("in the protos");
            let by_descriptor = DynamicMessage::decode(of, encoded.as_slice()).expect("reads");
            assert!(by_descriptor.unknown_fields().next().is_none());
            assert_eq!(by_descriptor.encode_to_vec(), encoded);
            if let Some(first) = answer.decoded().expect("reads").first() {
                assert_eq!(*first, record);
            }
        }
        let with_another_field = [0x2a, 1, 0, 0x0a, 1, b'x'];
        let read = FetchRecordsResponse::decode(with_another_field.as_slice()).expect("reads");
        assert_eq!(read.request_id, "x", "fields of later versions are passed over");
    }
}
