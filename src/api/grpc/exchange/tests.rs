//! The gRPC services, called with credentials in their metadata.

use std::sync::Arc;

use tokio_stream::StreamExt as _;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::access::Representation;
use crate::access::{People, RightsBook, rights};
use crate::api::grpc::access::{AccessLogGrpcService, AgencyGrpcService, ConsentGrpcService};
use crate::api::grpc::exchange::ExchangeGrpcService;
use crate::api::{Edge, PageTokens};
use crate::base::call::Permit;
use crate::base::client_ids::{ClientIds, ClientRequestId};
use crate::base::entropy::SeededEntropy;
use crate::base::{AgencyId, Call, Caller, PersonalId, RequestId, Result};
use crate::base::{OrganisationCode, Timestamp};
use crate::exchange::RecentCalls;
use crate::exchange::tests::world::{ANNA, BINH, NOW, World, pid, small};
use crate::registry::Catalogue;
use crate::registry::numbers::Numbers;
use crate::trust::merkle::{hash_leaf, verify_inclusion};
use crate::trust::{Checkpoint, Hash};
use crate::wire::proto::access::v1 as access;
use crate::wire::proto::access::v1::access_log_service_server::AccessLogService as _;
use crate::wire::proto::access::v1::agency_service_server::AgencyService as _;
use crate::wire::proto::access::v1::consent_service_server::ConsentService as _;
use crate::wire::proto::exchange::v1;
use crate::wire::proto::exchange::v1::bulk_fetch_records_response::Outcome;
use crate::wire::proto::exchange::v1::exchange_service_server::ExchangeService as _;

struct Services {
    world: World,
    exchange: ExchangeGrpcService,
    consents: ConsentGrpcService,
    log: AccessLogGrpcService,
    agencies: AgencyGrpcService,
}

/// A number of nobody.
const MADE_UP: &str = "042185000000";

/// Anna is Bình's guardian.
struct Mother;

#[tonic::async_trait]
impl People for Mother {
    async fn numbers(&self, number: PersonalId) -> Result<Numbers> {
        Ok(Numbers::only(number))
    }

    async fn knows(&self, person: &Numbers) -> Result<bool> {
        Ok(person.current != pid(MADE_UP))
    }

    async fn guardian_of(&self, person: &Numbers) -> Result<Option<PersonalId>> {
        Ok((person.current == pid(BINH)).then(|| pid(ANNA)))
    }

    async fn represents(&self, _: &Numbers, _: OrganisationCode, _: Timestamp) -> Result<Option<Representation>> {
        Ok(None)
    }
}

async fn services() -> Services {
    let world = small().start().await;
    let ring = Arc::new(RecentCalls::default());
    let entropy = Arc::new(SeededEntropy::new(world.seed.child("entropy", 0)));
    let ending = tokio::sync::watch::channel(false).1;
    let edge = Edge::new(world.clock.clone(), entropy, ring.clone(), ending);
    let pages = PageTokens::new(&world.seed, [0; 16]);
    let rights = RightsBook::of(rights::embedded());
    Services {
        exchange: ExchangeGrpcService::new(edge.clone(), world.exchange.clone(), ring, world.clock.clone()),
        consents: ConsentGrpcService::new(
            edge.clone(),
            rights.clone(),
            Catalogue::built_in(),
            world.consents.clone(),
            Arc::new(Mother),
            pages.clone(),
        ),
        log: AccessLogGrpcService::new(edge.clone(), world.evidence.clone(), Arc::new(Mother), pages),
        agencies: AgencyGrpcService::new(edge, rights),
        world,
    }
}

