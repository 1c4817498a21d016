//! Entries of marriages, and notes of divorces (Law on Marriage and Family 2014, article 8; Law on Civil Status, articles 17, 18 and 37).

use std::sync::Arc;

use crate::base::time::Date;
use crate::trust::Object;

use super::super::basis::{CORRECTION, COURT_DECISION};
use super::super::common::{age_at_most, findings_at, in_order, is_of_sex, not_future, warn_of_sex};
use super::super::lifecycle::{AcrossRule, Around, Lifecycle, Source, UniqueRule, assumption, basis, basis_of, law};
use super::super::resident::DEATH_ENTRY;
use super::super::rule::{Field, Findings, Rule, date_at};
use super::super::schema::{Fact, Label, RecordType, Says, State};
use super::entry::{
    DIVORCES, MARRIAGES, annulment, as_written, birth_of, check_entry, check_parties, entry, entry_type, fact,
    identity_change, is_news, lived_until, naming, party, stands, the_law,
};

/// First day of the present law, which counts completed years; before it, the years begun were counted.
const COMPLETED_SINCE: Date = Date::constant(2015, 1, 1);

/// The spouses, and the ages from which they may marry.
const SPOUSES: [(&str, i16); 2] = [("husband", 20), ("wife", 18)];

fn marriage_law() -> Source {
    law("Law 52/2014 on Marriage and Family, art. 8")
}

/// `deaths` is the record type of entries of deaths.
pub(super) fn record_type(name: &str, deaths: &str) -> RecordType {
    let about = [
        Field::required("husband", Rule::object(party())),
        Field::required("wife", Rule::object(party())),
        Field::optional("ended_on", Rule::Date),
    ];
    let label = Label::new("Đăng ký kết hôn", "Marriage entry");
    RecordType {
        fields: entry(&MARRIAGES, about, &["active", "divorced", "widowed", "annulled"]),
        check: Arc::new(check),
        statuses: vec![
            ("active".into(), State::Active),
            ("divorced".into(), State::Ended),
            ("widowed".into(), State::Ended),
            ("annulled".into(), State::Ended),
        ],
        facts: facts(),
        lifecycle: lifecycle(deaths),
        days: Arc::new(|entry| (date_at(entry, "registered_on"), date_at(entry, "ended_on"))),
        ..entry_type(name, "MarriageEntry", 14, label, &["husband", "wife"])
    }
}

/// The marital status and spouse of each party; an annulled marriage implies nothing.
fn facts() -> Vec<Fact> {
    let of = |one: &str, other: &str| {
        // A marriage that ended implies nothing for today: a divorced person may have married again elsewhere.
        let says = Says::status(&[("active", "married")]);
        let spouse = fact(one, "spouse_id", &format!("{other}.personal_id"));
        [Fact { about: one.into(), field: "marital_status".into(), says }, spouse]
    };
    [of("husband", "wife"), of("wife", "husband")].concat()
}

fn lifecycle(deaths: &str) -> Lifecycle {
    let table = Lifecycle::default().states(
        "status",
        marriage_law(),
        [
            ("active", "divorced", basis_of(&[COURT_DECISION]), marriage_law()),
            ("active", "widowed", basis_of(&[DEATH_ENTRY, COURT_DECISION]), marriage_law()),
            ("active", "annulled", annulment(), marriage_law()),
            // A person declared dead comes back, and the marriage is in force again (article 67).
            ("widowed", "active", basis_of(&[COURT_DECISION, CORRECTION]), law("Law 52/2014, art. 67")),
        ],
    );
    as_written(table)
        .fields([("husband.full_name", identity_change(), the_law()), ("wife.full_name", identity_change(), the_law())])
        .fields_once_known([
            ("husband.personal_id", basis(), assumption()),
            ("husband.birth_date", identity_change(), the_law()),
            ("wife.personal_id", basis(), assumption()),
            ("wife.birth_date", identity_change(), the_law()),
        ])
        .unique(UniqueRule::new(("MARRIED_ALREADY", "status"), ONE_MARRIAGE, marriage_law(), |entry| {
            let ids = SPOUSES.iter().filter_map(|(spouse, _)| entry.text_at(&format!("{spouse}.personal_id")));
            let stands = entry.text("status") == Some("active");
            ids.filter(|_| stands).map(str::to_owned).collect()
        }))
        .across(
            AcrossRule::new(("SPOUSE_DEAD", "registered_on"), BOTH_LIVE, marriage_law(), |_| Vec::new(), both_live)
                .about(deaths)
                .finding(naming(&["husband", "wife"])),
        )
}

/// Both spouses lived on the day of their marriage.
fn both_live(before: Option<&Object>, entry: &Object, around: &dyn Around) -> bool {
    let Some(registered) = date_at(entry, "registered_on") else { return true };
    if !is_news(before, entry, &["registered_on", "husband.personal_id", "wife.personal_id"]) {
        return true;
    }
    let lived = |spouse: &str| lived_until(entry, spouse, around).is_none_or(|last| registered <= last);
    lived("husband") && lived("wife")
}

const BOTH_LIVE: &str =
    "nobody marries whose death is entered for an earlier day: annul what is wrong first, or in the same submission";

