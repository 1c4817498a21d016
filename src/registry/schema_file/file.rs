//! A schema file as a whole: the registry, the agency that owns it, its record types, and who may read them by default.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::catalogue::Catalogue;
use super::super::definition::{Definition, Owner, ReadRight};
use super::super::rule::Rule;
use super::super::schema::RecordType;
use super::super::sector::Sector;
use super::code_lists::code_lists;
use super::flaw::Flaws;
use super::known::{Known, NAME_BYTES_MAX, is_name};
use super::map::{At, Map, Noted};
use super::node::{self, Data};
use super::path::field_at;
use super::record_type::record_type;
use super::samples::samples;
use crate::base::origins::{EVIDENCE_LEDGER, RECORD_LEDGER};

/// The first line of a file.
const FORMAT: &str = "lienthong/registry/v1";
/// Most record types of a registry.
const TYPES_MAX: usize = 32;
/// Most rights of a file.
const RIGHTS_MAX: usize = 100;
/// Names of logs that are no registry's.
const RESERVED: [&str; 2] = [RECORD_LEDGER, EVIDENCE_LEDGER];

/// Reads a schema file; `built_in` has the types whose forms and compiled rules it may name. Fails with all flaws at once.
pub fn load(text: &str, built_in: &Catalogue) -> Result<Sector, Flaws> {
    let node = node::read(text)?;
    let flaws = Noted::default();
    let root = At { node: &node, line: node.line, path: String::new(), flaws: &flaws };
    let sector = root.map().and_then(|map| sector(&map, &node, built_in));
    let flaws = flaws.into_inner();
    match sector {
        Some(sector) if flaws.is_empty() => Ok(sector),
        _ if flaws.is_empty() => Err(Flaws::one(1, "SYNTAX", "is not a schema file")),
        _ => Err(flaws.sorted()),
    }
}

fn sector(map: &Map<'_>, node: &node::Node, built_in: &Catalogue) -> Option<Sector> {
    map.only(&["format", "registry", "version", "agency", "purposes", "rights", "code_lists", "record_types"]);
    if let Some(format) = map.need("format")
        && format.text().is_some_and(|text| text != FORMAT)
    {
        format.flaw("FORMAT", format_args!("this version reads {FORMAT}"));
    }
    let name = map.need("registry").and_then(|at| registry_name(&at));
    let version = map.need("version").and_then(|at| version(&at));
    let owner = map.need("agency").and_then(|at| owner(&at));
    let purposes = purposes(map);
    let list = map.need("record_types")?;
    let items = list.items()?;
    if items.is_empty() || items.len() > TYPES_MAX {
        list.flaw("COUNT", format_args!("a registry has 1 to {TYPES_MAX} record types"));
        return None;
    }
    // Types are read under any name, so that their flaws are reported together with the flaw of the name.
    let registry = name.unwrap_or("registry");
    let lists = code_lists(map, registry)?;
    let names: Vec<&str> = items.iter().filter_map(name_of).collect();
    let known = Known { built_in, lists: &lists, types: &names };
    let types: Vec<_> = items.iter().map(|item| record_type(item, registry, known)).collect();
    let record_types = types.into_iter().collect::<Option<Vec<_>>>()?;
    for (at, of) in record_types.iter().enumerate() {
        if record_types[..at].iter().any(|other| other.name == of.name) {
            items[at].flaw("DUPLICATE", format_args!("{} is in the file already", of.name));
        }
    }
    for (item, of) in items.iter().zip(&record_types) {
        check_beside(item, of, &record_types);
    }
    let mut samples = BTreeMap::new();
    for (item, of) in items.iter().zip(&record_types) {
        if let Some(at) = item.map().and_then(|map| map.get("samples")) {
            samples.insert(of.name.to_string(), self::samples(&at, &of.fields, &of.references)?);
        }
    }
    let rights = rights(map, &record_types.iter().map(|of| &*of.name).collect::<Vec<_>>())?;
    let (owner, json) = (owner?, node.to_json().to_string());
    let definition =
        Definition { version: version?, owner, purposes: purposes?, rights, code_lists: lists, samples, json };
    let sector = Sector::new(name?, &definition.owner.key, 0, record_types);
    Some(Sector { definition: Some(Arc::new(definition)), ..sector })
}

