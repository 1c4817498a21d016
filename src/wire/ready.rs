//! Answers whose records were encoded before.
//!
//! A record's message is the same in every answer that holds it, and making it costs more than everything else that a fetch
//! does, so the exchange keeps it encoded. On the wire an embedded message and a byte string are the same (protobuf.dev,
//! "Encoding", length-delimited records): this message is `exchange.v1.FetchRecordsResponse` with its records as bytes. The
//! build puts it in the generated one's place; a test holds it to the proto.

use bytes::Bytes;
use prost::{DecodeError, Message};

use super::proto::exchange::v1::{Evidence, Missing, Record};

/// `exchange.v1.FetchRecordsResponse`.
#[derive(Clone, PartialEq, Message)]
pub struct FetchRecordsResponse {
    /// The call's id.
    #[prost(string, tag = "1")]
    pub request_id: String,
    /// Encoded [`Record`]s; [`Self::decoded`] reads them.
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub records: Vec<Bytes>,
    /// What has no answer.
    #[prost(message, repeated, tag = "3")]
    pub missing: Vec<Missing>,
    /// Where the call stands in the evidence ledger.
    #[prost(message, optional, tag = "4")]
    pub evidence: Option<Evidence>,
}

impl FetchRecordsResponse {
    /// The records, read.
    pub fn decoded(&self) -> Result<Vec<Record>, DecodeError> {
        self.records.iter().map(|record| Record::decode(record.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
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
    fn a_record_reads_as_it_was_encoded() {
        let record = Record { record_type: "land.parcel.v1".into(), version: 3, ..Default::default() };
        let answer = FetchRecordsResponse { records: vec![record.encode_to_vec().into()], ..Default::default() };
        let read = FetchRecordsResponse::decode(answer.encode_to_vec().as_slice()).expect("reads");
        assert_eq!(read.decoded().expect("reads"), [record]);
    }
}
