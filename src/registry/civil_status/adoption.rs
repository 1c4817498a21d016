//! Entries of adoptions (Law on Adoption 2010, articles 8 and 14).

use std::sync::Arc;

use crate::base::time::Date;
use crate::trust::Object;

use super::super::basis::COURT_DECISION;
use super::super::common::{age_at_most, findings_at};
use super::super::lifecycle::{Lifecycle, Source, assumption, basis, basis_of, memory};
use super::super::rule::{Field, Findings, Rule, date_at};
use super::super::schema::{Label, RecordType, State};
use super::entry::{
    ADOPTIONS, annulment, as_written, birth_of, check_entry, check_parties, entry, entry_type, identity_change, party,
};

/// Years by which an adopter is older than the child, unless they are a step-parent or a relative (article 14).
const ADOPTER_YEARS_MIN: i16 = 20;
/// A child is adopted before this birthday, by a step-parent or a relative before the next but one (article 8).
const CHILD_YEARS: i16 = 16;
const CHILD_OF_RELATIVES_YEARS: i16 = 18;

fn adoption_law() -> Source {
    memory("Law 52/2010 on Adoption")
}

pub(super) fn record_type(name: &str) -> RecordType {
    let about = [
        Field::required("child", Rule::object(party())),
        Field::optional("adoptive_father", Rule::object(party())),
        Field::optional("adoptive_mother", Rule::object(party())),
        Field::required("relation", Rule::one_of(&["none", "step_parent", "relative"])),
        Field::required("given_by", Rule::one_of(&["parents", "guardian", "facility"])),
    ];
    let label = Label::new("Đăng ký nuôi con nuôi", "Adoption entry");
    RecordType {
        fields: entry(&ADOPTIONS, about, &["active", "ended", "annulled"]),
        check: Arc::new(check),
        statuses: vec![
            ("active".into(), State::Active),
            ("ended".into(), State::Ended),
            ("annulled".into(), State::Ended),
        ],
        lifecycle: lifecycle(),
        ..entry_type(name, "AdoptionEntry", 17, label, &["child", "adoptive_father", "adoptive_mother"])
    }
}

fn lifecycle() -> Lifecycle {
    let table = Lifecycle::default().states(
        "status",
        adoption_law(),
        [
            ("active", "ended", basis_of(&[COURT_DECISION]), adoption_law()),
            ("active", "annulled", annulment(), adoption_law()),
        ],
    );
    as_written(table)
        .fields([
            ("child.full_name", identity_change(), adoption_law()),
            ("adoptive_father", identity_change(), adoption_law()),
            ("adoptive_mother", identity_change(), adoption_law()),
        ])
        .fields_once_known([("child.personal_id", basis(), assumption())])
}

fn check(entry: &Object, today: Date, findings: &mut Findings<'_>) {
    check_entry(entry, today, findings);
    check_parties(entry, &["child", "adoptive_father", "adoptive_mother"], findings);
    let adopted = entry.contains("adoptive_father") || entry.contains("adoptive_mother");
    findings.expect(adopted, "adoptive_mother", "REQUIRED", "a child has an adopter: a mother, a father or both");
    let (Some(child), Some(registered)) = (birth_of(entry, "child"), date_at(entry, "registered_on")) else { return };
    let is_stranger = entry.text("relation") == Some("none");
    let limit = if is_stranger { CHILD_YEARS } else { CHILD_OF_RELATIVES_YEARS };
    // Of a birthday that is not known, the youngest age counts.
    let youngest = registered.year() - child.year - 1;
    let age = if child.full().is_some() { age_at_most(child, registered) } else { youngest };
    let says = "a child is adopted before the 16th birthday, by a step-parent or a relative before the 18th";
    findings.expect(age < limit, "child.birth_date", "CONFLICT", says);
    for adopter in ["adoptive_father", "adoptive_mother"] {
        // Of birthdays that are not known, the greatest distance counts.
        let years = birth_of(entry, adopter).map(|birth| match child.full() {
            Some(born) => age_at_most(birth, born),
            None => child.year - birth.year,
        });
        let old_enough = !is_stranger || years.is_none_or(|years| years >= ADOPTER_YEARS_MIN);
        let says = "an adopter is at least 20 years older than the child, unless they are a step-parent or a relative";
        findings_at(old_enough, adopter, "birth_date", "CONFLICT", says, findings);
    }
}
