//! `IssuingService`: what a registry on its own host signs beside its log, for the gateway.

use std::collections::BTreeMap;
use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::api::Edge;
use crate::api::remote::message::key_message;
use crate::base::{Error, Result, Timestamp};
use crate::registry::port::Registry;
use crate::registry::signing::{CredentialDraft, StatusListDraft};
use crate::trust::PublicKey;
use crate::trust::keys::Algorithm;
use crate::trust::status_list::StatusList;
use crate::wire::proto::registry::v1;
use crate::wire::proto::registry::v1::issuing_service_server::IssuingService;
use crate::wire::record;

use super::shared::unknown_registry;

/// The service over the registries of a host.
#[derive(Clone)]
pub struct IssuingGrpcService {
    edge: Edge,
    registries: Arc<BTreeMap<String, Arc<dyn Registry>>>,
}

impl IssuingGrpcService {
    /// Signs for `registries`, with the keys of each.
    pub fn new(edge: Edge, registries: impl IntoIterator<Item = Arc<dyn Registry>>) -> Self {
        let registries = registries.into_iter().map(|registry| (registry.name().to_owned(), registry)).collect();
        Self { edge, registries: Arc::new(registries) }
    }

    fn find(&self, name: &str) -> Result<&Arc<dyn Registry>> {
        self.registries.get(name).ok_or_else(|| Error::invalid(unknown_registry(&self.registries, name)))
    }

    async fn key(&self, request: v1::GetIssuingKeyRequest) -> Result<v1::GetIssuingKeyResponse> {
        let key = self.find(&request.registry)?.key_in_use().await?;
        Ok(v1::GetIssuingKeyResponse { key: Some(key_message(&key)) })
    }

    async fn status_list(&self, request: v1::SignStatusListRequest) -> Result<v1::SignStatusListResponse> {
        let registry = self.find(&request.registry)?;
        let unreadable = || Error::invalid_field("statuses", "FORMAT", "is no zlib stream of `count` statuses");
        let list = StatusList::inflate(&request.statuses, request.count).map_err(|_| unreadable())?;
        let draft = StatusListDraft {
            record_type: request.record_type,
            uri: uri("uri", request.uri)?,
            ledger_size: request.ledger_size,
            issued_at: instant("issued_at", request.issued_at)?,
            expires_at: instant("expires_at", request.expires_at)?,
            ttl_s: request.ttl_s,
            list,
        };
        let signed = registry.sign_status_list(draft).await?;
        let algorithm = registry.key_in_use().await?.algorithm();
        let key = PublicKey::new(algorithm, &signed.key).map_err(Error::bug)?;
        Ok(v1::SignStatusListResponse { token: signed.token, key: Some(key_message(&key)) })
    }

    async fn credential(&self, request: v1::SignCredentialRequest) -> Result<v1::SignCredentialResponse> {
        let registry = self.find(&request.registry)?;
        let missing = |field| Error::invalid_field(field, "REQUIRED", "is required");
        let holder = request.holder.ok_or_else(|| missing("holder"))?;
        let unreadable = || Error::invalid_field("holder", "FORMAT", "is no public key of a known algorithm");
        let algorithm = Algorithm::parse(&holder.algorithm).ok_or_else(unreadable)?;
        let draft = CredentialDraft {
            record: record::from_message(request.record.ok_or_else(|| missing("record"))?)?,
            holder: PublicKey::new(algorithm, &holder.key).map_err(|_| unreadable())?,
            public_url: public_url(request.public_url)?,
            status_uri: uri("status_uri", request.status_uri)?,
            issued_at: instant("issued_at", request.issued_at)?,
            expires_at: instant("expires_at", request.expires_at)?,
        };
        Ok(v1::SignCredentialResponse { credential: registry.sign_credential(draft).await? })
    }
}

/// An absolute URI, as far as its form tells: a scheme, and nothing that a URI must not have.
fn uri(field: &str, text: String) -> Result<String> {
    let scheme = text.split_once(':').map(|(scheme, _)| scheme).filter(|scheme| !scheme.is_empty());
    if scheme.is_some() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(text);
    }
    Err(Error::invalid_field(field, "FORMAT", "must be an absolute URI"))
}

fn public_url(text: String) -> Result<Option<String>> {
    match &*text {
        "" => Ok(None),
        url if url.starts_with("https://") => uri("public_url", text).map(Some),
        _ => Err(Error::invalid_field("public_url", "FORMAT", "must be an https URL")),
    }
}

fn instant(field: &str, at: Option<prost_types::Timestamp>) -> Result<Timestamp> {
    let at = at.ok_or_else(|| Error::invalid_field(field, "REQUIRED", "is required"))?;
    record::instant(field, &at)
}

#[tonic::async_trait]
impl IssuingService for IssuingGrpcService {
    async fn get_issuing_key(
        &self,
        request: Request<v1::GetIssuingKeyRequest>,
    ) -> Result<Response<v1::GetIssuingKeyResponse>, Status> {
        self.edge.answer(request, async |_, request| self.key(request).await).await
    }

    async fn sign_status_list(
        &self,
        request: Request<v1::SignStatusListRequest>,
    ) -> Result<Response<v1::SignStatusListResponse>, Status> {
        self.edge.answer(request, async |_, request| self.status_list(request).await).await
    }

    async fn sign_credential(
        &self,
        request: Request<v1::SignCredentialRequest>,
    ) -> Result<Response<v1::SignCredentialResponse>, Status> {
        self.edge.answer(request, async |_, request| self.credential(request).await).await
    }
}
