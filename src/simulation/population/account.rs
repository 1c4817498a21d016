//! Electronic identification accounts: their owners, levels and guardians (Decree 69/2024/NĐ-CP).

use crate::base::PersonalId;
use crate::base::seed::Draws;

use super::citizen::Citizen;

/// An account that exists when the province opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// Whose account.
    pub personal_id: PersonalId,
    /// 1 or 2; documents are linked to level 2.
    pub level: u8,
    /// The parent through whom a child under 14 acts.
    pub guardian: Option<PersonalId>,
}

/// The account of a citizen with a card: three adults in four have level 2, one in ten level 1.
///
/// A child's guardian is the mother or else the father, whoever lives in the household.
pub fn account(citizen: &Citizen, household: &[Citizen], draws: &mut Draws) -> Option<Account> {
    let person = &citizen.person;
    if person.card.is_none() || person.death_date.is_some() {
        return None;
    }
    let lives_here =
        |id: &PersonalId| household.iter().any(|other| other.person.personal_id == *id && other.is_resident());
    let parent = || [person.mother_id, person.father_id].into_iter().flatten().find(lives_here);
    let guardian = if citizen.age < 14 { Some(parent()?) } else { None };
    let drawn = draws.below(100);
    let level = match (citizen.age, drawn) {
        (..6, _) => 1,
        (6..14, 0..40) => 2,
        (6..14, _) => 1,
        (14..70, 0..80) | (70.., 0..45) => 2,
        (14..70, 80..90) | (70.., 45..60) => 1,
        _ => return None,
    };
    Some(Account { personal_id: person.personal_id, level, guardian })
}
