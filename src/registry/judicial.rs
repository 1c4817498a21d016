//! The judicial registry: convictions, and the certificates about them (Law on Judicial Records 2009, amended
//! from July 2026; Decree 216/2026).

mod penalty;

use std::sync::Arc;

use crate::base::PartialDate;
use crate::base::time::Date;
use crate::trust::{Object, Operation, Value};

use super::basis::{CORRECTION, COURT_DECISION, basis_field};
use super::codes::AsOf;
use super::common::{age_at_most, findings_at, not_future, status_reason};
use super::lifecycle::{
    AcrossRule, Around, CrossRule, Entries, Lifecycle, Needs, Step, assumption, basis, basis_of, free, law, memory,
    never,
};
use super::rule::{Field, Findings, Rule, date_at};
use super::schema::{Heading, KeyForm, Label, Organisations, RecordType, State, always};
use super::sector::Sector;
use super::viewed::Viewed;

pub use penalty::expunged_after_years;

/// The registry.
pub const NAME: &str = "judicial";
/// A person's judicial record.
pub const RECORD: &str = "judicial.record.v1";
/// A certificate: the content of the judicial record on the day of issue, in one of two forms (articles 41 to 43 of the law).
pub const CERTIFICATE: &str = "judicial.certificate.v1";

/// The registry and its record types.
pub(super) fn sector() -> Sector {
    Sector::new(NAME, "police", 4, [record_type(), certificate_type()])
}

/// Whether there is a conviction.
fn finding_rule() -> Rule {
    Rule::one_of(&["no_conviction", "conviction", "expunged"])
}

fn sentences() -> Rule {
    Rule::list(
        Rule::object([
            Field::required("court", Rule::listed("courts", AsOf::Ever)),
            Field::required("judgment_number", Rule::Text(40)),
            Field::required("judged_on", Rule::Date),
            Field::required("offence", Rule::Text(300)),
            Field::required("penalty", Rule::Text(300)),
            Field::optional("additional_penalty", Rule::Text(300)),
            Field::optional("served_on", Rule::Date),
            Field::optional("expunged_on", Rule::Date),
        ]),
        50,
    )
}

fn bans() -> Rule {
    Rule::list(
        Rule::object([
            Field::required("post", Rule::Text(300)),
            Field::required("from_date", Rule::Date),
            Field::optional("until_date", Rule::Date),
        ]),
        20,
    )
}

fn record_type() -> RecordType {
    RecordType {
        name: RECORD.into(),
        registry: NAME.into(),
        message: Some("lienthong.registry.judicial.v1.JudicialRecord".into()),
        ordinal: 6,
        label: Label::new("Lý lịch tư pháp", "Judicial record"),
        heading: Heading::Judicial,
        natural_key: "personal_id".into(),
        key_form: KeyForm::AsWritten,
        parties: vec![],
        organisations: Organisations::default(),
        people: None,
        found_through: None,
        references: Vec::new(),
        viewed: Viewed::default(),
        document: None,
        facts: Vec::new(),
        fields: vec![
            Field::required("personal_id", Rule::PersonalId),
            Field::required("full_name", Rule::Name),
            Field::required("birth_date", Rule::PartialDate),
            Field::required("status", finding_rule()).sensitive(),
            Field::optional("sentences", sentences()).sensitive(),
            Field::optional("bans", bans()).sensitive(),
            status_reason().sensitive(),
            basis_field().sensitive(),
        ],
        check: Arc::new(check_record),
        // A conviction does not end the record: each of the three is a state in force.
        statuses: vec![
            ("no_conviction".into(), State::Active),
            ("conviction".into(), State::Active),
            ("expunged".into(), State::Active),
        ],
        lifecycle: record_lifecycle(),
        days: Arc::new(always),
    }
}

/// A higher court annulled the judgment.
pub const JUDGMENT_ANNULLED: &str = "judgment_annulled";
/// The sentenced was exempted from punishment, or not old enough to count as convicted.
pub const NOT_COUNTED: &str = "not_counted";
/// An amnesty law.
pub const AMNESTY: &str = "amnesty";

