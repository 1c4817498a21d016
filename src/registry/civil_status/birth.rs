//! Entries of births (Law on Civil Status, articles 13 to 16): the child, the day and place, and the parents.

use std::sync::Arc;

use crate::base::time::Date;
use crate::trust::Object;

use super::super::address::{address, check_unit};
use super::super::codes::AsOf;
use super::super::common::{PARENT_YEARS_MIN, findings_at, identity_paper, sex, warn_of_sex, warn_of_year};
use super::super::lifecycle::{AcrossRule, Around, Lifecycle, UniqueRule, assumption, basis};
use super::super::rule::{Field, Findings, Rule, date_at};
use super::super::schema::{Label, RecordType};
use super::entry::{
    BIRTHS, as_written, birth_of, check_entry, check_parties, check_time, entry, entry_type, fact, identity_change,
    is_news, lived_until, naming, party, registration, stands, the_law,
};

/// Days within which a birth is registered (article 15).
const DAYS: i64 = 60;

/// `deaths` is the record type of entries of deaths.
pub(super) fn record_type(name: &str, deaths: &str) -> RecordType {
    let mut child = identity_paper();
    child.extend([
        Field::required("full_name", Rule::Name),
        Field::required("birth_date", Rule::PartialDate),
        Field::required("sex", sex()),
    ]);
    let about = [
        registration(),
        Field::required("child", Rule::object(child)),
        Field::optional("ethnicity", Rule::listed("ethnic_groups", AsOf::Ever)).sensitive(),
        Field::optional("nationality", Rule::listed("countries", AsOf::Ever)),
        Field::required("birth_place", Rule::object(address())),
        Field::optional("hometown", Rule::object(address())),
        Field::optional("mother", Rule::object(party())),
        Field::optional("father", Rule::object(party())),
        Field::optional("declarant", Rule::object(party())),
    ];
    let label = Label::new("Đăng ký khai sinh", "Birth entry");
    RecordType {
        fields: entry(&BIRTHS, about, &["active", "annulled"]),
        check: Arc::new(check),
        facts: vec![fact("child", "mother_id", "mother.personal_id"), fact("child", "father_id", "father.personal_id")],
        lifecycle: lifecycle(deaths),
        ..entry_type(name, "BirthEntry", 13, label, &["child", "mother", "father"])
    }
}

fn lifecycle(deaths: &str) -> Lifecycle {
    as_written(stands())
        .fields([
            ("child.full_name", identity_change(), the_law()),
            ("child.birth_date", identity_change(), the_law()),
            ("child.sex", identity_change(), the_law()),
            ("mother", identity_change(), the_law()),
            ("father", identity_change(), the_law()),
        ])
        .fields_once_known([
            ("child.personal_id", basis(), assumption()),
            ("ethnicity", identity_change(), the_law()),
            ("hometown", identity_change(), the_law()),
        ])
        .unique(UniqueRule::new(("BIRTH_REGISTERED", "child"), ONE_BIRTH, the_law(), |entry| {
            let child = entry.text_at("child.personal_id").filter(|_| entry.text("status") == Some("active"));
            child.map(str::to_owned).into_iter().collect()
        }))
        .across(
            AcrossRule::new(("PARENT_DEAD", "child"), PARENTS_LIVE, assumption(), |_| Vec::new(), parents_live)
                .about(deaths)
                .finding(naming(&PARENTS)),
        )
}

/// Days for which a child is of a father who has died (Law on Marriage and Family 2014, article 88).
const DAYS_OF_FATHER: i64 = 300;

/// A mother lives on the day of the birth, and a father lived at most [`DAYS_OF_FATHER`] before.
fn parents_live(before: Option<&Object>, entry: &Object, around: &dyn Around) -> bool {
    let born = date_at(entry, "child.birth_date");
    let says = ["child.birth_date", "mother.personal_id", "father.personal_id"];
    let Some(born) = born.filter(|_| is_news(before, entry, &says)) else { return true };
    let lived = |parent: &str| lived_until(entry, parent, around).is_none_or(|last| is_in_time(born, parent, last));
    PARENTS.iter().all(|parent| lived(parent))
}

/// The two parents of an entry.
pub(super) const PARENTS: [&str; 2] = ["mother", "father"];

/// Whether who is born on a day can be a child of this parent, who lived until `last`.
pub(super) fn is_in_time(born: Date, parent: &str, last: Date) -> bool {
    let days = if parent == "father" { DAYS_OF_FATHER } else { 0 };
    born <= last.saturating_add(jiff::Span::new().days(days))
}

const PARENTS_LIVE: &str =
    "a child is not born after its mother's death, or more than 300 days after its father's, where these are entered";

const ONE_BIRTH: &str = "a birth is registered once: annul the other entry first, or in the same submission";

fn check(entry: &Object, today: Date, findings: &mut Findings<'_>) {
    check_entry(entry, today, findings);
    check_time(entry, "child.birth_date", DAYS, findings);
    check_parties(entry, &["child", "mother", "father"], findings);
    for path in ["birth_place", "hometown"] {
        check_unit(entry, path, &AsOf::Ever, today, findings);
    }
    let child = birth_of(entry, "child");
    let number = entry.text_at("child.personal_id");
    if let Some(sex) = entry.text_at("child.sex") {
        warn_of_sex(number, sex == "female", "child.personal_id", findings);
    }
    warn_of_year(number, child, "child.personal_id", findings);
    for (parent, female) in [("mother", true), ("father", false)] {
        let years = child.zip(birth_of(entry, parent)).map(|(child, parent)| child.year - parent.year);
        let older = years.is_none_or(|years| years >= PARENT_YEARS_MIN);
        let says = "a parent is at least 12 years older than the child";
        findings_at(older, parent, "birth_date", "CONFLICT", says, findings);
        let wanted = if female { "female" } else { "male" };
        let sex = entry.text_at(&format!("{parent}.sex"));
        let says = "a mother is a woman and a father is a man";
        findings_at(sex.is_none_or(|sex| sex == wanted), parent, "sex", "CONFLICT", says, findings);
        let id = entry.text_at(&format!("{parent}.personal_id"));
        warn_of_sex(id, female, format_args!("{parent}.personal_id"), findings);
    }
}
