//! A machine that dies while a new world is seeded, again and again: what comes of it in the end is the very world that an undisturbed seeding makes.

use std::time::Duration;

use super::dice::Dice;
use super::log::Log;
use super::machine::{Baseline, Machine};
use super::platter::digest_of;
use super::run::{Run, runtime};
use super::sometimes::Sometimes;

/// Deaths of one seeding.
const DEATHS: usize = 3;

/// Seeds a world on a machine that dies on the way; gives the log.
pub fn killed(number: u64) -> Log {
    let baseline = Baseline::get();
    runtime().block_on(async {
        let run = Run::new(number, Sometimes::default(), None);
        let (mut machine, mut dice) = (Machine::new(run.clone()), Dice::new(run.seed, "deaths", 0));
        for _ in 0..DEATHS {
            let patience = Duration::from_millis(dice.below(baseline.seeded_in_ms + 20));
            match machine.start_within(patience).await {
                Ok(true) => machine.crash().await,
                Ok(false) => {
                    run.log.note("machine", format!("dies {patience:?} after the start of a seeding"));
                }
                Err(error) => run.log.violated(format!("a seeding that was killed cannot go on: {error}")),
            }
        }
        machine.must_start().await;
        machine.stop().await;
        if run.is_over() {
            return run.log.clone();
        }
        let (rows, wanted) = (run.disk.rows(&run.store()).await, digest_of(&baseline.rows));
        run.log.check(digest_of(&rows) == wanted, || {
            let other = rows.iter().zip(&baseline.rows).filter(|(one, other)| one != other);
            let spaces: Vec<_> = other
                .map(|((space, rows), (_, wanted))| format!("{} ({} for {})", space.name(), rows.len(), wanted.len()))
                .collect();
            format!("a seeding that was killed made another world: {}", spaces.join(", "))
        });
        run.log.clone()
    })
}