fn record_lifecycle() -> Lifecycle {
    let records = || law("Decree 216/2026, art. 5");
    let penal_code = || memory("Penal Code 2015, arts. 69 to 73 and 107");
    let undone = || basis_of(&[JUDGMENT_ANNULLED, CORRECTION]);
    Lifecycle::default()
        .unnamed_states(
            "status",
            records(),
            [
                ("no_conviction", "conviction", free(), records()),
                ("no_conviction", "expunged", basis(), penal_code()),
                ("conviction", "expunged", basis(), penal_code()),
                ("expunged", "conviction", free(), records()),
                ("conviction", "no_conviction", undone(), records()),
                ("expunged", "no_conviction", undone(), records()),
            ],
        )
        .fields([("full_name", basis(), assumption()), ("birth_date", basis(), assumption())])
        .list(
            "sentences",
            &["court", "judgment_number"],
            Entries { closed: basis(), changed: basis(), removed: undone(), ..Entries::free() }
                .closed_by(&["served_on", "expunged_on"]),
            records(),
        )
        .list(
            "bans",
            &["post", "from_date"],
            Entries { changed: basis(), removed: undone(), ..Entries::free() }.closed_by(&["until_date"]),
            records(),
        )
        .rule(CrossRule::new("EXPUNGED_EARLY", "sentences", EXPUNGED_EARLY, penal_code(), expunged_early))
        .rule(CrossRule::new(
            "CONVICTION_STANDS",
            "sentences",
            "a record cannot be ended while it has a conviction that is not expunged",
            records(),
            ends_with_conviction,
        ))
}

const EXPUNGED_EARLY: &str = "a conviction is not expunged before the term that its penalty sets has passed since served_on or, where the record has no such day, since the term in prison that began with the judgment (1, 2, 3 or 5 years: Penal Code, art. 70), except by a court, by an amnesty or as not_counted";

fn is_same_sentence(one: &Object, other: &Object) -> bool {
    ["court", "judgment_number"].iter().all(|field| one.text(field) == other.text(field))
}

/// A record with a conviction that is not expunged is not ended.
fn ends_with_conviction(step: &Step<'_>) -> Option<Needs> {
    (step.operation == Operation::Revoke && step.before.text("status") == Some("conviction")).then(never)
}

/// The term follows from the punishment, and runs from its end. Where the record does not have that day, a term in prison began with the judgment.
fn expunged_early(step: &Step<'_>) -> Option<Needs> {
    let known = step.before.array("sentences").unwrap_or_default();
    let sentences = step.after.array("sentences")?.iter().filter(|sentence| !known.contains(sentence));
    let early = sentences.filter_map(Value::as_object).any(|sentence| {
        // A day that is corrected in the same change counts as the later of both.
        let was = known.iter().filter_map(Value::as_object).find(|was| is_same_sentence(was, sentence));
        let later = |field| date_at(sentence, field).max(was.and_then(|was| date_at(was, field)));
        let penalty = sentence.text("penalty").unwrap_or_default();
        let served = || later("judged_on").map(|day| day.saturating_add(prison(penalty)));
        let from = later("served_on").or_else(served).max(later("judged_on"));
        let dates = from.zip(date_at(sentence, "expunged_on"));
        let term = jiff::Span::new().years(penalty::expunged_after_years(penalty));
        dates.is_some_and(|(from, expunged)| expunged < from.saturating_add(term))
    });
    early.then(|| basis_of(&[COURT_DECISION, NOT_COUNTED, AMNESTY, CORRECTION]))
}

/// How long a term in prison is.
fn prison(penalty: &str) -> jiff::Span {
    // Longer than anybody lives.
    jiff::Span::new().months(i64::from(penalty::months_in_prison(penalty).min(1_200)))
}

fn certificate_type() -> RecordType {
    RecordType {
        name: CERTIFICATE.into(),
        registry: NAME.into(),
        message: Some("lienthong.registry.judicial.v1.RecordCertificate".into()),
        ordinal: 12,
        label: Label::new("Phiếu lý lịch tư pháp", "Certificate of a judicial record"),
        heading: Heading::Judicial,
        natural_key: "certificate_number".into(),
        key_form: KeyForm::AsWritten,
        parties: vec!["personal_id".into()],
        organisations: Organisations::default(),
        people: None,
        found_through: None,
        references: Vec::new(),
        viewed: Viewed::default(),
        document: None,
        facts: Vec::new(),
        fields: vec![
            Field::required("certificate_number", Rule::Text(40)),
            Field::required("form", Rule::one_of(&["1", "2"])),
            Field::required("personal_id", Rule::PersonalId),
            Field::required("full_name", Rule::Name),
            Field::required("birth_date", Rule::PartialDate),
            Field::required("finding", finding_rule()).sensitive(),
            Field::optional("sentences", sentences()).sensitive(),
            Field::optional("bans", bans()).sensitive(),
            Field::required("requested_by", Rule::one_of(&["holder", "proxy", "agency"])),
            Field::required("issued_on", Rule::Date),
            Field::required("status", Rule::one_of(&["valid", "revoked"])),
            status_reason(),
            basis_field(),
        ],
        check: Arc::new(check_certificate),
        statuses: vec![("valid".into(), State::Active), ("revoked".into(), State::Ended)],
        lifecycle: certificate_lifecycle(),
        days: Arc::new(always),
    }
}

