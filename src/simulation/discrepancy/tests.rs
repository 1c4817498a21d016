//! Disagreements are as frequent as asked, of every kind, legal, and known.

use std::collections::BTreeSet;

use super::*;

const TODAY: Date = Date::constant(2026, 11, 22);

fn generated(seed: u64, citizens: u64, rate: &str) -> Vec<(Batch, Vec<Truth>)> {
    let rate = rate.parse().expect("a rate");
    Disagreeing::new(Seed::root(seed), citizens, TODAY, rate).collect()
}

#[test]
fn a_rate_has_at_most_four_decimals_and_is_at_most_a_half() {
    assert_eq!("0.05".parse::<Rate>().map(Rate::ten_thousandths), Ok(500));
    assert_eq!("0".parse::<Rate>(), Ok(Rate::NONE));
    assert_eq!("0.0501".parse::<Rate>().map(|rate| rate.to_string()), Ok("0.0501".into()));
    for text in ["", "x", "-0.1", "0.51", "5", "0.00001", "NaN", "inf"] {
        assert!(text.parse::<Rate>().is_err(), "{text}");
    }
}

/// Whether a truth is about an owner who died or moved, which nobody put there.
fn is_stale(truth: &Truth) -> bool {
    truth.kind().starts_with("owner_")
}

#[test]
fn without_a_rate_nothing_disagrees() {
    let plain = Population::new(Seed::root(3), 300, TODAY);
    assert!(generated(3, 300, "0").into_iter().map(|(batch, _)| batch).eq(plain));
    let truths = generated(3, 300, "0").into_iter().flat_map(|(_, truths)| truths);
    assert!(truths.into_iter().all(|truth| is_stale(&truth)), "but for owners who died or moved");
}

#[test]
fn disagreements_are_as_frequent_as_asked_and_legal() {
    let mut shares: Vec<BTreeMap<String, u64>> = Vec::new();
    for seed in [1, 20_261] {
        let (mut eligible, mut struck) = (0_u64, 0_u32);
        let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
        for (batch, truths) in generated(seed, 5_000, "0.2") {
            let facts = kind::facts(&batch.records);
            let find = |id: &str| facts.iter().find(|facts| facts.id == id);
            for record in &batch.records {
                let found = rules::violations(record, TODAY);
                let of = record.payload.text("entry_number");
                assert!(found.is_empty(), "{of:?} {:?}", found.kept());
                eligible += u64::from(!is_source(record) && party_of(&record.payload, find).is_some());
            }
            for truth in truths.iter().filter(|truth| !is_stale(truth)) {
                struck += 1;
                *kinds.entry(truth.kind().to_owned()).or_default() += 1;
                assert!(batch.records.iter().any(|record| rules::key_of(record) == truth.key()));
            }
        }
        let share = f64::from(struck) / eligible as f64;
        assert!((0.17..0.22).contains(&share), "{share}");
        let known: BTreeSet<&str> = SHARES.iter().map(|(kind, _)| kind.as_str()).collect();
        let missing: Vec<_> = known.iter().filter(|kind| !kinds.contains_key(**kind)).collect();
        assert!(missing.is_empty(), "{missing:?} of {kinds:?}");
        shares.push(kinds);
    }
    // Each kind has the share of the table, but for what chance leaves. A tone mark has two places in few names: every struck record of such a name gets
    // that kind, and their share is less.
    let least = |kind: &str| if kind == "tone_placement" { 0.6 } else { 0.7 };
    let total = |kind: &str| shares.iter().filter_map(|kinds| kinds.get(kind)).sum::<u64>() as f64;
    let drawn: f64 = SHARES.iter().map(|(kind, _)| total(kind.as_str())).sum();
    let wanted = rows(include_str!("../population/data/discrepancies.tsv"));
    let off: Vec<String> = wanted
        .map(|row| (row[0], number(row[1]) / 200.0, total(row[0]) / drawn))
        .filter(|(kind, wanted, found)| !(least(kind)..=1.3).contains(&(found / wanted)))
        .map(|(kind, wanted, found)| format!("{kind}: {found:.3}, wanted {wanted:.3}"))
        .collect();
    assert!(off.is_empty(), "{off:?}");
}

#[test]
fn a_truth_says_what_the_record_says_and_what_is_true() {
    let line = generated(7, 3_000, "0.2")
        .iter()
        .flat_map(|(_, truths)| truths)
        .find(|truth| truth.kind() == "year_only")
        .map(|truth| String::from_utf8(truth.line()).expect("UTF-8"))
        .expect("one");
    let parsed: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    let (written, truth) = (parsed["written"].as_str().expect("written"), parsed["true"].as_str().expect("true"));
    assert!(line.ends_with("}\n") && written.len() == 4 && truth.starts_with(written), "{line}");
    assert!(parsed["field"].as_str().is_some_and(|field| field.ends_with("birth_date")));
}

#[test]
fn owners_who_died_or_moved_are_known() {
    let stale = |rate: &str| {
        let truths = generated(1, 4_000, rate).into_iter().flat_map(|(_, truths)| truths);
        truths.filter(is_stale).map(|truth| truth.kind().to_owned()).collect::<Vec<_>>()
    };
    let found: BTreeSet<String> = stale("0").into_iter().collect();
    assert_eq!(found, BTreeSet::from(["owner_died".into(), "owner_moved".into()]));
    assert_eq!(stale("0").len(), stale("0.5").len(), "whatever else disagrees about them");
}
