//! `ProvinceService/WatchChanges`: which changes a caller asks for and may have, and the tokens by which a watch is resumed.

use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt as _};

use crate::base::{Call, Date, Error, PersonalId, Result, Timestamp, Violation};
use crate::province::{ChangeFilter, Pace, Place, Watched};
use crate::registry::{Catalogue, Heading, Sector, named_types};
use crate::wire::proto::province::v1;

use super::ProvinceGrpcService;
use super::message::{change_message, progress_message};

const RESUME_TOKEN: &str = "resume_token";
/// Bounds of the interval between messages of a quiet watch.
const HEARTBEAT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));

impl ProvinceGrpcService {
    pub(super) fn watch(
        &self,
        call: &Arc<Call>,
        request: &v1::WatchChangesRequest,
    ) -> Result<impl Stream<Item = Result<v1::WatchChangesResponse>> + Send + use<>> {
        let call = call.clone();
        let catalogue = self.province.catalogue();
        let sector = catalogue.sector(&request.registry);
        let (filter, pace) = asked(catalogue, request, call.now)?;
        let agency = match sector {
            Some(sector) => call.owner(&sector.agency)?,
            None => call.named_or(false)?,
        };
        let is_own = |sector: &Arc<Sector>| *sector.agency == *agency.as_str();
        let filter = ChangeFilter { tells_judicial: sector.is_some_and(is_own), ..filter };
        let from = match request.resume_token.as_str() {
            "" => Some(0),
            "latest" => None,
            token => {
                let position = self.pages.read_field(RESUME_TOKEN, &call, &bound(&parts(request)), token)?;
                let index = position.and_then(|index| index.try_into().ok()).map(u64::from_be_bytes);
                Some(index.ok_or_else(|| Error::token_refused(RESUME_TOKEN))?)
            }
        };
        let watched = self.watching.open(&agency.to_string())?;
        let messages = self.province.watch(from, filter, pace)?;
        let (pages, parts) = (self.pages.clone(), parts(request));
        Ok(messages.map(move |message| {
            let _open = &watched; // the stream counts as long as it lives
            let token = |index: u64| pages.issue(&call, &bound(&parts), &index.to_be_bytes());
            match message? {
                Watched::Change(change) => {
                    let token = token(change.ledger_index + 1);
                    change_message(*change, token)
                }
                Watched::Progress(progress) => Ok(progress_message(progress, token(progress.ledger_index))),
            }
        }))
    }
}

/// The filter and pace of a request, without who asks.
pub(super) fn asked(
    catalogue: &Catalogue,
    request: &v1::WatchChangesRequest,
    now: Timestamp,
) -> Result<(ChangeFilter, Pace)> {
    let mut bad = Vec::new();
    if !request.registry.is_empty() && catalogue.sector(&request.registry).is_none() {
        bad.push(catalogue.unknown_registry("registry", &request.registry));
    }
    named_types(catalogue.record_types(), &request.record_types, &mut bad);
    let heading = v1::SectionKind::try_from(request.section).map(heading).unwrap_or_else(|_| {
        bad.push(Violation::new("section", "UNKNOWN_VALUE", "must be a section of a view"));
        None
    });
    let person = match request.personal_id.as_str() {
        "" => None,
        number => PersonalId::from_field("personal_id", number).map_err(|violation| bad.push(violation)).ok(),
    };
    let heartbeat = match &request.heartbeat {
        None => Pace::default().heartbeat,
        Some(given) => Duration::try_from(*given)
            .ok()
            .filter(|given| (HEARTBEAT.0..=HEARTBEAT.1).contains(given))
            .unwrap_or_else(|| {
                bad.push(Violation::new("heartbeat", "OUT_OF_RANGE", "must be from 1 second to 5 minutes"));
                HEARTBEAT.1
            }),
    };
    let commune = commune(request, now, &mut bad);
    if !bad.is_empty() {
        return Err(Error::invalid(bad));
    }
    let filter = ChangeFilter {
        registry: Some(request.registry.clone()).filter(|name| !name.is_empty()),
        record_types: request.record_types.clone(),
        heading,
        person,
        commune,
        tells_judicial: false,
    };
    Ok((filter, Pace { heartbeat, ..Pace::default() }))
}

fn heading(section: v1::SectionKind) -> Option<Heading> {
    Some(match section {
        v1::SectionKind::Unspecified => return None,
        v1::SectionKind::Person => Heading::Person,
        v1::SectionKind::Household => Heading::Household,
        v1::SectionKind::Documents => Heading::Documents,
        v1::SectionKind::Land => Heading::Land,
        v1::SectionKind::Vehicles => Heading::Vehicles,
        v1::SectionKind::Insurance => Heading::Insurance,
        v1::SectionKind::Business => Heading::Business,
        v1::SectionKind::Judicial => Heading::Judicial,
        v1::SectionKind::CivilStatus => Heading::CivilStatus,
    })
}

fn commune(request: &v1::WatchChangesRequest, now: Timestamp, bad: &mut Vec<Violation>) -> Option<Place> {
    let since = Some(&request.unit_valid_from).filter(|day| !day.is_empty());
    let code = match (request.unit_code.as_str(), since) {
        ("", None) => return None,
        ("", Some(_)) => {
            bad.push(Violation::new("unit_code", "REQUIRED", "a unit's first day needs its code"));
            return None;
        }
        (code, _) => code,
    };
    let since = since.map(|day| day.parse::<Date>());
    if code.len() != 5 || !crate::registry::forms::unit_code(code) {
        bad.push(Violation::new("unit_code", "FORMAT", "must be the code of a commune, 5 digits"));
    } else if let Some(Err(_)) = since {
        bad.push(Violation::new("unit_valid_from", "FORMAT", "must be a day, YYYY-MM-DD"));
    } else {
        match Place::of(code, since.and_then(std::result::Result::ok), "", now.date()) {
            Ok(place) => return Some(place),
            Err(_) => bad.push(Violation::new("unit_code", "UNKNOWN_VALUE", "no unit has this code at that time")),
        }
    }
    None
}

/// What the resume tokens of a watch are bound to.
fn parts(request: &v1::WatchChangesRequest) -> Vec<String> {
    let v1::WatchChangesRequest { registry, record_types, section, personal_id, unit_code, unit_valid_from, .. } =
        request;
    let one = [registry, &section.to_string(), personal_id, unit_code, unit_valid_from].map(String::clone);
    one.into_iter().chain(record_types.iter().cloned()).collect()
}

/// A stream resumed with another filter would miss earlier changes that pass this filter.
fn bound(parts: &[String]) -> Vec<&[u8]> {
    parts.iter().map(String::as_bytes).collect()
}
