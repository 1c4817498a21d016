//! What a situation demands of whoever is put into it: an age, a sex, a place, a name. A situation whose records would not be legal for somebody is
//! refused by the registries' rules in any case; these say it in the words of the request.

use crate::simulation::names::Sex;

use super::situations::other_spelling;

/// What one situation demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demands {
    /// Least and greatest age.
    pub ages: (i16, i16),
    /// The sex.
    pub sex: Option<Sex>,
    /// The commune: the situation is about an address there.
    pub unit_code: Option<&'static str>,
    /// Whether the name must have a second spelling.
    pub two_spellings: bool,
}

/// Somebody in the middle of life: with years of work, and not yet at the end of it.
const GROWN: Demands = Demands { ages: (25, 90), sex: None, unit_code: None, two_spellings: false };

impl Demands {
    /// What the situation with this key demands.
    pub fn of(key: &str) -> Self {
        match key {
            "small_child" => Self { ages: (0, 5), ..GROWN },
            "two_spellings" => Self { two_spellings: true, ..GROWN },
            "split_commune" => Self { unit_code: Some("18073"), ..GROWN },
            "frozen_land" => Self { sex: Some(Sex::Female), ..GROWN },
            "frozen_land_husband" => Self { sex: Some(Sex::Male), ..GROWN },
            "mother" => Self { ages: (20, 60), sex: Some(Sex::Female), ..GROWN },
            _ => GROWN,
        }
    }

    /// Whether the situation can be that of somebody with this name.
    pub fn fits_name(&self, name: &str) -> bool {
        !self.two_spellings || other_spelling(name) != name
    }
}
