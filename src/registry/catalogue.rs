//! The catalogue: the registries of one world and their record types, built at start and handed down.
//!
//! No other code lists the types. Everything that code must know of one is in its [`RecordType`], so that a type that was
//! read from a file is as good as a built-in one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::base::{Error, Origins, ProvinceCode, Reason, Violation, name};

use super::codes::{self, CodeList};
use super::labels::labelled;
use super::rule::{Field, Rule};
use super::schema::{DocumentType, RecordType, Reference, State};
use super::sector::Sector;
use super::{
    Name, business, civil_status, driver_licence, health_insurance, judicial, land, resident, social_insurance, vehicle,
};

/// The reason why registries form no valid catalogue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{about}: {problem}")]
pub struct CatalogueError {
    /// The registry or record type with the problem.
    pub about: String,
    /// The problem.
    pub problem: String,
}

/// The registries and record types of a world.
#[derive(Debug)]
pub struct Catalogue {
    origins: Origins,
    sectors: Vec<Arc<Sector>>,
    /// Every record type, by name.
    by_name: BTreeMap<Name, Arc<RecordType>>,
    /// Every record type, by its number in storage keys.
    by_ordinal: BTreeMap<u8, Arc<RecordType>>,
    people: Arc<RecordType>,
}

impl Catalogue {
    /// The nine built-in registries, of the default province.
    pub fn built_in() -> Arc<Self> {
        Arc::new(Self::new(built_in()).expect("the built-in registries are a catalogue"))
    }

    /// A catalogue of these registries, in the default province: see [`Catalogue::of`].
    pub fn new(sectors: impl IntoIterator<Item = Sector>) -> Result<Self, CatalogueError> {
        Self::of(ProvinceCode::default(), sectors)
    }

    /// A catalogue of a province's registries, in this order. Names and numbers are unique, and one record type is the register of people.
    pub fn of(province: ProvinceCode, sectors: impl IntoIterator<Item = Sector>) -> Result<Self, CatalogueError> {
        let origins = Origins::of(province);
        let placed = |sector| Arc::new(Sector { origins: origins.clone(), ..sector });
        let sectors: Vec<Arc<Sector>> = sectors.into_iter().map(placed).collect();
        let (mut by_name, mut by_ordinal) = (BTreeMap::new(), BTreeMap::new());
        for (at, sector) in sectors.iter().enumerate() {
            let before = &sectors[..at];
            if before.iter().any(|other| other.name == sector.name) {
                return Err(problem(&sector.name, "another registry has this name, built in or from another file"));
            }
            if before.iter().any(|other| other.ordinal == sector.ordinal) {
                return Err(problem(&sector.name, "its number belongs to another registry"));
            }
            for of in &sector.record_types {
                check(sector, of)?;
                let named = by_name.insert(of.name.clone(), of.clone());
                if named.or(by_ordinal.insert(of.ordinal, of.clone())).is_some() {
                    return Err(problem(&of.name, "its name or number belongs to another record type"));
                }
            }
        }
        check_documents(&by_name)?;
        check_references(&by_name)?;
        let mut people = by_name.values().filter(|of| of.people.is_some());
        let (Some(first), None) = (people.next().cloned(), people.next()) else {
            return Err(problem("the catalogue", "exactly one record type must be the register of people"));
        };
        Ok(Self { origins, sectors, by_name, by_ordinal, people: first })
    }

    /// The province whose registries they are.
    pub fn province(&self) -> &ProvinceCode {
        self.origins.province()
    }

    /// The names of its world's logs.
    pub fn origins(&self) -> &Origins {
        &self.origins
    }

    /// The same registries and record types, with other logs: those of a session.
    pub fn with_logs(&self, origins: Origins) -> Self {
        let placed = |sector: &Arc<Sector>| Arc::new(Sector { origins: origins.clone(), ..Sector::clone(sector) });
        Self {
            sectors: self.sectors.iter().map(placed).collect(),
            by_name: self.by_name.clone(),
            by_ordinal: self.by_ordinal.clone(),
            people: self.people.clone(),
            origins,
        }
    }

    /// The registries, in order.
    pub fn sectors(&self) -> &[Arc<Sector>] {
        &self.sectors
    }

    /// The registry of this name.
    pub fn sector(&self, name: &str) -> Option<&Arc<Sector>> {
        self.sectors.iter().find(|sector| sector.name == name)
    }

