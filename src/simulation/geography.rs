//! Hà Tĩnh's communes and wards, the ones that they replaced in 2025, and places inside them.
//!
//! Codes were re-used by the reorganisation: 48 of the 69 present codes meant a differently named unit before, so a
//! unit's key is its code and the day from which it is valid. The tables stand with the code lists, in `registry/codes/data`, with their sources.

use std::sync::LazyLock;

use crate::base::Date;
use crate::base::seed::Draws;

/// From when the present units are valid (Resolution 1665/NQ-UBTVQH15), as records write it.
pub const COMMUNES_VALID_FROM: &str = "2025-07-01";
/// The same day: from it on addresses lie in the units of today.
pub const REORGANISED: Date = Date::constant(2025, 7, 1);
/// The capacity of a commune's lattice, in parcels.
pub const PARCELS_PER_COMMUNE: u64 = 1 << (2 * LATTICE_BITS);
/// The lattice has 2^this points along each side.
const LATTICE_BITS: u32 = 10;
/// Part of the side of a square of the commune's area that the lattice covers, so that points stay inside.
const LATTICE_COVER: f64 = 0.55;
const KM_PER_DEGREE: f64 = 111.32;

/// A present commune or ward.
#[derive(Debug)]
pub struct Commune {
    /// Five digits; a key only together with [`COMMUNES_VALID_FROM`].
    pub code: &'static str,
    /// Without its kind: `Thành Sen`.
    pub name: &'static str,
    /// `Xã` or `Phường`.
    pub kind: &'static str,
    /// With the kind and the province, as addresses end: `Phường Thành Sen, tỉnh Hà Tĩnh`.
    pub address_end: String,
    /// Registered residents in 2025: the weight in draws.
    pub population: u32,
    /// Codes of the former units, whole or in part.
    pub former: Vec<&'static str>,
    ordinal: usize,
    area_km2: f64,
    latitude: f64,
    longitude: f64,
}

impl Commune {
    /// Whether it is a ward, so that its land is urban.
    pub fn is_ward(&self) -> bool {
        self.kind == "Phường"
    }

    /// The identification code of the commune's parcel number `nth`, a 12-character geohash (Circular 09/2024/TT-BTNMT).
    ///
    /// Different for each commune and each `nth` below [`PARCELS_PER_COMMUNE`]: lattice points are farther apart than a
    /// cell of ten characters, and the last two, half a metre, are spent on the commune's ordinal.
    pub fn parcel_id(&self, nth: u64) -> String {
        const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
        let side = 1u64 << LATTICE_BITS;
        let step = self.area_km2.sqrt() * LATTICE_COVER / KM_PER_DEGREE / side as f64;
        let offset = |n: u64| (n % side) as f64 - side as f64 / 2.0;
        let latitude = self.latitude + offset(nth) * step;
        let longitude = self.longitude + offset(nth >> LATTICE_BITS) * step;
        let mut code = geohash_of(latitude, longitude);
        code.push(ALPHABET[self.ordinal / 32 % 32] as char);
        code.push(ALPHABET[self.ordinal % 32] as char);
        code
    }
}

fn geohash_of(latitude: f64, longitude: f64) -> String {
    geohash::encode(geohash::Coord { x: longitude, y: latitude }, 10).expect("the tables' coordinates lie on the globe")
}

/// A commune, ward or townlet that ended in 2025.
#[derive(Debug)]
pub struct FormerCommune {
    /// Five digits.
    pub code: &'static str,
    /// Without its kind.
    pub name: &'static str,
    /// `Xã`, `Phường` or `Thị trấn`.
    pub kind: &'static str,
    /// With its kind: `Huyện Can Lộc`.
    pub district: &'static str,
    /// With kind, district and province, as old addresses end.
    pub address_end: String,
    /// First day, `YYYY-MM-DD`.
    pub valid_from: &'static str,
    /// The day after the last.
    pub valid_to: &'static str,
    /// Codes of the communes that its land belongs to now; two or three for those that were split.
    pub successors: Vec<&'static str>,
}

/// The province's units.
#[derive(Debug)]
pub struct Geography {
    /// The 69 present units, by code.
    pub communes: Vec<Commune>,
    /// Those that ended, by code.
    pub former: Vec<FormerCommune>,
    /// Running sums of the present units' populations.
    weights: Vec<u64>,
}

static HA_TINH: LazyLock<Geography> = LazyLock::new(|| {
    Geography::read(
        include_str!("../registry/codes/data/communes.tsv"),
        include_str!("../registry/codes/data/former_communes.tsv"),
    )
    .expect("the built-in tables are complete, a test reads them")
});

