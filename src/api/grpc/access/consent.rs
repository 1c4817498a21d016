//! `access.v1.ConsentService`: a citizen grants, withdraws and lists consents.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::access::consent::{Consent, ConsentState, consent_id};
use crate::access::{ConsentBook, agency, purpose};
use crate::api::{Edge, PageTokens, page};
use crate::base::Call;
use crate::base::call::SUBJECT;
use crate::base::{Error, PersonalId, Result, Timestamp, Violation, limits};
use crate::registry;
use crate::wire::proto::access::v1;
use crate::wire::proto::access::v1::consent_service_server::ConsentService;
use crate::wire::record::timestamp;

const TTL_SECONDS_DEFAULT: u32 = 30 * 86_400;
const TTL_SECONDS_MAX: u32 = 366 * 86_400;

/// The service over the consent book.
#[derive(Clone)]
pub struct ConsentFace {
    edge: Edge,
    book: Arc<ConsentBook>,
    pages: PageTokens,
}

impl ConsentFace {
    /// Answers through `edge`.
    pub fn new(edge: Edge, book: Arc<ConsentBook>, pages: PageTokens) -> Self {
        Self { edge, book, pages }
    }

    async fn list(&self, call: &Call, request: v1::ListConsentsRequest) -> Result<v1::ListConsentsResponse> {
        let person = own(call, &request.personal_id)?;
        let size = page::size(request.page_size)?;
        let query: [&[u8]; 2] = [call.method.as_bytes(), person.as_str().as_bytes()];
        let after = self.pages.read(&query, &request.page_token)?;
        let consents = self.book.list(person).await?;
        // Newest first; a page begins behind the last one shown.
        let position = |consent: &Consent| {
            let at = (i64::MAX - consent.granted_at.0).to_be_bytes();
            [&at[..], consent_id(&consent.agency, &consent.purpose).as_bytes()].concat()
        };
        let mut rest = consents.iter().filter(|consent| after.as_ref().is_none_or(|after| position(consent) > *after));
        let shown: Vec<&Consent> = rest.by_ref().take(size).collect();
        let more = rest.next().is_some();
        let last = shown.last().filter(|_| more);
        let next_page_token = last.map(|last| self.pages.issue(&query, &position(last))).unwrap_or_default();
        let consents = shown.into_iter().map(|consent| message(consent, call.now)).collect();
        Ok(v1::ListConsentsResponse { consents, next_page_token })
    }
}

#[tonic::async_trait]
impl ConsentService for ConsentFace {
    async fn grant_consent(
        &self,
        request: Request<v1::GrantConsentRequest>,
    ) -> Result<Response<v1::GrantConsentResponse>, Status> {
        let method = "lienthong.access.v1.ConsentService/GrantConsent";
        let use_case = async move |call: Arc<Call>, request: v1::GrantConsentRequest| {
            let person = own(&call, &request.personal_id)?;
            let consent = self.book.grant(person, consent(request, call.now)?).await?;
            Ok(v1::GrantConsentResponse { consent: Some(message(&consent, call.now)) })
        };
        self.edge.answer(method, request, use_case).await
    }

    async fn withdraw_consent(
        &self,
        request: Request<v1::WithdrawConsentRequest>,
    ) -> Result<Response<v1::WithdrawConsentResponse>, Status> {
        let method = "lienthong.access.v1.ConsentService/WithdrawConsent";
        let use_case = async move |call: Arc<Call>, request: v1::WithdrawConsentRequest| {
            let person = own(&call, &request.personal_id)?;
            if request.consent_id.is_empty() {
                return Err(Error::invalid_field("consent_id", "REQUIRED", "a consent's id is required"));
            }
            let consent = self.book.withdraw(person, &request.consent_id).await?;
            Ok(v1::WithdrawConsentResponse { consent: Some(message(&consent, call.now)) })
        };
        self.edge.answer(method, request, use_case).await
    }

    async fn list_consents(
        &self,
        request: Request<v1::ListConsentsRequest>,
    ) -> Result<Response<v1::ListConsentsResponse>, Status> {
        let method = "lienthong.access.v1.ConsentService/ListConsents";
        self.edge.answer(method, request, async move |call, request| self.list(&call, request).await).await
    }
}

/// The citizen, who must be the caller.
fn own(call: &Call, personal_id: &str) -> Result<PersonalId> {
    // Agencies are refused before their request is looked at: authorise, then validate.
    if let crate::base::Caller::Agency(_) = call.caller {
        call.one_of(&[SUBJECT])?;
    }
    let person = PersonalId::from_field("personal_id", personal_id).map_err(|bad| Error::invalid(vec![bad]))?;
    call.citizen(person)?;
    Ok(person)
}

fn consent(request: v1::GrantConsentRequest, now: Timestamp) -> Result<Consent> {
    let mut bad = Vec::new();
    if agency::find(&request.agency).is_none() {
        bad.push(agency::unknown("agency", &request.agency));
    }
    if purpose::find(&request.purpose).is_none() {
        bad.push(purpose::unknown("purpose", &request.purpose));
    }
    if request.record_types.is_empty() || request.record_types.len() > limits::RECORD_TYPES_MAX {
        bad.push(Violation::new("record_types", "COUNT", "1 to 16 record types"));
    }
    for (at, name) in request.record_types.iter().take(limits::RECORD_TYPES_MAX).enumerate() {
        let path = format!("record_types[{at}]");
        if registry::record_type(name).is_none() {
            bad.push(registry::unknown_record_type(path, name, registry::record_types()));
        } else if request.record_types[..at].contains(name) {
            bad.push(Violation::new(path, "DUPLICATE", "is there already"));
        }
    }
    if request.ttl_seconds > TTL_SECONDS_MAX {
        bad.push(Violation::new("ttl_seconds", "OUT_OF_RANGE", "at most 366 days"));
    }
    if !bad.is_empty() {
        return Err(Error::invalid(bad));
    }
    let seconds = if request.ttl_seconds == 0 { TTL_SECONDS_DEFAULT } else { request.ttl_seconds };
    Ok(Consent {
        agency: request.agency,
        purpose: request.purpose,
        record_types: request.record_types,
        said: ConsentState::Granted,
        granted_at: now,
        expires_at: now.plus_ms(i64::from(seconds) * 1000),
    })
}

fn message(consent: &Consent, now: Timestamp) -> v1::Consent {
    let state = match consent.state(now) {
        ConsentState::Granted => v1::ConsentState::Granted,
        ConsentState::Withdrawn => v1::ConsentState::Withdrawn,
        ConsentState::Refused => v1::ConsentState::Refused,
        ConsentState::Expired => v1::ConsentState::Expired,
    };
    v1::Consent {
        consent_id: consent_id(&consent.agency, &consent.purpose),
        agency: consent.agency.clone(),
        purpose: consent.purpose.clone(),
        record_types: consent.record_types.clone(),
        state: state.into(),
        granted_at: timestamp(consent.granted_at),
        expires_at: timestamp(consent.expires_at),
    }
}
