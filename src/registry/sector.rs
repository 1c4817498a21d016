//! A registry as a sector: its name, who owns it, its record types.

use std::sync::Arc;

use super::definition::Definition;
use super::name::Name;
use super::schema::RecordType;
use crate::base::{Error, Origins, Result};

/// One registry: a sector, the agency that owns it, its record types.
#[derive(Debug, Clone)]
pub struct Sector {
    /// `land`; also the issuer's name in statements and the last part of its log's origin.
    pub name: Name,
    /// The names of its world's logs, set by its catalogue.
    pub origins: Origins,
    /// The agency that owns it: `land-office`.
    pub agency: String,
    /// Its number in storage keys: never changed, never reused.
    pub ordinal: u8,
    /// Its record types.
    pub record_types: Vec<Arc<RecordType>>,
    /// The schema file that it is from; `None` for a built-in one.
    pub definition: Option<Arc<Definition>>,
}

impl Sector {
    /// A registry and its record types, of the default province until a catalogue contains it.
    pub fn new(name: &str, agency: &str, ordinal: u8, record_types: impl IntoIterator<Item = RecordType>) -> Self {
        let record_types = record_types.into_iter().map(Arc::new).collect();
        Self {
            name: name.into(),
            origins: Origins::default(),
            agency: agency.into(),
            ordinal,
            record_types,
            definition: None,
        }
    }

    /// The origin line of its log's checkpoints: `lienthong/H27/land`.
    pub fn log_origin(&self) -> String {
        self.origins.origin(&self.name)
    }

    /// Its record type of this name.
    pub fn record_type(&self, name: &str) -> Option<&Arc<RecordType>> {
        self.record_types.iter().find(|of| of.name == name)
    }

    /// Its record type of a name that the program itself wrote: one that is not there is a defect.
    pub fn defined(&self, name: &str) -> Result<&Arc<RecordType>> {
        self.record_type(name).ok_or_else(|| Error::bug(format!("{name} is no record type of {}", self.name)))
    }
}
