//! Every persona does what it says, through the public API: the command that is listed with it is made as it stands.
//!
//! A persona without an expectation here fails the test, so that none is added unproved.

mod common;

use common::dynamic::Call;
use common::{Started, as_agency, reason, start};
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
        "990009" => refused(&answer, Code::PermissionDenied, "RIGHT_MISSING", id),
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
