//! The views of people, things and addresses: what is asked of them, at which point of two times, and which page.
//!
//! A page token holds the size of the record ledger that the first page reflects, so that all pages show one moment, whatever is accepted
//! between them.

use crate::access::acting::acting;
use crate::api::page;
use crate::base::{Call, Caller, Date, Error, OrganisationCode, PersonalId, Result, Timestamp};
use crate::province::{AsOf, Asked, Audience, PAGE_RECORDS_MAX, Page, ThingView};
use crate::registry::{SubjectKind, forms};
use crate::wire::proto::province::v1;

use super::ProvinceGrpcService;
use super::message::{Shown, history_message, section, shown, source};
use super::unit::{Units, unit_day};

/// The two times and the page, as a request has them.
struct Read<'a> {
    valid: &'a str,
    known: &'a str,
    token: &'a str,
    /// What the token is bound to beside the times.
    of: &'a str,
}

impl Read<'_> {
    fn bound(&self) -> [&[u8]; 3] {
        [self.of.as_bytes(), self.valid.as_bytes(), self.known.as_bytes()]
    }
}

impl ProvinceGrpcService {
    pub(super) async fn person(&self, call: &Call, request: v1::GetPersonRequest) -> Result<v1::GetPersonResponse> {
        let (id, audience) = self.reader(call, &request.personal_id).await?;
        let v1::GetPersonRequest { as_of_valid: valid, as_of_known: known, page_token: token, .. } = &request;
        let read = Read { valid, known, token, of: id.as_str() };
        let asked = self.asked(call, &read, request.page_size).await?;
        let found = self.province.person(id, audience, &asked).await?;
        let next_page_token = self.next(call, &read, &asked, found.view.next);
        let ledger_size = found.view.ledger_size;
        let Shown { sources, sections, discrepancies, chosen } = shown(found.view, call.language);
        let person = v1::PersonView {
            personal_id: found.personal_id.as_str().to_owned(),
            superseded_ids: found.superseded_ids.iter().map(|id| id.as_str().to_owned()).collect(),
            sources,
            sections,
            discrepancies,
            ledger_size,
            chosen,
        };
        Ok(v1::GetPersonResponse { person: Some(person), next_page_token })
    }

    pub(super) async fn history(
        &self,
        call: &Call,
        request: v1::GetPersonHistoryRequest,
    ) -> Result<v1::GetPersonHistoryResponse> {
        let (id, audience) = self.reader(call, &request.personal_id).await?;
        let size = page::size(request.page_size)?;
        let v1::GetPersonHistoryRequest { as_of_valid: valid, as_of_known: known, page_token: token, .. } = &request;
        let read = Read { valid, known, token, of: id.as_str() };
        let (as_of, rest) = self.as_of(call, &read).await?;
        let from = rest.map(|rest| rest.try_into().map(u64::from_be_bytes)).transpose();
        let from = from.map_err(|_| Error::token_refused("page_token"))?.unwrap_or_default();
        let (changes, next) = self.province.history(id, audience, as_of, size, from).await?;
        let next = next.map(|next| self.token(call, &read, as_of, &next.to_be_bytes()));
        Ok(v1::GetPersonHistoryResponse {
            changes: changes.into_iter().zip(1..).map(|(change, number)| history_message(change, number)).collect(),
            next_page_token: next.unwrap_or_default(),
            ledger_size: as_of.known,
        })
    }

    pub(super) async fn household(
        &self,
        call: &Call,
        request: v1::GetHouseholdRequest,
    ) -> Result<v1::GetHouseholdResponse> {
        call.named_or(false)?;
        let v1::GetHouseholdRequest { household_id: of, as_of_valid: valid, as_of_known: known, .. } = &request;
        let says = "must be a household number of 2 digits, a hyphen and 9 digits";
        well_formed("household_id", forms::household_id(of), says)?;
        let read = Read { valid, known, token: &request.page_token, of };
        let (view, next_page_token) = self.thing(call, SubjectKind::Household, &read, request.page_size).await?;
        Ok(v1::GetHouseholdResponse { household: Some(view), next_page_token })
    }