impl Geography {
    /// The tables of Hà Tĩnh, read once.
    pub fn ha_tinh() -> &'static Geography {
        &HA_TINH
    }

    /// The present unit with this code.
    pub fn commune(&self, code: &str) -> Option<&Commune> {
        self.communes.binary_search_by_key(&code, |commune| commune.code).ok().map(|at| &self.communes[at])
    }

    /// All present units, by their codes.
    pub fn communes(&self) -> &[Commune] {
        &self.communes
    }

    /// The former unit with this code. A code has one unit here, as no former unit re-used another's code in 2025.
    pub fn former(&self, code: &str) -> Option<&FormerCommune> {
        self.former.binary_search_by_key(&code, |unit| unit.code).ok().map(|at| &self.former[at])
    }

    /// A present unit, drawn by its population.
    pub fn draw(&self, draws: &mut Draws) -> &Commune {
        let total = self.weights.last().copied().unwrap_or(1);
        let drawn = draws.below(total);
        let at = self.weights.partition_point(|sum| *sum <= drawn);
        &self.communes[at.min(self.communes.len() - 1)]
    }

    fn read(communes: &'static str, former: &'static str) -> Option<Self> {
        let communes: Vec<Commune> =
            rows(communes).enumerate().map(|(ordinal, row)| read_commune(ordinal, &row)).collect::<Option<_>>()?;
        let former = rows(former).map(|row| read_former(&row)).collect::<Option<_>>()?;
        let mut sum = 0;
        let weights = communes
            .iter()
            .map(|commune| {
                sum += u64::from(commune.population);
                sum
            })
            .collect();
        (!communes.is_empty()).then_some(Self { communes, former, weights })
    }
}

impl Commune {
    /// Its place in [`Geography::communes`].
    pub fn ordinal(&self) -> usize {
        self.ordinal
    }
}

fn rows(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    table.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(|line| line.split('\t').collect())
}

fn list(cell: &'static str) -> Vec<&'static str> {
    cell.split(',').filter(|code| !code.is_empty()).collect()
}

fn read_commune(ordinal: usize, row: &[&'static str]) -> Option<Commune> {
    let &[code, name, kind, area, population, latitude, longitude, former] = row else { return None };
    Some(Commune {
        code,
        name,
        kind,
        address_end: format!("{kind} {name}, tỉnh Hà Tĩnh"),
        population: population.parse().ok()?,
        former: list(former),
        ordinal,
        area_km2: area.parse().ok()?,
        latitude: latitude.parse().ok()?,
        longitude: longitude.parse().ok()?,
    })
}

fn read_former(row: &[&'static str]) -> Option<FormerCommune> {
    let &[code, name, kind, district, valid_from, valid_to, successors] = row else { return None };
    Some(FormerCommune {
        code,
        name,
        kind,
        district,
        address_end: format!("{kind} {name}, {district}, tỉnh Hà Tĩnh"),
        valid_from,
        valid_to,
        successors: list(successors),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::base::{PartialDate, Seed};

    #[test]
    fn the_tables_agree_with_each_other() {
        let places = Geography::ha_tinh();
        assert_eq!(places.communes.len(), 69);
        assert_eq!(places.communes.iter().filter(|c| c.is_ward()).count(), 9);
        assert_eq!(places.former.len(), 216);
        assert!(places.communes.is_sorted_by(|a, b| a.code < b.code));
        assert!(places.former.is_sorted_by(|a, b| a.code < b.code));
        assert_eq!(places.communes.iter().map(|c| c.population).sum::<u32>(), 1_621_134);
        for commune in &places.communes {
            assert!(!commune.former.is_empty(), "{}", commune.code);
            for code in &commune.former {
                let unit = places.former(code).expect(code);
                assert!(unit.successors.contains(&commune.code), "{} and {code}", commune.code);
            }
        }
        for unit in &places.former {
            assert!(
                PartialDate::parse(unit.valid_from).expect(unit.code)
                    < PartialDate::parse(unit.valid_to).expect(unit.code)
            );
            assert_eq!(unit.successors.is_empty(), unit.valid_to == "2025-01-01", "{}", unit.code);
            for code in &unit.successors {
                assert!(places.commune(code).expect(code).former.contains(&unit.code), "{} and {code}", unit.code);
            }
        }
        let split: Vec<_> = places.former.iter().filter(|unit| unit.successors.len() > 1).map(|u| u.code).collect();
        assert_eq!(split, ["18082", "18796"]);
    }

    #[test]
    fn draws_follow_the_population() {
        let places = Geography::ha_tinh();
        let mut draws = Seed::root(1).draws();
        let in_thanh_sen = (0..20_000).filter(|_| places.draw(&mut draws).code == "18073").count();
        assert!((1_000..1_250).contains(&in_thanh_sen), "{in_thanh_sen} of 1,122 expected");
    }

    #[test]
    fn parcels_lie_in_the_province_and_never_share_a_code() {
        let places = Geography::ha_tinh();
        let side = 1 << LATTICE_BITS;
        let mut seen = BTreeSet::new();
        for commune in &places.communes {
            // both ends of the lattice, and neighbours along both axes
            for nth in [0, 1, 2, side - 1, side, side + 1, PARCELS_PER_COMMUNE / 2, PARCELS_PER_COMMUNE - 1] {
                let code = commune.parcel_id(nth);
                assert_eq!(code.len(), 12);
                assert!(("w74".."w78").contains(&&code[..3]), "{} {code}", commune.code);
                assert!(seen.insert(code), "{} {nth}", commune.code);
            }
        }
        // the densest lattice, in full
        let smallest = places.communes.iter().min_by(|a, b| a.area_km2.total_cmp(&b.area_km2)).expect("not empty");
        let cells: BTreeSet<_> = (0..side).map(|n| smallest.parcel_id(n)[..10].to_owned()).collect();
        assert_eq!(cells.len() as u64, side);
        let cells: BTreeSet<_> = (0..side).map(|n| smallest.parcel_id(n << LATTICE_BITS)[..10].to_owned()).collect();
        assert_eq!(cells.len() as u64, side);
    }
}
