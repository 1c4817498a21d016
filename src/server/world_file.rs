//! `world.json`, next to the store: the parameters of the world in a data folder.
//!
//! It is written before seeding and again after it, each time atomically: an interrupted seeding begins again with its parameters.
//! Every key derives from the seed, which is secret, so only the file's owner can read it.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::base::id::to_hex;
use crate::base::{Error, ProvinceCode, Reason, Result, Timestamp};
use crate::simulation::discrepancy::Rate;
use crate::store::file::{Readers, read_small, unreadable, write_whole};

/// Default population of a province.
pub const POPULATION_DEFAULT: u64 = 1_000;
/// Largest population that can be generated.
pub const POPULATION_MAX: u64 = 5_000_000;
/// Default seed.
pub const SEED_DEFAULT: u64 = 42;

const FORMAT: &str = "lienthong/world/v3";
/// Earlier format: the world was seeded in its final store, which may hold a part of it until `seeded` is true.
const FORMAT_SEEDED_IN_PLACE: &str = "lienthong/world/v2";
const FILE: &str = "world.json";
const FILE_BYTES_MAX: u64 = 4_096;

/// The parameters of a world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorldFile {
    format: String,
    /// The province's code; absent for the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    province: Option<String>,
    /// The seed, as a number.
    pub seed: u64,
    /// Citizens generated, without the personas.
    pub population: u64,
    /// How often registries disagree, in ten thousandths of the records; absent where they never do.
    #[serde(default, skip_serializing_if = "is_zero")]
    discrepancies_per_10000: u16,
    /// The time of creation, in milliseconds since the epoch.
    pub created_at_ms: i64,
    /// Whether seeding was completed.
    pub seeded: bool,
}

impl WorldFile {
    /// A world that is not seeded yet.
    pub fn new(province: &ProvinceCode, seed: u64, population: u64, now: Timestamp) -> Self {
        let province = (*province != ProvinceCode::default()).then(|| province.to_string());
        Self {
            format: FORMAT.into(),
            province,
            seed,
            population,
            discrepancies_per_10000: 0,
            created_at_ms: now.0,
            seeded: false,
        }
    }

    /// The same world, with registries that disagree at this rate.
    #[must_use]
    pub fn with_discrepancies(self, rate: Rate) -> Self {
        Self { discrepancies_per_10000: rate.ten_thousandths(), ..self }
    }

    /// How often its registries disagree.
    pub fn discrepancies(&self) -> Rate {
        Rate::of_ten_thousand(self.discrepancies_per_10000).unwrap_or_default()
    }

    /// The province that it is of.
    pub fn province(&self) -> ProvinceCode {
        self.province.as_deref().and_then(ProvinceCode::parse).unwrap_or_default()
    }

    /// A word that identifies the world: the same for every start, another for every world. The seed cannot be derived from it.
    pub fn word(&self) -> String {
        let Self { seed, population, created_at_ms, province, .. } = self;
        let province = province.as_ref().map(|code| format!(" {code}")).unwrap_or_default();
        let rate = self.discrepancies();
        let rate = if rate == Rate::NONE { String::new() } else { format!(" {rate}") };
        let digest = Sha256::digest(format!("{FORMAT} {seed} {population} {created_at_ms}{province}{rate}"));
        to_hex(&digest[..16])
    }

    /// The path of the file in a data folder.
    pub fn path(folder: &Path) -> PathBuf {
        folder.join(FILE)
    }

    /// The world of a data folder; `None` if there is none yet.
    pub fn read(folder: &Path) -> Result<Option<Self>> {
        let path = Self::path(folder);
        let Some(bytes) = read_small(&path, FILE_BYTES_MAX)? else { return Ok(None) };
        let world: Self = serde_json::from_slice(&bytes).map_err(|error| unreadable(&path, error))?;
        if world.province.as_deref().is_some_and(|code| ProvinceCode::parse(code).is_none()) {
            return Err(unreadable(&path, "its province is not a code"));
        }
        match &world.format[..] {
            FORMAT => Ok(Some(world)),
            FORMAT_SEEDED_IN_PLACE if world.seeded => Ok(Some(world)),
            FORMAT_SEEDED_IN_PLACE => Err(unreadable(
                &path,
                "an earlier version was interrupted while it seeded this world: remove the folder, or choose another",
            )),
            _ => Err(unreadable(&path, format!("its format is not {FORMAT}"))),
        }
    }

    /// Distinguishes worlds of one seed: the rate of disagreements (2), the population (6) and the time of creation (8).
    pub fn mark(&self) -> [u8; 16] {
        let made = u64::from(self.discrepancies_per_10000) << 48 | self.population;
        let mark = u128::from(made) << 64 | u128::from(self.created_at_ms as u64);
        mark.to_be_bytes()
    }

