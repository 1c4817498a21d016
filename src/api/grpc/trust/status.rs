//! `trust.v1.StatusService`: public, so without a credential.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::api::Edge;
use crate::base::{Error, Result};
use crate::province::StatusLists;
use crate::wire::proto::trust::v1;
use crate::wire::proto::trust::v1::status_service_server::StatusService;
use crate::wire::record::timestamp;

/// The service over the status lists.
#[derive(Clone)]
pub struct StatusGrpcService {
    edge: Edge,
    lists: Arc<StatusLists>,
}

impl StatusGrpcService {
    /// Serves through `edge`.
    pub fn new(edge: Edge, lists: Arc<StatusLists>) -> Self {
        Self { edge, lists }
    }

    async fn list(&self, request: v1::GetStatusListRequest) -> Result<v1::GetStatusListResponse> {
        let name = &request.record_type;
        if name.is_empty() {
            return Err(Error::invalid_field("record_type", "REQUIRED", "must be a record type's name"));
        }
        let catalogue = self.lists.catalogue();
        if catalogue.record_type(name).is_none() {
            return Err(Error::invalid(catalogue.unknown_record_type("record_type", name)));
        }
        let published = self.lists.get(name).await?;
        let claims = &published.claims;
        Ok(v1::GetStatusListResponse {
            token: published.token.to_string(),
            issuer: claims.issuer.clone(),
            record_type: claims.schema.clone(),
            uri: claims.uri.clone(),
            count: published.count,
            ledger_size: claims.ledger_size,
            issued_at: timestamp(claims.issued_at),
            expires_at: timestamp(claims.expires_at),
            digest: published.digest.clone(),
            digest_ledger_index: published.ledger_index,
        })
    }
}

#[tonic::async_trait]
impl StatusService for StatusGrpcService {
    async fn get_status_list(
        &self,
        request: Request<v1::GetStatusListRequest>,
    ) -> Result<Response<v1::GetStatusListResponse>, Status> {
        self.edge.answer_anyone(request, |message| self.list(message)).await
    }
}