    /// The registry with this number.
    pub fn sector_numbered(&self, ordinal: u8) -> Option<&Arc<Sector>> {
        self.sectors.iter().find(|sector| sector.ordinal == ordinal)
    }

    /// The registry that issues records of this type.
    pub fn registry_of(&self, record_type: &RecordType) -> Result<&Arc<Sector>, Error> {
        self.sector(&record_type.registry).ok_or_else(|| Error::bug(format!("{} is of no registry", record_type.name)))
    }

    /// Every record type, registry by registry.
    pub fn record_types(&self) -> impl Iterator<Item = &Arc<RecordType>> + Clone {
        self.sectors.iter().flat_map(|sector| &sector.record_types)
    }

    /// The record type of this name: `land.parcel.v1`.
    pub fn record_type(&self, name: &str) -> Option<&Arc<RecordType>> {
        self.by_name.get(name)
    }

    /// The record type of a name that the program itself wrote: one that is not there is a defect.
    pub fn defined(&self, name: &str) -> Result<&Arc<RecordType>, Error> {
        self.record_type(name).ok_or_else(|| Error::bug(format!("{name} is no record type")))
    }

    /// The registry of a name that the program itself wrote: one that is not there is a defect.
    pub fn defined_sector(&self, name: &str) -> Result<&Arc<Sector>, Error> {
        self.sector(name).ok_or_else(|| Error::bug(format!("there is no registry {name}")))
    }

    /// The record type with this number.
    pub fn record_type_numbered(&self, ordinal: u8) -> Option<&Arc<RecordType>> {
        self.by_ordinal.get(&ordinal)
    }

    /// The record type that citizens link as this kind of document.
    pub fn document(&self, kind: DocumentType) -> Option<&Arc<RecordType>> {
        self.record_types().find(|of| of.document.as_ref().is_some_and(|document| document.kind == kind))
    }

    /// Every code list, by name: the built-in ones, and those of schema files.
    pub fn code_lists(&self) -> Vec<&Arc<CodeList>> {
        let of_files = self.sectors.iter().filter_map(|sector| sector.definition.as_ref());
        let mut lists: Vec<_> = codes::all().iter().chain(of_files.flat_map(|of| &of.code_lists)).collect();
        lists.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        lists
    }

    /// The register of people: the type of the records that identify people.
    pub fn people(&self) -> &Arc<RecordType> {
        &self.people
    }

    /// The register of organisations: the type of the records that name their representatives; `None` where no registry keeps it.
    pub fn organisations(&self) -> Option<&Arc<RecordType>> {
        self.record_types().find(|of| of.organisations.representative.is_some())
    }

    /// The violation of a `field` that names a record type which does not exist.
    pub fn unknown_record_type(&self, field: impl std::fmt::Display, given: &str) -> Violation {
        unknown_record_type(field, given, self.record_types())
    }

    /// The registry that a configuration names. Fails with [`ConfigurationInvalid`](Reason::ConfigurationInvalid) and the nearest name if it does not
    /// exist.
    pub fn configured(&self, name: &str) -> Result<&Arc<Sector>, Error> {
        self.sector(name).ok_or_else(|| {
            let known = self.sectors.iter().map(|sector| &*sector.name);
            let message = name::with_nearest(format!("there is no registry {name}"), name, known);
            Error::new(Reason::ConfigurationInvalid, message)
        })
    }

    /// The violation of a `field` that names a registry which does not exist.
    pub fn unknown_registry(&self, field: impl std::fmt::Display, given: &str) -> Violation {
        let known = self.sectors.iter().map(|sector| &*sector.name);
        name::unknown(field, "registry", given, known, "RegistryService/Describe")
    }
}

/// The violation of a `field` that names a record type which is not among `known`.
pub fn unknown_record_type<'a>(
    field: impl std::fmt::Display,
    given: &str,
    known: impl IntoIterator<Item = &'a Arc<RecordType>>,
) -> Violation {
    let known = known.into_iter().map(|of| &*of.name);
    name::unknown(field, "record type", given, known, "RegistryService/Describe")
}

