//! The ordinals that are still free, and the pieces of land of each commune.

use std::collections::{BTreeMap, BTreeSet};

use crate::simulation::geography::{Commune, Geography};
use crate::simulation::personas::reserved::{FIRST_CREATED, LAST, PARCELS_EACH};

/// What is taken.
#[derive(Debug, Default)]
pub struct Taken {
    ordinals: BTreeSet<u64>,
    /// By commune.
    parcels: BTreeMap<String, BTreeSet<u64>>,
}

impl Taken {
    /// The first free ordinal, which is taken now.
    pub fn ordinal(&mut self) -> Option<u64> {
        let free = (FIRST_CREATED..=LAST).find(|ordinal| !self.ordinals.contains(ordinal))?;
        self.ordinals.insert(free);
        Some(free)
    }

    /// The first free piece of land in a commune, which is taken now.
    pub fn parcel(&mut self, unit_code: &str) -> Option<u64> {
        let taken = self.parcels.entry(unit_code.to_owned()).or_default();
        let free = (0..PARCELS_EACH).find(|parcel| !taken.contains(parcel))?;
        taken.insert(free);
        Some(free)
    }

    /// The first free piece of land in this commune, or if any commune does, in the first one behind it that has one; it is taken now.
    pub fn parcel_from(&mut self, wanted: &'static Commune, does_any: bool) -> Option<(&'static Commune, u64)> {
        let all = Geography::ha_tinh().communes();
        let others = all.iter().cycle().skip(wanted.ordinal() + 1).take(all.len() - 1);
        let mut places = std::iter::once(wanted).chain(others.filter(|_| does_any));
        places.find_map(|commune| Some((commune, self.parcel(commune.code)?)))
    }

    /// Takes what a stored creation has.
    pub fn note(&mut self, ordinal: u64, land: Option<(&str, u64)>) {
        self.ordinals.insert(ordinal);
        if let Some((unit_code, parcel)) = land {
            self.parcels.entry(unit_code.to_owned()).or_default().insert(parcel);
        }
    }

    /// Gives back what came to nothing.
    pub fn give_back(&mut self, ordinal: u64, land: Option<(&str, u64)>) {
        self.ordinals.remove(&ordinal);
        if let Some((unit_code, parcel)) = land
            && let Some(taken) = self.parcels.get_mut(unit_code)
        {
            taken.remove(&parcel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_commune_gives_way_to_the_next_one_if_any_does() {
        let (mut taken, all) = (Taken::default(), Geography::ha_tinh().communes());
        let last = &all[all.len() - 1];
        assert_eq!(taken.parcel_from(last, true).map(|(commune, parcel)| (commune.code, parcel)), Some((last.code, 0)));
        while taken.parcel(last.code).is_some() {}
        assert!(taken.parcel_from(last, false).is_none());
        assert_eq!(taken.parcel_from(last, true).map(|(commune, _)| commune.code), Some(all[0].code));
        for commune in all {
            while taken.parcel(commune.code).is_some() {}
        }
        assert!(taken.parcel_from(last, true).is_none());
    }

    #[test]
    fn numbers_are_given_once_until_they_come_back() {
        let mut taken = Taken::default();
        taken.note(FIRST_CREATED + 1, Some(("18073", 0)));
        assert_eq!((taken.ordinal(), taken.ordinal()), (Some(FIRST_CREATED), Some(FIRST_CREATED + 2)));
        assert_eq!((taken.parcel("18073"), taken.parcel("18100")), (Some(1), Some(0)));
        taken.give_back(FIRST_CREATED, Some(("18073", 1)));
        assert_eq!((taken.ordinal(), taken.parcel("18073")), (Some(FIRST_CREATED), Some(1)));
        let all = (0..PARCELS_EACH).map_while(|_| taken.parcel("18073")).count();
        assert_eq!(all as u64, PARCELS_EACH - 2, "and no more");
        let rest = std::iter::from_fn(|| taken.ordinal()).count() as u64;
        assert_eq!(rest, LAST - FIRST_CREATED + 1 - 3);
    }
}
