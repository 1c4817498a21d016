//! Every persona does what it says, through the public API: the command that is listed with it is made as it stands.
//!
//! A persona without an expectation here fails the test, so that none is added unproved.

mod common;

use common::dynamic::Call;
use common::{Started, as_agency, reason, start};
use lienthong::wire::proto::registry::judicial::v1::judicial_service_client::JudicialServiceClient;
use lienthong::wire::proto::registry::judicial::v1::{
    Form, IssueRecordCertificateRequest, JudicialStatus, RecordCertificate, Requester,
};
use lienthong::wire::proto::simulation::v1::ListPersonasRequest;
use lienthong::wire::proto::simulation::v1::simulation_service_client::SimulationServiceClient;
use serde_json::Value;
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

fn disagrees(answer: &Answer, who: &str) {
    let answer = answer.as_ref().unwrap_or_else(|status| panic!("{who}: {status}"));
    let disagreements = answer["person"]["disagreements"].as_array();
    assert!(disagreements.is_some_and(|list| !list.is_empty()), "{who}: nothing disagrees: {answer}");
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

/// A crypto persona: refused with the code, and on demand delivered as failed.
async fn bad_records(started: &Started, call: Call, verdict: &str, who: &str) {
    let code = verdict.split(' ').next_back().expect("a code");
    let marked = call.make(&started.channel).await;
    assert!(verdicts(&marked, who).iter().any(|found| found == verdict), "{who}: {marked:?}");
    let plain = call.without("x-lienthong-unverified").make(&started.channel).await;
    let status = plain.expect_err(who);
    assert_eq!(status.code(), Code::DataLoss, "{who}: {status}");
    let (_, reason) = reason(&status);
    assert!(reason == code || status.message().contains(code), "{who}: {reason} {status}");
}

async fn check(started: &Started, id: &str, call: Call) {
    let channel = &started.channel;
    let (_, number) = id.split_at(6);
    match number {
        "990101" => return bad_records(started, call, "INVALID PAYLOAD_MISMATCH", id).await,
        "990102" => return bad_records(started, call, "INVALID ISSUER_MISMATCH", id).await,
        "990103" => return bad_records(started, call, "INDETERMINATE REVOKED_NO_POE", id).await,
        "990104" => return bad_records(started, call, "INVALID INCLUSION", id).await,
        "990105" => return bad_records(started, call, "INVALID ISSUED_IN_FUTURE", id).await,
        "990106" => return bad_records(started, call, "INVALID NON_CANONICAL", id).await,
        "990203" => {
            let begun = std::time::Instant::now();
            let late = call.with("grpc-timeout", "1500m").make(channel).await;
            let code = late.as_ref().expect_err(id).code();
            assert!(matches!(code, Code::DeadlineExceeded | Code::Cancelled), "{id}: {late:?}");
            assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{id}");
            return;
        }
        "990206" => {
            let mut outcomes = Vec::new();
            for _ in 0..4 {
                outcomes.push(call.make(channel).await.map_err(|status| status.code()).err());
            }
            let fails = |at: usize| outcomes[at] == Some(Code::Unavailable);
            assert!((0..3).all(|at| fails(at) != fails(at + 1)), "{id}: {outcomes:?}");
            assert!(outcomes.iter().flatten().count() == 2, "{id}: {outcomes:?}");
            return;
        }
        _ => {}
    }
    let answer = call.make(channel).await;
    match number {
        "990001" => {
            let verdicts = verdicts(&answer, id);
            assert!(verdicts.len() >= 3 && verdicts.iter().all(|verdict| verdict == "VALID"), "{verdicts:?}");
        }
        "990002" | "990003" | "990018" | "990023" => linked(&answer, id),
        "990004" => refused(&answer, Code::FailedPrecondition, "HOLDER_MISMATCH", id),
        "990005" => refused(&answer, Code::FailedPrecondition, "DOCUMENT_EXPIRED", id),
        "990006" => says(&answer, "LINK_STATE_SUSPENDED", id),
        "990007" => says(&answer, "_STOLEN", id),
        "990008" => says(&answer, "COURT_FREEZE", id),
        "990009" => {
            two_forms(&answer, id);
            let other = call.without("authorization").with("authorization", "Bearer demo-one-stop");
            refused(&other.make(channel).await, Code::PermissionDenied, "RIGHT_MISSING", id);
        }
        "990010" => {
            says(&answer, "deceased", id);
            disagrees(&answer, id);
        }
        "990011" | "990015" => refused(&answer, Code::FailedPrecondition, "ACCOUNT_LEVEL_TOO_LOW", id),
        "990012" => refused(&answer, Code::FailedPrecondition, "MULTIPLE_MATCHES", id),
        "990021" => assert_eq!(count(&answer, "people", id), 2, "{id}: {answer:?}"),
        "990013" => refused(&answer, Code::PermissionDenied, "CONSENT_MISSING", id),
        "990014" => {
            says(&answer, "moved_out", id);
            disagrees(&answer, id);
        }
        "990016" => {
            let answer = answer.unwrap_or_else(|status| panic!("{id}: {status}"));
            assert_eq!(answer["person"]["personalId"], id, "{answer}");
            assert_eq!(answer["person"]["supersededIds"][0], "042083990017", "{answer}");
        }
        "990019" => disagrees(&answer, id),
        "990020" => says(&answer, "SECTION_KIND_BUSINESS", id),
        "990022" => says(&answer, "court_freeze", id),
        "990201" | "990205" => assert_eq!(answer.as_ref().expect_err(id).code(), Code::Unavailable, "{id}"),
        "990202" => assert_eq!(answer.as_ref().expect_err(id).code(), Code::ResourceExhausted, "{id}"),
        "990204" => assert_eq!(answer.as_ref().expect_err(id).code(), Code::Internal, "{id}"),
        _ => panic!("nobody said what {id} does"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_persona_does_what_it_says() {
    let started = start(common::config()).await;
    let mut simulation = SimulationServiceClient::new(started.channel.clone());
    let listed = simulation.list_personas(as_agency("operator", ListPersonasRequest {})).await.expect("listed");
    let personas = listed.into_inner().personas;
    assert_eq!(personas.len(), 34, "as the domain page lists them, and those that they need");
    for persona in personas {
        assert!(persona.command.contains(&started.running.grpc.to_string()), "{}", persona.command);
        check(&started, &persona.personal_id, Call::of_command(&persona.command)).await;
    }
    started.running.end().await.expect("ends");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_says_what_the_record_says_and_form_2_goes_to_no_proxy() {
    let started = start(common::config()).await;
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
    // But for who it is about and its number, form 1 of the one is form 1 of the other.
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
