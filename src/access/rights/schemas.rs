//! The embedded rights with those that schema files bring, so that a registry works at once.
//!
//! A file names agencies and purposes of its own. One that exists already is the same one and must have the same name; a file with another name is
//! refused, because evidence could then mean either of the two.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use super::flaw::{Flaw, Flaws};
use super::load::{EMBEDDED, embedded, read};
use super::table::Rights;
use crate::registry::Catalogue;
use crate::registry::definition::Named;

/// A flaw in the rights that a schema file brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaFlaw {
    /// The registry of the file.
    pub registry: String,
    /// The path in the file.
    pub path: String,
    /// The rule, UPPER_SNAKE.
    pub rule: &'static str,
    /// In words.
    pub message: String,
}

impl Display for SchemaFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { registry, path, rule, message } = self;
        write!(f, "{registry}: {path}: {rule}: {message}")
    }
}

/// The origin of the rows after the embedded ones: first line, registry, path.
type Places = Vec<(usize, String, String)>;

/// The rights of the seeded province and those of a catalogue's schema files, as the file that they would be, and read.
pub fn embedded_for(catalogue: &Catalogue) -> Result<(String, Rights), Vec<SchemaFlaw>> {
    let embedded = embedded();
    let agencies = embedded
        .agencies()
        .map(|it| ((Named::Agency, it.key.as_str().to_owned()), format!("{} ({})", it.name, it.name_vi)));
    let purposes = embedded.purposes().iter().map(|it| ((Named::Purpose, it.key.to_string()), it.description.clone()));
    let mut known: BTreeMap<(Named, String), String> = agencies.chain(purposes).collect();
    let (mut text, mut places, mut flaws) = (EMBEDDED.to_owned(), Places::new(), Vec::new());
    let definitions = catalogue.sectors().iter().filter_map(|sector| Some((sector, sector.definition.as_ref()?)));
    for (sector, definition) in definitions {
        for row in definition.rights_rows() {
            if let Some((named, key, says)) = row.names {
                match known.get(&(named, key.clone())) {
                    Some(there) if *there == says => continue,
                    Some(there) => {
                        let message = format!("this key exists already, with the name {there}");
                        let (registry, path, rule) = (sector.name.to_string(), row.path, "CONFLICT");
                        flaws.push(SchemaFlaw { registry, path, rule, message });
                        continue;
                    }
                    None => drop(known.insert((named, key), says)),
                }
            }
            places.push((text.lines().count() + 1, sector.name.to_string(), row.path));
            text.push_str(&row.text);
        }
    }
    if !flaws.is_empty() {
        return Err(flaws);
    }
    match read(text.as_bytes(), catalogue) {
        Ok((rights, _)) => Ok((text, rights)),
        Err(found) => Err(placed(&found, &places)),
    }
}

/// The flaws of the whole file by the rows that have them.
fn placed(flaws: &Flaws, places: &Places) -> Vec<SchemaFlaw> {
    let place = |flaw: &Flaw| {
        let place = places.iter().rev().find(|(first, ..)| *first <= flaw.line);
        let (registry, path) = place.map(|(_, registry, path)| (registry.clone(), path.clone())).unwrap_or_default();
        SchemaFlaw { registry, path, rule: flaw.rule, message: flaw.message.clone() }
    };
    flaws.errors.iter().map(place).collect()
}
