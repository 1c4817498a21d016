//! Checks of the rows of a rights' file against each other: names must exist, and rights must be unique and usable.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::flaw::{Findings, shown};
use super::key::is_key;
use super::method::Word;
use super::read::{AgencyRow, PurposeRow, Rows, check_text};
use super::right::{Agency, Purpose, RightSet};
use super::sets::{Lists, set};
use super::table::Rights;
use super::vocabulary::Vocabulary;
use super::who::{Names, Template, methods};
use crate::base::AgencyId;

const FORMAT: &str = "lienthong/rights/v1";
/// Words for callers other than agencies, in evidence, logs and rows of the store.
const RESERVED: [&str; 3] = ["citizen", "guardian", "registry"];
/// Prefix of citizens' demo credentials.
const OF_CITIZENS: &str = "citizen-";
/// The methods that use rights.
const FETCH: &str = "lienthong.exchange.v1.ExchangeService/FetchRecords";
const BULK: &str = "lienthong.exchange.v1.ExchangeService/BulkFetchRecords";

/// The rights of these rows; `None` if they are unusable.
pub(super) fn rights(
    rows: Rows,
    known: &Vocabulary,
    template: &Template,
    version: Arc<str>,
    found: &mut Findings,
) -> Option<Rights> {
    let format = rows.format?;
    if format.value != FORMAT {
        found.error(format.at, "UNKNOWN_VALUE", || format!("the format must be {FORMAT:?}"));
    }
    let agencies = agencies(rows.agencies, known, found);
    let purposes = purposes(rows.purposes, found);
    let mut names = Names::of(&agencies, rows.roles, found);
    let methods = methods(rows.methods, &mut names, &agencies, known, template, found);
    let mut lists = Lists::of(rows.fields, known, found);
    let mut sets: BTreeMap<String, Vec<RightSet>> = BTreeMap::new();
    let mut lines = HashMap::new();
    for row in rows.rights {
        let (agency, purpose) = (row.agency.value.clone(), row.purpose.value.clone());
        let line = found.line(row.at);
        if let Some(before) = lines.insert((agency.clone(), purpose.clone()), line) {
            found.error(row.at, "DUPLICATE", || {
                format!("the rights of {} for {} are on line {before} already", shown(&agency), shown(&purpose))
            });
            continue;
        }
        let place = agencies.binary_search_by(|known| known.key.as_str().cmp(&agency));
        let may_fetch = |at| {
            let fetches = methods.iter().filter(|row| [FETCH, BULK].contains(&row.name.as_str()));
            fetches.clone().next().is_none() || fetches.into_iter().any(|row| row.agency(at).is_some())
        };
        if place.is_ok_and(|at| !may_fetch(at)) {
            let message = || {
                format!("{agency} may call neither FetchRecords nor BulkFetchRecords, so it can never use this right")
            };
            found.error(row.at, "UNREACHABLE", message);
        }
        let owner = place.ok().and_then(|at| agencies.get(at));
        if let Some(set) = set(row, owner, &agencies, &purposes, &mut lists, known, found) {
            sets.entry(agency).or_default().push(set);
        }
    }
    for purpose in purposes.iter().filter(|purpose| !lines.keys().any(|(_, key)| **key == *purpose.key)) {
        found.warn(purpose.at, "UNUSED", format!("nobody has a right for {}", purpose.key));
    }
    lists.warn_of_unused(found);
    names.warn_of_unused(found);
    let with_rights = |agency: Agency| {
        let mut sets = sets.remove(agency.key.as_str()).unwrap_or_default();
        sets.sort_by(|a, b| a.purpose.cmp(&b.purpose));
        (agency, sets)
    };
    let agencies = agencies.into_iter().map(with_rights).collect();
    Some(Rights { version, agencies, purposes, roles: names.into_roles(), methods })
}

/// The agencies, by key.
fn agencies(rows: Vec<AgencyRow>, known: &Vocabulary, found: &mut Findings) -> Vec<Agency> {
    let mut agencies: BTreeMap<String, (usize, Agency)> = BTreeMap::new();
    let first = rows.first().map_or(0, |row| row.key.at);
    for row in rows {
        let (at, given) = (row.key.at, row.key.value);
        let Some(key) = AgencyId::parse(&given) else {
            let form = "an agency's key is 1 to 40 characters of a-z 0-9 -";
            found.error(at, "FORMAT", || format!("{form}, not {}", shown(&given)));
            continue;
        };
        if RESERVED.contains(&&*given) || given.starts_with(OF_CITIZENS) || Word::parse(&given).is_some() {
            found.error(at, "RESERVED", || format!("{given} is a reserved word and cannot be an agency's key"));
        }
        if let Some((line, _)) = agencies.get(&given) {
            let line = *line;
            found.error(at, "DUPLICATE", || format!("the agency {given} is on line {line} already"));
            continue;
        }
        check_text(&row.name, found);
        check_text(&row.name_vi, found);
        let owned = known.registries.iter().filter(|(_, owner)| *owner == given).map(|(name, _)| name.into());
        let agency = Agency {
            key,
            name: row.name.value,
            name_vi: row.name_vi.value,
            private_party: row.private_party,
            registries: owned.collect(),
        };
        agencies.insert(given, (found.line(at), agency));
    }
    for (registry, owner) in known.registries.iter().filter(|(_, owner)| !agencies.contains_key(owner)) {
        found.error(first, "REQUIRED", || {
            format!("the registry {registry} belongs to {owner}, which this file does not list as an agency")
        });
    }
    agencies.into_values().map(|(_, agency)| agency).collect()
}

/// The purposes, by key.
fn purposes(rows: Vec<PurposeRow>, found: &mut Findings) -> Vec<Purpose> {
    let mut purposes: BTreeMap<String, Purpose> = BTreeMap::new();
    for row in rows {
        let PurposeRow { key, description } = row;
        let mut words = key.value.split('.');
        let fits = is_key(&key.value, b"_.") && key.value.contains('.') && words.all(|word| !word.is_empty());
        if !fits {
            let form =
                "a purpose is words of a-z 0-9 _ joined by dots, like health.admission, of at most 64 characters";
            found.error(key.at, "FORMAT", || format!("{form}, not {}", shown(&key.value)));
            continue;
        }
        if let Some(before) = purposes.get(&key.value) {
            let line = found.line(before.at);
            found.error(key.at, "DUPLICATE", || format!("the purpose {} is on line {line} already", key.value));
            continue;
        }
        check_text(&description, found);
        let purpose = Purpose { key: key.value.as_str().into(), description: description.value, at: key.at };
        purposes.insert(key.value, purpose);
    }
    purposes.into_values().collect()
}