    /// What its citizens are generated from, if it begins at `at`: the same for every process that generates the same ones. A digest.
    pub fn seeding_at(&self, at: Timestamp) -> String {
        let Self { seed, population, .. } = self;
        let (province, rate, day) = (self.province(), self.discrepancies(), at.date());
        to_hex(&Sha256::digest(format!("lienthong/seeding/v1 {province} {seed} {population} {rate} {day}"))[..16])
    }

    /// Writes the file atomically, readable by its owner only.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let mut json = serde_json::to_vec_pretty(self).map_err(Error::bug)?;
        json.push(b'\n');
        write_whole(&Self::path(folder), &json, Readers::Owner)
    }

    /// Refuses a requested province, seed, population or rate of disagreements that differs from this world's.
    pub fn agrees(&self, asked: &Asked, folder: &Path) -> Result<()> {
        let differs = |what: &str, stored: &dyn Display, asked: &dyn Display| {
            let message = format!(
                "{} holds a world of {what} {stored}, not {asked}: leave --{what} out, or choose another folder",
                folder.display()
            );
            Err(Error::new(Reason::ConfigurationInvalid, message))
        };
        match asked {
            Asked { province: Some(asked), .. } if *asked != self.province() => {
                differs("province", &self.province(), asked)
            }
            Asked { seed: Some(asked), .. } if *asked != self.seed => differs("seed", &self.seed, asked),
            Asked { population: Some(asked), .. } if *asked != self.population => {
                differs("population", &self.population, asked)
            }
            Asked { discrepancies: Some(asked), .. } if *asked != self.discrepancies() => {
                differs("discrepancies", &self.discrepancies(), asked)
            }
            _ => Ok(()),
        }
    }
}

/// The requested parameters of a world that may exist already; `None` accepts the existing value, or the default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// The province's code.
    pub province: Option<ProvinceCode>,
    /// The seed, as a number.
    pub seed: Option<u64>,
    /// Citizens to generate.
    pub population: Option<u64>,
    /// How often registries disagree.
    pub discrepancies: Option<Rate>,
}

fn is_zero(number: &u16) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_world_is_found_again_and_stands_by_its_seed() {
        let folder = tempfile::tempdir().expect("folder");
        assert_eq!(WorldFile::read(folder.path()).expect("none"), None);
        let world = WorldFile::new(&ProvinceCode::default(), 7, 10, Timestamp(1));
        world.write(folder.path()).expect("written");
        assert_eq!(WorldFile::read(folder.path()).expect("read"), Some(world.clone()));
        let asked = |seed, population| Asked { seed, population, ..Asked::default() };
        world.agrees(&Asked::default(), folder.path()).expect("nothing asked");
        world.agrees(&asked(Some(7), Some(10)), folder.path()).expect("the same");
        let refused = world.agrees(&asked(Some(8), None), folder.path()).expect_err("another seed");
        assert!(refused.message.contains("seed 7, not 8"), "{}", refused.message);
        world.agrees(&asked(None, Some(11)), folder.path()).expect_err("another population");
        let rate = |text: &str| Asked { discrepancies: text.parse().ok(), ..Asked::default() };
        world.agrees(&rate("0.05"), folder.path()).expect_err("another rate");
        let disagreeing = world.clone().with_discrepancies("0.05".parse().expect("a rate"));
        disagreeing.agrees(&rate("0.05"), folder.path()).expect("the same");
        assert_ne!((disagreeing.word(), disagreeing.mark()), (world.word(), world.mark()));
        disagreeing.write(folder.path()).expect("written");
        assert_eq!(WorldFile::read(folder.path()).expect("read"), Some(disagreeing));
    }

    #[test]
    fn a_world_of_another_province_says_so_in_its_file_alone() {
        let folder = tempfile::tempdir().expect("folder");
        let (usual, other) = (ProvinceCode::default(), ProvinceCode::parse("H29").expect("a code"));
        let world = |code| WorldFile::new(code, 7, 10, Timestamp(1));
        assert_ne!(world(&usual).word(), world(&other).word());
        world(&usual).write(folder.path()).expect("written");
        assert!(!fs::read_to_string(WorldFile::path(folder.path())).expect("there").contains("province"));
        world(&other).write(folder.path()).expect("written");
        let found = WorldFile::read(folder.path()).expect("read").expect("there");
        assert_eq!(found.province(), other);
        let asked = Asked { province: Some(usual), ..Asked::default() };
        found.agrees(&asked, folder.path()).expect_err("another province");
    }

    #[test]
    fn a_broken_file_is_named() {
        let folder = tempfile::tempdir().expect("folder");
        fs::write(WorldFile::path(folder.path()), "{").expect("written");
        let refused = WorldFile::read(folder.path()).expect_err("refused");
        assert!(refused.message.contains("world.json cannot be read"), "{}", refused.message);
    }
}
