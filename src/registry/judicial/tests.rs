//! Judicial records and their certificates are held to their rules.

use super::*;
use crate::registry::common::testing::{check_changes, to};

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
    let in_form = |form, requested_by| {
        let asked = Asked { number: "12/2026/LLTP-HT", form, requested_by, on: Date::constant(2026, 11, 20) };
        certificate(&record, &asked)
    };
    let (one, two) = (in_form(Form::One, "proxy"), in_form(Form::Two, "holder"));
    assert_eq!((one.text("finding"), one.array("sentences")), (Some("no_conviction"), None));
    assert_eq!((two.text("finding"), two.array("sentences")), (Some("expunged"), record.array("sentences")));
    check_changes(
        &certificate_type(),
        &one,
        &[
            (&[("finding", to("expunged"))], &["finding CONFLICT"]),
            (&[("form", to("3"))], &["form UNKNOWN_VALUE"]),
            (&[("issued_on", to("2026-12-01"))], &["issued_on FUTURE"]),
        ],
    );
    check_changes(
        &certificate_type(),
        &two,
        &[
            (&[("requested_by", to("proxy"))], &["requested_by NOT_ALLOWED"]),
            (&[("form", to("1"))], &["bans NOT_ALLOWED", "sentences[0].expunged_on NOT_ALLOWED"]),
            (&[("finding", to("no_conviction"))], &["finding CONFLICT"]),
        ],
    );
    check_changes(
        &record_type(),
        &record,
        &[
            (&[("status", to("no_conviction"))], &["status CONFLICT"]),
            (&[("status", to("no_conviction")), ("sentences", None)], &[]),
            (&[("sentences.0.expunged_on", None)], &["status CONFLICT"]),
            (&[("sentences.0.expunged_on", None), ("status", to("conviction"))], &[]),
            (&[("sentences.0.expunged_on", to("2004-01-01"))], &["sentences[0].expunged_on ORDER"]),
            (&[("sentences.0.served_on", to("2006-03-01"))], &[]),
            (&[("sentences.0.served_on", to("2005-03-01"))], &["sentences[0].served_on ORDER"]),
            (
                &[("sentences.0.judged_on", to("2027-01-01"))],
                &["sentences[0].judged_on FUTURE", "sentences[0].expunged_on ORDER"],
            ),
            (&[("bans.0.until_date", to("2005-01-01"))], &["bans[0].until_date ORDER"]),
            (&[("sentences.0.court", None)], &["sentences[0].court REQUIRED"]),
        ],
    );
}
