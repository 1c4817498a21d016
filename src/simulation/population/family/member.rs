//! A member of a household: who they are, and who is whose.

use crate::base::Date;
use crate::simulation::names::Sex;

/// A member of a household, before numbers and documents. Indices point into the household.
#[derive(Debug, Clone)]
pub struct Member {
    /// As registered.
    pub sex: Sex,
    /// The true birth date, even where the register knows only the year.
    pub birth: Date,
    /// Family name.
    pub surname: &'static str,
    /// `head`, `spouse`, `child`, ….
    pub relation: &'static str,
    /// `single`, `married`, `divorced`, `widowed`.
    pub marital: &'static str,
    /// The father's place in the household.
    pub father: Option<usize>,
    /// The mother's place in the household.
    pub mother: Option<usize>,
    /// Husband's or wife's place in the household; only while both live.
    pub spouse: Option<usize>,
    /// When the person died.
    pub death: Option<Date>,
    /// Whether the person has left the province: the divorced parent of a child at home.
    pub left: bool,
}

impl Member {
    /// Whether the person lives in the household.
    pub fn is_at_home(&self) -> bool {
        self.death.is_none() && !self.left
    }
}
