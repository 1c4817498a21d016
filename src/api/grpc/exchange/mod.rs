//! `exchange.v1.ExchangeService`. Each handler is thin: convert the request, run one use case, convert its result.

mod bulk;
pub(super) mod message;
#[cfg(test)]
mod tests;
mod view;

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::api::{AnswerStream, Edge, OpenStreams};
use crate::base::Call;
use crate::base::{Clock, Result};
use crate::wire::proto::exchange::v1;
use crate::wire::proto::exchange::v1::exchange_service_server::ExchangeService;
use crate::wire::ready::FetchRecordsResponse;

use crate::exchange::{Context, Exchange, RecentCalls};

/// The service over the exchange.
#[derive(Clone)]
pub struct ExchangeGrpcService {
    edge: Edge,
    exchange: Arc<Exchange>,
    traces: Arc<RecentCalls>,
    clock: Arc<dyn Clock>,
    streams: OpenStreams,
}

impl ExchangeGrpcService {
    /// Serves through `edge`; `traces` keeps failed calls.
    pub fn new(edge: Edge, exchange: Arc<Exchange>, traces: Arc<RecentCalls>, clock: Arc<dyn Clock>) -> Self {
        Self { edge, exchange, traces, clock, streams: OpenStreams::default() }
    }

    async fn fetch(&self, call: &Call, request: v1::FetchRecordsRequest) -> Result<FetchRecordsResponse> {
        let context = Context::of(call)?;
        let exchanged = self.exchange.fetch(context, message::request(request)).await?;
        message::response(call.request_id, call.language, exchanged)
    }

    async fn explain_call(&self, call: &Call, request: v1::ExplainRequest) -> Result<v1::ExplainResponse> {
        let (caller, sees_all) = (&call.caller, call.permit.is_named);
        let explained = self.exchange.explain(&self.traces, caller, sees_all, &request.request_id).await?;
        message::explained(explained, call.language)
    }
}

#[tonic::async_trait]
impl ExchangeService for ExchangeGrpcService {
    type BulkFetchRecordsStream = AnswerStream<v1::BulkFetchRecordsResponse>;

    async fn fetch_records(
        &self,
        request: Request<v1::FetchRecordsRequest>,
    ) -> Result<Response<FetchRecordsResponse>, Status> {
        self.edge.answer(request, async move |call, request| self.fetch(&call, request).await).await
    }

    async fn fetch_view(
        &self,
        request: Request<v1::FetchViewRequest>,
    ) -> Result<Response<v1::FetchViewResponse>, Status> {
        self.edge.answer(request, async move |call, request| self.view(&call, request).await).await
    }

    async fn bulk_fetch_records(
        &self,
        request: Request<v1::BulkFetchRecordsRequest>,
    ) -> Result<Response<Self::BulkFetchRecordsStream>, Status> {
        self.edge.stream(request, async move |call, request| self.bulk(call, request).await).await
    }

    async fn explain(&self, request: Request<v1::ExplainRequest>) -> Result<Response<v1::ExplainResponse>, Status> {
        self.edge.answer(request, async move |call, request| self.explain_call(&call, request).await).await
    }
}
