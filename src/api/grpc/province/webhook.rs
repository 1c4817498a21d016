//! `province.v1.WebhookService`: webhooks of the calling agency.

use std::sync::Arc;
use std::time::Duration;

use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::api::{Edge, PageTokens, page};
use crate::base::id::request_id_violation;
use crate::base::{Call, Error, Result, Timestamp, Violation, limits};
use crate::province::Province;
use crate::webhook::{
    ANSWERS_WITHIN, DeadLetter, NewWebhook, Selection, Target, Webhook, WebhookState, WebhookView, Webhooks, event_id,
};
use crate::wire::proto::province::v1;
use crate::wire::proto::province::v1::webhook_service_server::WebhookService;
use crate::wire::record::timestamp;

use super::message::section_kind;
use super::watch::asked_by;

/// How long the secret before signs too, unless the agency says otherwise, and at the most.
const OVERLAP: Duration = Duration::from_secs(24 * 3_600);
const OVERLAP_MAX: Duration = Duration::from_secs(7 * 24 * 3_600);
/// What is left of a call's time for its own answer after a target's.
const OWN_ANSWER: Duration = Duration::from_millis(250);

/// The service over a world's webhooks.
#[derive(Clone)]
pub struct WebhookGrpcService {
    edge: Edge,
    province: Arc<Province>,
    webhooks: Webhooks,
    pages: PageTokens,
}

impl WebhookGrpcService {
    /// Serves agencies through `edge`.
    pub fn new(edge: Edge, province: Arc<Province>, webhooks: Webhooks, pages: PageTokens) -> Self {
        Self { edge, province, webhooks, pages }
    }

    async fn create(&self, call: &Call, request: v1::CreateWebhookRequest) -> Result<v1::CreateWebhookResponse> {
        let watch = v1::WatchChangesRequest {
            registry: request.registry,
            record_types: request.record_types,
            section: request.section,
            personal_id: request.personal_id,
            unit_code: request.unit_code,
            unit_valid_from: request.unit_valid_from,
            ..v1::WatchChangesRequest::default()
        };
        let asked = asked_by(call, self.province.catalogue(), &watch);
        let target = Target::parse(&request.target);
        let bad = request_id_violation(&request.request_id).into_iter().chain(target.as_ref().err().cloned());
        let mut bad: Vec<Violation> = bad.collect();
        let (agency, filter) = match asked {
            Ok((agency, filter, _)) if bad.is_empty() => (agency, filter),
            Err(error) if bad.is_empty() || error.violations.is_empty() => return Err(error),
            asked => {
                bad.extend(asked.err().iter().flat_map(|error| error.violations.kept().iter().cloned()));
                return Err(Error::invalid(bad));
            }
        };
        let new = NewWebhook {
            request_id: request.request_id,
            target: target.map_err(Error::invalid)?,
            selection: Selection::of(filter),
            from: request.from_ledger_index,
        };
        let (view, secret) = self.webhooks.create(&agency, new, call.now).await?;
        Ok(v1::CreateWebhookResponse { webhook: Some(message(&view)), secret: secret.text() })
    }

    async fn update(&self, call: &Call, request: v1::UpdateWebhookRequest) -> Result<v1::UpdateWebhookResponse> {
        let (agency, id) = (call.agency()?, webhook_id(&request.webhook_id)?);
        let target = Some(&request.target).filter(|target| !target.is_empty());
        let target = target.map(|target| Target::parse(target)).transpose().map_err(Error::invalid)?;
        let is_active = match v1::WebhookState::try_from(request.state) {
            Ok(v1::WebhookState::Unspecified) => None,
            Ok(v1::WebhookState::Active) => Some(true),
            Ok(v1::WebhookState::Paused) => Some(false),
            Ok(v1::WebhookState::Disabled) | Err(_) => {
                return Err(Error::invalid_field("state", "UNKNOWN_VALUE", "must be ACTIVE or PAUSED"));
            }
        };
        let view = self.webhooks.update(agency, id, target, is_active).await?;
        Ok(v1::UpdateWebhookResponse { webhook: Some(message(&view)) })
    }

