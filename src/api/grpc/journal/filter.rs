//! Filters of calls as they are asked for. One that can match nothing, because of a misspelt name, is refused: a caller who counts calls with it would
//! always find none.

use super::super::fault::FaultScope;
use crate::api::status::code_names;
use crate::base::call::ANSWERED;
use crate::base::name::{comparable_end, methods_meant, services_meant, unknown};
use crate::base::{Error, Reason, Result, Timestamp, Violation, Violations};
use crate::simulation::journal::{CallFilter, REFUSED, WhichMethod, is_journalled};
use crate::wire::proto::simulation::v1 as proto;
use crate::wire::record;

/// The caller that means all citizens.
const CITIZEN: &str = "citizen";

/// Reads a filter; methods get their full names.
pub(super) fn read(message: proto::CallFilter, scope: &FaultScope) -> Result<CallFilter> {
    let proto::CallFilter { method, caller, outcome, request_id, with_faults, since, until } = message;
    let instant = |field, at: Option<prost_types::Timestamp>| at.map(|at| record::instant(field, &at)).transpose();
    let (since, until) = (instant("filter.since", since)?, instant("filter.until", until)?);
    let text = |text: String| Some(text).filter(|text| !text.is_empty());
    let (method, caller, outcome) = (text(method), text(caller), text(outcome));
    let mut found = Violations::default();
    let method = method.and_then(|given| which(&given, scope, &mut found));
    if let Some(caller) = caller.as_deref().filter(|caller| *caller != CITIZEN) {
        let rights = scope.rights.current();
        let known: Vec<&str> = rights.agencies().map(|agency| agency.key.as_str()).chain([CITIZEN]).collect();
        if !known.contains(&caller) {
            found.push(unknown("filter.caller", "agency", caller, known, "AgencyService/ListAgencies"));
        }
    }
    if let Some(outcome) = &outcome {
        let known: Vec<&str> = [ANSWERED, REFUSED]
            .into_iter()
            .chain(Reason::ALL.iter().map(|reason| reason.as_str()))
            .chain(code_names())
            .collect();
        if !known.contains(&outcome.as_str()) {
            found.push(unknown("filter.outcome", "outcome", outcome, known, "docs/errors.md"));
        }
    }
    check_span(since, until, &mut found);
    if !found.is_empty() {
        return Err(Error::invalid(found));
    }
    Ok(CallFilter { method, caller, outcome, request_id: text(request_id), with_faults, since, until })
}

/// The method or the service that a name means, as much of its end as no other has.
fn which(given: &str, scope: &FaultScope, found: &mut Violations) -> Option<WhichMethod> {
    let methods = || scope.methods.iter().map(String::as_str).filter(|name| is_journalled(name));
    let service = given.strip_suffix("/*");
    let meant = match service {
        Some(service) => services_meant(service, methods()),
        None => methods_meant(given, methods()),
    };
    match meant[..] {
        [one] if service.is_some() => return Some(WhichMethod::OfService(one.to_owned())),
        [one] => return Some(WhichMethod::One(one.to_owned())),
        [] => {
            let known = methods().map(|name| comparable_end(given, name));
            found.push(unknown("filter.method", "method", given, known, "reflection"));
        }
        _ => {
            let says = format!("can be any of {}: write it whole", meant.join(", "));
            found.push(Violation::new("filter.method", "AMBIGUOUS", says));
        }
    }
    None
}

fn check_span(since: Option<Timestamp>, until: Option<Timestamp>, found: &mut Violations) {
    if since.zip(until).is_some_and(|(since, until)| until <= since) {
        found.push(Violation::new("filter.until", "OUT_OF_RANGE", "is not later than since: no call is between them"));
    }
}
