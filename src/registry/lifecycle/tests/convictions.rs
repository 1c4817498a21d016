//! Convictions: when they are expunged, and what ends with them.

use super::*;

#[test]
fn no_conviction_is_expunged_by_time_within_a_year() {
    let sentenced = |expunged: Option<&str>| {
        let sentence =
            Object::new().with("court", "Toà án").with("judgment_number", "1").with("judged_on", "2024-05-06");
        Object::new().with("sentences", vec![sentence.with_optional("expunged_on", expunged)])
    };
    let case = |after: Object, expected: &'static [&'static str]| (judicial::RECORD, sentenced(None), after, expected);
    hold(&[
        case(because("expunged_by_law", &sentenced(Some("2024-05-07"))), &["sentences EXPUNGED_EARLY"]),
        case(because("expunged_by_law", &sentenced(Some("2025-05-05"))), &["sentences EXPUNGED_EARLY"]),
        case(because("expunged_by_law", &sentenced(Some("2025-05-06"))), &[]),
        case(because("not_counted", &sentenced(Some("2024-05-07"))), &[]),
        case(sentenced(Some("2025-05-06")), &["sentences[0] BASIS_REQUIRED"]),
    ]);
    let mut backdated = sentenced(Some("2024-05-07"));
    if let Some(Value::Array(sentences)) = backdated.get_mut("sentences")
        && let Some(Value::Object(sentence)) = sentences.first_mut()
    {
        sentence.insert("judged_on", "2020-05-06");
    }
    hold(&[case(because("expunged_by_law", &backdated), &["sentences EXPUNGED_EARLY"])]);
    // The term runs from the end of the punishment, where the record has it.
    let served = |expunged| {
        let mut record = sentenced(Some(expunged));
        if let Some(Value::Array(sentences)) = record.get_mut("sentences")
            && let Some(Value::Object(sentence)) = sentences.first_mut()
        {
            sentence.insert("served_on", "2024-12-01");
        }
        record
    };
    // A term in prison whose end is unknown began with the judgment.
    let prison = |expunged| {
        let mut record = sentenced(Some(expunged));
        if let Some(Value::Array(sentences)) = record.get_mut("sentences")
            && let Some(Value::Object(sentence)) = sentences.first_mut()
        {
            sentence.insert("penalty", "12 tháng tù");
        }
        record
    };
    hold(&[
        case(because("expunged_by_law", &prison("2027-05-05")), &["sentences EXPUNGED_EARLY"]),
        case(because("expunged_by_law", &prison("2027-05-06")), &[]),
    ]);
    hold(&[
        case(because("expunged_by_law", &served("2025-11-30")), &["sentences EXPUNGED_EARLY"]),
        case(because("expunged_by_law", &served("2025-12-01")), &[]),
    ]);
}

#[test]
fn a_record_with_a_standing_conviction_is_not_ended() {
    let catalogue = Catalogue::built_in();
    let record_type = catalogue.record_type(judicial::RECORD).expect("a type");
    let ended = |status: &str| {
        let mut violations = Violations::default();
        let record = at("status", status);
        let step = Step { before: &record, after: &record, operation: Operation::Revoke, today: TODAY };
        record_type.lifecycle.check(&step, &mut Findings::new(&"payload", &mut violations));
        violations.kept().iter().map(|one| one.rule.clone()).collect::<Vec<_>>()
    };
    assert_eq!(ended("conviction"), ["CONVICTION_STANDS"]);
    assert!(ended("expunged").is_empty() && ended("no_conviction").is_empty());
}
