//! `access.v1.AgencyService`: who may call, and what their rights are.

use tonic::{Request, Response, Status};

use crate::access::{Basis, Fields, agency, right};
use crate::api::Edge;
use crate::base::Call;
use crate::base::{Error, Result};
use crate::wire::proto::access::v1;
use crate::wire::proto::access::v1::agency_service_server::AgencyService;

/// The service over the constant tables.
#[derive(Clone)]
pub struct AgencyFace {
    edge: Edge,
}

impl AgencyFace {
    /// Answers through `edge`.
    pub fn new(edge: Edge) -> Self {
        Self { edge }
    }
}

#[tonic::async_trait]
impl AgencyService for AgencyFace {
    async fn list_agencies(
        &self,
        request: Request<v1::ListAgenciesRequest>,
    ) -> Result<Response<v1::ListAgenciesResponse>, Status> {
        let method = "lienthong.access.v1.AgencyService/ListAgencies";
        self.edge.answer(method, request, async move |_, _| Ok(agencies())).await
    }

    async fn list_rights(
        &self,
        request: Request<v1::ListRightsRequest>,
    ) -> Result<Response<v1::ListRightsResponse>, Status> {
        let method = "lienthong.access.v1.AgencyService/ListRights";
        self.edge.answer(method, request, async move |call, request| rights(&call, &request)).await
    }
}

fn agencies() -> v1::ListAgenciesResponse {
    let agencies = agency::ALL.iter().map(|agency| v1::Agency {
        key: agency.key.into(),
        name: agency.name.into(),
        name_vi: agency.name_vi.into(),
        registries: agency.registries().map(Into::into).collect(),
        private_party: agency.private_party,
    });
    v1::ListAgenciesResponse { agencies: agencies.collect() }
}

fn rights(call: &Call, request: &v1::ListRightsRequest) -> Result<v1::ListRightsResponse> {
    let caller = call.agency()?.as_str();
    let agency = if request.agency.is_empty() { caller } else { request.agency.as_str() };
    if agency::find(agency).is_none() {
        return Err(Error::invalid(agency::unknown("agency", agency)));
    }
    if agency != caller {
        call.one_of(&["auditor", "operator"])?;
    }
    let mut rights: Vec<_> = right::all().filter(|right| right.agency == agency).collect();
    rights.sort_by_key(|right| (right.purpose, right.record_type));
    let rights = rights.into_iter().map(|right| v1::Right {
        agency: right.agency.into(),
        record_type: right.record_type.into(),
        purpose: right.purpose.into(),
        all_fields: right.fields == Fields::All,
        fields: match right.fields {
            Fields::All => Vec::new(),
            Fields::Only(names) => names.iter().map(|name| (*name).into()).collect(),
        },
        consent_required: right.basis == Basis::Consent,
    });
    Ok(v1::ListRightsResponse { rights: rights.collect() })
}
