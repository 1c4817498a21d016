//! `access.v1.AgencyService`: the agencies and their rights.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::access::{Basis, Fields, Rights, RightsBook};
use crate::api::Edge;
use crate::base::Call;
use crate::base::{Error, Result};
use crate::wire::proto::access::v1;
use crate::wire::proto::access::v1::agency_service_server::AgencyService;

/// The service over the rights in force.
#[derive(Clone)]
pub struct AgencyGrpcService {
    edge: Edge,
    rights: Arc<RightsBook>,
}

impl AgencyGrpcService {
    /// Serves the `rights` through `edge`.
    pub fn new(edge: Edge, rights: Arc<RightsBook>) -> Self {
        Self { edge, rights }
    }
}

#[tonic::async_trait]
impl AgencyService for AgencyGrpcService {
    async fn list_agencies(
        &self,
        request: Request<v1::ListAgenciesRequest>,
    ) -> Result<Response<v1::ListAgenciesResponse>, Status> {
        self.edge.answer(request, async move |_, _| Ok(agencies(&self.rights.current()))).await
    }

    async fn list_rights(
        &self,
        request: Request<v1::ListRightsRequest>,
    ) -> Result<Response<v1::ListRightsResponse>, Status> {
        self.edge.answer(request, async move |call, request| rights(&self.rights.current(), &call, &request)).await
    }
}

fn agencies(rights: &Rights) -> v1::ListAgenciesResponse {
    let agencies = rights.agencies().map(|agency| v1::Agency {
        key: agency.key.as_str().into(),
        name: agency.name.clone(),
        name_vi: agency.name_vi.clone(),
        registries: agency.registries.clone(),
        private_party: agency.private_party,
    });
    v1::ListAgenciesResponse { agencies: agencies.collect() }
}

fn rights(rights: &Rights, call: &Call, request: &v1::ListRightsRequest) -> Result<v1::ListRightsResponse> {
    let caller = call.agency()?.as_str();
    let agency = if request.agency.is_empty() { caller } else { request.agency.as_str() };
    if rights.agency(agency).is_none() {
        return Err(Error::invalid(rights.unknown_agency("agency", agency)));
    }
    call.named_or(agency == caller)?;
    let mut own: Vec<_> = rights.all().filter(|right| right.agency.key.as_str() == agency).collect();
    own.sort_by_key(|right| (&right.set.purpose, right.record_type));
    let rights = own.into_iter().map(|right| v1::Right {
        agency: agency.into(),
        record_type: right.record_type.into(),
        purpose: right.set.purpose.to_string(),
        all_fields: *right.fields == Fields::All,
        fields: match right.fields {
            Fields::All => Vec::new(),
            Fields::Only(fields) => fields.names().to_vec(),
        },
        consent_required: right.set.basis == Basis::Consent,
    });
    Ok(v1::ListRightsResponse { rights: rights.collect() })
}
