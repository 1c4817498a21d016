//! `LinkService`.

use tonic::{Request, Response, Status};

use crate::api::{Edge, PageTokens, page};
use crate::base::call::SUBJECT;
use crate::base::{Call, Caller};
use crate::base::{Error, PersonalId, Result, limits};
use crate::identity::document::DocumentType;
use crate::identity::linking::Linking;
use crate::registry;
use crate::wire::proto::identity::v1;
use crate::wire::proto::identity::v1::link_service_server::LinkService;

use super::convert;

/// The face of links.
#[derive(Clone)]
pub struct LinkFace {
    edge: Edge,
    linking: Linking,
    pages: PageTokens,
}

impl LinkFace {
    /// Serves `linking`.
    pub fn new(edge: Edge, linking: Linking, pages: PageTokens) -> Self {
        Self { edge, linking, pages }
    }

    /// The calling citizen's own number; their links stand under the number that holds now.
    async fn own(&self, call: &Call, personal_id: &str) -> Result<PersonalId> {
        let person = own_number(call, personal_id)?;
        let found = self.linking.person_behind(person, call.now).await?;
        Ok(found.unwrap_or(person))
    }
}

/// The number in the request, if it is the calling citizen's.
pub(super) fn own_number(call: &Call, personal_id: &str) -> Result<PersonalId> {
    if let Caller::Agency(_) = call.caller {
        // Agencies never get here; said before their request is looked at.
        return call.one_of(&[SUBJECT]).and_then(|_| convert::person(personal_id));
    }
    let person = convert::person(personal_id)?;
    call.citizen(person)?;
    Ok(person)
}

/// The agency's right to the links of a kind of document: it owns the issuing registry.
fn issuer(call: &Call, kind: DocumentType) -> Result<String> {
    let owner = registry::sector(kind.record_type().registry).map_or("operator", |sector| sector.agency);
    call.one_of(&[owner, "operator"]).map(ToString::to_string)
}

#[tonic::async_trait]
impl LinkService for LinkFace {
    async fn link_document(
        &self,
        request: Request<v1::LinkDocumentRequest>,
    ) -> Result<Response<v1::LinkDocumentResponse>, Status> {
        const METHOD: &str = "lienthong.identity.v1.LinkService/LinkDocument";
        self.edge
            .answer(METHOD, request, |call, message| async move {
                let person = own_number(&call, &message.personal_id)?;
                let kind = convert::document_type("document_type", message.document_type)
                    .map_err(|violation| Error::invalid(vec![violation]))?;
                if message.document_number.len() > limits::TEXT_BYTES_MAX {
                    return Err(Error::invalid_field("document_number", "TOO_LONG", "at most 512 bytes"));
                }
                let link = self.linking.link(&call, person, kind, &message.document_number).await?;
                Ok(v1::LinkDocumentResponse { link: Some(convert::link(&link, call.now)) })
            })
            .await
    }

    async fn unlink_document(
        &self,
        request: Request<v1::UnlinkDocumentRequest>,
    ) -> Result<Response<v1::UnlinkDocumentResponse>, Status> {
        const METHOD: &str = "lienthong.identity.v1.LinkService/UnlinkDocument";
        self.edge
            .answer(METHOD, request, |call, message| async move {
                let person = self.own(&call, &message.personal_id).await?;
                let id = convert::id("link_id", &message.link_id)?;
                let link = self.linking.unlink(person, id, call.now).await?;
                Ok(v1::UnlinkDocumentResponse { link: Some(convert::link(&link, call.now)) })
            })
            .await
    }

    async fn get_link(&self, request: Request<v1::GetLinkRequest>) -> Result<Response<v1::GetLinkResponse>, Status> {
        const METHOD: &str = "lienthong.identity.v1.LinkService/GetLink";
        self.edge
            .answer(METHOD, request, |call, message| async move {
                let person = self.own(&call, &message.personal_id).await?;
                let link = self.linking.get(person, convert::id("link_id", &message.link_id)?).await?;
                Ok(v1::GetLinkResponse { link: Some(convert::link(&link, call.now)) })
            })
            .await
    }