const ONE_MARRIAGE: &str =
    "nobody is in two marriages: the other one ends first (divorced, widowed, annulled), or in the same submission";

fn check(entry: &Object, today: Date, findings: &mut Findings<'_>) {
    check_entry(entry, today, findings);
    check_parties(entry, &["husband", "wife"], findings);
    check_spouses(entry, findings);
    in_order(entry, "registered_on", "ended_on", findings);
    not_future(entry, "ended_on", today, findings);
    let ended = entry.text("status") != Some("active");
    let says = "is required where the marriage has ended, and only there";
    findings.expect(ended == entry.contains("ended_on"), "ended_on", "CONFLICT", says);
    let Some(registered) = date_at(entry, "registered_on") else { return };
    // Before 2015 the law counted years begun: a man in his 20th year and a woman in her 18th could marry.
    let less = i16::from(registered < COMPLETED_SINCE);
    for (spouse, years) in SPOUSES {
        let old_enough = birth_of(entry, spouse).is_none_or(|birth| age_at_most(birth, registered) >= years - less);
        let says = "women marry from 18 years of age, men from 20";
        findings_at(old_enough, spouse, "birth_date", "CONFLICT", says, findings);
    }
}

/// A husband is a man, a wife is a woman.
fn check_spouses(entry: &Object, findings: &mut Findings<'_>) {
    for (spouse, wanted) in [("husband", "male"), ("wife", "female")] {
        let sex = entry.text_at(&format!("{spouse}.sex"));
        let says = "a husband is a man and a wife is a woman";
        findings_at(sex.is_none_or(|sex| sex == wanted), spouse, "sex", "CONFLICT", says, findings);
        let id = entry.text_at(&format!("{spouse}.personal_id"));
        // A number is kept when a sex is corrected, so that it proves nothing; but then the entry says what it does not.
        let is_told = sex.is_some() || id.is_none_or(|id| is_of_sex(id, wanted == "female"));
        let says =
            "is required where the structure of the personal ID tells the other sex: two of one sex do not marry";
        findings_at(is_told, spouse, "sex", "REQUIRED", says, findings);
        warn_of_sex(id, wanted == "female", format_args!("{spouse}.personal_id"), findings);
    }
}

pub(super) fn divorce_type(name: &str, marriage: &str) -> RecordType {
    let about = [
        Field::optional("marriage_entry", MARRIAGES.number()),
        Field::required("husband", Rule::object(party())),
        Field::required("wife", Rule::object(party())),
        Field::required("court", Rule::Text(200)),
        Field::required("judgment_number", Rule::Text(40)),
        Field::required("effective_on", Rule::Date),
    ];
    let label = Label::new("Ghi chú ly hôn", "Note of a divorce");
    RecordType {
        fields: entry(&DIVORCES, about, &["active", "annulled"]),
        check: Arc::new(check_divorce),
        lifecycle: as_written(stands())
            .fields([
                ("effective_on", basis_of(&[CORRECTION, COURT_DECISION]), the_law()),
                ("court", basis_of(&[CORRECTION]), the_law()),
                ("judgment_number", basis_of(&[CORRECTION]), the_law()),
                ("husband", identity_change(), the_law()),
                ("wife", identity_change(), the_law()),
            ])
            .fields_once_known([("marriage_entry", basis_of(&[CORRECTION]), the_law())])
            .across(ends_the_marriage(marriage))
            .unique(UniqueRule::new(("DIVORCE_NOTED", "marriage_entry"), ONE_NOTE, the_law(), |note| {
                let marriage = note.text("marriage_entry").filter(|_| note.text("status") == Some("active"));
                marriage.map(str::to_owned).into_iter().collect()
            })),
        ..entry_type(name, "DivorceNote", 16, label, &["husband", "wife"])
    }
}

const ONE_NOTE: &str = "a marriage ends once: annul the other note first, or in the same submission";

/// The marriage that a note names, where its entry is in the registry, is divorced and has the same two parties.
fn ends_the_marriage(record_type: &str) -> AcrossRule {
    let marriage = |note: &Object| note.text("marriage_entry").map(str::to_owned).into_iter().collect();
    let fits = |_: Option<&Object>, note: &Object, around: &dyn Around| {
        if note.text("status") != Some("active") {
            return true;
        }
        let Some(entry) = note.text("marriage_entry").and_then(|number| around.newest(number)) else { return true };
        let same = SPOUSES.iter().all(|(spouse, _)| {
            let id = |of: &Object| of.text_at(&format!("{spouse}.personal_id")).map(str::to_owned);
            id(note).is_none() || id(&entry).is_none() || id(note) == id(&entry)
        });
        same && entry.text("status") == Some("divorced")
    };
    let says = "must name the marriage of the same two people, divorced in this submission at the latest";
    AcrossRule::new(("MARRIAGE_ENDS", "marriage_entry"), says, assumption(), marriage, fits).about(record_type)
}

fn check_divorce(note: &Object, today: Date, findings: &mut Findings<'_>) {
    check_entry(note, today, findings);
    check_parties(note, &["husband", "wife"], findings);
    check_spouses(note, findings);
    in_order(note, "effective_on", "registered_on", findings);
}
