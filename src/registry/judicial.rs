//! The judicial registry: who was convicted of what (Law on Judicial Records 2009, amended from July 2026; Decree
//! 216/2026).

use crate::base::time::Date;
use crate::trust::{Object, Value};

use super::common::{STATUS_REASON, findings_at, not_future};
use super::rule::{Field, Findings, Rule, date_at};
use super::schema::{RecordType, State, always, as_written};

/// A person's judicial record.
pub static RECORD: RecordType = RecordType {
    name: "judicial.record.v1",
    registry: "judicial",
    message: "lienthong.registry.judicial.v1.JudicialRecord",
    ordinal: 6,
    natural_key: "personal_id",
    key_form: as_written,
    parties: &[],
    people: None,
    fields: &[
        Field::required("personal_id", Rule::PersonalId),
        Field::required("full_name", Rule::Name),
        Field::required("birth_date", Rule::PartialDate),
        Field::required("status", Rule::OneOf(&["no_conviction", "conviction", "expunged"])).sensitive(),
        Field::optional(
            "sentences",
            Rule::List(
                &Rule::Object(&[
                    Field::required("court", Rule::Text(200)),
                    Field::required("judgment_number", Rule::Text(40)),
                    Field::required("judged_on", Rule::Date),
                    Field::required("offence", Rule::Text(300)),
                    Field::required("penalty", Rule::Text(300)),
                    Field::optional("additional_penalty", Rule::Text(300)),
                    Field::optional("expunged_on", Rule::Date),
                ]),
                50,
            ),
        )
        .sensitive(),
        Field::optional(
            "bans",
            Rule::List(
                &Rule::Object(&[
                    Field::required("post", Rule::Text(300)),
                    Field::required("from_date", Rule::Date),
                    Field::optional("until_date", Rule::Date),
                ]),
                20,
            ),
        )
        .sensitive(),
        Field { sensitive: true, ..STATUS_REASON },
    ],
    check: check_record,
    // A conviction does not end the record: each of the three is a state in force.
    statuses: &[("no_conviction", State::Active), ("conviction", State::Active), ("expunged", State::Active)],
    days: always,
};

fn check_record(record: &Object, today: Date, findings: &mut Findings<'_>) {
    not_future(record, "birth_date", today, findings);
    let sentences: Vec<&Object> =
        record.array("sentences").unwrap_or_default().iter().filter_map(Value::as_object).collect();
    let standing = sentences.iter().filter(|sentence| !sentence.contains("expunged_on")).count();
    let fits = match record.text("status") {
        Some("no_conviction") => sentences.is_empty(),
        Some("conviction") => standing > 0,
        Some("expunged") => !sentences.is_empty() && standing == 0,
        _ => true,
    };
    findings.expect(fits, "status", "CONFLICT", "must say what the sentences say");
    for (at, sentence) in sentences.iter().enumerate() {
        let path = format!("sentences[{at}]");
        let (judged, expunged) = (date_at(sentence, "judged_on"), date_at(sentence, "expunged_on"));
        findings_at(
            judged.is_none_or(|d| d <= today),
            &path,
            "judged_on",
            "FUTURE",
            "may not lie in the future",
            findings,
        );
        findings_at(
            expunged.is_none_or(|d| d <= today),
            &path,
            "expunged_on",
            "FUTURE",
            "may not lie in the future",
            findings,
        );
        let ordered = judged.zip(expunged).is_none_or(|(judged, expunged)| judged <= expunged);
        findings_at(ordered, &path, "expunged_on", "ORDER", "may not be before the judgment", findings);
    }
    for (at, ban) in record.array("bans").unwrap_or_default().iter().filter_map(Value::as_object).enumerate() {
        let ordered = date_at(ban, "from_date").zip(date_at(ban, "until_date")).is_none_or(|(from, to)| from <= to);
        findings_at(ordered, &format!("bans[{at}]"), "until_date", "ORDER", "may not be before from_date", findings);
    }
}

#[cfg(test)]
mod tests {
    use super::super::common::testing::{check_changes, to};
    use super::*;

    #[test]
    fn judicial_records_keep_their_rules() {
        let sentence = Object::new()
            .with("court", "Toà án nhân dân thành phố Hà Tĩnh")
            .with("judgment_number", "12/2005/HS-ST")
            .with("judged_on", "2005-06-01")
            .with("offence", "Trộm cắp tài sản, Điều 138")
            .with("penalty", "9 tháng tù treo")
            .with("expunged_on", "2008-06-01");
        let record = Object::new()
            .with("personal_id", "042078990009")
            .with("full_name", "Trần Văn Bình")
            .with("birth_date", "1978-02-03")
            .with("status", "expunged")
            .with("sentences", vec![sentence.clone()])
            .with(
                "bans",
                vec![
                    Object::new()
                        .with("post", "Kế toán trưởng")
                        .with("from_date", "2006-01-01")
                        .with("until_date", "2008-01-01"),
                ],
            );
        check_changes(
            &RECORD,
            &record,
            &[
                (&[("status", to("no_conviction"))], &["status CONFLICT"]),
                (&[("status", to("no_conviction")), ("sentences", None)], &[]),
                (&[("sentences.0.expunged_on", None)], &["status CONFLICT"]),
                (&[("sentences.0.expunged_on", None), ("status", to("conviction"))], &[]),
                (&[("sentences.0.expunged_on", to("2004-01-01"))], &["sentences[0].expunged_on ORDER"]),
                (
                    &[("sentences.0.judged_on", to("2027-01-01"))],
                    &["sentences[0].judged_on FUTURE", "sentences[0].expunged_on ORDER"],
                ),
                (&[("bans.0.until_date", to("2005-01-01"))], &["bans[0].until_date ORDER"]),
                (&[("sentences.0.court", None)], &["sentences[0].court REQUIRED"]),
            ],
        );
    }
}