/// The references of a record type to the others of its file.
fn check_beside(item: &At<'_>, of: &RecordType, all: &[RecordType]) {
    let Some(map) = item.map() else { return };
    if let (Some(through), Some(at)) = (&of.found_through, map.get("found_through")) {
        let by = all.iter().find(|other| other.name == through.record_type);
        let names_keys = |by: &&RecordType| {
            matches!(field_at(&by.fields, &format!("{}.*", through.field)), Some(Rule::Text(_) | Rule::Form(_)))
        };
        if by.filter(names_keys).is_none_or(|by| by.found_through.is_some()) {
            at.flaw("FIELD", "names a list of texts of another record type of the file, which is found by itself");
        }
        if !of.parties.is_empty() {
            at.flaw("PARTIES", "records that name people are found by them");
        }
    }
    let number = |of: &RecordType| of.document.as_ref().map(|document| document.kind);
    let is_same = |other: &&RecordType| number(other).is_some() && number(other) == number(of);
    if let (Some(first), Some(at)) = (all.iter().find(is_same), map.get("document"))
        && first.name != of.name
    {
        at.flaw("DUPLICATE", format_args!("the number of the document belongs to {}", first.name));
    }
}

/// The name of a record type, if it has one: its flaws are reported when the type is read.
fn name_of<'a>(item: &At<'a>) -> Option<&'a str> {
    let Data::Map(entries) = &item.node.data else { return None };
    match &entries.iter().find(|entry| entry.key == "name")?.value.data {
        Data::Text(name) => Some(name),
        _ => None,
    }
}

fn registry_name<'a>(at: &At<'a>) -> Option<&'a str> {
    let text = at.text()?;
    if !is_name(text) || RESERVED.contains(&text) {
        at.flaw(
            "NAME",
            format_args!("a registry's name is lower-case letters, digits and `_`, at most {NAME_BYTES_MAX}"),
        );
        return None;
    }
    Some(text)
}

fn version(at: &At<'_>) -> Option<u32> {
    let version = u32::try_from(at.integer()?).ok().filter(|version| *version > 0);
    if version.is_none() {
        at.flaw("OUT_OF_RANGE", "the version is a number from 1 that grows with every change of the file");
    }
    version
}

/// The key of an agency: lower-case letters, digits and hyphens.
fn key(at: &At<'_>) -> Option<String> {
    let text = at.text()?;
    let fits = text.len() <= NAME_BYTES_MAX
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !fits {
        at.flaw(
            "NAME",
            format_args!("an agency's key is lower-case letters, digits and `-`, at most {NAME_BYTES_MAX}"),
        );
        return None;
    }
    Some(text.to_owned())
}

fn owner(at: &At<'_>) -> Option<Owner> {
    let map = at.map()?;
    map.only(&["key", "name"]);
    let (agency, name) = (map.need("key"), map.need("name"));
    Some(Owner { key: key(&agency?)?, name: name?.label()? })
}

fn purposes(map: &Map<'_>) -> Option<Vec<(String, String)>> {
    let Some(at) = map.get("purposes") else { return Some(Vec::new()) };
    let purpose = |(key, description): (&str, At<'_>)| Some((key.to_owned(), description.shown()?));
    let mut purposes = at.map()?.each().map(purpose).collect::<Option<Vec<_>>>()?;
    purposes.sort();
    Some(purposes)
}

fn rights(map: &Map<'_>, types: &[&str]) -> Option<Vec<ReadRight>> {
    let Some(list) = map.get("rights") else { return Some(Vec::new()) };
    let items = list.items()?;
    if items.len() > RIGHTS_MAX {
        list.flaw("COUNT", format_args!("a file has at most {RIGHTS_MAX} rights"));
        return None;
    }
    items.iter().map(|item| right(&item.map()?, types)).collect()
}

fn right(map: &Map<'_>, types: &[&str]) -> Option<ReadRight> {
    map.only(&["agency", "purpose", "basis", "legal_basis", "read"]);
    let (agency, purpose, basis) = (map.need("agency"), map.need("purpose"), map.need("basis"));
    let (legal_basis, read) = (map.need("legal_basis"), map.need("read"));
    let mut of = Vec::new();
    for (name, fields) in read?.map()?.each() {
        if !types.contains(&name) {
            fields.flaw("RECORD_TYPE", "a file gives rights to its own record types");
        }
        let names = match &fields.node.data {
            Data::Text(text) if text == "all" => None,
            _ => Some(fields.texts()?),
        };
        of.push((name.to_owned(), names));
    }
    of.sort();
    Some(ReadRight {
        agency: key(&agency?)?,
        purpose: purpose?.text()?.to_owned(),
        basis: basis?.text()?.to_owned(),
        legal_basis: legal_basis?.shown()?,
        read: of,
    })
}
