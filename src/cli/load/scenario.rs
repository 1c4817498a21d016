//! What `load` calls.

use bytes::Bytes;
use clap::ValueEnum;
use prost::Message;
use tonic::codegen::http::uri::PathAndQuery;

use super::super::output::Failure;
use super::driver::Prepared;
use super::peer;
use crate::wire::proto::{exchange, identity, province};

/// The call of a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Scenario {
    /// `ExchangeService/FetchRecords`: three records of one citizen, evidence durable for each call.
    Fetch,
    /// `ProvinceService/GetPerson`: one view over all registries.
    Person,
    /// `LinkService/ListLinks`: a citizen's own links.
    Links,
}

impl Scenario {
    /// Its name on the command line.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::Person => "person",
            Self::Links => "links",
        }
    }

    /// The calls in turn, one for each citizen.
    pub(super) fn calls(self, credential: Option<&str>, personal_ids: &[String]) -> Result<Vec<Prepared>, Failure> {
        let whose: Vec<String> = match personal_ids {
            [] => vec!["042090990001".to_owned()],
            some => some.to_vec(),
        };
        whose.into_iter().map(|person| self.call(credential, person)).collect()
    }

    fn call(self, credential: Option<&str>, personal_id: String) -> Result<Prepared, Failure> {
        let (path, body, own) = match self {
            Self::Fetch => {
                let types = ["resident.person.v1", "land.certificate.v1", "vehicle.registration.v1"];
                let request = exchange::v1::FetchRecordsRequest {
                    personal_id,
                    record_types: types.map(str::to_owned).to_vec(),
                    purpose: "one_stop.verify_documents".into(),
                    ..Default::default()
                };
                let path = "/lienthong.exchange.v1.ExchangeService/FetchRecords";
                (path, request.encode_to_vec(), "demo-one-stop".to_owned())
            }
            Self::Person => {
                let request = province::v1::GetPersonRequest { personal_id };
                (
                    "/lienthong.province.v1.ProvinceService/GetPerson",
                    request.encode_to_vec(),
                    "demo-one-stop".to_owned(),
                )
            }
            Self::Links => {
                let own = format!("demo-citizen-{personal_id}");
                let request = identity::v1::ListLinksRequest { personal_id, ..Default::default() };
                ("/lienthong.identity.v1.LinkService/ListLinks", request.encode_to_vec(), own)
            }
        };
        let value = format!("Bearer {}", credential.unwrap_or(&own));
        let authorization = value.parse().map_err(|_| Failure::with_code("--credential is not ASCII", 2))?;
        Ok(Prepared { path: PathAndQuery::from_static(path), body: body.into(), authorization: Some(authorization) })
    }
}

/// The call of the bare peer.
pub(super) fn bare() -> Prepared {
    Prepared { path: PathAndQuery::from_static(peer::PATH), body: Bytes::from_static(&[0; 64]), authorization: None }
}
