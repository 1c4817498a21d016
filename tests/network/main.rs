//! The integration suite over a real connection: an agency's or a citizen's system, call by call.
//!
//! With `LIENTHONG_TEST_ENDPOINT` set (as the compose file's `test` profile does) it calls that gateway; without, it starts one.
//! It runs again and again against the same data: it unlinks its links, and leaves the README tour's data alone.

#![allow(clippy::disallowed_methods, reason = "tests measure and wait by the machine's time")]

mod gateway;
#[path = "../world/until.rs"]
mod until;

use lienthong::wire::proto::access::v1::ListAccessesRequest;
use lienthong::wire::proto::access::v1::access_log_service_client::AccessLogServiceClient;
use lienthong::wire::proto::exchange::v1::exchange_service_client::ExchangeServiceClient;
use lienthong::wire::proto::exchange::v1::{ExplainRequest, FetchRecordsRequest, Record};
use lienthong::wire::proto::identity::v1::link_service_client::LinkServiceClient;
use lienthong::wire::proto::identity::v1::presentation_service_client::PresentationServiceClient;
use lienthong::wire::proto::identity::v1::{
    CreatePresentationRequest, DocumentType, Link, LinkDocumentRequest, LinkState, ListLinksRequest,
    RedeemPresentationRequest, UnlinkDocumentRequest,
};
use lienthong::wire::proto::registry::resident::v1::SearchPersonsRequest;
use lienthong::wire::proto::registry::resident::v1::resident_service_client::ResidentServiceClient;
use lienthong::wire::proto::simulation::v1::ListPersonasRequest;
use lienthong::wire::proto::simulation::v1::simulation_service_client::SimulationServiceClient;
use lienthong::wire::proto::trust::v1::GetTrustAnchorRequest;
use lienthong::wire::proto::trust::v1::trust_service_client::TrustServiceClient;
use lienthong::wire::ready::FetchRecordsResponse;
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt as _;

use gateway::Gateway;

const ALL_WELL: &str = "042090990001";
const NOTHING_LINKED: &str = "042185990002";

fn as_agency<Q>(agency: &str, message: Q) -> Request<Q> {
    with_credential(&format!("demo-{agency}"), message)
}

fn as_citizen<Q>(personal_id: &str, message: Q) -> Request<Q> {
    with_credential(&format!("demo-citizen-{personal_id}"), message)
}

fn with_credential<Q>(credential: &str, message: Q) -> Request<Q> {
    let mut request = Request::new(message);
    let value = format!("Bearer {credential}").parse().expect("a credential is ASCII");
    request.metadata_mut().insert("authorization", value);
    request
}

/// The stable code of a refusal, with its gRPC code.
fn reason(status: &Status) -> (Code, String) {
    let reason = status.get_details_error_info().map(|info| info.reason);
    (status.code(), reason.unwrap_or_else(|| format!("no ErrorInfo: {status}")))
}

/// Links a document of a citizen that may be linked from an earlier run.
async fn link_again(gateway: &Gateway, personal_id: &str, document: DocumentType) -> Link {
    let mut links = LinkServiceClient::new(gateway.channel.clone());
    let list = ListLinksRequest { personal_id: personal_id.into(), page_size: 500, ..Default::default() };
    let listed = links.list_links(as_citizen(personal_id, list)).await.expect("a citizen lists links").into_inner();
    for link in listed.links.into_iter().filter(|link| link.document_type() == document) {
        let unlink = UnlinkDocumentRequest { personal_id: personal_id.into(), link_id: link.link_id };
        links.unlink_document(as_citizen(personal_id, unlink)).await.expect("a citizen ends a link");
    }
    let request = link_request(personal_id, document);
    let linked = links.link_document(as_citizen(personal_id, request)).await.expect("the document links").into_inner();
    linked.link.expect("an answer holds the link")
}

fn link_request(personal_id: &str, document: DocumentType) -> LinkDocumentRequest {
    LinkDocumentRequest { personal_id: personal_id.into(), document_type: document as i32, ..Default::default() }
}

