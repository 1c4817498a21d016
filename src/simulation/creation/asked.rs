//! A citizen as they are asked for: the request as it came, of which nothing is checked yet.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::base::id::to_hex;
use crate::base::{Error, Result};

/// What a caller asks for. Empty texts and lists leave the choice to the simulation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// As it is to be registered.
    pub full_name: String,
    /// `YYYY-MM-DD`.
    pub birth_date: String,
    /// `female` or `male`.
    pub sex: String,
    /// Five digits of a present commune.
    pub unit_code: String,
    /// Somebody whose household the citizen joins.
    pub household_of: String,
    /// An existing person.
    pub mother_id: String,
    /// An existing person.
    pub father_id: String,
    /// An existing person.
    pub spouse_id: String,
    /// What a persona's situation is called.
    pub situation: String,
    /// Record types.
    pub papers: Vec<String>,
    /// What is special about the licence.
    pub licence: Option<AskedLicence>,
    /// The vehicles.
    pub vehicles: Vec<AskedVehicle>,
    /// Which account.
    pub account: AskedAccount,
}

/// A licence as it is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AskedLicence {
    /// Classes of today.
    pub classes: Vec<String>,
    /// Points that are left; all unless it is given.
    pub points: Option<u32>,
}

/// A vehicle as it is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AskedVehicle {
    /// `motorcycle` or `car`.
    pub kind: String,
    /// The plate, in any of its forms.
    pub plate: String,
}

/// Which account is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum AskedAccount {
    /// What is usual at that age.
    #[default]
    Usual,
    /// None.
    None,
    /// Level 1.
    LevelOne,
    /// Level 2.
    LevelTwo,
}

impl Asked {
    /// By what a repetition is known: a hash of all that is asked for.
    pub fn content(&self) -> Result<String> {
        let bytes = serde_json::to_vec(self).map_err(Error::bug)?;
        Ok(to_hex(&Sha256::digest(bytes)))
    }
}
