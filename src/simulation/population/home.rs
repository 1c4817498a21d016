//! What the members of a household share: where it is registered, its number, its people's group and faith, and whether it is poor.

use std::sync::LazyLock;

use crate::base::Date;
use crate::base::seed::Draws;
use crate::simulation::document::{Address, push_padded};
use crate::simulation::geography::{Commune, FormerCommune, Geography, REORGANISED};

use super::numbers::Numbers;
use super::table::{number, rows};

/// How a household stands in the yearly review of poverty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// A poor household.
    Poor,
    /// A near-poor one.
    NearPoor,
    /// Neither.
    Enough,
}

/// The facts that the members of one household share.
#[derive(Debug)]
pub struct Home {
    /// Where they are registered.
    pub commune: &'static Commune,
    /// The unit that the place belonged to before July 2025.
    pub former: Option<&'static FormerCommune>,
    /// Hamlet or street block.
    pub hamlet: String,
    /// The register's number.
    pub household_id: String,
    /// `Kinh` for nearly all.
    pub ethnicity: &'static str,
    /// Absent for most.
    pub religion: Option<&'static str>,
    /// Of the household, not of a person.
    pub means: Means,
}

/// Group, commune, per mille of its households.
static ETHNIC_PLACES: LazyLock<Vec<(&str, &str, u64)>> = LazyLock::new(|| {
    let place = |row: Vec<&'static str>| (row[0], row[1], number(row[2]) as u64);
    rows(include_str!("data/ethnic_places.tsv")).map(place).collect()
});

fn draw_ethnicity(draws: &mut Draws, commune: &Commune) -> &'static str {
    let mut rest = draws.below(1_000);
    for (group, _, share) in ETHNIC_PLACES.iter().filter(|(_, place, _)| *place == commune.code) {
        if rest < *share {
            return group;
        }
        rest -= share;
    }
    "Kinh"
}

/// Whether a small group lives in this commune.
pub fn lives_in(group: &str, commune: &str) -> bool {
    ETHNIC_PLACES.iter().any(|(of, place, _)| *of == group && *place == commune)
}

impl Home {
    /// Draws a home; communes by their registered population, religion and poverty at our assumed shares.
    pub fn draw(draws: &mut Draws, numbers: &mut Numbers) -> Self {
        let commune = Geography::ha_tinh().draw(draws);
        let former = draws.pick(&commune.former).and_then(|code| Geography::ha_tinh().former(code));
        let ethnicity = draw_ethnicity(draws, commune);
        let religion = match draws.below(1_000) {
            0..100 => Some("Công giáo"),
            100..114 => Some("Phật giáo"),
            114..116 => Some("Tin Lành"),
            _ => None,
        };
        let of_minority = ethnicity != "Kinh";
        let means = match draws.below(1_000) {
            0..24 => Means::Poor,
            24..56 => Means::NearPoor,
            56..350 if of_minority => Means::Poor,
            _ => Means::Enough,
        };
        let hamlet = draw_hamlet(draws, commune);
        Self { commune, former, hamlet, household_id: numbers.household(), ethnicity, religion, means }
    }

    /// The home as an address of today.
    pub fn place(&self) -> Address {
        Address::in_commune(self.commune, &self.hamlet)
    }

    /// The home as an address of that day.
    pub fn place_on(&self, day: Date) -> Address {
        match self.former.filter(|_| day < REORGANISED) {
            Some(unit) => Address::in_former(unit, &self.hamlet),
            None => self.place(),
        }
    }
}

fn draw_hamlet(draws: &mut Draws, commune: &Commune) -> String {
    const NAMES: [&str; 16] = [
        "Bắc Sơn",
        "Đông Hà",
        "Hồng Tiến",
        "Hòa Bình",
        "Liên Thanh",
        "Nam Giang",
        "Phú Xuân",
        "Tân Phong",
        "Tân Thành",
        "Thanh Minh",
        "Thống Nhất",
        "Tiến Thắng",
        "Trung Tâm",
        "Vĩnh Phúc",
        "Xuân Sơn",
        "Yên Thịnh",
    ];
    let mut hamlet = String::from(if commune.is_ward() { "Tổ dân phố " } else { "Thôn " });
    if draws.chance(0.55) {
        push_padded(&mut hamlet, draws.between(1, 14).unsigned_abs(), 1);
    } else {
        hamlet.push_str(draws.pick(&NAMES).copied().unwrap_or("Bắc Sơn"));
    }
    hamlet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_groups_live_in_communes_that_there_are() {
        for (group, commune, share) in ETHNIC_PLACES.iter() {
            assert!(Geography::ha_tinh().commune(commune).is_some(), "{group} in {commune}");
            assert!(
                crate::registry::codes::list("ethnic_groups")
                    .expect("a list")
                    .codes()
                    .iter()
                    .any(|code| code.name.vi == *group)
            );
            assert!((1..100).contains(share));
        }
    }
}
