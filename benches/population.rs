//! How fast the population is generated, before signing and storing: `cargo bench --bench population`.
//!
//! A plain harness with two sizes: the rate must not fall as the province grows, because households are streamed.

#![allow(clippy::disallowed_methods, reason = "benchmarks measure")]
#![allow(clippy::print_stdout)] // its output is what it is for

use std::collections::BTreeMap;
use std::time::Instant;

use jiff::civil::Date;
use lienthong::base::Seed;
use lienthong::simulation::population::Population;

const TODAY: Date = Date::constant(2026, 11, 22);

fn main() {
    for citizens in [10_000_u64, 200_000] {
        let begun = Instant::now();
        let mut by_type = BTreeMap::new();
        for batch in Population::new(Seed::root(1), citizens, TODAY) {
            for record in &batch.records {
                *by_type.entry(record.record_type).or_insert(0_u64) += 1;
            }
        }
        let records: u64 = by_type.values().sum();
        let rate = records as f64 / begun.elapsed().as_secs_f64();
        println!("{citizens} citizens: {records} records, {rate:.0} records/s");
        for (record_type, count) in by_type {
            println!("  {record_type}: {:.3} a citizen", count as f64 / citizens as f64);
        }
    }
}