    pub(super) async fn parcel(&self, call: &Call, request: v1::GetParcelRequest) -> Result<v1::GetParcelResponse> {
        call.named_or(false)?;
        let v1::GetParcelRequest { parcel_id: of, as_of_valid: valid, as_of_known: known, .. } = &request;
        let says = "must be a parcel code, a 12-character geohash from w74 to w77";
        well_formed("parcel_id", forms::parcel_id(of).is_some(), says)?;
        let read = Read { valid, known, token: &request.page_token, of };
        let (view, next_page_token) = self.thing(call, SubjectKind::Parcel, &read, request.page_size).await?;
        Ok(v1::GetParcelResponse { parcel: Some(view), next_page_token })
    }

    pub(super) async fn vehicle(&self, call: &Call, request: v1::GetVehicleRequest) -> Result<v1::GetVehicleResponse> {
        call.named_or(false)?;
        let v1::GetVehicleRequest { plate: of, as_of_valid: valid, as_of_known: known, .. } = &request;
        let says = "must be a plate like 38A-123.45, 38-B1 123.45, 38-AA 123.45 or 80-011-NG-01";
        well_formed("plate", forms::plate(of).is_some(), says)?;
        let read = Read { valid, known, token: &request.page_token, of };
        let (view, next_page_token) = self.thing(call, SubjectKind::Vehicle, &read, request.page_size).await?;
        Ok(v1::GetVehicleResponse { vehicle: Some(view), next_page_token })
    }

    pub(super) async fn organisation(
        &self,
        call: &Call,
        request: v1::GetOrganisationRequest,
    ) -> Result<v1::GetOrganisationResponse> {
        call.named_or(false)?;
        let v1::GetOrganisationRequest { organisation_code: of, as_of_valid: valid, as_of_known: known, .. } = &request;
        OrganisationCode::from_field("organisation_code", of).map_err(|bad| Error::invalid(vec![bad]))?;
        let read = Read { valid, known, token: &request.page_token, of };
        let (view, next_page_token) = self.thing(call, SubjectKind::Organisation, &read, request.page_size).await?;
        Ok(v1::GetOrganisationResponse { organisation: Some(view), next_page_token })
    }

    pub(super) async fn address(&self, call: &Call, request: v1::GetAddressRequest) -> Result<v1::GetAddressResponse> {
        call.named_or(false)?;
        let size = page::size(request.page_size)?;
        let v1::GetAddressRequest { unit_code, unit_valid_from, text, .. } = &request;
        let place = unit_day(unit_code, unit_valid_from, text, &Units::Any, call.now.date())?;
        let of = format!("{}/{}/{}", request.unit_code, request.unit_valid_from, request.text);
        let (valid, known, token) = (&request.as_of_valid, &request.as_of_known, &request.page_token);
        let read = Read { valid, known, token, of: &of };
        let (as_of, rest) = self.as_of(call, &read).await?;
        let day = as_of.valid.unwrap_or(call.now).date();
        let found = self.province.place(&place, as_of, day, size, rest).await?;
        Ok(v1::GetAddressResponse {
            unit_valid_from: place.unit_valid_from.to_string(),
            unit_code: place.unit_code,
            unit_name: found.unit_name,
            sources: found.sources.iter().map(source).collect(),
            sections: found.sections.into_iter().map(section).collect(),
            ledger_size: found.ledger_size,
            next_page_token: found.next.map(|next| self.token(call, &read, as_of, &next)).unwrap_or_default(),
        })
    }

    /// Whom the caller may read about, and how much of it.
    async fn reader(&self, call: &Call, personal_id: &str) -> Result<(PersonalId, Audience)> {
        let id = PersonalId::from_field("personal_id", personal_id).map_err(|bad| Error::invalid(vec![bad]))?;
        match call.caller {
            Caller::Agency(_) => {
                call.named_or(false)?;
                Ok((id, Audience::Operator))
            }
            Caller::Citizen(_) => {
                acting(call, id, &*self.people).await?;
                Ok((id, Audience::Citizen))
            }
        }
    }

