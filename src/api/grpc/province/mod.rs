//! `province.v1.ProvinceService`.

pub(in crate::api) mod message;
mod unit;
mod views;
mod watch;
mod webhook;

use std::sync::Arc;

use futures::future::try_join_all;
use tonic::{Request, Response, Status};

use crate::access::People;
use crate::api::{AnswerStream, Edge, OpenStreams, PageTokens, page};
use crate::base::Call;
use crate::base::{Error, PartialDate, PersonalId, Result, Violation, Violations, limits};
use crate::registry;
use crate::wire::proto::province::v1;
use crate::wire::proto::province::v1::province_service_server::ProvinceService;

use crate::province::{Parts, PeopleQuery, Province};
use message::feed_message;

pub use webhook::WebhookGrpcService;

/// The service over the province layer.
#[derive(Clone)]
pub struct ProvinceGrpcService {
    edge: Edge,
    province: Arc<Province>,
    people: Arc<dyn People>,
    pages: PageTokens,
    watching: OpenStreams,
}

impl ProvinceGrpcService {
    /// Serves agencies through `edge`, and `people` about themselves.
    pub fn new(edge: Edge, province: Arc<Province>, people: Arc<dyn People>, pages: PageTokens) -> Self {
        Self { edge, province, people, pages, watching: OpenStreams::default() }
    }

    async fn search(&self, call: &Call, request: v1::SearchPeopleRequest) -> Result<v1::SearchPeopleResponse> {
        call.named_or(false)?;
        let size = page::size(request.page_size)?;
        let query = query(request.query)?;
        let parts = match &query {
            PeopleQuery::PersonalId(number) => [number.as_str().to_owned(), String::new()],
            PeopleQuery::OldNumber(number) => [number.clone(), String::new()],
            PeopleQuery::Name { full_name, birth_date } => {
                [format!("name/{full_name}"), birth_date.map(|date| date.to_string()).unwrap_or_default()]
            }
            PeopleQuery::Parts(Parts { words, unit_code, birth_year }) => {
                let year = birth_year.map(|year| year.to_string()).unwrap_or_default();
                [format!("parts/{}", words.join(" ")), format!("{}/{year}", unit_code.as_deref().unwrap_or_default())]
            }
        };
        let bound: [&[u8]; 2] = [parts[0].as_bytes(), parts[1].as_bytes()];
        let after = self.pages.read(call, &bound, &request.page_token)?;
        let (people, next) = self.province.search(&query, size, after).await?;
        let people = people.into_iter().map(|person| v1::PersonSummary {
            personal_id: person.personal_id.as_str().to_owned(),
            full_name: person.full_name,
            birth_date: person.birth_date,
            sex: person.sex,
            unit_code: person.unit_code,
            unit_name: person.unit_name,
            unit_valid_from: person.unit_valid_from,
            differs: person.differs.unwrap_or_default().to_owned(),
        });
        Ok(v1::SearchPeopleResponse {
            people: people.collect(),
            next_page_token: next.map(|next| self.pages.issue(call, &bound, &next)).unwrap_or_default(),
        })
    }

    async fn feeds(&self, call: &Call) -> Result<v1::ListFeedsResponse> {
        call.agency()?;
        let feeds = self.province.progress().into_keys().map(async |registry| {
            let conflict = self.province.conflict(&registry).await?;
            let (progress, lag) = self.province.feed_now(&registry).await?;
            feed_message(&registry, progress, lag, conflict)
        });
        Ok(v1::ListFeedsResponse { feeds: try_join_all(feeds).await? })
    }
}

#[tonic::async_trait]
impl ProvinceService for ProvinceGrpcService {
    type WatchChangesStream = AnswerStream<v1::WatchChangesResponse>;

    async fn get_person(
        &self,
        request: Request<v1::GetPersonRequest>,
    ) -> Result<Response<v1::GetPersonResponse>, Status> {
        self.edge.answer(request, async move |call, request| self.person(&call, request).await).await
    }

    async fn get_person_history(
        &self,
        request: Request<v1::GetPersonHistoryRequest>,
    ) -> Result<Response<v1::GetPersonHistoryResponse>, Status> {
        self.edge.answer(request, async move |call, request| self.history(&call, request).await).await
    }

    async fn get_household(
        &self,
        request: Request<v1::GetHouseholdRequest>,
    ) -> Result<Response<v1::GetHouseholdResponse>, Status> {
        self.edge.answer(request, async move |call, request| self.household(&call, request).await).await
    }

    async fn get_parcel(
        &self,
        request: Request<v1::GetParcelRequest>,
    ) -> Result<Response<v1::GetParcelResponse>, Status> {
        self.edge.answer(request, async move |call, request| self.parcel(&call, request).await).await
    }

