//! Time rules in a schema file: accepted ones, and refused ones with the reason.

use super::*;
use crate::registry::lifecycle::{After, Since};

const RULE: &str = "      time:
        - name: suspension_ended
          when: {status: suspended}
          since: [graduated_on]
          after: P30D
          set: {status: valid}
          source: assumption
";

/// The education file with a time rule in the lifecycle of diplomas.
fn with(rule: &str) -> String {
    EDUCATION.replacen("    lifecycle:\n", &format!("    lifecycle:\n{rule}"), 1)
}

#[test]
fn a_rule_of_time_is_one_like_a_built_in_types() {
    let sector = read(&with(RULE)).unwrap_or_else(|flaws| panic!("{flaws}"));
    let rule = &sector.record_types[0].lifecycle.time[0];
    assert_eq!((rule.name.as_str(), rule.after, rule.or_issue), ("suspension_ended", After::Days(30), false));
    let suspended = diploma().with("status", "suspended");
    assert_eq!(rule.since(&suspended), Some(Since::Day(Date::constant(2012, 6, 30))));
    assert_eq!(rule.since(&diploma()), None);
    assert_eq!(rule.effect(), "status → valid");
}

#[test]
fn a_rule_of_time_that_cannot_be_is_refused() {
    for (from, to, flaw) in [
        ("P30D", "P30", "SPAN"),
        ("P30D", "P0D", "SPAN"),
        ("suspension_ended", "Ended", "NAME"),
        ("[graduated_on]", "[degree]", "SINCE"),
        ("[graduated_on]", "[nothing]", "SINCE"),
        ("{status: valid}", "{status: gone}", "SET"),
        ("{status: valid}", "{school: other}", "SET"),
        ("{status: suspended}", "{status: revoked}", "TRANSITION"),
        ("{status: suspended}", "{status: [valid, suspended]}", "ENDLESS"),
        ("          source: assumption\n", "          clear: [degree]\n          source: assumption\n", "CLEAR"),
        ("          after: P30D\n", "", "REQUIRED"),
        ("          source: assumption\n", "          source: assumption\n          who: me\n", "UNKNOWN_KEY"),
    ] {
        let flaws = read(&with(&RULE.replacen(from, to, 1))).map(drop).expect_err(to);
        assert!(flaws.kept.iter().any(|found| found.rule == flaw), "{to}: {flaws}");
    }
}
