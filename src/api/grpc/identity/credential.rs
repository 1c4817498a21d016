//! `CredentialService`.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::access::People;
use crate::access::acting::own;
use crate::api::Edge;
use crate::base::{Error, Result};
use crate::identity::credential::Credentials;
use crate::wire::proto::identity::v1;
use crate::wire::proto::identity::v1::credential_service_server::CredentialService;
use crate::wire::record::timestamp;

use super::convert;

/// `CredentialService`.
#[derive(Clone)]
pub struct CredentialGrpcService {
    edge: Edge,
    credentials: Credentials,
    people: Arc<dyn People>,
}

impl CredentialGrpcService {
    /// Serves `credentials`.
    pub fn new(edge: Edge, credentials: Credentials, people: Arc<dyn People>) -> Self {
        Self { edge, credentials, people }
    }
}

#[tonic::async_trait]
impl CredentialService for CredentialGrpcService {
    async fn create_nonce(
        &self,
        request: Request<v1::CreateNonceRequest>,
    ) -> Result<Response<v1::CreateNonceResponse>, Status> {
        self.edge
            .answer(request, |call, message| async move {
                let person = own(&call, &message.personal_id, &*self.people).await?.anew()?.person.current;
                let (nonce, end) = self.credentials.nonce(person, call.now);
                let audience = self.credentials.audience();
                Ok(v1::CreateNonceResponse { nonce, audience, expires_at: timestamp(end) })
            })
            .await
    }

    async fn issue_credential(
        &self,
        request: Request<v1::IssueCredentialRequest>,
    ) -> Result<Response<v1::IssueCredentialResponse>, Status> {
        self.edge
            .answer(request, |call, message| async move {
                let person = own(&call, &message.personal_id, &*self.people).await?.anew()?.person.current;
                let link = convert::id("link_id", &message.link_id)?;
                if message.proof.is_empty() {
                    return Err(Error::invalid_field("proof", "REQUIRED", "a proof of possession is required"));
                }
                let issued = self.credentials.issue(&call, person, link, &message.proof).await?;
                Ok(v1::IssueCredentialResponse {
                    credential: issued.text,
                    vct: issued.vct,
                    record_type: issued.statement.schema,
                    record_id: issued.statement.record_id.to_hex(),
                    version: issued.statement.version,
                    status_index: issued.statement.status_index,
                    status_uri: issued.status_uri,
                    expires_at: timestamp(issued.expires_at),
                })
            })
            .await
    }
}
