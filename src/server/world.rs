//! The file that says which world a data folder holds: `world.json`, beside the store.
//!
//! It is written before seeding and again after it, each time whole (a temporary file, then a rename): seeding that was
//! interrupted begins again from what it says. The seed is the secret that every key grows from, so that the file is readable
//! by its owner alone.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::base::id::to_hex;
use crate::base::{Error, Reason, Result, Timestamp};
use crate::store::file::{Readers, write_whole};

/// Citizens in a province when nothing else is said.
pub const POPULATION_DEFAULT: u64 = 1_000;
/// Largest population that is generated.
pub const POPULATION_MAX: u64 = 5_000_000;
/// The seed when nothing else is said.
pub const SEED_DEFAULT: u64 = 42;

const FORMAT: &str = "lienthong/world/v3";
/// Of before: a world was seeded in its store, which may hold a part of it until `seeded` says otherwise.
const FORMAT_SEEDED_IN_PLACE: &str = "lienthong/world/v2";
const FILE: &str = "world.json";
const FILE_BYTES_MAX: u64 = 4_096;

/// What a world grew from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct World {
    format: String,
    /// The number of the seed tree's root.
    pub seed: u64,
    /// Citizens generated, without the personas.
    pub population: u64,
    /// When it was seeded, in milliseconds since the epoch.
    pub created_at_ms: i64,
    /// Whether seeding came to its end.
    pub seeded: bool,
}

impl World {
    /// A world that is not seeded yet.
    pub fn new(seed: u64, population: u64, now: Timestamp) -> Self {
        Self { format: FORMAT.into(), seed, population, created_at_ms: now.0, seeded: false }
    }

    /// Which world this is, as one word: the same for every start, another for every world. It does not tell the seed.
    pub fn word(&self) -> String {
        let Self { seed, population, created_at_ms, .. } = self;
        let digest = Sha256::digest(format!("{FORMAT} {seed} {population} {created_at_ms}"));
        to_hex(&digest[..16])
    }

    /// Where the file stands in a data folder.
    pub fn path(folder: &Path) -> PathBuf {
        folder.join(FILE)
    }

    /// The world of a data folder; `None` when there is none yet.
    pub fn read(folder: &Path) -> Result<Option<Self>> {
        let path = Self::path(folder);
        let unreadable = |cause: String| {
            let message = format!("{} cannot be read: {cause}", path.display());
            Error::new(Reason::ConfigurationInvalid, message)
        };
        match fs::metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error.to_string())),
            Ok(found) if found.len() > FILE_BYTES_MAX => return Err(unreadable("it is too long".into())),
            Ok(_) => {}
        }
        let bytes = fs::read(&path).map_err(|error| unreadable(error.to_string()))?;
        let world: Self = serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
        match &world.format[..] {
            FORMAT => Ok(Some(world)),
            FORMAT_SEEDED_IN_PLACE if world.seeded => Ok(Some(world)),
            FORMAT_SEEDED_IN_PLACE => Err(unreadable(
                "an earlier version was interrupted while it seeded this world: remove the folder, or choose another"
                    .into(),
            )),
            _ => Err(unreadable(format!("its format is not {FORMAT}"))),
        }
    }

    /// What sets it apart from the other worlds of its seed: how many people it has, and since when.
    pub fn mark(&self) -> [u8; 16] {
        let mark = u128::from(self.population) << 64 | u128::from(self.created_at_ms as u64);
        mark.to_be_bytes()
    }

    /// Writes the file whole, for its owner alone.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let mut json = serde_json::to_vec_pretty(self).map_err(Error::bug)?;
        json.push(b'\n');
        write_whole(&Self::path(folder), &json, Readers::Owner)
    }

    /// Refuses a seed or population that was asked for and is not this world's.
    pub fn agrees(&self, seed: Option<u64>, population: Option<u64>, folder: &Path) -> Result<()> {
        let differs = |what: &str, stored: u64, asked: u64| {
            let message = format!(
                "{} holds a world of {what} {stored}, not {asked}: leave --{what} out, or choose another folder",
                folder.display()
            );
            Err(Error::new(Reason::ConfigurationInvalid, message))
        };
        match (seed, population) {
            (Some(asked), _) if asked != self.seed => differs("seed", self.seed, asked),
            (_, Some(asked)) if asked != self.population => differs("population", self.population, asked),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_is_found_again_and_stands_by_its_seed() {
        let folder = tempfile::tempdir().expect("folder");
        assert_eq!(World::read(folder.path()).expect("none"), None);
        let world = World::new(7, 10, Timestamp(1));
        world.write(folder.path()).expect("written");
        assert_eq!(World::read(folder.path()).expect("read"), Some(world.clone()));
        world.agrees(None, None, folder.path()).expect("nothing asked");
        world.agrees(Some(7), Some(10), folder.path()).expect("the same");
        let refused = world.agrees(Some(8), None, folder.path()).expect_err("another seed");
        assert!(refused.message.contains("seed 7, not 8"), "{}", refused.message);
        world.agrees(None, Some(11), folder.path()).expect_err("another population");
    }

    #[test]
    fn a_broken_file_is_named() {
        let folder = tempfile::tempdir().expect("folder");
        fs::write(World::path(folder.path()), "{").expect("written");
        let refused = World::read(folder.path()).expect_err("refused");
        assert!(refused.message.contains("world.json cannot be read"), "{}", refused.message);
    }
}