    async fn rotate(
        &self,
        call: &Call,
        request: v1::RotateWebhookSecretRequest,
    ) -> Result<v1::RotateWebhookSecretResponse> {
        let (agency, id) = (call.agency()?, webhook_id(&request.webhook_id)?);
        request_id_violation(&request.request_id).map_or(Ok(()), |bad| Err(Error::invalid(bad)))?;
        let overlap = request.overlap.map_or(Ok(OVERLAP), |given| {
            let given = Duration::try_from(given).ok().filter(|given| *given <= OVERLAP_MAX);
            given.ok_or_else(|| Error::invalid_field("overlap", "OUT_OF_RANGE", "must be from 0 to 7 days"))
        })?;
        let (view, secret) = self.webhooks.rotate(agency, id, &request.request_id, overlap, call.now).await?;
        Ok(v1::RotateWebhookSecretResponse { webhook: Some(message(&view)), secret: secret.text() })
    }

    async fn letters(&self, call: &Call, request: v1::ListDeadLettersRequest) -> Result<v1::ListDeadLettersResponse> {
        let (agency, id) = (call.agency()?, webhook_id(&request.webhook_id)?);
        let (size, query) = (page::size(request.page_size)?, [&id.as_bytes()[..]]);
        let after = match self.pages.read(call, &query, &request.page_token)? {
            None => None,
            Some(position) => {
                let index = position.try_into().map(u64::from_be_bytes);
                Some(index.map_err(|_| Error::token_refused("page_token"))?)
            }
        };
        let (webhook, letters, more) = self.webhooks.letters(agency, id, after, size).await?;
        let last = letters.last().filter(|_| more).map(|letter| letter.ledger_index.to_be_bytes());
        Ok(v1::ListDeadLettersResponse {
            next_page_token: last.map(|last| self.pages.issue(call, &query, &last)).unwrap_or_default(),
            dead_letters: letters.into_iter().map(|letter| letter_message(&webhook, letter)).collect(),
        })
    }

    async fn redeliver(
        &self,
        call: &Call,
        request: v1::RedeliverDeadLettersRequest,
    ) -> Result<v1::RedeliverDeadLettersResponse> {
        let (agency, id) = (call.agency()?, webhook_id(&request.webhook_id)?);
        if request.ledger_indices.len() > limits::PAGE_SIZE_MAX {
            return Err(Error::invalid_field("ledger_indices", "TOO_LONG", "at most 500 of them; none stands for all"));
        }
        let queued = self.webhooks.redeliver(agency, id, &request.ledger_indices).await?;
        Ok(v1::RedeliverDeadLettersResponse { queued: u32::try_from(queued).unwrap_or(u32::MAX) })
    }

    async fn test(&self, call: &Call, request: v1::SendTestEventRequest) -> Result<v1::SendTestEventResponse> {
        let (agency, id) = (call.agency()?, webhook_id(&request.webhook_id)?);
        let within = call.time_left().saturating_sub(OWN_ANSWER).min(ANSWERS_WITHIN);
        let (event_id, outcome) = self.webhooks.test(agency, id, call.request_id.0, within).await?;
        let failure = outcome.err().map(|failure| failure.to_string()).unwrap_or_default();
        Ok(v1::SendTestEventResponse { event_id, is_accepted: failure.is_empty(), failure })
    }
}

#[tonic::async_trait]
impl WebhookService for WebhookGrpcService {
    async fn create_webhook(
        &self,
        request: Request<v1::CreateWebhookRequest>,
    ) -> Result<Response<v1::CreateWebhookResponse>, Status> {
        let use_case = async |call: Arc<Call>, request| self.create(&call, request).await;
        self.edge.answer(request, use_case).await
    }

    async fn get_webhook(
        &self,
        request: Request<v1::GetWebhookRequest>,
    ) -> Result<Response<v1::GetWebhookResponse>, Status> {
        let use_case = async |call: Arc<Call>, request: v1::GetWebhookRequest| {
            let view = self.webhooks.get(call.agency()?, webhook_id(&request.webhook_id)?).await?;
            Ok(v1::GetWebhookResponse { webhook: Some(message(&view)) })
        };
        self.edge.answer(request, use_case).await
    }

    async fn list_webhooks(
        &self,
        request: Request<v1::ListWebhooksRequest>,
    ) -> Result<Response<v1::ListWebhooksResponse>, Status> {
        let use_case = async |call: Arc<Call>, _: v1::ListWebhooksRequest| {
            let views = self.webhooks.list(call.agency()?).await?;
            Ok(v1::ListWebhooksResponse { webhooks: views.iter().map(message).collect() })
        };
        self.edge.answer(request, use_case).await
    }