async fn fetch(gateway: &Gateway, agency: &str, person: &str, types: &[&str]) -> Result<FetchRecordsResponse, Status> {
    let request = FetchRecordsRequest {
        personal_id: person.into(),
        record_types: types.iter().map(|name| (*name).to_owned()).collect(),
        purpose: "one_stop.verify_documents".into(),
        ..Default::default()
    };
    let mut exchange = ExchangeServiceClient::new(gateway.channel.clone());
    exchange.fetch_records(as_agency(agency, request)).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn health_and_the_trust_anchor_need_no_credential() {
    let gateway = Gateway::connect().await;
    let request = HealthCheckRequest { service: String::new() };
    let health = HealthClient::new(gateway.channel.clone()).check(request).await.expect("health answers");
    assert_eq!(health.into_inner().status().as_str_name(), "SERVING");

    let mut trust = TrustServiceClient::new(gateway.channel.clone());
    let anchor =
        trust.get_trust_anchor(GetTrustAnchorRequest::default()).await.expect("the anchor is public").into_inner();
    assert!(anchor.anchor_json.contains("lienthong/"), "{}", anchor.anchor_json);
    assert_eq!(anchor.fingerprint.len(), 64);
}

#[tokio::test]
async fn a_document_links_is_presented_once_and_unlinks() {
    let gateway = Gateway::connect().await;
    let document = DocumentType::DriverLicence;
    let link = link_again(&gateway, NOTHING_LINKED, document).await;
    assert_eq!(link.state(), LinkState::Linked, "{link:?}");

    let mut links = LinkServiceClient::new(gateway.channel.clone());
    let again = links.link_document(as_citizen(NOTHING_LINKED, link_request(NOTHING_LINKED, document))).await;
    assert_eq!(reason(&again.expect_err("linked already")), (Code::AlreadyExists, "ALREADY_LINKED".into()));

    let mut presentations = PresentationServiceClient::new(gateway.channel.clone());
    let create = CreatePresentationRequest {
        personal_id: NOTHING_LINKED.into(),
        agency: "one-stop".into(),
        document_types: vec![document as i32],
        ..Default::default()
    };
    let created = presentations.create_presentation(as_citizen(NOTHING_LINKED, create)).await;
    let code = created.expect("a linked document can be presented").into_inner().code;

    let redeem = || RedeemPresentationRequest { code: code.clone() };
    let stranger =
        presentations.redeem_presentation(as_agency("hospital", redeem())).await.expect_err("another agency");
    assert_eq!(stranger.code(), Code::PermissionDenied);
    let redeemed = presentations.redeem_presentation(as_agency("one-stop", redeem())).await;
    let redeemed = redeemed.expect("the named agency redeems the code").into_inner();
    let records = &redeemed.records;
    assert_eq!(records.len(), 1);
    assert_eq!((records[0].record_type.as_str(), records[0].verdict.as_str()), ("driver_licence.licence.v1", "VALID"));
    // As if the answer had been lost: the same agency gets it again, others nothing.
    let repeated = presentations.redeem_presentation(as_agency("one-stop", redeem())).await.expect("repeated");
    let repeated = repeated.into_inner();
    assert_eq!((repeated.evidence, repeated.presentation), (redeemed.evidence, redeemed.presentation));
    let statement = |record: &Record| record.signed.as_ref().map(|signed| signed.statement.clone());
    assert!(statement(&repeated.records[0]).is_some());
    assert_eq!(statement(&repeated.records[0]), statement(&records[0]));
    presentations.redeem_presentation(as_agency("hospital", redeem())).await.expect_err("another agency");
    let typed = RedeemPresentationRequest { code: format!("{code}\n") };
    let refused = presentations.redeem_presentation(as_agency("one-stop", typed)).await.expect_err("not as given");
    assert_eq!(reason(&refused), (Code::InvalidArgument, "INVALID_REQUEST".into()));

    let unlink = UnlinkDocumentRequest { personal_id: NOTHING_LINKED.into(), link_id: link.link_id };
    let ended = links.unlink_document(as_citizen(NOTHING_LINKED, unlink)).await.expect("the link ends").into_inner();
    assert_eq!(ended.link.expect("an answer holds the link").state(), LinkState::Unlinked);
}

#[tokio::test]
async fn linking_is_refused_with_its_reason() {
    let gateway = Gateway::connect().await;
    let cases = [
        ("042188990004", DocumentType::DriverLicence, "HOLDER_MISMATCH"),
        ("042092990005", DocumentType::HealthInsuranceCard, "DOCUMENT_EXPIRED"),
        ("042089990015", DocumentType::HealthInsuranceCard, "ACCOUNT_LEVEL_TOO_LOW"),
    ];
    for (person, document, expected) in cases {
        let mut links = LinkServiceClient::new(gateway.channel.clone());
        let refused = links.link_document(as_citizen(person, link_request(person, document))).await;
        let status = refused.expect_err(expected);
        assert_eq!(reason(&status), (Code::FailedPrecondition, expected.to_owned()), "{person}");
    }
}

#[tokio::test]
async fn records_come_verified_and_the_citizen_sees_who_asked() {
    let gateway = Gateway::connect().await;
    let types = ["resident.person.v1", "land.certificate.v1", "vehicle.registration.v1"];
    let answer = fetch(&gateway, "one-stop", ALL_WELL, &types).await.expect("the one-stop centre has the right");
    let records = answer.decoded().expect("an answer holds records");
    assert!(answer.missing.is_empty(), "{:?}", answer.missing);
    for wanted in types {
        assert!(records.iter().any(|record| record.record_type == wanted), "{wanted} is there");
    }
    assert!(records.iter().all(|record| record.verdict == "VALID" && record.signed.is_some()));

    let mut exchange = ExchangeServiceClient::new(gateway.channel.clone());
    let question = ExplainRequest { request_id: answer.request_id.clone() };
    let explained = exchange.explain(as_agency("one-stop", question.clone())).await.expect("a caller may ask why");
    assert!(!explained.into_inner().checks.is_empty());
    let other = exchange.explain(as_agency("hospital", question)).await.expect_err("another caller");
    assert_eq!(other.code(), Code::NotFound);

    let mut log = AccessLogServiceClient::new(gateway.channel.clone());
    let request = ListAccessesRequest { personal_id: ALL_WELL.into(), page_size: 500, ..Default::default() };
    let listed = log.list_accesses(as_citizen(ALL_WELL, request)).await.expect("a citizen sees the log").into_inner();
    let access = listed.accesses.iter().find(|access| access.request_id == answer.request_id);
    assert_eq!(access.expect("the call is in the log").agency, "one-stop");
}

#[tokio::test]
async fn what_no_right_covers_is_denied_the_same_way_for_everybody() {
    let gateway = Gateway::connect().await;
    for person in [ALL_WELL, "042078990009", "042099999999"] {
        let status = fetch(&gateway, "one-stop", person, &["judicial.record.v1"]).await.expect_err("no right");
        assert_eq!(reason(&status), (Code::PermissionDenied, "RIGHT_MISSING".into()), "{person}");
    }
}

#[tokio::test]
async fn credentials_are_needed_believed_and_bound_to_a_role() {
    let gateway = Gateway::connect().await;
    let mut links = LinkServiceClient::new(gateway.channel.clone());
    let list = || ListLinksRequest { personal_id: ALL_WELL.into(), ..Default::default() };
    let none = links.list_links(Request::new(list())).await.expect_err("no credential");
    assert_eq!(reason(&none), (Code::Unauthenticated, "CREDENTIAL_MISSING".into()));
    let malformed = links.list_links(with_credential("no.such.token", list())).await.expect_err("not this caller");
    assert_eq!(malformed.code(), Code::Unauthenticated);
    let another = links.list_links(as_citizen(NOTHING_LINKED, list())).await.expect_err("not this caller");
    assert_eq!(another.code(), Code::PermissionDenied);
    let agency = links.list_links(as_agency("one-stop", list())).await.expect_err("not this caller");
    assert_eq!(agency.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn a_registry_lists_everybody_though_one_payload_does_not_read() {
    let gateway = Gateway::connect().await;
    let mut residents = ResidentServiceClient::new(gateway.channel.clone());
    let (mut page_token, mut unread) = (String::new(), Vec::new());
    loop {
        let request = SearchPersonsRequest { page_size: 500, page_token, ..Default::default() };
        let found = residents.search_persons(as_agency("police", request)).await.expect("a page").into_inner();
        unread.extend(found.persons.into_iter().filter(|version| version.person.is_none()));
        page_token = found.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    // The persona whose payload is not canonical: its bytes are served all the same.
    assert_eq!(unread.len(), 1);
    assert!(unread[0].record.is_some() && unread[0].version > 0);
}

#[tokio::test]
async fn personas_are_listed_with_a_command_each() {
    let gateway = Gateway::connect().await;
    let mut simulation = SimulationServiceClient::new(gateway.channel.clone());
    let listed = simulation.list_personas(as_agency("operator", ListPersonasRequest {})).await;
    let personas = listed.expect("personas are listed").into_inner().personas;
    assert!(personas.iter().any(|persona| persona.personal_id == NOTHING_LINKED));
    for persona in personas {
        assert!(persona.personal_id[6..].starts_with("99"), "{} is reserved", persona.personal_id);
        assert!(!persona.command.is_empty(), "{} has a command", persona.personal_id);
    }
}
