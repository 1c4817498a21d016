//! The common parts of all civil-status entries: the number in its book, the authority and day, the people in it, and its lifecycle.

use std::sync::Arc;

use crate::base::time::Date;
use crate::base::{PartialDate, PersonalId};
use crate::trust::Object;

use super::super::address::{address, check_unit_of, unit};
use super::super::basis::{CIVIL_STATUS_CHANGE, CORRECTION, COURT_DECISION, ENTRY_ANNULLED, basis_field};
use super::super::codes::AsOf;
use super::super::common::{findings_at, identity_paper, in_order, is_after, not_future, sex, status_reason};
use super::super::forms;
use super::super::lifecycle::{Around, Lifecycle, Lookup, Needs, Source, assumption, basis_of, law};
use super::super::rule::{Field, Findings, Rule, date_at, latest};
use super::super::schema::{Fact, Heading, KeyForm, Label, Organisations, RecordType, Says, State, no_rule};
use super::super::viewed::Viewed;

pub(super) fn the_law() -> Source {
    law("Law 60/2014 on Civil Status")
}

/// The procedure for an entry that should never have been made.
pub(super) fn annulment() -> Needs {
    basis_of(&[ENTRY_ANNULLED, COURT_DECISION])
}

/// The requirement for a change of the people in an entry.
pub(super) fn identity_change() -> Needs {
    basis_of(&[CIVIL_STATUS_CHANGE, CORRECTION, COURT_DECISION])
}

/// A book, and how its entries are numbered: `KS` stands for births (khai sinh), `KH` marriages (kết hôn), `KT` deaths (khai tử), `LH` divorces
/// (ly hôn), `CN` adoptions (con nuôi), `TD` changes (thay đổi).
pub(super) struct Book {
    fits: fn(&str) -> bool,
    pattern: &'static str,
    says: &'static str,
}

macro_rules! book {
    ($letters:literal, $says:literal) => {
        Book {
            fits: |text| forms::civil_status_entry(text, $letters),
            pattern: concat!("^([0-9]{2}|[0-9]{3}|[0-9]{5})-", $letters, "-(19|20)[0-9]{2}-[1-9][0-9]{0,6}$"),
            says: $says,
        }
    };
}

pub(super) const BIRTHS: Book = book!("KS", "an entry's number, as 18073-KS-2026-15");
pub(super) const MARRIAGES: Book = book!("KH", "an entry's number, as 18073-KH-2026-15");
pub(super) const DEATHS: Book = book!("KT", "an entry's number, as 18073-KT-2026-15");
pub(super) const DIVORCES: Book = book!("LH", "an entry's number, as 18073-LH-2026-15");
pub(super) const ADOPTIONS: Book = book!("CN", "an entry's number, as 18073-CN-2026-15");
pub(super) const CHANGES: Book = book!("TD", "an entry's number, as 18073-TD-2026-15");
pub(super) const ALL: [&Book; 6] = [&BIRTHS, &MARRIAGES, &DEATHS, &DIVORCES, &ADOPTIONS, &CHANGES];

impl Book {
    /// A number of an entry in it.
    pub(super) fn number(&self) -> Rule {
        Rule::form_as(self.fits, self.pattern, self.says)
    }
}

/// The letters of all books, for entries that speak of any other.
pub(super) fn any_entry() -> Rule {
    let fits = |text: &str| ALL.iter().any(|book| (book.fits)(text));
    let pattern = "^([0-9]{2}|[0-9]{3}|[0-9]{5})-(KS|KH|KT|LH|CN|TD)-(19|20)[0-9]{2}-[1-9][0-9]{0,6}$";
    Rule::form_as(fits, pattern, "an entry's number, as 18073-KS-2026-15")
}

/// The fields of every entry: `about` describes the registered event.
pub(super) fn entry(book: &Book, about: impl IntoIterator<Item = Field>, statuses: &[&str]) -> Vec<Field> {
    let mut authority = unit();
    authority.push(Field::required("name", Rule::Text(200)));
    let mut fields = vec![
        Field::required("entry_number", book.number()),
        Field::optional("book", Rule::Text(40)),
        Field::required("registered_on", Rule::Date),
        Field::required("authority", Rule::object(authority)),
    ];
    fields.extend(about);
    fields.extend([Field::required("status", Rule::one_of(statuses)), status_reason(), basis_field()]);
    fields
}

/// A person of an entry, as it names them; `lienthong.registry.civil_status.v1.Party`.
pub(super) fn party() -> Vec<Field> {
    let mut fields = identity_paper();
    fields.extend([
        Field::required("full_name", Rule::Name),
        Field::optional("birth_date", Rule::PartialDate),
        Field::optional("sex", sex()),
        Field::optional("nationality", Rule::listed("countries", AsOf::Ever)),
        Field::optional("residence", Rule::object(address())),
    ]);
    fields
}

/// Whether an entry was made in time.
pub(super) fn registration() -> Field {
    Field::required("registration", Rule::one_of(&["on_time", "late", "again"]))
}

/// The statement of an entry about the person at `about`: the value at `path`, for a field of the register of people.
pub(super) fn fact(about: &str, field: &str, path: &str) -> Fact {
    Fact { about: about.into(), field: field.into(), says: Says::path(path) }
}