/// A certificate states the record of one day and never changes: a wrong one is revoked, and another one issued.
fn certificate_lifecycle() -> Lifecycle {
    let stays = |path| (path, never(), assumption());
    let says =
        ["form", "personal_id", "full_name", "birth_date", "finding", "sentences", "bans", "requested_by", "issued_on"];
    Lifecycle::default()
        .states("status", assumption(), [("valid", "revoked", basis(), assumption())])
        .fields(says.map(stays))
        .across(
            AcrossRule::new(
                ("RECORD", "finding"),
                "a certificate must say what the person's record says of the day of its issue",
                law("Law on Judicial Records 2009, arts. 41 to 43"),
                |certificate| certificate.text("personal_id").map(str::to_owned).into_iter().collect(),
                says_what_the_record_says,
            )
            .about(RECORD),
        )
}

/// Compares a new certificate with the record as it was on the day of issue, by the days that the record itself has. A sentence that the record
/// got later counts from its judgment: who enters a certificate today knows of it.
fn says_what_the_record_says(before: Option<&Object>, certificate: &Object, around: &dyn Around) -> bool {
    let Some(on) = date_at(certificate, "issued_on").filter(|_| before.is_none()) else { return true };
    let record = certificate.text("personal_id").and_then(|id| around.newest(id));
    let Some(record) = record.map(|record| as_of(record, on)) else { return true };
    let form = if certificate.text("form") == Some("1") { Form::One } else { Form::Two };
    let asked = Asked { number: "", form, requested_by: "", on };
    let expected = self::certificate(&record, &asked);
    ["finding", "sentences"].iter().all(|field| expected.get(field) == certificate.get(field))
}

/// The record without what happened after a day.
fn as_of(mut record: Object, day: Date) -> Object {
    let is_later = |of: &Object, field: &str| date_at(of, field).is_some_and(|date| date > day);
    let sentences = record.array("sentences").unwrap_or_default().iter().filter_map(Value::as_object);
    let known = sentences.filter(|sentence| !is_later(sentence, "judged_on")).map(|sentence| {
        let mut sentence = sentence.clone();
        for field in ["served_on", "expunged_on"] {
            if is_later(&sentence, field) {
                sentence.remove(field);
            }
        }
        Value::Object(sentence)
    });
    let known: Vec<Value> = known.collect();
    match known.is_empty() {
        true => drop(record.remove("sentences")),
        false => drop(record.insert("sentences", known)),
    }
    record
}

/// Form of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Convictions that are not expunged, and no bans: after expungement it has the same words as for a person never convicted.
    One,
    /// All convictions, expunged ones too, and bans.
    Two,
}

/// The data needed for issuing a certificate.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Number in the issuer's book.
    pub number: &'a str,
    /// The form.
    pub form: Form,
    /// `holder`, `proxy` or `agency`.
    pub requested_by: &'a str,
    /// Day of issue.
    pub on: Date,
}

/// The certificate of a judicial record.
pub fn certificate(record: &Object, asked: &Asked<'_>) -> Object {
    let shows_expunged = asked.form == Form::Two;
    let all = record.array("sentences").unwrap_or_default();
    let stands = |sentence: &&Value| sentence.as_object().is_none_or(|sentence| !sentence.contains("expunged_on"));
    let sentences: Vec<Value> = all.iter().filter(|sentence| shows_expunged || stands(sentence)).cloned().collect();
    let mut certificate = Object::new()
        .with("certificate_number", asked.number)
        .with("form", if shows_expunged { "2" } else { "1" })
        .with("finding", finding(&sentences))
        .with("requested_by", asked.requested_by)
        .with("issued_on", asked.on.to_string())
        .with("status", "valid");
    for name in ["personal_id", "full_name", "birth_date"] {
        certificate.insert(name, record.text(name).unwrap_or_default());
    }
    if !sentences.is_empty() {
        certificate.insert("sentences", sentences);
    }
    if let Some(bans) = record.array("bans").filter(|_| shows_expunged) {
        certificate.insert("bans", bans.to_vec());
    }
    certificate
}

