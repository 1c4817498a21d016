//! Entries of changes: names changed, errors corrected, an ethnicity determined anew, missing data added (Law on Civil Status, articles
//! 26 to 29).

use std::sync::Arc;

use crate::base::time::Date;
use crate::trust::Object;

use super::super::basis::CORRECTION;
use super::super::lifecycle::basis_of;
use super::super::rule::{Field, Findings, Rule};
use super::super::schema::{Label, RecordType};
use super::entry::{
    CHANGES, any_entry, as_written, check_entry, check_parties, entry, entry_type, identity_change, party, stands,
    the_law,
};

pub(super) fn record_type(name: &str) -> RecordType {
    let about = [
        Field::required("kind", Rule::one_of(&["change", "correction", "ethnicity", "supplement"])),
        Field::required("person", Rule::object(party())),
        Field::optional("entry", any_entry()),
        Field::required(
            "field",
            Rule::one_of(&[
                "full_name",
                "birth_date",
                "sex",
                "ethnicity",
                "nationality",
                "birth_place",
                "hometown",
                "mother",
                "father",
                "personal_id",
                "other",
            ]),
        ),
        Field::optional("before", Rule::Text(300)).sensitive(),
        Field::required("after", Rule::Text(300)).sensitive(),
    ];
    let label = Label::new("Thay đổi, cải chính, bổ sung hộ tịch", "Change of civil status");
    RecordType {
        fields: entry(&CHANGES, about, &["active", "annulled"]),
        check: Arc::new(check),
        lifecycle: as_written(stands()).fields([
            ("kind", basis_of(&[CORRECTION]), the_law()),
            ("person", identity_change(), the_law()),
            ("field", basis_of(&[CORRECTION]), the_law()),
            ("after", basis_of(&[CORRECTION]), the_law()),
        ]),
        ..entry_type(name, "ChangeEntry", 18, label, &["person"])
    }
}

fn check(entry: &Object, today: Date, findings: &mut Findings<'_>) {
    check_entry(entry, today, findings);
    check_parties(entry, &["person"], findings);
    let (kind, field) = (entry.text("kind"), entry.text("field"));
    let of_ethnicity = kind != Some("ethnicity") || field == Some("ethnicity");
    findings.expect(of_ethnicity, "field", "CONFLICT", "a redetermination of ethnicity is a change of `ethnicity`");
    let changes = entry.text("before") != entry.text("after");
    findings.expect(changes, "after", "CONFLICT", "must differ from `before`");
    let supplement = kind == Some("supplement");
    let known = supplement != entry.contains("before");
    let says = "is the previous value: required, except in a supplement, which adds a missing value";
    findings.expect(kind.is_none() || known, "before", "CONFLICT", says);
}
