//! `PresentationService`.

use std::sync::Arc;

use qrcode::QrCode;
use qrcode::render::svg;
use tonic::{Request, Response, Status};

use crate::access::acting::{Acting, own};
use crate::access::{People, RightsBook};
use crate::api::{Edge, PageTokens, page};
use crate::base::{AgencyId, Error, Result, Violations, limits};
use crate::identity::document::DocumentType;
use crate::identity::presentation::QR_PREFIX;
use crate::identity::presenting::Presenting;
use crate::wire::proto::exchange::v1::Evidence;
use crate::wire::proto::identity::v1;
use crate::wire::proto::identity::v1::presentation_service_server::PresentationService;
use crate::wire::record;
use crate::wire::record::Frame;

use super::convert;

/// `PresentationService`.
#[derive(Clone)]
pub struct PresentationGrpcService {
    edge: Edge,
    presenting: Presenting,
    people: Arc<dyn People>,
    pages: PageTokens,
    rights: Arc<RightsBook>,
}

impl PresentationGrpcService {
    /// Serves `presenting`; presentations are for an agency of `rights`.
    pub fn new(
        edge: Edge,
        presenting: Presenting,
        people: Arc<dyn People>,
        pages: PageTokens,
        rights: Arc<RightsBook>,
    ) -> Self {
        Self { edge, presenting, people, pages, rights }
    }

    fn wishes(&self, message: &v1::CreatePresentationRequest) -> Result<(AgencyId, Vec<DocumentType>, u32)> {
        let mut violations = Violations::default();
        let rights = self.rights.current();
        let agency = rights.agency(&message.agency).map(|agency| agency.key.clone());
        if agency.is_none() {
            violations.push(rights.unknown_agency("agency", &message.agency));
        }
        if message.document_types.is_empty() || message.document_types.len() > limits::RECORD_TYPES_MAX {
            violations.add("document_types", "COUNT", "1 to 16 document types");
        }
        let mut kinds = Vec::new();
        for (at, value) in message.document_types.iter().take(limits::RECORD_TYPES_MAX).enumerate() {
            let field = format!("document_types[{at}]");
            match convert::document_type(self.presenting.catalogue(), &field, *value) {
                Ok(kind) if kinds.contains(&kind) => {
                    violations.add(field, "DUPLICATE", "a document type may be listed once only");
                }
                Ok(kind) => kinds.push(kind),
                Err(violation) => violations.push(violation),
            }
        }
        let seconds = match message.ttl_seconds {
            0 => limits::PRESENTATION_SECONDS_DEFAULT,
            seconds => seconds,
        };
        if seconds > limits::PRESENTATION_SECONDS_MAX {
            violations.add("ttl_seconds", "OUT_OF_RANGE", "at most 3,600 seconds");
        }
        match agency {
            Some(agency) if violations.is_empty() => Ok((agency, kinds, seconds)),
            _ => Err(Error::invalid(violations)),
        }
    }
}

#[tonic::async_trait]
impl PresentationService for PresentationGrpcService {
    async fn create_presentation(
        &self,
        request: Request<v1::CreatePresentationRequest>,
    ) -> Result<Response<v1::CreatePresentationResponse>, Status> {
        self.edge
            .answer(request, |call, message| async move {
                let Acting { person, actor } = own(&call, &message.personal_id, &*self.people).await?.anew()?;
                let (agency, kinds, seconds) = self.wishes(&message)?;
                let (made, code) =
                    self.presenting.create(person.current, agency, kinds, seconds, actor, call.now).await?;
                let qr_payload = format!("{QR_PREFIX}{code}");
                let picture = QrCode::new(qr_payload.as_bytes()).map_err(Error::bug)?;
                let qr_svg = picture.render::<svg::Color<'_>>().min_dimensions(240, 240).build();
                let presentation = Some(convert::presentation(&made, call.now));
                Ok(v1::CreatePresentationResponse { presentation, code, qr_payload, qr_svg })
            })
            .await
    }

    async fn redeem_presentation(
        &self,
        request: Request<v1::RedeemPresentationRequest>,
    ) -> Result<Response<v1::RedeemPresentationResponse>, Status> {
        self.edge
            .answer(request, |call, message| async move {
                call.agency()?;
                if message.code.is_empty() || message.code.len() > limits::TEXT_BYTES_MAX {
                    return Err(Error::invalid_field("code", "REQUIRED", "a presentation's code is required"));
                }
                let (used, delivered) = self.presenting.redeem(call.clone(), message.code).await?;
                let records = delivered.records.iter().map(|one| {
                    let (record_type, id, version, verdict) =
                        (&*one.record_type.name, one.record_id, one.version, one.verdict);
                    let frame =
                        Frame { record_type, message: one.record_type.message.as_deref(), id, version, verdict };
                    record::delivered(frame, &one.record)
                });
                Ok(v1::RedeemPresentationResponse {
                    request_id: call.request_id.to_string(),
                    records: records.collect::<Result<_>>()?,
                    evidence: Some(Evidence {
                        index: delivered.evidence_index,
                        checkpoint: record::note_text(&delivered.evidence_checkpoint)?,
                    }),
                    presentation: Some(convert::presentation(&used, call.now)),
                })
            })
            .await
    }

    async fn cancel_presentation(
        &self,
        request: Request<v1::CancelPresentationRequest>,
    ) -> Result<Response<v1::CancelPresentationResponse>, Status> {
        self.edge
            .answer(request, |call, message| async move {
                let person = own(&call, &message.personal_id, &*self.people).await?.person;
                let id = convert::id("presentation_id", &message.presentation_id)?;
                let cancelled = self.presenting.cancel(&person, id, call.now).await?;
                let presentation = Some(convert::presentation(&cancelled, call.now));
                Ok(v1::CancelPresentationResponse { presentation })
            })
            .await
    }

    async fn list_presentations(
        &self,
        request: Request<v1::ListPresentationsRequest>,
    ) -> Result<Response<v1::ListPresentationsResponse>, Status> {
        self.edge
            .answer(request, |call, message| async move {
                let person = own(&call, &message.personal_id, &*self.people).await?.person;
                let limit = page::size(message.page_size)?;
                let query: [&[u8]; 1] = [person.current.as_str().as_bytes()];
                let before = self.pages.read_id(&call, &query, &message.page_token)?;
                let (found, more) = self.presenting.list(&person, limit, before).await?;
                let last = found.last().filter(|_| more);
                let next = last.map(|last| self.pages.issue(&call, &query, last.id.as_bytes()));
                Ok(v1::ListPresentationsResponse {
                    presentations: found.iter().map(|one| convert::presentation(one, call.now)).collect(),
                    next_page_token: next.unwrap_or_default(),
                })
            })
            .await
    }
}
