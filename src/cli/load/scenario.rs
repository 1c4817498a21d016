//! The calls that `load` makes.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use clap::ValueEnum;
use prost::Message;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::{Ascii, MetadataValue};

use super::super::output::Failure;
use super::call::Prepared;
use super::citizens::Citizens;
use super::peer;
use crate::registry::{land, resident, vehicle};
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

    /// The credential of a call about `person`, unless another is given.
    fn own_credential(self, person: &str) -> String {
        match self {
            Self::Fetch => "Bearer demo-one-stop".to_owned(),
            // A view of anybody is the operator's alone.
            Self::Person => "Bearer demo-operator".to_owned(),
            Self::Links => format!("Bearer demo-citizen-{person}"),
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Fetch => "/lienthong.exchange.v1.ExchangeService/FetchRecords",
            Self::Person => "/lienthong.province.v1.ProvinceService/GetPerson",
            Self::Links => "/lienthong.identity.v1.LinkService/ListLinks",
        }
    }

    fn body(self, personal_id: String) -> Vec<u8> {
        match self {
            Self::Fetch => {
                let types = [resident::PERSON, land::CERTIFICATE, vehicle::REGISTRATION];
                let request = exchange::v1::FetchRecordsRequest {
                    personal_id,
                    record_types: types.map(str::to_owned).to_vec(),
                    purpose: "one_stop.verify_documents".into(),
                    ..Default::default()
                };
                request.encode_to_vec()
            }
            Self::Person => province::v1::GetPersonRequest { personal_id, ..Default::default() }.encode_to_vec(),
            Self::Links => identity::v1::ListLinksRequest { personal_id, ..Default::default() }.encode_to_vec(),
        }
    }
}

/// The calls of a load, one after the other. Their count goes on from one turn of the load to the next, so that no citizen is drawn
/// again because a turn began.
pub(super) struct Calls {
    what: What,
    made: AtomicU64,
}

enum What {
    /// The same call again and again.
    Same(Prepared),
    /// A scenario's call for each citizen.
    Citizens { scenario: Scenario, credential: Option<MetadataValue<Ascii>>, citizens: Citizens },
}

impl Calls {
    /// The scenario's calls about `citizens`; `credential` is a bearer credential for all of them.
    pub(super) fn of(scenario: Scenario, credential: Option<&str>, citizens: Citizens) -> Result<Self, Failure> {
        let read = |credential: &str| format!("Bearer {credential}").parse();
        let credential = credential.map(read).transpose();
        let credential = credential.map_err(|_| Failure::with_code("--credential is not ASCII", 2))?;
        Ok(Self { what: What::Citizens { scenario, credential, citizens }, made: AtomicU64::new(0) })
    }

    /// The call of the bare peer.
    pub(super) fn bare() -> Self {
        let path = PathAndQuery::from_static(peer::PATH);
        let call = Prepared { path, body: Bytes::from_static(&[0; 64]), authorization: None };
        Self { what: What::Same(call), made: AtomicU64::new(0) }
    }

    /// The call whose turn it is.
    pub(super) fn next(&self) -> Prepared {
        self.at(self.made.fetch_add(1, Ordering::Relaxed))
    }

    /// The call of this number.
    pub(super) fn at(&self, number: u64) -> Prepared {
        match &self.what {
            What::Same(call) => call.clone(),
            What::Citizens { scenario, credential, citizens } => {
                let person = citizens.at(number);
                // A credential of a number is ASCII.
                let own = || scenario.own_credential(person.as_str()).parse().ok();
                Prepared {
                    path: PathAndQuery::from_static(scenario.path()),
                    body: scenario.body(person.as_str().to_owned()).into(),
                    authorization: credential.clone().or_else(own),
                }
            }
        }
    }
}
