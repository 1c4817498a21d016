//! The province looks like one, whatever the seed.

use std::collections::BTreeSet;

use super::*;
use crate::base::Seed;
use crate::simulation::population::Population;

const TODAY: Date = Date::constant(2026, 11, 22);

fn census(seed: u64, citizens: u64) -> Census {
    let mut census = Census::new(TODAY);
    Population::new(Seed::root(seed), citizens, TODAY).for_each(|batch| census.add(&batch));
    census
}

/// Figures of so few people that a world of this size may have none of them.
const RARE: [&str; 1] = ["small_groups_at_home"];

/// Every figure holds and is counted in every world; a rare one is counted in some.
#[test]
fn figures_hold_for_every_seed() {
    let mut counted = BTreeSet::new();
    for seed in [1, 20_261, 77] {
        let found = census(seed, 12_000).figures();
        let (there, lacking): (Vec<_>, Vec<_>) = found.iter().partition(|one| one.value.is_some());
        counted.extend(there.iter().map(|one| one.name));
        let uncounted: Vec<&str> = lacking.iter().map(|one| one.name).filter(|name| !RARE.contains(name)).collect();
        assert!(uncounted.is_empty(), "seed {seed} has nothing of {uncounted:?}");
        let missed: Vec<String> = found
            .iter()
            .filter(|figure| !figure.holds())
            .map(|figure| {
                let Figure { name, value, range, error, .. } = figure;
                format!("{name}: {value:.2?} ± {error:.2}, wanted {range:?}")
            })
            .collect();
        assert!(missed.is_empty(), "seed {seed}:\n{}", missed.join("\n"));
    }
    assert!(RARE.iter().all(|name| counted.contains(name)), "no seed has anything of {RARE:?}");
}

/// However few were counted, a value that is off by more than its range is wide is wrong.
#[test]
fn no_figure_holds_whatever_is_found() {
    for found in census(20_261, 3_000).figures() {
        let width = found.range.1 - found.range.0;
        for skewed in [found.range.1 + 1.01 * width + 0.01, found.range.0 - 1.01 * width - 0.01] {
            let figure = figure::Figure { value: Some(skewed), ..found.clone() };
            assert!(!figure.holds(), "{}: {skewed} of {:?}", found.name, found.range);
        }
    }
}

#[test]
fn a_figure_misses_its_range_by_more_than_chance_can() {
    let mut counts = Counts::default();
    counts.add("deaths", 79, 10_000);
    let of = |counts: &Counts, name: &str| figure::all(counts).into_iter().find(|figure| figure.name == name);
    assert!(of(&counts, "deaths").is_some_and(|figure| figure.holds()), "79 of 10,000 can be chance");
    counts.add("deaths", 1_221, 90_000);
    assert!(of(&counts, "deaths").is_some_and(|figure| !figure.holds()), "1,300 of 100,000 cannot");
    assert!(of(&counts, "cars").is_some_and(|figure| figure.holds() && figure.value.is_none()), "nothing was counted");
    counts.add("old_classes", 99_999, 100_000);
    assert!(of(&counts, "old_classes").is_some_and(|figure| !figure.holds()), "one value has no slack");
}