    async fn thing(
        &self,
        call: &Call,
        kind: SubjectKind,
        read: &Read<'_>,
        page_size: u32,
    ) -> Result<(v1::SubjectView, String)> {
        let asked = self.asked(call, read, page_size).await?;
        let ThingView { kind, key, view } = self.province.thing(kind, read.of, &asked).await?;
        let next = self.next(call, read, &asked, view.next);
        let ledger_size = view.ledger_size;
        let Shown { sources, sections, chosen, .. } = shown(view, call.language);
        let view =
            v1::SubjectView { kind: kind.name().to_owned(), subject_key: key, sources, sections, chosen, ledger_size };
        Ok((view, next))
    }

    async fn asked(&self, call: &Call, read: &Read<'_>, page_size: u32) -> Result<Asked> {
        let size = match page_size as usize {
            0 => PAGE_RECORDS_MAX,
            size if size <= PAGE_RECORDS_MAX => size,
            _ => {
                let says = format!("a page holds at most {PAGE_RECORDS_MAX} records");
                return Err(Error::invalid_field("page_size", "OUT_OF_RANGE", says));
            }
        };
        let (as_of, rest) = self.as_of(call, read).await?;
        let after = rest.map(|rest| rest.try_into().map(u32::from_be_bytes)).transpose();
        let after = after.map_err(|_| Error::token_refused("page_token"))?.unwrap_or_default();
        let day = as_of.valid.unwrap_or(call.now).date();
        Ok(Asked { as_of, day, page: Page { after, size } })
    }

    fn next(&self, call: &Call, read: &Read<'_>, asked: &Asked, next: Option<u32>) -> String {
        next.map(|next| self.token(call, read, asked.as_of, &next.to_be_bytes())).unwrap_or_default()
    }

    fn token(&self, call: &Call, read: &Read<'_>, as_of: AsOf, rest: &[u8]) -> String {
        self.pages.issue(call, &read.bound(), &[&as_of.known.to_be_bytes()[..], rest].concat())
    }

    /// The point of the two times, and what else the page token holds.
    async fn as_of(&self, call: &Call, read: &Read<'_>) -> Result<(AsOf, Option<Vec<u8>>)> {
        let valid = match read.valid {
            "" => None,
            text => Some(instant("as_of_valid", text, "must be a day, YYYY-MM-DD, or an instant of RFC 3339")?),
        };
        if let Some(position) = self.pages.read(call, &read.bound(), read.token)? {
            let (known, rest) = position.split_first_chunk().ok_or_else(|| Error::token_refused("page_token"))?;
            return Ok((AsOf { known: u64::from_be_bytes(*known), valid }, Some(rest.to_vec())));
        }
        let size = self.province.ledger_size();
        let late = |says: String| Error::invalid_field("as_of_known", "OUT_OF_RANGE", says);
        let known = match read.known {
            "" => size,
            index if index.bytes().all(|b| b.is_ascii_digit()) => {
                let index = index.parse::<u64>().ok().filter(|index| *index < size);
                index.ok_or_else(|| late(format!("the record ledger has {size} entries")))? + 1
            }
            text => {
                let says = "must be an index in the record ledger, or an instant of RFC 3339";
                let at = instant("as_of_known", text, says)?;
                if at > call.now {
                    return Err(late("must not be in the future".into()));
                }
                self.province.known_at(at).await?
            }
        };
        Ok((AsOf { known, valid }, None))
    }
}

/// A day's beginning, or an instant.
fn instant(field: &'static str, text: &str, says: &str) -> Result<Timestamp> {
    let day = || text.parse::<Date>().ok().filter(|_| text.len() == 10).map(Timestamp::start_of);
    day().or_else(|| Timestamp::parse(text)).ok_or_else(|| Error::invalid_field(field, "FORMAT", says))
}

fn well_formed(field: &'static str, is_well_formed: bool, says: &'static str) -> Result<()> {
    if is_well_formed { Ok(()) } else { Err(Error::invalid_field(field, "FORMAT", says)) }
}
