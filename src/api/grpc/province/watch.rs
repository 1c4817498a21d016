//! `ProvinceService/WatchChanges`: which changes a caller asks for and may have, and the tokens by which a watch is resumed.

use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt as _};

use crate::base::{AgencyId, Call, Error, Kind, PersonalId, Result, Timestamp, Violation, Violations};
use crate::province::{ChangeFilter, Pace, Place, Watched};
use crate::registry::{Catalogue, Heading, Sector, named_types};
use crate::wire::proto::province::v1;

use super::ProvinceGrpcService;
use super::message::{change_message, progress_message, section_kind};
use super::unit::{Units, unit_day};

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
        let (agency, filter, pace) = asked_by(&call, catalogue, request)?;
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

/// The filter and pace of a request, and the agency that may watch so.
pub(super) fn asked_by(
    call: &Call,
    catalogue: &Catalogue,
    request: &v1::WatchChangesRequest,
) -> Result<(AgencyId, ChangeFilter, Pace)> {
    let sector = catalogue.sector(&request.registry);
    let (filter, pace) = asked(catalogue, request, call.now)?;
    let agency = match sector {
        Some(sector) => call.owner(&sector.agency)?,
        None if !call.permit.is_named && owns_a_registry(call, catalogue) => {
            let says = "is required of the owner of a registry, who watches that registry alone";
            return Err(Error::invalid_field("registry", "REQUIRED", says));
        }
        None => call.named_or(false)?,
    };
    let is_own = |sector: &Arc<Sector>| *sector.agency == *agency.as_str();
    let filter = ChangeFilter { tells_judicial: sector.is_some_and(is_own), ..filter };
    filter.check(catalogue)?;
    Ok((agency.clone(), filter, pace))
}

fn owns_a_registry(call: &Call, catalogue: &Catalogue) -> bool {
    call.agency().is_ok_and(|agency| catalogue.sectors().iter().any(|sector| *sector.agency == *agency.as_str()))
}

/// The filter and pace of a request, without who asks.
fn asked(catalogue: &Catalogue, request: &v1::WatchChangesRequest, now: Timestamp) -> Result<(ChangeFilter, Pace)> {
    let mut bad = Vec::new();
    if !request.registry.is_empty() && catalogue.sector(&request.registry).is_none() {
        bad.push(catalogue.unknown_registry("registry", &request.registry));
    }
    named_types(catalogue.record_types(), &request.record_types, &mut bad);
    let heading = Heading::ALL.into_iter().find(|heading| section_kind(*heading) as i32 == request.section);
    if heading.is_none() && request.section != v1::SectionKind::Unspecified as i32 {
        bad.push(Violation::new("section", "UNKNOWN_VALUE", "must be a section of a view"));
    }
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
    let mut bad = Violations::from(bad);
    let commune = commune(request, now, &mut bad)?;
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

/// The commune of a request, if it names one; its bad fields join those of the others.
fn commune(request: &v1::WatchChangesRequest, now: Timestamp, bad: &mut Violations) -> Result<Option<Place>> {
    let v1::WatchChangesRequest { unit_code, unit_valid_from, .. } = request;
    if unit_code.is_empty() && unit_valid_from.is_empty() {
        return Ok(None);
    }
    match unit_day(unit_code, unit_valid_from, "", &Units::Communes, now.date()) {
        Ok(place) => Ok(Some(place)),
        Err(error) if error.kind() == Kind::Invalid => {
            bad.append(error.violations.clone());
            Ok(None)
        }
        Err(error) => Err(error),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    #[test]
    fn every_bad_field_of_a_watch_is_named_at_once() {
        let request = v1::WatchChangesRequest {
            registry: "lands".into(),
            section: 99,
            personal_id: "1".into(),
            unit_code: "18073".into(),
            unit_valid_from: "2020-02-02".into(),
            ..Default::default()
        };
        let refused = asked(&Catalogue::built_in(), &request, NOW).expect_err("bad fields");
        let fields: Vec<&str> = refused.violations.kept().iter().map(|bad| &*bad.field).collect();
        assert_eq!(fields, ["registry", "section", "personal_id", "unit_valid_from"]);
    }

    #[test]
    fn every_section_selects_its_heading() {
        for heading in Heading::ALL {
            let request = v1::WatchChangesRequest { section: section_kind(heading).into(), ..Default::default() };
            let (filter, _) = asked(&Catalogue::built_in(), &request, NOW).expect("a section");
            assert_eq!(filter.heading, Some(heading));
        }
    }
}
