//! The versions of schema files that a store keeps, so that a file that is given again is compared with the one under which records were written.

use std::collections::BTreeMap;

use crate::base::{Error, Reason, Result};
use crate::registry::schema_file::plan::plan;
use crate::registry::{Catalogue, Sector, schema_file};
use crate::store::{Batch, Scan, Space, Store};

const FILE: &str = "catalogue/file/";

fn prefix(registry: &str) -> Vec<u8> {
    [FILE, registry, "/"].concat().into_bytes()
}

/// Adds a registry's schema file to `batch`, if it is new; refuses one that does not follow the versions in the store.
pub(super) async fn keep(store: &dyn Store, sector: &Sector, batch: Batch) -> Result<Batch> {
    let Some(definition) = &sector.definition else { return Ok(batch) };
    let kept = store.scan(Scan::prefix(Space::Meta, &prefix(&sector.name))).await?;
    if let Some((_, newest)) = kept.last() {
        if newest[..] == *definition.json.as_bytes() {
            return Ok(batch);
        }
        let plan = plan(&read(newest)?, sector);
        let refused: Vec<String> = plan.refused().map(|change| format!("{}: {}", change.what, change.how)).collect();
        if !refused.is_empty() {
            return Err(Error::new(
                Reason::ConfigurationInvalid,
                format!(
                    "the schema file of the registry {} changed in a way that is incompatible with stored records (lienthong registry plan): {}",
                    sector.name,
                    refused.join("; ")
                ),
            ));
        }
    }
    let key = [prefix(&sector.name), definition.version.to_be_bytes().to_vec()].concat();
    Ok(batch.put(Space::Meta, key, definition.json.clone().into_bytes()))
}

/// The newest kept file of every registry.
pub(super) async fn newest(store: &dyn Store) -> Result<Vec<Sector>> {
    let mut newest = BTreeMap::new();
    for (key, value) in store.scan(Scan::prefix(Space::Meta, FILE.as_bytes())).await? {
        let registry = key.len().checked_sub(4).map(|end| key[..end].to_vec());
        newest.insert(registry, value);
    }
    newest.values().map(|json| read(json)).collect()
}

fn read(json: &[u8]) -> Result<Sector> {
    let unreadable =
        |why: String| Error::new(Reason::StorageCorrupt, format!("a kept schema file cannot be read: {why}"));
    let text = std::str::from_utf8(json).map_err(|error| unreadable(error.to_string()))?;
    schema_file::load(text, &Catalogue::built_in()).map_err(|flaws| unreadable(flaws.to_string()))
}