    async fn update_webhook(
        &self,
        request: Request<v1::UpdateWebhookRequest>,
    ) -> Result<Response<v1::UpdateWebhookResponse>, Status> {
        let use_case = async |call: Arc<Call>, request| self.update(&call, request).await;
        self.edge.answer(request, use_case).await
    }

    async fn rotate_webhook_secret(
        &self,
        request: Request<v1::RotateWebhookSecretRequest>,
    ) -> Result<Response<v1::RotateWebhookSecretResponse>, Status> {
        let use_case = async |call: Arc<Call>, request| self.rotate(&call, request).await;
        self.edge.answer(request, use_case).await
    }

    async fn delete_webhook(
        &self,
        request: Request<v1::DeleteWebhookRequest>,
    ) -> Result<Response<v1::DeleteWebhookResponse>, Status> {
        let use_case = async |call: Arc<Call>, request: v1::DeleteWebhookRequest| {
            self.webhooks.delete(call.agency()?, webhook_id(&request.webhook_id)?).await?;
            Ok(v1::DeleteWebhookResponse {})
        };
        self.edge.answer(request, use_case).await
    }

    async fn list_dead_letters(
        &self,
        request: Request<v1::ListDeadLettersRequest>,
    ) -> Result<Response<v1::ListDeadLettersResponse>, Status> {
        let use_case = async |call: Arc<Call>, request| self.letters(&call, request).await;
        self.edge.answer(request, use_case).await
    }

    async fn redeliver_dead_letters(
        &self,
        request: Request<v1::RedeliverDeadLettersRequest>,
    ) -> Result<Response<v1::RedeliverDeadLettersResponse>, Status> {
        let use_case = async |call: Arc<Call>, request| self.redeliver(&call, request).await;
        self.edge.answer(request, use_case).await
    }

    async fn send_test_event(
        &self,
        request: Request<v1::SendTestEventRequest>,
    ) -> Result<Response<v1::SendTestEventResponse>, Status> {
        let use_case = async |call: Arc<Call>, request| self.test(&call, request).await;
        self.edge.answer(request, use_case).await
    }
}

fn webhook_id(text: &str) -> Result<Uuid> {
    let id = Uuid::try_parse(text).ok().filter(|id| id.to_string() == text);
    id.ok_or_else(|| Error::invalid_field("webhook_id", "FORMAT", "must be the id of a webhook"))
}

fn message(view: &WebhookView) -> v1::Webhook {
    let WebhookView { webhook, deliveries, lag_entries } = view;
    let Selection { registry, record_types, heading, person, unit } = webhook.selection.clone();
    let (unit_code, unit_valid_from) = unit.map(|(code, since)| (code, since.to_string())).unwrap_or_default();
    let at = |at: Option<Timestamp>| at.and_then(timestamp);
    let (state, disabled_reason) = match webhook.state {
        WebhookState::Active => (v1::WebhookState::Active, ""),
        WebhookState::Paused => (v1::WebhookState::Paused, ""),
        WebhookState::Disabled(reason) => (v1::WebhookState::Disabled, reason.as_str()),
    };
    let failing = deliveries.failing.as_ref().map(|failing| v1::FailingEvent {
        event_id: event_id(webhook, failing.ledger_index),
        ledger_index: failing.ledger_index,
        attempts: failing.attempts,
        failure: failing.failure.clone(),
        next_attempt_at: at(failing.next_at),
    });
    v1::Webhook {
        webhook_id: webhook.id.to_string(),
        target: webhook.target.0.clone(),
        registry: registry.unwrap_or_default(),
        record_types,
        section: heading.map_or(0, |heading| section_kind(heading).into()),
        personal_id: person.map(|person| person.as_str().to_owned()).unwrap_or_default(),
        unit_code,
        unit_valid_from,
        state: state.into(),
        disabled_reason: disabled_reason.to_owned(),
        created_at: timestamp(webhook.created_at),
        next_ledger_index: deliveries.next,
        lag_entries: *lag_entries,
        delivered: deliveries.delivered,
        delivered_at: at(deliveries.delivered_at),
        failing,
        previous_secret_until: at(webhook.rotation.previous_until),
    }
}

fn letter_message(webhook: &Webhook, letter: DeadLetter) -> v1::DeadLetter {
    v1::DeadLetter {
        event_id: event_id(webhook, letter.ledger_index),
        ledger_index: letter.ledger_index,
        attempts: letter.attempts,
        failure: letter.failure,
        given_up_at: timestamp(letter.given_up_at),
        is_queued: letter.is_queued,
    }
}
