//! Every persona behaves as its catalogue row says, through the public API: the listed command is run unchanged, and
//! its answer compared with the result in the row.

#![allow(clippy::disallowed_methods, reason = "tests measure and wait by the machine's time")]

mod common;

use common::dynamic::Call;
use common::{as_agency, gateway, reason};
use lienthong::api::admission::SESSION;
use lienthong::api::status;
use lienthong::base::time::SystemClock;
use lienthong::base::{Clock as _, Reason};
use lienthong::simulation::personas::{self, Meets};
use lienthong::trust::Verdict;
use lienthong::wire::proto::registry::judicial::v1::judicial_service_client::JudicialServiceClient;
use lienthong::wire::proto::registry::judicial::v1::{
    Form, IssueRecordCertificateRequest, JudicialStatus, RecordCertificate, Requester,
};
use lienthong::wire::proto::simulation::v1::simulation_service_client::SimulationServiceClient;
use lienthong::wire::proto::simulation::v1::{CreatePersonRequest, ListPersonasRequest};
use serde_json::Value;
use tonic::transport::Channel;
use tonic::{Code, Status};

type Answer = Result<Value, Status>;

/// The records' verdicts of an answer.
fn verdicts(answer: &Answer, who: &str) -> Vec<String> {
    let answer = answer.as_ref().unwrap_or_else(|status| panic!("{who}: {status}"));
    let records = answer["records"].as_array().unwrap_or_else(|| panic!("{who}: no records: {answer}"));
    records.iter().map(|record| record["verdict"].as_str().unwrap_or_default().to_owned()).collect()
}

fn refused(answer: &Answer, code: Code, expected: &str, who: &str) {
    let status = answer.as_ref().expect_err(who);
    assert_eq!(reason(status), (code, expected.to_owned()), "{who}: {status}");
}

fn says(answer: &Answer, words: &str, who: &str) {
    let answer = answer.as_ref().unwrap_or_else(|status| panic!("{who}: {status}"));
    assert!(answer.to_string().contains(words), "{who} does not say {words}: {answer}");
}

fn linked(answer: &Answer, who: &str) {
    let answer = answer.as_ref().unwrap_or_else(|status| panic!("{who}: {status}"));
    assert_eq!(answer["link"]["state"], "LINK_STATE_LINKED", "{who}: {answer}");
}

fn count(answer: &Answer, list: &str, who: &str) -> usize {
    let answer = answer.as_ref().unwrap_or_else(|status| panic!("{who}: {status}"));
    answer[list].as_array().map_or(0, Vec::len)
}

fn has_discrepancies(answer: &Answer, who: &str) {
    let answer = answer.as_ref().unwrap_or_else(|status| panic!("{who}: {status}"));
    let discrepancies = answer["person"]["discrepancies"].as_array();
    assert!(discrepancies.is_some_and(|list| !list.is_empty()), "{who}: no discrepancy: {answer}");
}

/// Certificates of both forms: the first says none, the second all.
fn two_forms(answer: &Answer, who: &str) {
    assert_eq!(verdicts(answer, who), ["VALID", "VALID"]);
    let records = answer.as_ref().expect(who)["records"].as_array().expect(who);
    let of_form = |form: &str| {
        let found = records.iter().map(|record| &record["judicialCertificate"]).find(|one| one["form"] == form);
        found.unwrap_or_else(|| panic!("{who}: no {form}: {answer:?}"))
    };
    let (one, two) = (of_form("FORM_1"), of_form("FORM_2"));
    assert_eq!(one["finding"], "JUDICIAL_STATUS_NO_CONVICTION", "{who}: {one}");
    assert!(one.get("sentences").is_none() && !one.to_string().contains("expunged"), "{who}: {one}");
    assert_eq!(two["finding"], "JUDICIAL_STATUS_EXPUNGED", "{who}: {two}");
    assert_eq!(two["sentences"].as_array().map(Vec::len), Some(1), "{who}: {two}");
}

/// On demand delivered as failed, else refused with the code.
async fn bad_records(channel: &Channel, call: Call, verdict: Verdict, who: &str) {
    let marked = call.make(channel).await;
    assert!(verdicts(&marked, who).contains(&verdict.to_string()), "{who}: {marked:?}");
    let status = call.without("x-lienthong-unverified").make(channel).await.expect_err(who);
    let code = verdict.code().expect("it fails").as_str();
    assert_eq!(status.code(), Code::DataLoss, "{who}: {status}");
    let (_, reason) = reason(&status);
    assert!(reason == code || status.message().contains(code), "{who}: {reason} {status}");
}

