//! `access.v1.ConsentService`: a citizen grants, withdraws and lists consents.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::access::acting::{Acting, own};
use crate::access::consent::{Act, Consent, ConsentEvent, ConsentState, Terms};
use crate::access::{Actor, ConsentBook, People, RightsBook};
use crate::api::{Edge, PageTokens, page};
use crate::base::Call;
use crate::base::{Error, Reason, Result, Timestamp};
use crate::registry::Catalogue;
use crate::wire::proto::access::v1;
use crate::wire::proto::access::v1::consent_service_server::ConsentService;
use crate::wire::record::timestamp;

/// The service over the consent book.
#[derive(Clone)]
pub struct ConsentGrpcService {
    edge: Edge,
    rights: Arc<RightsBook>,
    catalogue: Arc<Catalogue>,
    book: Arc<ConsentBook>,
    people: Arc<dyn People>,
    pages: PageTokens,
}

impl ConsentGrpcService {
    /// Serves `people` through `edge`; consents are limited to the `rights` to record types of `catalogue`.
    pub fn new(
        edge: Edge,
        rights: Arc<RightsBook>,
        catalogue: Arc<Catalogue>,
        book: Arc<ConsentBook>,
        people: Arc<dyn People>,
        pages: PageTokens,
    ) -> Self {
        Self { edge, rights, catalogue, book, people, pages }
    }

    async fn list(&self, call: &Call, request: v1::ListConsentsRequest) -> Result<v1::ListConsentsResponse> {
        let person = own(call, &request.personal_id, &*self.people).await?.person;
        let size = page::size(request.page_size)?;
        let query: [&[u8]; 2] = [person.current.as_str().as_bytes(), &[request.include_replaced.into()]];
        let before = self.pages.read_id(call, &query, &request.page_token)?;
        let (consents, more) = self.book.list(&person, request.include_replaced, before, size).await?;
        let last = consents.last().filter(|_| more);
        let next_page_token = last.map(|last| self.pages.issue(call, &query, last.id.as_bytes())).unwrap_or_default();
        let consents = consents.iter().map(|consent| message(consent, call.now)).collect();
        Ok(v1::ListConsentsResponse { consents, next_page_token })
    }
}

#[tonic::async_trait]
impl ConsentService for ConsentGrpcService {
    async fn grant_consent(
        &self,
        request: Request<v1::GrantConsentRequest>,
    ) -> Result<Response<v1::GrantConsentResponse>, Status> {
        let use_case = async move |call: Arc<Call>, request: v1::GrantConsentRequest| {
            let acting = own(&call, &request.personal_id, &*self.people).await?;
            let v1::GrantConsentRequest { agency, purpose, record_types, ttl_seconds, .. } = request;
            let rights = self.rights.current();
            let terms = Terms::read(&rights, &self.catalogue, agency, purpose, record_types, ttl_seconds)?;
            let Acting { person, actor } = acting.consenting(call.now.date())?;
            if !self.people.knows(&person).await? {
                return Err(unknown());
            }
            let consent = self.book.grant(&person, terms, act(&call, actor), call.now).await?;
            Ok(v1::GrantConsentResponse { consent: Some(message(&consent, call.now)) })
        };
        self.edge.answer(request, use_case).await
    }

    async fn withdraw_consent(
        &self,
        request: Request<v1::WithdrawConsentRequest>,
    ) -> Result<Response<v1::WithdrawConsentResponse>, Status> {
        let use_case = async move |call: Arc<Call>, request: v1::WithdrawConsentRequest| {
            let Acting { person, actor } = own(&call, &request.personal_id, &*self.people).await?;
            let id = match request.consent_id.as_str() {
                "" => return Err(Error::invalid_field("consent_id", "REQUIRED", "a consent's id is required")),
                id => uuid::Uuid::try_parse(id),
            };
            let id = id.map_err(|_| Error::invalid_field("consent_id", "FORMAT", "a consent's id is a UUID"))?;
            let consent = self.book.withdraw(&person, id, act(&call, actor), call.now).await?;
            Ok(v1::WithdrawConsentResponse { consent: Some(message(&consent, call.now)) })
        };
        self.edge.answer(request, use_case).await
    }

    async fn list_consents(
        &self,
        request: Request<v1::ListConsentsRequest>,
    ) -> Result<Response<v1::ListConsentsResponse>, Status> {
        self.edge.answer(request, async move |call, request| self.list(&call, request).await).await
    }
}

/// The refusal of a consent under a number that somebody may have made up: it would be a row that nobody ever reads.
fn unknown() -> Error {
    let message =
        "the province has neither a resident record nor an account of this person: there is nobody who could consent";
    Error::new(Reason::AccountMissing, message).with_subject("person", "personal_id")
}

fn act(call: &Call, actor: Actor) -> Act {
    Act { actor, request_id: Some(call.request_id) }
}

fn message(consent: &Consent, now: Timestamp) -> v1::Consent {
    v1::Consent {
        consent_id: consent.id.to_string(),
        agency: consent.agency.clone(),
        purpose: consent.purpose.clone(),
        record_types: consent.record_types.clone(),
        state: state(consent.state(now)).into(),
        granted_at: timestamp(consent.granted_at),
        expires_at: timestamp(consent.expires_at),
        events: consent.events(now).into_iter().map(event).collect(),
    }
}

fn event(event: ConsentEvent) -> v1::ConsentEvent {
    let actor = event.act.as_ref().map(|act| &act.actor);
    let guardian = actor.and_then(Actor::guardian);
    let request_id = event.act.as_ref().and_then(|act| act.request_id);
    v1::ConsentEvent {
        state: state(event.state).into(),
        at: event.at.and_then(timestamp),
        actor: actor.map(|actor| actor.as_str().to_owned()).unwrap_or_default(),
        guardian_personal_id: guardian.map(|guardian| guardian.as_str().to_owned()).unwrap_or_default(),
        request_id: request_id.map(|id| id.to_string()).unwrap_or_default(),
    }
}

fn state(state: ConsentState) -> v1::ConsentState {
    match state {
        ConsentState::Granted => v1::ConsentState::Granted,
        ConsentState::Withdrawn => v1::ConsentState::Withdrawn,
        ConsentState::Refused => v1::ConsentState::Refused,
        ConsentState::Expired => v1::ConsentState::Expired,
        ConsentState::Replaced => v1::ConsentState::Replaced,
    }
}
