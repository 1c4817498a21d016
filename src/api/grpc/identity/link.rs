//! `LinkService`.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::access::People;
use crate::access::acting::{Acting, own};
use crate::api::{Edge, PageTokens, page};
use crate::base::Call;
use crate::base::{Error, Reason, Result};
use crate::identity::linking::{Issuer, Linking};
use crate::wire::proto::identity::v1;
use crate::wire::proto::identity::v1::link_service_server::LinkService;

use super::convert;

/// `LinkService`.
#[derive(Clone)]
pub struct LinkGrpcService {
    edge: Edge,
    linking: Linking,
    people: Arc<dyn People>,
    pages: PageTokens,
}

impl LinkGrpcService {
    /// Serves `linking` to `people` and issuers.
    pub fn new(edge: Edge, linking: Linking, people: Arc<dyn People>, pages: PageTokens) -> Self {
        Self { edge, linking, people, pages }
    }

    /// The person whose links the caller may see or change, and the actor.
    async fn own(&self, call: &Call, personal_id: &str) -> Result<Acting> {
        own(call, personal_id, &*self.people).await
    }
}

#[tonic::async_trait]
impl LinkService for LinkGrpcService {
    async fn link_document(
        &self,
        request: Request<v1::LinkDocumentRequest>,
    ) -> Result<Response<v1::LinkDocumentResponse>, Status> {
        self.edge
            .answer(request, |call, message| async move {
                let kind = convert::document_to_link(self.linking.catalogue(), &message);
                let (acting, kind) = match (self.own(&call, &message.personal_id).await, kind) {
                    // A caller who may not act for the person learns nothing else; all bad fields are reported at once.
                    (Err(error), Err(bad)) if error.reason == Reason::InvalidRequest => return Err(bad),
                    (acting, kind) => (acting?, kind?),
                };
                let Acting { person, actor } = acting.anew()?;
                let link = self.linking.link(&call, person.current, kind, &message.document_number, &actor).await?;
                Ok(v1::LinkDocumentResponse { link: Some(convert::link(&link, call.now)) })
            })
            .await
    }

    async fn unlink_document(
        &self,
        request: Request<v1::UnlinkDocumentRequest>,
    ) -> Result<Response<v1::UnlinkDocumentResponse>, Status> {
        self.edge
            .answer(request, |call, message| async move {
                let Acting { person, actor } = self.own(&call, &message.personal_id).await?;
                let id = convert::id("link_id", &message.link_id)?;
                let link = self.linking.unlink(&person, id, &actor, call.now).await?;
                Ok(v1::UnlinkDocumentResponse { link: Some(convert::link(&link, call.now)) })
            })
            .await
    }

    async fn get_link(&self, request: Request<v1::GetLinkRequest>) -> Result<Response<v1::GetLinkResponse>, Status> {
        self.edge
            .answer(request, |call, message| async move {
                let person = self.own(&call, &message.personal_id).await?.person;
                let link = self.linking.get(&person, convert::id("link_id", &message.link_id)?).await?;
                Ok(v1::GetLinkResponse { link: Some(convert::link(&link, call.now)) })
            })
            .await
    }

    async fn list_links(
        &self,
        request: Request<v1::ListLinksRequest>,
    ) -> Result<Response<v1::ListLinksResponse>, Status> {
        self.edge
            .answer(request, |call, message| async move {
                let person = self.own(&call, &message.personal_id).await?.person;
                let limit = page::size(message.page_size)?;
                let query: [&[u8]; 2] = [person.current.as_str().as_bytes(), &[message.include_ended.into()]];
                let after = self.pages.read_id(&call, &query, &message.page_token)?;
                let (links, more) = self.linking.list(&person, message.include_ended, limit, after).await?;
                let last = links.last().filter(|_| more);
                let next = last.map(|last| self.pages.issue(&call, &query, last.id.as_bytes()));
                Ok(v1::ListLinksResponse {
                    links: links.iter().map(|link| convert::link(link, call.now)).collect(),
                    next_page_token: next.unwrap_or_default(),
                })
            })
            .await
    }

    async fn list_link_events(
        &self,
        request: Request<v1::ListLinkEventsRequest>,
    ) -> Result<Response<v1::ListLinkEventsResponse>, Status> {
        self.edge
            .answer(request, |call, message| async move {
                let person = self.own(&call, &message.personal_id).await?.person;
                let link = self.linking.get(&person, convert::id("link_id", &message.link_id)?).await?;
                let limit = page::size(message.page_size)?;
                let query: [&[u8]; 1] = [link.id.as_bytes()];
                let after = self.pages.read(&call, &query, &message.page_token)?;
                let (events, next) = self.linking.events(&link, limit, after).await?;
                Ok(v1::ListLinkEventsResponse {
                    events: events.iter().map(convert::event).collect(),
                    next_page_token: next.map(|at| self.pages.issue(&call, &query, &at)).unwrap_or_default(),
                })
            })
            .await
    }

    async fn list_pending_links(
        &self,
        request: Request<v1::ListPendingLinksRequest>,
    ) -> Result<Response<v1::ListPendingLinksResponse>, Status> {
        self.edge
            .answer(request, |call, message| async move {
                let kind = convert::document_type(self.linking.catalogue(), "document_type", message.document_type)
                    .map_err(|violation| Error::invalid(vec![violation]))?;
                call.owner(self.linking.issuing_agency(kind)?)?;
                let limit = page::size(message.page_size)?;
                let query: [&[u8]; 1] = [&[kind.0]];
                let after = self.pages.read(&call, &query, &message.page_token)?;
                let (links, next) = self.linking.pending(kind, limit, after).await?;
                Ok(v1::ListPendingLinksResponse {
                    links: links.iter().map(|link| convert::link(link, call.now)).collect(),
                    next_page_token: next.map(|at| self.pages.issue(&call, &query, &at)).unwrap_or_default(),
                })
            })
            .await
    }

    async fn resolve_pending_link(
        &self,
        request: Request<v1::ResolvePendingLinkRequest>,
    ) -> Result<Response<v1::ResolvePendingLinkResponse>, Status> {
        self.edge
            .answer(request, |call, message| async move {
                let agency = call.agency()?;
                let id = convert::id("link_id", &message.link_id)?;
                let issuer = Issuer { agency, of_all: call.permit.is_named };
                let link = self.linking.resolve(id, message.confirm, issuer, call.now).await?;
                Ok(v1::ResolvePendingLinkResponse { link: Some(convert::link(&link, call.now)) })
            })
            .await
    }
}
