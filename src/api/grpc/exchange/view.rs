//! A fetched view: the exchange's records, put together as the province puts its views together.

use prost::Message as _;

use crate::api::grpc::province::message::{Shown, shown};
use crate::base::{Call, Error, Result};
use crate::exchange::{CheckedRecord, Context, Exchanged, FetchRequest};
use crate::province::{Disclosed, fetched};
use crate::trust::{Checkpoint, Operation, Statement};
use crate::wire::proto::exchange::v1;
use crate::wire::proto::province;

use super::{ExchangeGrpcService, message};

impl ExchangeGrpcService {
    pub(super) async fn view(&self, call: &Call, request: v1::FetchViewRequest) -> Result<v1::FetchViewResponse> {
        let context = Context::of(call)?;
        let v1::FetchViewRequest { personal_id, organisation_code, purpose, record_types, reference } = request;
        let request = FetchRequest { personal_id, organisation_code, record_types, purpose, reference };
        let exchanged = self.exchange.fetch_view(context, request).await?;
        let view = self.assembled(call, &exchanged)?;
        let unseen = message::unseen(&exchanged.records, call.language);
        let answer = message::response(call.request_id, call.language, exchanged)?;
        let record = |bytes: &bytes::Bytes| v1::Record::decode(&bytes[..]).map_err(Error::bug);
        Ok(v1::FetchViewResponse {
            request_id: answer.request_id,
            records: answer.records.iter().map(record).collect::<Result<_>>()?,
            missing: answer.missing.into_iter().chain(unseen).collect(),
            evidence: answer.evidence,
            view: Some(view),
        })
    }

    fn assembled(&self, call: &Call, exchanged: &Exchanged) -> Result<province::v1::SubjectView> {
        // A record that is delivered unverified is in the answer with its verdict, and says nothing in the view: it is named as missing there.
        let valid = exchanged.records.iter().filter(|checked| checked.verdict.is_valid());
        let disclosed: Vec<_> = valid.map(|checked| disclosed(checked)).collect::<Result<_>>()?;
        let ledger_size = disclosed.iter().map(|(_, size)| *size).max().unwrap_or_default();
        let records = disclosed.into_iter().map(|(record, _)| record).collect();
        let catalogue = self.exchange.catalogue();
        let (kind, key, view) = fetched(catalogue, &exchanged.parties, records, ledger_size, call.now.date());
        let Shown { sources, sections, chosen, .. } = shown(view, call.language);
        Ok(province::v1::SubjectView {
            kind: kind.to_owned(),
            subject_key: key,
            sources,
            sections,
            chosen,
            ledger_size,
        })
    }
}

/// What a record discloses, and the size of the record ledger in its proof.
fn disclosed(checked: &CheckedRecord) -> Result<(Disclosed, u64)> {
    let statement = Statement::decode(&checked.record.statement).map_err(Error::bug)?;
    let proof = checked.record.ledger_proof.as_ref();
    let head = proof.map(|proof| Checkpoint::of_note(&proof.checkpoint)).transpose().map_err(Error::bug)?;
    let record = Disclosed {
        record_type: checked.record_type.clone(),
        record_id: checked.record_id,
        version: checked.version,
        issued_at: statement.issued_at,
        ledger_index: proof.map_or(0, |proof| proof.index),
        revoked: statement.operation == Operation::Revoke,
        fields: checked.record.disclosure.fields().map_err(Error::bug)?,
    };
    Ok((record, head.map_or(0, |head| head.size)))
}