/// A tenth one is a line here and a file in this folder.
pub(super) fn built_in() -> [Sector; 9] {
    let sectors = [
        resident::sector(),
        land::sector(),
        social_insurance::sector(),
        judicial::sector(),
        business::sector(),
        health_insurance::sector(),
        driver_licence::sector(),
        vehicle::sector(),
        civil_status::sector(),
    ];
    sectors.map(|sector| {
        let labelled = |of: &Arc<RecordType>| Arc::new(labelled((**of).clone()));
        Sector { record_types: sector.record_types.iter().map(labelled).collect(), ..sector }
    })
}

fn check(sector: &Sector, of: &RecordType) -> Result<(), CatalogueError> {
    if of.registry != *sector.name || !of.name.starts_with(&format!("{}.", sector.name)) {
        return Err(problem(&of.name, "is named after another registry"));
    }
    let key = of.fields.iter().find(|field| field.name == of.natural_key);
    if !key.is_some_and(|field| field.required) {
        return Err(problem(&of.name, "the natural key is not a required field"));
    }
    if let Some(through) = &of.found_through {
        let leads = sector.record_type(&through.record_type).is_some_and(|by| by.found_through.is_none());
        if !leads || !of.parties.is_empty() {
            return Err(problem(
                &of.name,
                "must be found through records that name people, and must not name people itself",
            ));
        }
    }
    let people = of.people.iter().flat_map(|people| people.aliases.iter().chain([&people.name, &people.birth_date]));
    let organisations = of.organisations.paths.iter().chain(&of.organisations.representative);
    if let Some(path) = of.parties.iter().chain(organisations).chain(people).find(|path| !leads(&of.fields, path)) {
        return Err(problem(&of.name, &format!("names people or organisations at `{path}`, where it has no text")));
    }
    let whole = |path: &&String| {
        ["unit_code", "unit_valid_from"].iter().all(|name| leads(&of.fields, &format!("{path}.{name}")))
    };
    if let Some(path) = of.viewed.addresses.iter().find(|path| path.contains('*') || !whole(path)) {
        return Err(problem(&of.name, &format!("has no address at `{path}`")));
    }
    if of.statuses.first().is_none_or(|(_, state)| *state != State::Active) {
        return Err(problem(&of.name, "its first status is not one in force"));
    }
    if let Some(wrong) = of.lifecycle.problem(&of.fields) {
        return Err(problem(&of.name, &wrong));
    }
    Ok(())
}

/// Whether a path (`*` is every item of a list) leads to texts.
fn leads(fields: &[Field], path: &str) -> bool {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let rule = fields.iter().find(|field| field.name == name).map(|field| &field.rule);
    match (rule, rest) {
        (Some(Rule::Object(fields)), Some(rest)) => leads(fields, rest),
        (Some(Rule::List(of, _) | Rule::Set(of, _)), Some("*")) => is_text(of),
        (Some(Rule::List(of, _) | Rule::Set(of, _)), Some(rest)) => {
            matches!((&**of, rest.strip_prefix("*.")), (Rule::Object(fields), Some(rest)) if leads(fields, rest))
        }
        (Some(rule), None) => is_text(rule),
        _ => false,
    }
}

fn is_text(rule: &Rule) -> bool {
    !matches!(rule, Rule::Object(_) | Rule::List(..) | Rule::Set(..) | Rule::Integer(..) | Rule::Boolean)
}

fn check_documents(by_name: &BTreeMap<Name, Arc<RecordType>>) -> Result<(), CatalogueError> {
    let mut kinds = BTreeSet::new();
    for (name, of) in by_name {
        let Some(document) = &of.document else { continue };
        if !of.fields.iter().any(|field| field.name == document.holder) {
            return Err(problem(name, "the field for the document's holder does not exist"));
        }
        if document.kind == DocumentType(0) || !kinds.insert(document.kind) {
            return Err(problem(name, "its document type is 0, or belongs to another record type"));
        }
    }
    Ok(())
}

/// The records that a field names are of a type that exists.
fn check_references(by_name: &BTreeMap<Name, Arc<RecordType>>) -> Result<(), CatalogueError> {
    for (name, of) in by_name {
        let unknown = of.references.iter().find(|reference| !by_name.contains_key(&reference.record_type));
        if let Some(Reference { path, record_type }) = unknown {
            let says = format!("its field {path} names records of the type {record_type}, which is in no registry");
            return Err(problem(name, &says));
        }
    }
    Ok(())
}

fn problem(about: &str, problem: &str) -> CatalogueError {
    CatalogueError { about: about.to_owned(), problem: problem.to_owned() }
}
