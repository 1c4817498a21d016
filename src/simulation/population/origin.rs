//! Where the members of a household come from: places of birth in the units of their day, and the hometown that a child has from a parent.

use crate::base::seed::Draws;
use crate::base::{Date, PersonalId};
use crate::simulation::document::Address;
use crate::simulation::geography::{COMMUNES_VALID_FROM, Commune, Geography, REORGANISED};

use super::family::Member;
use super::home::Home;
use super::numbers::Numbers;

/// Where somebody comes from.
pub struct Origin {
    /// Three digits of the old structure of personal IDs.
    pub province: &'static str,
    /// Of birth, and of its registration.
    pub place: Address,
    /// The father's, or the mother's.
    pub hometown: &'static Commune,
}

/// Provinces of spouses from elsewhere, with their codes and frequencies.
const ELSEWHERE: [(&str, &str, u64); 6] =
    [("040", "40", 45), ("038", "38", 12), ("044", "44", 15), ("001", "01", 12), ("079", "79", 10), ("066", "66", 6)];
/// The decision that issued the codes of units that are older than it.
const CODES_ISSUED: &str = "2004-07-08";

/// Where the members come from, and their personal IDs.
pub fn identify(
    members: &[Member],
    home: &Home,
    draws: &mut Draws,
    numbers: &mut Numbers,
) -> (Vec<Origin>, Vec<PersonalId>) {
    let mut origins: Vec<Origin> = members.iter().map(|member| Origin::draw(draws, member, home)).collect();
    for at in 0..members.len() {
        origins[at].hometown = origins[eldest(members, at)].hometown;
    }
    let id =
        |(member, origin): (&Member, &Origin)| numbers.personal_id(origin.province, member.sex, member.birth.year());
    let ids = members.iter().zip(&origins).map(id).collect();
    (origins, ids)
}

/// The father's father, as far back as the household goes; a mother where there is no father.
fn eldest(members: &[Member], of: usize) -> usize {
    let mut at = of;
    // a household has three generations at the most
    for _ in 0..3 {
        let parent = members[at].father.or(members[at].mother).filter(|parent| *parent < members.len());
        match parent {
            Some(parent) => at = parent,
            None => break,
        }
    }
    at
}

impl Origin {
    /// Most were born where they live, in the unit of that time; those married in come from elsewhere more often.
    fn draw(draws: &mut Draws, member: &Member, home: &Home) -> Self {
        let married_in = matches!(member.relation, "spouse" | "child_in_law");
        if draws.chance(if married_in { 0.08 } else { 0.015 }) {
            let mut rest = draws.below(100);
            for (province, code, share) in ELSEWHERE {
                if rest < share {
                    let place = Address { unit_code: code, unit_valid_from: CODES_ISSUED, text: None };
                    return Self { province, place, hometown: home.commune };
                }
                rest -= share;
            }
        }
        let native = draws.chance(if married_in { 0.5 } else { 0.93 });
        let commune = if native { home.commune } else { Geography::ha_tinh().draw(draws) };
        Self { province: "042", place: birth_place(commune, member.birth, draws), hometown: commune }
    }
}

/// The commune as it was called on that day; former names of before 2025 stand for all earlier ones.
fn birth_place(commune: &'static Commune, birth: Date, draws: &mut Draws) -> Address {
    if birth >= REORGANISED {
        return Address::in_commune(commune, "");
    }
    let former = draws.pick(&commune.former).and_then(|code| Geography::ha_tinh().former(code));
    former.map_or_else(|| Address::in_commune(commune, ""), |unit| Address::in_former(unit, ""))
}

/// Where somebody lives who works in another province.
pub fn draw_away(draws: &mut Draws) -> Address {
    // Hà Nội, Hồ Chí Minh City (twice: Bình Dương is a part of it now), Đồng Nai, Đà Nẵng, Huế.
    const AWAY: [(&str, &str); 6] = [
        ("01", CODES_ISSUED),
        ("79", COMMUNES_VALID_FROM),
        ("75", COMMUNES_VALID_FROM),
        ("79", COMMUNES_VALID_FROM),
        ("48", COMMUNES_VALID_FROM),
        ("46", "2025-01-01"),
    ];
    let (unit_code, unit_valid_from) = draws.pick(&AWAY).copied().unwrap_or(AWAY[1]);
    Address { unit_code, unit_valid_from, text: None }
}