/// A request of this caller (`bank`, `citizen-…`), as admission hands it on.
fn by<T>(caller: &str, message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    let caller = match caller.strip_prefix("citizen-") {
        Some(id) => Caller::Citizen(pid(id)),
        None => Caller::Agency(AgencyId::parse(caller).expect("a key")),
    };
    let rights = rights::embedded();
    // `…::ExplainRequest` is that of `…/Explain`.
    let name = std::any::type_name::<T>().rsplit("::").next().and_then(|name| name.strip_suffix("Request"));
    let end = format!("/{}", name.expect("a request"));
    let method = rights.methods().map(|(name, _)| name).find(|name| name.ends_with(&end)).expect("a method");
    let permit = rights.permit(rights.method(method).expect("a row"), &caller);
    // A caller who would not be admitted arrives here as one whom no row names.
    let permit = permit.unwrap_or(Permit { is_named: false, allowed: "others".into() });
    let call = Call { request_id: RequestId(uuid::Uuid::now_v7()), permit, ..crate::world::call_by(caller, NOW) };
    request.extensions_mut().insert(Arc::new(call));
    request
}

fn ask(person: &str, types: &[&str], purpose: &str) -> v1::FetchRecordsRequest {
    v1::FetchRecordsRequest {
        organisation_code: String::new(),
        personal_id: person.into(),
        record_types: types.iter().map(|name| (*name).to_owned()).collect(),
        purpose: purpose.into(),
        reference: String::new(),
    }
}

fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

fn request_id(status: &Status) -> String {
    status.get_details_request_info().map(|info| info.request_id).unwrap_or_default()
}

#[tokio::test]
async fn a_fetch_is_answered_typed_and_explained_to_its_caller() {
    let services = services().await;
    let request = ask(ANNA, &["resident.person.v1", "land.certificate.v1"], "one_stop.verify_documents");
    let answer = services.exchange.fetch_records(by("one-stop", request)).await.expect("fetched").into_inner();
    assert_eq!((answer.records.len(), answer.missing.len()), (1, 1));
    assert_eq!(answer.missing[0].code, "RECORD_NOT_FOUND");
    let records = answer.decoded().expect("records");
    let Some(v1::record::Typed::Person(person)) = &records[0].typed else { unreachable!("a person") };
    assert_eq!((person.personal_id.as_str(), person.religion.as_str()), (ANNA, ""));
    assert_eq!(records[0].verdict, "VALID");

    let explain = |caller: &'static str| {
        services.exchange.explain(by(caller, v1::ExplainRequest { request_id: answer.request_id.clone() }))
    };
    let explained = explain("one-stop").await.expect("own").into_inner();
    assert_eq!((explained.outcome.as_str(), explained.caller.as_str()), ("OK", "one-stop"));
    assert_eq!(explained.evidence, answer.evidence);
    assert_eq!(explained.rights, **rights::embedded().version());
    let names: Vec<_> = explained.checks.iter().map(|check| check.name.as_str()).collect();
    assert_eq!(names, ["right", "consent", "registry.resident", "registry.land", "verify.resident.person.v1"]);
    explain("auditor").await.expect("sees all");
    assert_eq!(explain("hospital").await.expect_err("another's").code(), Code::NotFound);
    assert_eq!(explain("citizen-042185990002").await.expect_err("not theirs").code(), Code::NotFound);
}

