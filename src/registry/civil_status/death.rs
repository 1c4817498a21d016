//! Entries of deaths (Law on Civil Status, articles 32 to 34).

use std::sync::Arc;

use crate::base::time::Date;
use crate::base::{PartialDate, PersonalId};
use crate::trust::Object;

use super::super::address::{address, check_unit};
use super::super::basis::{CORRECTION, COURT_DECISION};
use super::super::codes::AsOf;
use super::super::common::{is_after, not_future};
use super::super::lifecycle::{AcrossRule, Around, Lookup, UniqueRule, assumption, basis, basis_of};
use super::super::rule::{Field, Findings, Rule, date_at, latest};
use super::super::schema::{Fact, Label, RecordType, Says};
use super::birth::{PARENTS, is_in_time};
use super::entry::{
    DEATHS, as_written, birth_of, check_entry, check_parties, check_time, entry, entry_type, fact, identity_change,
    is_news, naming, party, registration, stands, the_law,
};

/// Days within which a death is registered (article 33).
const DAYS: i64 = 15;

/// `marriages` and `births` are the record types of those entries.
pub(super) fn record_type(name: &str, marriages: &str, births: &str) -> RecordType {
    let about = [
        registration(),
        Field::required("deceased", Rule::object(party())),
        Field::required("died_on", Rule::PartialDate),
        Field::optional("death_place", Rule::object(address())),
        Field::optional("cause", Rule::Text(300)).sensitive(),
        Field::optional("declarant", Rule::object(party())),
    ];
    let label = Label::new("Đăng ký khai tử", "Death entry");
    RecordType {
        fields: entry(&DEATHS, about, &["active", "annulled"]),
        check: Arc::new(check),
        facts: vec![
            fact("deceased", "death_date", "died_on"),
            Fact {
                about: "deceased".into(),
                field: "life_status".into(),
                says: Says::status(&[("active", "deceased")]),
            },
        ],
        lifecycle: as_written(stands())
            .fields([
                ("deceased.full_name", identity_change(), the_law()),
                ("died_on", basis_of(&[CORRECTION, COURT_DECISION]), the_law()),
            ])
            .fields_once_known([
                ("deceased.personal_id", basis(), assumption()),
                ("deceased.birth_date", identity_change(), the_law()),
            ])
            .unique(UniqueRule::new(("DEATH_REGISTERED", "deceased"), ONE_DEATH, the_law(), |entry| {
                let id = entry.text_at("deceased.personal_id").filter(|_| entry.text("status") == Some("active"));
                id.map(str::to_owned).into_iter().collect()
            }))
            .across(
                AcrossRule::new(
                    ("MARRIED_SINCE", "died_on"),
                    NOT_MARRIED_SINCE,
                    the_law(),
                    |_| Vec::new(),
                    married_before,
                )
                .about(marriages)
                .finding(naming(&["deceased"])),
            )
            .across(
                AcrossRule::new(
                    ("CHILD_SINCE", "died_on"),
                    NO_CHILD_SINCE,
                    assumption(),
                    |_| Vec::new(),
                    children_in_time,
                )
                .about(births)
                .finding(naming(&["deceased"])),
            ),
        ..entry_type(name, "DeathEntry", 15, label, &["deceased"])
    }
}

/// No marriage was entered for a day after the death.
fn married_before(before: Option<&Object>, entry: &Object, around: &dyn Around) -> bool {
    let Some((died, id)) = news(before, entry) else { return true };
    let marriages = around.found(&Lookup::Person(id)).into_iter().filter(stands_in_book);
    marriages.filter_map(|marriage| date_at(&marriage, "registered_on")).all(|registered| registered <= died)
}

/// Every child entered for the deceased was born while they could be its parent: the other side of what a birth is held to, so that the order in
/// which the two are entered makes no difference.
fn children_in_time(before: Option<&Object>, entry: &Object, around: &dyn Around) -> bool {
    let Some((died, id)) = news(before, entry) else { return true };
    let mut births = around.found(&Lookup::Person(id)).into_iter().filter(stands_in_book);
    births.all(|birth| {
        let is_theirs = |parent: &&&str| birth.text_at(&format!("{parent}.personal_id")) == Some(id.as_str());
        let parent = PARENTS.iter().find(is_theirs);
        parent.zip(date_at(&birth, "child.birth_date")).is_none_or(|(parent, born)| is_in_time(born, parent, died))
    })
}

/// The last day on which the deceased can have lived, and who it is, where an entry says either anew.
fn news(before: Option<&Object>, entry: &Object) -> Option<(Date, PersonalId)> {
    let died = entry.text("died_on").and_then(PartialDate::parse).map(latest);
    let id = entry.text_at("deceased.personal_id").and_then(PersonalId::parse);
    died.zip(id).filter(|_| is_news(before, entry, &["died_on", "deceased.personal_id"]))
}

fn stands_in_book(entry: &Object) -> bool {
    entry.text("status") != Some("annulled")
}

const NOT_MARRIED_SINCE: &str =
    "nobody has died before a marriage that is entered for them: annul what is wrong first, or in the same submission";
const NO_CHILD_SINCE: &str = "no child is entered for the deceased that was born after a mother's death, or more than 300 days after a father's: annul what is wrong first, or in the same submission";
const ONE_DEATH: &str = "a death is registered once: annul the other entry first, or in the same submission";

fn check(entry: &Object, today: Date, findings: &mut Findings<'_>) {
    check_entry(entry, today, findings);
    check_time(entry, "died_on", DAYS, findings);
    check_parties(entry, &["deceased"], findings);
    check_unit(entry, "death_place", &AsOf::Ever, today, findings);
    not_future(entry, "died_on", today, findings);
    let died = entry.text("died_on").and_then(PartialDate::parse);
    if let (Some(birth), Some(died)) = (birth_of(entry, "deceased"), died) {
        let in_order = died.full().map_or(died.year >= birth.year, |day| !is_after(birth, day));
        findings.expect(in_order, "died_on", "ORDER", "must not be before the birth");
    }
}
