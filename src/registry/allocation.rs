//! The numbers in storage keys of registries that are not built in: given once, and kept by the store.
//!
//! A row's key begins with the number of its record type, so a number that moved would make one agency's records another's. The
//! built-in registries have their numbers in their files, below [`FIRST`]; registries built in later are recorded too. Every other one gets the
//! next free number when a store first opens with it:
//!
//! | key in `Meta` | value |
//! |---|---|
//! | `catalogue/registry/` ‖ name | its number (1) |
//! | `catalogue/type/` ‖ name | its number (1) |
//! | `catalogue/file/` ‖ name ‖ `/` ‖ version (4, big-endian) | a version of its schema file, canonical |
//! | `catalogue/admission/` ‖ number (4, big-endian) | registries and types added after the world was made: [`Admission`] |
//!
//! A store that knows a registry or record type which the catalogue lacks is not opened: it contains rows that nobody could read. A schema file
//! that changed is accepted if stored records survive it (`schema_file::plan`). A registry or record type that comes later enters the trust anchor by a
//! version of its own, so that the commit that gives it its number records it too.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::{Error, ProvinceCode, Reason, Result};
use crate::store::{Batch, Scan, Space, Store};

use super::catalogue::{Catalogue, built_in};
use super::sector::Sector;

mod admission;
mod files;

pub use admission::{Admission, admissions};

/// The first number that a file does not give.
pub const FIRST: u8 = 64;
/// The last one; the logs of the province itself are above.
pub const LAST: u8 = 199;

/// The last of the registries that were built in from the beginning. A world that is older than a later one admits it to its trust anchor like
/// a registry that a file describes.
const BUILT_IN_AT_FIRST: u8 = 8;

const REGISTRY: &str = "catalogue/registry/";
const TYPE: &str = "catalogue/type/";

/// The catalogue of a province's store: the built-in registries and `further` ones. Registries that come while the world `is_new` are in the first
/// version of the trust anchor, others in an [`Admission`].
///
/// Fails with [`ConfigurationInvalid`](Reason::ConfigurationInvalid) when the registries form no valid catalogue, when one that the store
/// knows is not among them, when a schema file changed in a way that is incompatible with stored records, and when no number is left; and as
/// `may_admit` does, which is asked before anything of an [`Admission`] is stored.
pub async fn open(
    store: &dyn Store,
    province: &ProvinceCode,
    further: Vec<Sector>,
    is_new: bool,
    may_admit: impl FnOnce() -> Result<()>,
) -> Result<Arc<Catalogue>> {
    let mut registries = Numbers::read(store, REGISTRY).await?;
    let mut types = Numbers::read(store, TYPE).await?;
    let catalogue = numbered(province, further, &mut registries, &mut types)?;
    let missing = |what: &str, name: &str| {
        invalid(format!(
            "the store holds records of the {what} {name}, which is not in the catalogue: give the schema file that it was served with (--registry-schema)"
        ))
    };
    if let Some(name) = registries.kept.keys().find(|name| catalogue.sector(name).is_none()) {
        return Err(missing("registry", name));
    }
    if let Some(name) = types.kept.keys().find(|name| catalogue.record_type(name).is_none()) {
        return Err(missing("type", name));
    }
    let mut batch = Batch::new();
    if !registries.given.is_empty() || !types.given.is_empty() {
        batch = types.write(registries.write(batch));
        if !is_new {
            may_admit()?;
            let of = |name: &String| catalogue.record_type(name).map(|of| (of.registry.to_string(), name.clone()));
            let admission = Admission::next(&admissions(store).await?, types.given.iter().filter_map(of));
            batch = admission.write(batch)?;
        }
    }
    for sector in catalogue.sectors() {
        batch = files::keep(store, sector, batch).await?;
    }
    if !batch.is_empty() {
        store.commit(batch).await?;
    }
    Ok(Arc::new(catalogue))
}

/// The catalogue that a store was last served with, from the schema files that it keeps: for commands that check the store without serving it.
pub async fn of_store(store: &dyn Store, province: &ProvinceCode) -> Result<Catalogue> {
    let mut registries = Numbers::read(store, REGISTRY).await?;
    let mut types = Numbers::read(store, TYPE).await?;
    numbered(province, files::newest(store).await?, &mut registries, &mut types)
}

/// The catalogue of a store that does not exist yet: its numbers are those of a new store. Fails as [`open`] does.
pub fn unkept(province: &ProvinceCode, further: Vec<Sector>) -> Result<Catalogue> {
    numbered(province, further, &mut Numbers::none(REGISTRY), &mut Numbers::none(TYPE))
}

fn numbered(
    province: &ProvinceCode,
    further: Vec<Sector>,
    registries: &mut Numbers,
    types: &mut Numbers,
) -> Result<Catalogue> {
    let mut sectors = Vec::from(built_in());
    for sector in sectors.iter().filter(|sector| sector.ordinal > BUILT_IN_AT_FIRST) {
        registries.note(&sector.name, sector.ordinal);
        sector.record_types.iter().for_each(|of| types.note(&of.name, of.ordinal));
    }
    for mut sector in further {
        sector.ordinal = registries.number(&sector.name)?;
        for of in &mut sector.record_types {
            let ordinal = types.number(&of.name)?;
            Arc::make_mut(of).ordinal = ordinal;
        }
        sectors.push(sector);
    }
    Catalogue::of(province.clone(), sectors).map_err(|error| invalid(error.to_string()).with_source(error))
}

/// Numbers by name.
struct Numbers {
    prefix: &'static str,
    kept: BTreeMap<String, u8>,
    /// The numbers to be stored.
    given: Vec<String>,
}

impl Numbers {
    fn none(prefix: &'static str) -> Self {
        Self { prefix, kept: BTreeMap::new(), given: Vec::new() }
    }

    async fn read(store: &dyn Store, prefix: &'static str) -> Result<Self> {
        let unreadable = || Error::new(Reason::StorageCorrupt, "the number of a registry cannot be read");
        let mut numbers = Self::none(prefix);
        for (key, value) in store.scan(Scan::prefix(Space::Meta, prefix.as_bytes())).await? {
            let name = std::str::from_utf8(&key[prefix.len()..]).map_err(|_| unreadable())?;
            let [number] = value[..] else { return Err(unreadable()) };
            numbers.kept.insert(name.to_owned(), number);
        }
        Ok(numbers)
    }

    fn number(&mut self, name: &str) -> Result<u8> {
        if let Some(number) = self.kept.get(name) {
            return Ok(*number);
        }
        let next = self.kept.values().max().map_or(FIRST, |last| last.saturating_add(1).max(FIRST));
        if next > LAST {
            return Err(invalid(format!("no number is left for {name}")));
        }
        self.given.push(name.to_owned());
        self.kept.insert(name.to_owned(), next);
        Ok(next)
    }

    /// Records a number that is fixed.
    fn note(&mut self, name: &str, number: u8) {
        if self.kept.insert(name.to_owned(), number).is_none() {
            self.given.push(name.to_owned());
        }
    }

    fn write(&self, mut batch: Batch) -> Batch {
        for (name, number) in &self.kept {
            batch = batch.put(Space::Meta, [self.prefix, name.as_str()].concat().into_bytes(), vec![*number]);
        }
        batch
    }
}

fn invalid(message: String) -> Error {
    Error::new(Reason::ConfigurationInvalid, message)
}
