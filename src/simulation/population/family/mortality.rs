//! Deaths of the last years, at all ages. The register keeps who died.

use std::sync::LazyLock;

use crate::base::Date;
use crate::base::seed::Draws;

use super::super::calendar::{age_on, draw_day, plus_days, plus_years};
use super::super::table::ByAge;
use super::member::Member;

/// For how many years the register of a household shows its dead.
pub(super) const YEARS_KEPT: i16 = 4;

static DEATHS: LazyLock<ByAge> = LazyLock::new(|| ByAge::read(include_str!("../data/mortality.tsv"), 1_000.0));

/// Lets members die in one of the last years, as often as people of their age do; who was married to one of them is widowed.
pub(super) fn apply(members: &mut [Member], draws: &mut Draws, today: Date) {
    for at in 0..members.len() {
        let member = &members[at];
        if !member.is_at_home() {
            continue;
        }
        let earliest = lived_until_at_least(members, at);
        let Some(death) = death(member, earliest, draws, today) else { continue };
        members[at].death = Some(death);
        if let Some(spouse) = members[at].spouse.take() {
            members[spouse].spouse = None;
            members[spouse].marital = "widowed";
        }
    }
}

/// The first day on which a member can have died: a mother lives on the day on which a child is born, and so does every father here, although
/// the law would let him die up to 300 days before.
fn lived_until_at_least(members: &[Member], at: usize) -> Date {
    let children = members.iter().filter(|member| [member.father, member.mother].contains(&Some(at)));
    children.map(|child| child.birth).fold(members[at].birth, Date::max)
}

fn death(member: &Member, earliest: Date, draws: &mut Draws, today: Date) -> Option<Date> {
    for years_ago in (0..YEARS_KEPT).rev() {
        let (from, to) = (plus_days(plus_years(today, -years_ago - 1), 1), plus_years(today, -years_ago));
        if earliest > to {
            continue;
        }
        let (women, men) = DEATHS.at(age_on(member.birth, to));
        if draws.chance(member.sex.choose(women, men)) {
            return Some(draw_day(draws, from.max(earliest), to));
        }
    }
    None
}