/// A record type of the registry, with everything that all of them share.
pub(super) fn entry_type(name: &str, message: &str, ordinal: u8, label: Label, parties: &[&str]) -> RecordType {
    RecordType {
        name: name.into(),
        registry: name.split('.').next().unwrap_or_default().into(),
        message: Some(format!("lienthong.registry.civil_status.v1.{message}")),
        ordinal,
        label,
        heading: Heading::CivilStatus,
        natural_key: "entry_number".into(),
        key_form: KeyForm::Compact,
        parties: parties.iter().map(|party| format!("{party}.personal_id")).collect(),
        organisations: Organisations::default(),
        people: None,
        found_through: None,
        references: Vec::new(),
        viewed: Viewed::default(),
        document: None,
        facts: Vec::new(),
        fields: Vec::new(),
        check: Arc::new(no_rule),
        statuses: vec![("active".into(), State::Active), ("annulled".into(), State::Ended)],
        lifecycle: Lifecycle::default(),
        days: Arc::new(|entry| (date_at(entry, "registered_on"), None)),
    }
}

/// The lifecycle of an entry that is in force until it is annulled.
pub(super) fn stands() -> Lifecycle {
    Lifecycle::default().states("status", the_law(), [("active", "annulled", annulment(), the_law())])
}

/// The fields of every entry that only a correction can change.
pub(super) fn as_written(lifecycle: Lifecycle) -> Lifecycle {
    lifecycle.fields([
        ("registered_on", basis_of(&[CORRECTION]), the_law()),
        ("authority", basis_of(&[CORRECTION]), assumption()),
    ])
}

/// The rules of every entry: its number agrees with its day and its authority, which existed on that day.
pub(super) fn check_entry(entry: &Object, today: Date, findings: &mut Findings<'_>) {
    not_future(entry, "registered_on", today, findings);
    let Some(registered) = date_at(entry, "registered_on") else { return };
    if let Some(authority) = entry.object("authority") {
        check_unit_of(authority, &"authority", (registered, registered), findings);
    }
    let Some((unit, year)) = entry.text("entry_number").and_then(forms::unit_and_year) else { return };
    let says = "its first part must be the unit of the authority that registered";
    let of_authority = entry.text_at("authority.unit_code").is_none_or(|code| code == unit);
    findings.expect(of_authority, "entry_number", "CONFLICT", says);
    let of_year = registered.year() == year;
    findings.expect(of_year, "entry_number", "CONFLICT", "its year must be that of registered_on");
}

/// An entry is on time within `days` of the event that it registers, whose day is at `path`.
pub(super) fn check_time(entry: &Object, path: &str, days: i64, findings: &mut Findings<'_>) {
    in_order(entry, path, "registered_on", findings);
    let (Some(happened), Some(registered)) = (date_at(entry, path), date_at(entry, "registered_on")) else { return };
    let in_time = registered <= happened.saturating_add(jiff::Span::new().days(days));
    let says = "on_time is an entry within the days that the law gives (60 for a birth, 15 for a death), late is one after them";
    match entry.text("registration") {
        Some("on_time") => findings.expect(in_time, "registration", "CONFLICT", says),
        Some("late") => findings.expect(!in_time, "registration", "CONFLICT", says),
        _ => {}
    }
}

/// The question for entries that name the parties at `paths`.
pub(super) fn naming(paths: &'static [&'static str]) -> impl Fn(&Object) -> Vec<Lookup> + Send + Sync + 'static {
    move |entry| {
        let ids = paths.iter().filter_map(|path| entry.text_at(&format!("{path}.personal_id")));
        ids.filter_map(PersonalId::parse).map(Lookup::Person).collect()
    }
}

/// Whether what an entry says of when something happened to whom is new with a version that stands: `paths` are what says it.
pub(super) fn is_news(before: Option<&Object>, after: &Object, paths: &[&str]) -> bool {
    let stood = before.is_some_and(|before| before.text("status") != Some("annulled"));
    let same = |path: &&str| before.is_some_and(|before| before.path(path) == after.path(path));
    after.text("status") != Some("annulled") && !(stood && paths.iter().all(same))
}

/// The last day on which the person at `path` can have lived, by the entries of deaths that the index finds.
pub(super) fn lived_until(entry: &Object, path: &str, around: &dyn Around) -> Option<Date> {
    let id = entry.text_at(&format!("{path}.personal_id")).and_then(PersonalId::parse)?;
    let is_theirs = |death: &Object| {
        death.text("status") == Some("active") && death.text_at("deceased.personal_id") == Some(id.as_str())
    };
    let deaths = around.found(&Lookup::Person(id)).into_iter().filter(is_theirs);
    deaths.filter_map(|death| death.text("died_on").and_then(PartialDate::parse).map(latest)).min()
}

/// The birth date of the party at `path`, as far as it is known.
pub(super) fn birth_of(entry: &Object, path: &str) -> Option<PartialDate> {
    entry.text_at(&format!("{path}.birth_date")).and_then(PartialDate::parse)
}

/// Nobody is registered before their birth, and the people of an entry are different ones.
pub(super) fn check_parties(entry: &Object, paths: &[&str], findings: &mut Findings<'_>) {
    let registered = date_at(entry, "registered_on");
    for (at, path) in paths.iter().enumerate() {
        let unborn = birth_of(entry, path).zip(registered).is_some_and(|(birth, day)| is_after(birth, day));
        findings_at(!unborn, path, "birth_date", "ORDER", "must not be after the registration", findings);
        let id = |path: &str| entry.text_at(&format!("{path}.personal_id"));
        let again = id(path).is_some() && paths[..at].iter().any(|other| id(other) == id(path));
        findings_at(!again, path, "personal_id", "CONFLICT", "must be another person", findings);
    }
}