    async fn get_vehicle(
        &self,
        request: Request<v1::GetVehicleRequest>,
    ) -> Result<Response<v1::GetVehicleResponse>, Status> {
        self.edge.answer(request, async move |call, request| self.vehicle(&call, request).await).await
    }

    async fn get_organisation(
        &self,
        request: Request<v1::GetOrganisationRequest>,
    ) -> Result<Response<v1::GetOrganisationResponse>, Status> {
        self.edge.answer(request, async move |call, request| self.organisation(&call, request).await).await
    }

    async fn get_address(
        &self,
        request: Request<v1::GetAddressRequest>,
    ) -> Result<Response<v1::GetAddressResponse>, Status> {
        self.edge.answer(request, async move |call, request| self.address(&call, request).await).await
    }

    async fn search_people(
        &self,
        request: Request<v1::SearchPeopleRequest>,
    ) -> Result<Response<v1::SearchPeopleResponse>, Status> {
        self.edge.answer(request, async move |call, request| self.search(&call, request).await).await
    }

    async fn watch_changes(
        &self,
        request: Request<v1::WatchChangesRequest>,
    ) -> Result<Response<Self::WatchChangesStream>, Status> {
        self.edge.stream(request, async move |call, request| self.watch(&call, &request)).await
    }

    async fn list_feeds(
        &self,
        request: Request<v1::ListFeedsRequest>,
    ) -> Result<Response<v1::ListFeedsResponse>, Status> {
        self.edge.answer(request, async move |call, _| self.feeds(&call).await).await
    }
}

/// Words of a name, to which a commune and a year may be added.
fn parts(asked: v1::PartsQuery) -> Result<Parts> {
    let mut violations = Violations::default();
    if asked.name.len() > limits::TEXT_BYTES_MAX {
        violations.add("parts.name", "TOO_LONG", "a full name has at most 512 bytes");
    }
    let unit_code = Some(asked.unit_code).filter(|code| !code.is_empty());
    if unit_code.as_deref().is_some_and(|code| !registry::forms::unit_code(code)) {
        violations.add("parts.unit_code", "FORMAT", "must be a unit code of 2, 3 or 5 digits");
    }
    let known = |year: &i16| (1800..=2200).contains(year);
    let birth_year = i16::try_from(asked.birth_year).ok().filter(known);
    if birth_year.is_none() && asked.birth_year != 0 {
        violations.add("parts.birth_year", "OUT_OF_RANGE", "must be a year from 1800 to 2200");
    }
    let parts = Parts::new(&asked.name, unit_code, birth_year);
    if parts.words.is_empty() {
        violations.add("parts.name", "REQUIRED", "at least one word of the name is required");
    }
    if violations.is_empty() { Ok(parts) } else { Err(Error::invalid(violations)) }
}

fn query(query: Option<v1::search_people_request::Query>) -> Result<PeopleQuery> {
    use v1::search_people_request::Query;
    match query {
        None => Err(Error::invalid_field(
            "query",
            "REQUIRED",
            "one of personal_id, old_id_number, name and parts is required",
        )),
        Some(Query::Parts(asked)) => parts(asked).map(PeopleQuery::Parts),
        Some(Query::PersonalId(id)) => {
            let id = PersonalId::from_field("personal_id", &id).map_err(|bad| Error::invalid(vec![bad]))?;
            Ok(PeopleQuery::PersonalId(id))
        }
        Some(Query::OldIdNumber(number)) => {
            if !registry::forms::old_id_number(&number) {
                return Err(Error::invalid_field("old_id_number", "FORMAT", "an old identity number has 9 digits"));
            }
            Ok(PeopleQuery::OldNumber(number))
        }
        Some(Query::Name(name)) => {
            let mut bad = Vec::new();
            if name.full_name.trim().is_empty() {
                bad.push(Violation::new("name.full_name", "REQUIRED", "a full name is required"));
            } else if name.full_name.len() > limits::TEXT_BYTES_MAX {
                bad.push(Violation::new("name.full_name", "TOO_LONG", "a full name has at most 512 bytes"));
            } else if name.full_name.contains('\0') {
                bad.push(Violation::new("name.full_name", "FORMAT", "a full name cannot contain NUL"));
            }
            let birth_date = PartialDate::parse(&name.birth_date);
            if birth_date.is_none() && !name.birth_date.is_empty() {
                bad.push(Violation::new(
                    "name.birth_date",
                    "FORMAT",
                    "must be an existing day, month or year: YYYY, YYYY-MM or YYYY-MM-DD",
                ));
            }
            if !bad.is_empty() {
                return Err(Error::invalid(bad));
            }
            Ok(PeopleQuery::Name { full_name: name.full_name, birth_date })
        }
    }
}