/// The overall result of sentences.
fn finding(sentences: &[Value]) -> &'static str {
    let expunged = |sentence: &Value| sentence.as_object().is_some_and(|sentence| sentence.contains("expunged_on"));
    match sentences {
        [] => "no_conviction",
        all if all.iter().all(expunged) => "expunged",
        _ => "conviction",
    }
}

fn check_certificate(certificate: &Object, today: Date, findings: &mut Findings<'_>) {
    check_findings(certificate, "finding", today, findings);
    not_future(certificate, "issued_on", today, findings);
    let form = certificate.text("form");
    let by_proxy = certificate.text("requested_by") == Some("proxy");
    findings.expect(form != Some("2") || !by_proxy, "requested_by", "NOT_ALLOWED", "form 2 is never given to a proxy");
    if form == Some("1") {
        findings.expect(!certificate.contains("bans"), "bans", "NOT_ALLOWED", "form 1 shows no bans");
        let sentences = certificate.array("sentences").unwrap_or_default();
        for (at, sentence) in sentences.iter().enumerate().filter_map(|(at, one)| Some((at, one.as_object()?))) {
            let path = format!("sentences[{at}]");
            let stands = !sentence.contains("expunged_on");
            findings_at(
                stands,
                &path,
                "expunged_on",
                "NOT_ALLOWED",
                "form 1 shows only convictions that are not expunged",
                findings,
            );
        }
    }
}

fn check_record(record: &Object, today: Date, findings: &mut Findings<'_>) {
    check_findings(record, "status", today, findings);
}

/// Age of criminal liability (Penal Code 2015, art. 12).
const LIABLE_FROM: i16 = 14;
/// The day on which the Penal Code of 2015 was passed; it is in force since 2018, and provisions that favour the accused applied before.
const CODE_OF_2015: Date = Date::constant(2015, 11, 27);

/// The common rules of a record and its certificates; `says` is the field that sums the sentences up.
fn check_findings(record: &Object, says: &str, today: Date, findings: &mut Findings<'_>) {
    not_future(record, "birth_date", today, findings);
    let sentences = record.array("sentences").unwrap_or_default();
    let fits = record.text(says).is_none_or(|said| said == finding(sentences));
    findings.expect(fits, says, "CONFLICT", "must agree with the sentences");
    let sentences: Vec<&Object> = sentences.iter().filter_map(Value::as_object).collect();
    for (at, sentence) in sentences.iter().enumerate() {
        let path = format!("sentences[{at}]");
        for field in ["judged_on", "served_on", "expunged_on"] {
            let is_past = date_at(sentence, field).is_none_or(|day| day <= today);
            findings_at(is_past, &path, field, "FUTURE", "must not be in the future", findings);
        }
        let judged = date_at(sentence, "judged_on");
        let birth = record.text("birth_date").and_then(PartialDate::parse);
        let of_age = judged.zip(birth).is_none_or(|(judged, birth)| age_at_most(birth, judged) >= LIABLE_FROM);
        findings_at(of_age, &path, "judged_on", "CONFLICT", "nobody under 14 is convicted", findings);
        let of_2015 = sentence.text("offence").is_some_and(|offence| offence.contains("2015"));
        let in_force = !of_2015 || judged.is_none_or(|judged| judged >= CODE_OF_2015);
        findings_at(
            in_force,
            &path,
            "offence",
            "NOT_IN_FORCE",
            "the Penal Code of 2015 had not been passed on the day of judgment",
            findings,
        );
        for field in ["served_on", "expunged_on"] {
            let ordered = judged.zip(date_at(sentence, field)).is_none_or(|(judged, day)| judged <= day);
            findings_at(ordered, &path, field, "ORDER", "must not be before the judgment", findings);
        }
    }
    for (at, ban) in record.array("bans").unwrap_or_default().iter().filter_map(Value::as_object).enumerate() {
        let ordered = date_at(ban, "from_date").zip(date_at(ban, "until_date")).is_none_or(|(from, to)| from <= to);
        findings_at(ordered, &format!("bans[{at}]"), "until_date", "ORDER", "must not be before from_date", findings);
    }
}

#[cfg(test)]
mod tests;