#[tokio::test]
async fn refusals_are_explained_too_with_or_without_evidence() {
    let services = services().await;
    let denied = ask(ANNA, &["judicial.record.v1"], "one_stop.verify_documents");
    let denied = services.exchange.fetch_records(by("one-stop", denied)).await.expect_err("denied");
    assert_eq!((denied.code(), reason(&denied).as_str()), (Code::PermissionDenied, "RIGHT_MISSING"));
    let explain = v1::ExplainRequest { request_id: request_id(&denied) };
    let explained = services.exchange.explain(by("one-stop", explain)).await.expect("explained").into_inner();
    assert_eq!((explained.outcome.as_str(), explained.evidence.is_some()), ("RIGHT_MISSING", true));
    assert_eq!((explained.checks[0].name.as_str(), explained.checks[0].outcome.as_str()), ("right", "fail"));

    let citizen = "citizen-042185990002";
    let refused = services.exchange.fetch_records(by(citizen, ask(ANNA, &[], ""))).await.expect_err("agencies only");
    assert_eq!(reason(&refused), "ROLE_NOT_ALLOWED");
    let explain = || v1::ExplainRequest { request_id: request_id(&refused) };
    let explained = services.exchange.explain(by(citizen, explain())).await.expect("own").into_inner();
    assert_eq!((explained.caller.as_str(), explained.evidence.is_none()), ("citizen", true));
    let of_another = services.exchange.explain(by("one-stop", explain())).await.expect_err("another's");
    // Newer refusals push it out of the memory, and nobody says that it never was.
    for _ in 0..8 {
        services.exchange.fetch_records(by(citizen, ask(ANNA, &[], ""))).await.expect_err("agencies only");
    }
    let gone = services.exchange.explain(by(citizen, explain())).await.expect_err("not kept any more");
    assert_eq!((gone.code(), gone.message()), (Code::NotFound, of_another.message()));
    assert!(gone.message().starts_with("no call of yours with this id is kept: besides"), "{gone}");
    let bad = services.exchange.explain(by("one-stop", v1::ExplainRequest { request_id: "no id".into() })).await;
    assert_eq!(bad.expect_err("no id").code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_clients_own_id_explains_its_call_and_never_another_one() {
    let services = services().await;
    let named = |caller: &str, name: &str| {
        let mut request = by(caller, ask(ANNA, &["resident.person.v1"], "one_stop.verify_documents"));
        let call = request.extensions_mut().remove::<Arc<Call>>().and_then(Arc::into_inner).expect("a call");
        let client_ids = ClientIds { request_id: ClientRequestId::parse(name), ..ClientIds::default() };
        request.extensions_mut().insert(Arc::new(Call { client_ids, ..call }));
        request
    };
    let explain = |caller: &'static str, id: &str| {
        services.exchange.explain(by(caller, v1::ExplainRequest { request_id: id.to_owned() }))
    };
    let fetched = services.exchange.fetch_records(named("one-stop", "job-7")).await.expect("a right").into_inner();
    let explained = explain("one-stop", "job-7").await.expect("the one call").into_inner();
    assert_eq!((&explained.request_id, explained.client_request_id.as_str()), (&fetched.request_id, "job-7"));
    assert!(explained.evidence.is_some(), "it leads to the durable trace");
    assert_eq!(explain("hospital", "job-7").await.expect_err("another's").code(), Code::NotFound);
    assert_eq!(explain("one-stop", "job-8").await.expect_err("never sent").code(), Code::NotFound);

    let again = services.exchange.fetch_records(named("one-stop", "job-7")).await.expect("a right").into_inner();
    let ambiguous = explain("one-stop", "job-7").await.expect_err("which of the two?");
    assert_eq!((ambiguous.code(), reason(&ambiguous).as_str()), (Code::FailedPrecondition, "MULTIPLE_MATCHES"));
    let facts = ambiguous.get_details_error_info().expect("info").metadata;
    assert_eq!(facts["request_ids"], format!("{},{}", again.request_id, fetched.request_id), "the newest first");
    for id in [&fetched.request_id, &again.request_id] {
        assert!(ambiguous.message().contains(id.as_str()), "{}", ambiguous.message());
        assert_eq!(&explain("one-stop", id).await.expect("by our id").into_inner().request_id, id);
    }
    // A client may take one of our ids for its own: ours still leads to the call that has it.
    services.exchange.fetch_records(named("one-stop", &fetched.request_id)).await.expect("a right");
    let explained = explain("one-stop", &fetched.request_id).await.expect("ours comes first").into_inner();
    assert_eq!(explained.request_id, fetched.request_id);
}

#[tokio::test]
async fn bulk_answers_each_citizen_in_order_with_an_outcome_of_their_own() {
    let services = services().await;
    services.world.consents.refuse_all(pid(BINH), NOW).await.expect("refused");
    let citizens = [ANNA, BINH, "042000000000", ANNA];
    let request = v1::BulkFetchRecordsRequest {
        personal_ids: citizens.iter().map(|id| (*id).to_owned()).collect(),
        record_types: vec!["resident.person.v1".into()],
        purpose: "one_stop.verify_documents".into(),
        reference: String::new(),
    };
    let stream =
        services.exchange.bulk_fetch_records(by("one-stop", request.clone())).await.expect("begun").into_inner();
    let answers: Vec<_> = stream.map(|answer| answer.expect("no error ends it")).collect().await;
    assert_eq!(answers.iter().map(|answer| answer.index).collect::<Vec<_>>(), [0, 1, 2, 3]);
    let found = |at: usize| match &answers[at].outcome {
        Some(Outcome::Found(found)) => found.records.len(),
        _ => usize::MAX,
    };
    assert_eq!((found(0), found(2), found(3)), (1, 0, 1));
    let Some(Outcome::Refused(refusal)) = &answers[1].outcome else { unreachable!("refused") };
    assert_eq!(refusal.code, "CONSENT_MISSING");
    let explain = v1::ExplainRequest { request_id: refusal.request_id.clone() };
    services.exchange.explain(by("one-stop", explain)).await.expect("each has its own id");

    let before = services.world.evidence.accesses(pid(ANNA), None, 1).await.expect("accesses").claim.count;
    let typo = v1::BulkFetchRecordsRequest { record_types: vec!["resident.persn.v1".into()], ..request.clone() };
    let refused = services.exchange.bulk_fetch_records(by("one-stop", typo)).await.err().expect("refused as a whole");
    let bad = refused.get_details_bad_request().expect("details");
    assert_eq!(bad.field_violations[0].field, "record_types[0]");
    let after = services.world.evidence.accesses(pid(ANNA), None, 1).await.expect("accesses").claim.count;
    assert_eq!(after, before, "no citizen's log has an entry of it");

    let bad = v1::BulkFetchRecordsRequest { personal_ids: vec![ANNA.into(), "1".into()], ..request };
    let refused = services.exchange.bulk_fetch_records(by("one-stop", bad)).await.err().expect("refused");
    let bad = refused.get_details_bad_request().expect("details");
    assert_eq!(bad.field_violations[0].field, "personal_ids[1]");
    let explain = v1::ExplainRequest { request_id: request_id(&refused) };
    let explained = services.exchange.explain(by("one-stop", explain)).await.expect("logged").into_inner();
    assert!(explained.evidence.is_some());
}

#[tokio::test]
async fn a_consent_opens_the_door_and_its_withdrawal_shuts_it() {
    let services = services().await;
    let citizen = "citizen-042185990002";
    let kyc = || by("bank", ask(ANNA, &["resident.person.v1"], "bank.know_your_customer"));
    assert_eq!(reason(&services.exchange.fetch_records(kyc()).await.expect_err("no consent")), "CONSENT_MISSING");
    let grant = access::GrantConsentRequest {
        personal_id: ANNA.into(),
        agency: "bank".into(),
        purpose: "bank.know_your_customer".into(),
        record_types: vec!["resident.person.v1".into()],
        ttl_seconds: 0,
    };
    let other =
        services.consents.grant_consent(by("citizen-042090990001", grant.clone())).await.expect_err("not theirs");
    assert_eq!(other.code(), Code::PermissionDenied);
    let granted = services.consents.grant_consent(by(citizen, grant.clone())).await.expect("granted").into_inner();
    services.exchange.fetch_records(kyc()).await.expect("with consent");
    let consent_id = granted.consent.expect("consent").consent_id;
    let withdraw = access::WithdrawConsentRequest { personal_id: ANNA.into(), consent_id };
    services.consents.withdraw_consent(by(citizen, withdraw)).await.expect("withdrawn");
    assert_eq!(reason(&services.exchange.fetch_records(kyc()).await.expect_err("withdrawn")), "CONSENT_MISSING");

    let hospital =
        access::GrantConsentRequest { agency: "hospital".into(), purpose: "health.admission".into(), ..grant.clone() };
    services.consents.grant_consent(by(citizen, hospital)).await.expect("granted");
    let list = |page_token| access::ListConsentsRequest {
        personal_id: ANNA.into(),
        page_size: 1,
        page_token,
        ..Default::default()
    };
    let first = services.consents.list_consents(by(citizen, list(String::new()))).await.expect("page").into_inner();
    let second = services.consents.list_consents(by(citizen, list(first.next_page_token.clone()))).await.expect("page");
    let second = second.into_inner();
    assert_eq!((first.consents.len(), second.consents.len(), second.next_page_token.as_str()), (1, 1, ""));
    assert_ne!(first.consents[0].agency, second.consents[0].agency);

    let bad =
        access::GrantConsentRequest { agency: "nobody".into(), purpose: "x".into(), record_types: vec![], ..grant };
    let refused = services.consents.grant_consent(by(citizen, bad)).await.expect_err("refused");
    assert_eq!(refused.get_details_bad_request().expect("details").field_violations.len(), 3);
}

#[tokio::test]
async fn a_made_up_citizen_leaves_no_consent() {
    let services = services().await;
    let grant = access::GrantConsentRequest {
        personal_id: MADE_UP.into(),
        agency: "bank".into(),
        purpose: "bank.know_your_customer".into(),
        record_types: vec!["resident.person.v1".into()],
        ttl_seconds: 0,
    };
    let made_up = format!("citizen-{MADE_UP}");
    let refused = services.consents.grant_consent(by(&made_up, grant)).await.expect_err("nobody");
    assert_eq!((refused.code(), reason(&refused)), (Code::FailedPrecondition, "ACCOUNT_MISSING".into()));
    let list = access::ListConsentsRequest { personal_id: MADE_UP.into(), ..Default::default() };
    let listed = services.consents.list_consents(by(&made_up, list)).await.expect("listed").into_inner();
    assert!(listed.consents.is_empty());
}

#[tokio::test]
async fn a_guardian_gives_and_withdraws_the_childs_consents_and_is_named() {
    let services = services().await;
    let (mother, child) = ("citizen-042185990002", "citizen-042090990001");
    let grant = access::GrantConsentRequest {
        personal_id: BINH.into(),
        agency: "bank".into(),
        purpose: "bank.know_your_customer".into(),
        record_types: vec!["resident.person.v1".into()],
        ttl_seconds: 0,
    };
    let mut ids = Vec::new();
    for caller in [mother, child] {
        let granted = services.consents.grant_consent(by(caller, grant.clone())).await.expect("granted").into_inner();
        ids.push(granted.consent.expect("consent").consent_id);
    }
    for consent_id in &ids {
        let withdraw = access::WithdrawConsentRequest { personal_id: BINH.into(), consent_id: consent_id.clone() };
        services.consents.withdraw_consent(by(mother, withdraw)).await.expect("withdrawn");
    }
    let list = access::ListConsentsRequest { personal_id: BINH.into(), include_replaced: true, ..Default::default() };
    let listed = services.consents.list_consents(by(mother, list.clone())).await.expect("listed").into_inner().consents;
    let history = |consent: &access::Consent| {
        let event = |event: &access::ConsentEvent| {
            assert!(event.at.is_some() && !event.request_id.is_empty());
            assert_eq!(event.guardian_personal_id, if event.actor == "guardian" { ANNA } else { "" });
            format!("{} by {}", event.state().as_str_name().trim_start_matches("CONSENT_STATE_"), event.actor)
        };
        consent.events.iter().map(event).collect::<Vec<_>>()
    };
    assert_eq!(history(&listed[0]), ["GRANTED by citizen", "WITHDRAWN by guardian"]);
    assert_eq!(history(&listed[1]), ["GRANTED by guardian", "REPLACED by citizen"]);
    let log = access::ListAccessesRequest { personal_id: BINH.into(), ..Default::default() };
    services.log.list_accesses(by(mother, log)).await.expect("the child's log");
    let mothers = access::ListConsentsRequest { personal_id: ANNA.into(), ..Default::default() };
    let refused = services.consents.list_consents(by(child, mothers)).await.expect_err("not the other way round");
    assert_eq!(reason(&refused), "ROLE_NOT_ALLOWED");
    let withdraw = access::WithdrawConsentRequest { personal_id: BINH.into(), consent_id: "62616e6b".into() };
    let refused = services.consents.withdraw_consent(by(child, withdraw)).await.expect_err("of an earlier form");
    assert_eq!(refused.get_details_bad_request().expect("details").field_violations[0].field, "consent_id");
}

#[tokio::test]
async fn a_citizen_sees_every_access_with_its_proof() {
    let services = services().await;
    for purpose in ["one_stop.verify_documents", "one_stop.process_dossier"] {
        let request = ask(ANNA, &["resident.person.v1"], purpose);
        services.exchange.fetch_records(by("one-stop", request)).await.expect("fetched");
    }
    services
        .exchange
        .fetch_records(by("bank", ask(ANNA, &["resident.person.v1"], "land.transfer")))
        .await
        .expect_err("no");
    let list = |page_token: String| access::ListAccessesRequest {
        personal_id: ANNA.into(),
        page_size: 2,
        page_token,
        ..Default::default()
    };
    let citizen = "citizen-042185990002";
    let first = services.log.list_accesses(by(citizen, list(String::new()))).await.expect("page").into_inner();
    assert_eq!(first.accesses[0].outcome, "RIGHT_MISSING");
    assert_eq!((first.accesses[0].agency.as_str(), first.accesses[0].purpose.as_str()), ("bank", "land.transfer"));
    let second = services.log.list_accesses(by(citizen, list(first.next_page_token.clone()))).await.expect("page");
    let second = second.into_inner();
    let numbers = |page: &access::ListAccessesResponse| {
        page.accesses.iter().map(|access| access.subject_sequence).collect::<Vec<_>>()
    };
    assert_eq!((numbers(&first), numbers(&second)), (vec![3, 2], vec![1]));
    for page in [&first, &second] {
        let claim = page.completeness.as_ref().expect("claim");
        assert_eq!(claim.count, 3);
        let checkpoint = Checkpoint::of_note(claim.checkpoint.as_bytes()).expect("checkpoint");
        for access in &page.accesses {
            let path: Vec<Hash> = access.path.iter().map(|node| node.as_ref().try_into().expect("32 bytes")).collect();
            let (leaf, index) = (hash_leaf(&access.entry), access.ledger_index);
            verify_inclusion(&leaf, index, checkpoint.size, &path, &checkpoint.root).expect("included");
        }
    }
    services.log.list_accesses(by("auditor", list(String::new()))).await.expect("evidence is the auditor's");
    for other in ["bank", "operator", "citizen-042090990001"] {
        let refused = services.log.list_accesses(by(other, list(String::new()))).await.expect_err("not theirs");
        assert_eq!(refused.code(), Code::PermissionDenied, "{other}");
    }
}

#[tokio::test]
async fn agencies_are_listed_and_rights_shown_to_their_own() {
    let services = services().await;
    let listed = services.agencies.list_agencies(by("citizen-042185990002", access::ListAgenciesRequest {})).await;
    let listed = listed.expect("anybody known").into_inner().agencies;
    let police = listed.iter().find(|agency| agency.key == "police").expect("police");
    assert_eq!(police.registries, ["resident", "judicial", "driver_licence", "vehicle"]);
    let rights = |caller: &'static str, agency: &str| {
        services.agencies.list_rights(by(caller, access::ListRightsRequest { agency: agency.into() }))
    };
    let own = rights("bank", "").await.expect("own").into_inner().rights;
    assert!(!own.is_empty() && own.iter().all(|right| right.consent_required && right.agency == "bank"));
    rights("auditor", "bank").await.expect("auditor");
    assert_eq!(rights("bank", "police").await.expect_err("another's").code(), Code::PermissionDenied);
    for caller in ["operator", "bank"] {
        assert_eq!(rights(caller, "polize").await.expect_err("none").code(), Code::InvalidArgument, "{caller}");
    }
    let none = rights("citizen-042185990002", "").await.expect_err("agencies only");
    assert_eq!(none.code(), Code::PermissionDenied);
}