/// No answer before the deadline, and no wait beyond it.
async fn late(channel: &Channel, call: Call, who: &str) {
    let begun = std::time::Instant::now();
    let late = call.with("grpc-timeout", "1500m").make(channel).await;
    let code = late.as_ref().expect_err(who).code();
    assert!(matches!(code, Code::DeadlineExceeded | Code::Cancelled), "{who}: {late:?}");
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{who}");
}

async fn every_second(channel: &Channel, call: Call, expected: Reason, who: &str) {
    let mut outcomes = Vec::new();
    for _ in 0..4 {
        outcomes.push(call.make(channel).await.map_err(|status| reason(&status).1).err());
    }
    let fails = |at: usize| outcomes[at].as_deref() == Some(expected.as_str());
    assert!((0..3).all(|at| fails(at) != fails(at + 1)), "{who}: {outcomes:?}");
    assert_eq!(outcomes.iter().flatten().count(), 2, "{who}: {outcomes:?}");
}

/// Whether the command's answer is the one in its persona's row.
async fn check(channel: &Channel, who: &str, call: Call, meets: Meets) {
    match meets {
        Meets::Unverified(verdict) => return bad_records(channel, call, verdict, who).await,
        Meets::Late => return late(channel, call, who).await,
        Meets::EverySecond(reason) => return every_second(channel, call, reason, who).await,
        _ => {}
    }
    let answer = call.make(channel).await;
    match meets {
        Meets::Valid(least) => {
            let verdicts = verdicts(&answer, who);
            assert!(verdicts.len() >= least && verdicts.iter().all(|verdict| verdict == "VALID"), "{verdicts:?}");
        }
        Meets::Linked => linked(&answer, who),
        Meets::Refused(reason) => refused(&answer, status::code(reason.kind()), reason.as_str(), who),
        Meets::Says(words) => says(&answer, words, who),
        Meets::Discrepancy => has_discrepancies(&answer, who),
        Meets::People(count_expected) => assert_eq!(count(&answer, "people", who), count_expected, "{who}: {answer:?}"),
        Meets::Person(current, superseded) => {
            let answer = answer.unwrap_or_else(|status| panic!("{who}: {status}"));
            assert_eq!(answer["person"]["personalId"], current, "{answer}");
            assert_eq!(answer["person"]["supersededIds"][0], superseded, "{answer}");
        }
        Meets::BothForms => {
            two_forms(&answer, who);
            let other = call.without("authorization").with("authorization", "Bearer demo-one-stop");
            refused(&other.make(channel).await, Code::PermissionDenied, "RIGHT_MISSING", who);
        }
        Meets::Unverified(_) | Meets::Late | Meets::EverySecond(_) => unreachable!("checked above"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_persona_does_what_its_row_says() {
    let started = gateway().start().await;
    let mut simulation = SimulationServiceClient::new(started.channel.clone());
    let listed = simulation.list_personas(as_agency("operator", ListPersonasRequest {})).await.expect("listed");
    let (listed, rows) = (listed.into_inner().personas, personas::all(SystemClock.now().date()));
    assert_eq!(rows.len(), 34, "as the domain page lists them, and those that they need");
    assert_eq!(listed.len(), rows.len());
    for (persona, row) in listed.iter().zip(rows) {
        let who = row.personal_id.as_str();
        assert_eq!((persona.personal_id.as_str(), persona.expectation.as_str()), (who, row.expectation));
        assert!(persona.command.contains(&started.address().to_string()), "{}", persona.command);
        assert!(!row.meets.is_empty(), "{who}: a row says what its command meets");
        for meets in row.meets {
            check(&started.channel, who, Call::of_command(&persona.command), *meets).await;
        }
    }
    started.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_put_into_a_situation_meets_what_its_row_says() {
    let started = gateway().start().await;
    // In a session, where every situation is allowed.
    let session = common::sessions::base(&started.channel).create(serde_json::json!({})).await;
    let mut simulation = SimulationServiceClient::new(started.channel.clone());
    for row in personas::all(SystemClock.now().date()) {
        let (request_id, situation) = (format!("situation-{}", row.key), row.key.to_owned());
        let request = CreatePersonRequest { request_id, situation, ..Default::default() };
        let mut request = as_agency("operator", request);
        request.metadata_mut().insert(SESSION, session.id().parse().expect("ASCII"));
        let made = simulation.create_person(request).await;
        let made = made.unwrap_or_else(|status| panic!("{}: {status}", row.key)).into_inner();
        let person = made.person.expect("a citizen");
        let expects_account = row.account.is_some();
        assert_eq!(person.account.is_some(), expects_account, "{}", row.key);
        assert_eq!(
            (person.links.len(), person.refuses_consents),
            (links_of(&row), row.refuses_consents),
            "{}",
            row.key
        );
        let of_row = row.records.iter().chain(&row.later).map(|record| (record.record_type, record.version));
        let newest: std::collections::BTreeSet<_> = of_row.collect();
        for record in &person.records {
            assert!(newest.contains(&(record.record_type.as_str(), record.version)), "{}: {record:?}", row.key);
        }
        for meets in row.meets {
            let call = Call::of_command(&person.command).without(SESSION).with(SESSION, session.id());
            let who = format!("{} {}", row.key, person.personal_id);
            match meets {
                Meets::Person(..) => {
                    let answer = call.make(&started.channel).await.expect(&who);
                    assert_eq!(answer["person"]["personalId"], person.personal_id, "{answer}");
                    assert_eq!(answer["person"]["supersededIds"].as_array().map(Vec::len), Some(1), "{answer}");
                }
                meets => check(&started.channel, &who, call, *meets).await,
            }
        }
    }
    started.end().await;
}

/// Documents of a persona that are linked from the beginning.
fn links_of(row: &personas::Persona) -> usize {
    let catalogue = lienthong::registry::Catalogue::built_in();
    let is_document = |name: &str| catalogue.record_type(name).is_some_and(|of| of.document.is_some());
    row.records.iter().filter(|one| row.links.contains(&one.record_type) && is_document(one.record_type)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_says_what_the_record_says_and_form_2_goes_to_no_proxy() {
    let started = gateway().start().await;
    let mut judicial = JudicialServiceClient::new(started.channel.clone());
    let asked = |person: &str, form: Form, requested_by: Requester, number: &str| IssueRecordCertificateRequest {
        request_id: format!("request-{}", number.replace('/', "-")),
        personal_id: person.to_owned(),
        form: form.into(),
        requested_by: requested_by.into(),
        certificate_number: number.to_owned(),
    };
    let (expunged, blameless) = ("042078990009", "042090990001");
    let mut issue = async |agency: &str, request: &IssueRecordCertificateRequest| {
        let issued = judicial.issue_record_certificate(as_agency(agency, request.clone())).await?.into_inner();
        let version = issued.record_certificate.expect("a certificate");
        Ok::<_, Status>((version.record_certificate.expect("typed"), version.record.expect("signed")))
    };

    let (one, signed) =
        issue("police", &asked(expunged, Form::Form1, Requester::Proxy, "1/2026")).await.expect("issued");
    assert!(signed.issuer_proof.is_some() && signed.ledger_proof.is_some());
    let (other, _) = issue("police", &asked(blameless, Form::Form1, Requester::Proxy, "2/2026")).await.expect("issued");
    // Except for the person and the number, form 1 of one equals form 1 of the other.
    let bare = |certificate: RecordCertificate| RecordCertificate {
        certificate_number: String::new(),
        personal_id: String::new(),
        full_name: String::new(),
        birth_date: String::new(),
        ..certificate
    };
    assert_eq!(bare(one.clone()), bare(other));
    assert_eq!(one.finding(), JudicialStatus::NoConviction);

    let request = asked(expunged, Form::Form2, Requester::Holder, "3/2026");
    let (two, _) = issue("police", &request).await.expect("issued");
    assert_eq!((two.finding(), two.sentences.len()), (JudicialStatus::Expunged, 1));
    assert_eq!(issue("police", &request).await.expect("the same again").0, two);

    let refusals = [
        ("police", asked(expunged, Form::Form2, Requester::Proxy, "4/2026"), Code::InvalidArgument, "requested_by"),
        ("police", asked(expunged, Form::Form1, Requester::Holder, "3/2026"), Code::AlreadyExists, "request id"),
        ("police", asked("042099999999", Form::Form1, Requester::Holder, "5/2026"), Code::NotFound, "no such record"),
        ("police", asked("42", Form::Unspecified, Requester::Unspecified, ""), Code::InvalidArgument, "4 fields"),
        (
            "justice",
            asked(expunged, Form::Form1, Requester::Holder, "6/2026"),
            Code::PermissionDenied,
            "allowed are the agency police",
        ),
    ];
    for (agency, request, code, words) in refusals {
        let status = issue(agency, &request).await.expect_err(words);
        assert_eq!(status.code(), code, "{status}");
        assert!(status.message().contains(words), "{words}: {status}");
    }
    let taken = IssueRecordCertificateRequest { request_id: "another-request".into(), ..request };
    assert_eq!(reason(&issue("police", &taken).await.expect_err("taken")), (Code::Aborted, "VERSION_CONFLICT".into()));
}