    async fn list_links(
        &self,
        request: Request<v1::ListLinksRequest>,
    ) -> Result<Response<v1::ListLinksResponse>, Status> {
        const METHOD: &str = "lienthong.identity.v1.LinkService/ListLinks";
        self.edge
            .answer(METHOD, request, |call, message| async move {
                let person = self.own(&call, &message.personal_id).await?;
                let limit = page::size(message.page_size)?;
                let query: [&[u8]; 3] = [b"ListLinks", person.as_str().as_bytes(), &[message.include_ended.into()]];
                let after = self.pages.read(&query, &message.page_token)?;
                let (links, next) = self.linking.list(person, message.include_ended, limit, after).await?;
                Ok(v1::ListLinksResponse {
                    links: links.iter().map(|link| convert::link(link, call.now)).collect(),
                    next_page_token: next.map(|at| self.pages.issue(&query, &at)).unwrap_or_default(),
                })
            })
            .await
    }

    async fn list_link_events(
        &self,
        request: Request<v1::ListLinkEventsRequest>,
    ) -> Result<Response<v1::ListLinkEventsResponse>, Status> {
        const METHOD: &str = "lienthong.identity.v1.LinkService/ListLinkEvents";
        self.edge
            .answer(METHOD, request, |call, message| async move {
                let person = self.own(&call, &message.personal_id).await?;
                let link = self.linking.get(person, convert::id("link_id", &message.link_id)?).await?;
                let limit = page::size(message.page_size)?;
                let query: [&[u8]; 2] = [b"ListLinkEvents", link.id.as_bytes()];
                let after = self.pages.read(&query, &message.page_token)?;
                let (events, next) = self.linking.events(&link, limit, after).await?;
                Ok(v1::ListLinkEventsResponse {
                    events: events.iter().map(convert::event).collect(),
                    next_page_token: next.map(|at| self.pages.issue(&query, &at)).unwrap_or_default(),
                })
            })
            .await
    }

    async fn list_pending_links(
        &self,
        request: Request<v1::ListPendingLinksRequest>,
    ) -> Result<Response<v1::ListPendingLinksResponse>, Status> {
        const METHOD: &str = "lienthong.identity.v1.LinkService/ListPendingLinks";
        self.edge
            .answer(METHOD, request, |call, message| async move {
                call.one_of(&["police", "social-insurance", "operator"])?;
                let kind = convert::document_type("document_type", message.document_type)
                    .map_err(|violation| Error::invalid(vec![violation]))?;
                issuer(&call, kind)?;
                let limit = page::size(message.page_size)?;
                let query: [&[u8]; 2] = [b"ListPendingLinks", &[kind.code()]];
                let after = self.pages.read(&query, &message.page_token)?;
                let (links, next) = self.linking.pending(kind, limit, after).await?;
                Ok(v1::ListPendingLinksResponse {
                    links: links.iter().map(|link| convert::link(link, call.now)).collect(),
                    next_page_token: next.map(|at| self.pages.issue(&query, &at)).unwrap_or_default(),
                })
            })
            .await
    }

    async fn resolve_pending_link(
        &self,
        request: Request<v1::ResolvePendingLinkRequest>,
    ) -> Result<Response<v1::ResolvePendingLinkResponse>, Status> {
        const METHOD: &str = "lienthong.identity.v1.LinkService/ResolvePendingLink";
        self.edge
            .answer(METHOD, request, |call, message| async move {
                call.one_of(&["police", "social-insurance", "operator"])?;
                let link = self.linking.find(convert::id("link_id", &message.link_id)?).await?;
                let actor = issuer(&call, link.document_type)?;
                let link = self.linking.resolve(link, message.confirm, &actor, call.now).await?;
                Ok(v1::ResolvePendingLinkResponse { link: Some(convert::link(&link, call.now)) })
            })
            .await
    }
}
