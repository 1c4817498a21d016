//! Citizens of a test's own, through the public API: complete, legal, fetched at once; the same when requested again, whatever happened in between.

#![allow(clippy::disallowed_methods, reason = "tests measure and wait by the machine's time")]

mod common;

use std::collections::BTreeSet;

use common::dynamic::Call;
use common::{Started, gateway, reason, said};
use futures::StreamExt as _;
use futures::future::join_all;
use lienthong::server::{Config, Storage};
use lienthong::simulation::examples;
use serde_json::{Value, json};
use tonic::transport::Channel;
use tonic::{Code, Status};

/// Calls the province, or a session of it.
struct Client {
    channel: Channel,
    session: Option<String>,
}

impl Client {
    fn new(channel: &Channel) -> Self {
        Self { channel: channel.clone(), session: None }
    }

    /// A new session.
    async fn session(&self) -> Self {
        let created = self.ask("demo-operator", "simulation.v1.SessionService/CreateSession", json!({})).await;
        let id = created["session"]["sessionId"].as_str().expect("an id").to_owned();
        Self { channel: self.channel.clone(), session: Some(id) }
    }

    async fn call(&self, who: &str, method: &str, body: Value) -> Result<Value, Status> {
        let call = Call { headers: Vec::new(), body: body.to_string(), method: format!("lienthong.{method}") };
        let call = call.with("authorization", &format!("Bearer {who}")).with("grpc-timeout", "55S");
        let call = self.session.iter().fold(call, |call, id| call.with("x-lienthong-session", id));
        call.make(&self.channel).await
    }

    async fn ask(&self, who: &str, method: &str, body: Value) -> Value {
        self.call(who, method, body).await.unwrap_or_else(|status| panic!("{method}: {status} {:?}", said(&status)))
    }

    async fn try_create(&self, id: &str, mut body: Value) -> Result<Value, Status> {
        body["request_id"] = json!(id);
        self.call("demo-operator", "simulation.v1.SimulationService/CreatePerson", body).await
    }

    async fn create(&self, id: &str, body: Value) -> Value {
        self.try_create(id, body).await.unwrap_or_else(|status| panic!("{id}: {status} {:?}", said(&status)))
    }

    async fn refused(&self, id: &str, body: Value) -> (Code, String) {
        reason(&self.try_create(id, body).await.expect_err(id))
    }

    /// The records that an agency fetches.
    async fn fetch(&self, person: &str, types: &[&str]) -> Value {
        let body = json!({ "personal_id": person, "record_types": types, "purpose": "one_stop.verify_documents" });
        self.ask("demo-one-stop", "exchange.v1.ExchangeService/FetchRecords", body).await
    }

    async fn view(&self, person: &str) -> Value {
        let body = json!({ "personal_id": person });
        self.ask("demo-operator", "province.v1.ProvinceService/GetPerson", body).await["person"].clone()
    }

    async fn ledger_size(&self) -> Value {
        let world = self.ask("demo-operator", "simulation.v1.SimulationService/GetWorld", json!({})).await;
        world["ledgerSize"].clone()
    }
}

async fn started() -> (Started, Client) {
    let started = gateway().start().await;
    let client = Client::new(&started.channel);
    (started, client)
}

fn id_of(answer: &Value) -> &str {
    answer["person"]["personalId"].as_str().expect("a number")
}

fn record_types(person: &Value) -> BTreeSet<&str> {
    person["records"]
        .as_array()
        .expect("records")
        .iter()
        .map(|one| one["recordType"].as_str().expect("a type"))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_citizen_with_everything_is_fetched_at_once() {
    let (started, client) = started().await;
    let asked = json!({
        "full_name": "Nguyễn Thị Hoà", "birth_date": "1994-02-11", "sex": "SEX_FEMALE", "unit_code": "18100",
        "vehicles": [{ "kind": "car", "plate": "38a 55555" }],
        "licence": { "classes": ["B", "C1"], "points": 3 },
    });
    let answer = client.create("created-whole", asked).await;
    let (person, id) = (&answer["person"], id_of(&answer).to_owned());
    assert!(id.starts_with("04219499"), "province, century and sex, year, reserved: {id}");
    assert_eq!(person["account"]["level"], "ACCOUNT_LEVEL_TWO");
    assert_eq!(person["account"]["credential"], format!("demo-citizen-{id}"));
    let registries: BTreeSet<_> =
        person["records"].as_array().expect("records").iter().map(|one| one["registry"].as_str()).collect();
    assert_eq!(registries.len(), 8, "{answer}");
    let types = ["resident.person.v1", "land.certificate.v1", "vehicle.registration.v1", "driver_licence.licence.v1"];
    let fetched = client.fetch(&id, &types).await;
    let records = fetched["records"].as_array().expect("records");
    assert_eq!(records.len(), 4, "{fetched}");
    assert!(records.iter().all(|one| one["verdict"] == "VALID"), "{fetched}");
    let text = fetched.to_string();
    assert!(text.contains("38A-555.55") && text.contains("Nguyễn Thị Hoà"), "{fetched}");
    let view = client.view(&id).await;
    assert!(view["discrepancies"].as_array().is_none_or(Vec::is_empty), "{view}");
    let link = json!({ "personal_id": id, "document_type": "DOCUMENT_TYPE_DRIVER_LICENCE" });
    let who = format!("demo-citizen-{id}");
    let linked = client.ask(&who, "identity.v1.LinkService/LinkDocument", link).await;
    assert_eq!(linked["link"]["state"], "LINK_STATE_LINKED");
    // the plate is hers now
    let taken = json!({ "vehicles": [{ "kind": "car", "plate": "38A-555.55" }] });
    let refused = client.try_create("created-plate", taken).await.expect_err("taken");
    assert!(refused.message().contains("the plate is on a vehicle already"), "{refused}");
    started.end().await;
}

/// The registries of `serve --with-examples`, without the sample data that a population brings.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn papers_of_a_registry_from_a_schema_file_are_like_all_others() {
    let started = gateway().with(|config| Config { registries: examples::all(), ..config }).start().await;
    let client = Client::new(&started.channel);
    let papers = ["education.diploma.v1", "construction.transport_permit.v1"];
    let answer = client.create("created-graduate", json!({ "papers": papers })).await;
    let id = id_of(&answer).to_owned();
    assert_eq!(
        record_types(&answer["person"]),
        BTreeSet::from(["resident.person.v1", "education.diploma.v1", "construction.transport_permit.v1"])
    );
    let links = answer["person"]["links"].as_array().expect("links").clone();
    assert_eq!(links.len(), 1, "a diploma is a document, a permit of a business is none: {answer}");
    assert_eq!(links[0]["recordType"], "education.diploma.v1");
    let fetch = json!({ "personal_id": id, "record_types": [papers[0]], "purpose": "education.check_degree" });
    let fetched = client.ask("demo-one-stop", "exchange.v1.ExchangeService/FetchRecords", fetch).await;
    assert_eq!(fetched["records"][0]["verdict"], "VALID", "{fetched}");
    // Another one has another number.
    let other = client.create("created-other-graduate", json!({ "papers": papers })).await;
    let number = |answer: &Value| answer["person"]["links"][0]["documentNumber"].as_str().expect("a number").to_owned();
    assert_ne!(number(&answer), number(&other));
    let old = json!({ "papers": papers, "birth_date": "1899-12-31" });
    assert_eq!(client.refused("created-too-old", old).await.1, "INVALID_REQUEST");
    started.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repetition_is_the_same_citizen_and_another_request_is_none() {
    let (started, client) = started().await;
    let asked = json!({ "papers": ["driver_licence.licence.v1"] });
    let first = client.create("created-again", asked.clone()).await;
    let size = client.ledger_size().await;
    assert_eq!(client.create("created-again", asked).await, first);
    assert_eq!(client.ledger_size().await, size, "nothing was written again");
    let other = client.refused("created-again", json!({ "papers": ["land.parcel.v1"] })).await;
    assert_eq!(other, (Code::AlreadyExists, "REQUEST_ID_REUSED".into()));
    assert_eq!(client.refused("short", json!({})).await, (Code::InvalidArgument, "INVALID_REQUEST".into()));
    // equal requests at once are one citizen
    let at_once =
        join_all((0..8).map(|_| client.create("created-at-once", json!({ "situation": "frozen_land" })))).await;
    assert!(at_once.iter().all(|answer| answer == &at_once[0]), "{at_once:?}");
    assert_eq!(at_once[0]["others"].as_array().map(Vec::len), Some(1));
    started.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_writes_nothing_and_takes_no_number() {
    let (started, client) = started().await;
    let size = client.ledger_size().await;
    for (at, bad) in [
        json!({ "birth_date": "2016-05-01", "papers": ["driver_licence.licence.v1"] }),
        json!({ "birth_date": "2216-05-01" }),
        json!({ "situation": "lapsd_card" }),
        json!({ "papers": ["driver_licence.licence"] }),
        json!({ "mother_id": "042199999999" }),
        json!({ "spouse_id": "042182990008" }),
        json!({ "household_of": "042065990010" }),
        json!({ "sex": 7 }),
    ]
    .into_iter()
    .enumerate()
    {
        let refused = client.refused(&format!("created-bad-{at}"), bad.clone()).await;
        assert_eq!(refused, (Code::InvalidArgument, "INVALID_REQUEST".into()), "{bad}");
    }
    assert_eq!(client.ledger_size().await, size);
    let first = client.create("created-good", json!({ "birth_date": "1990-01-01", "sex": "SEX_MALE" })).await;
    assert_eq!(id_of(&first), "042090991000");
    let stranger = client.call("demo-bank", "simulation.v1.SimulationService/CreatePerson", json!({})).await;
    assert_eq!(reason(&stranger.expect_err("no tester")), (Code::PermissionDenied, "ROLE_NOT_ALLOWED".into()));
    started.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_family_is_created_one_by_one() {
    let (started, client) = started().await;
    let mother = client.create("family-mother", json!({ "sex": "SEX_FEMALE", "birth_date": "1990-03-04" })).await;
    let mother_id = id_of(&mother).to_owned();
    let father = json!({ "spouse_id": mother_id, "birth_date": "1988-05-06", "papers": ["health_insurance.card.v1"] });
    let father = client.create("family-father", father).await;
    let father_id = id_of(&father).to_owned();
    assert_eq!(father["person"]["sex"], "SEX_MALE", "{father}");
    let child = json!({ "mother_id": mother_id, "father_id": father_id, "birth_date": "2017-08-09" });
    let child = client.create("family-child", child).await;
    let surname = |answer: &Value| {
        answer["person"]["fullName"].as_str().and_then(|name| name.split(' ').next()).map(str::to_owned)
    };
    assert_eq!(surname(&child), surname(&father));
    assert_eq!(child["person"]["account"]["guardianPersonalId"], mother_id, "{child}");
    assert_eq!(
        record_types(&child["person"]).len(),
        4,
        "person, card, birth, and the household that she joined: {child}"
    );
    let household = |answer: &Value| {
        let records = answer["person"]["records"].as_array().expect("records").clone();
        let of = records.into_iter().find(|one| one["recordType"] == "resident.household.v1").expect("a household");
        (of["naturalKey"].clone(), of["version"].clone())
    };
    let (key, _) = household(&mother);
    assert_eq!(household(&father), (key.clone(), json!("2")));
    assert_eq!(household(&child), (key, json!("3")));
    for (id, of) in [(&mother_id, &mother), (&father_id, &father)] {
        let view = client.view(id).await;
        assert!(view["discrepancies"].as_array().is_none_or(Vec::is_empty), "{of}: {view}");
    }
    let view = client.fetch(&mother_id, &["resident.person.v1"]).await;
    assert!(view["records"][0].to_string().contains("VALID"), "{view}");
    let again = json!({ "spouse_id": mother_id, "sex": "SEX_MALE" });
    let refused = client.try_create("family-bigamist", again).await.expect_err("she is married");
    assert!(refused.message().contains("married already"), "{refused}");
    started.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_created_is_there_after_a_restart_with_its_faults() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = async || {
        let storage = Storage::Folder(folder.path().to_owned());
        let started = gateway().with(|config| Config { storage, ..config }).on_a_socket().start().await;
        let client = Client::new(&started.channel);
        (started, client)
    };
    let asked = || json!({ "situation": "unavailable" });
    let (started, client) = open().await;
    let first = client.create("created-before", asked()).await;
    let person = id_of(&first).to_owned();
    let fetch = async |client: &Client| {
        let body = json!({
            "personal_id": person, "record_types": ["resident.person.v1", "driver_licence.licence.v1"],
            "purpose": "one_stop.verify_documents",
        });
        let answer = client.call("demo-one-stop", "exchange.v1.ExchangeService/FetchRecords", body).await;
        reason(&answer.expect_err("the fault"))
    };
    assert_eq!(fetch(&client).await, (Code::Unavailable, "REGISTRY_UNAVAILABLE".into()));
    drop(client);
    started.end().await.close().await;

    let (started, client) = open().await;
    assert_eq!(fetch(&client).await, (Code::Unavailable, "REGISTRY_UNAVAILABLE".into()));
    // The command to try names the address of this start.
    let without_command = |mut answer: Value| {
        answer["person"].as_object_mut().expect("a citizen").remove("command");
        answer
    };
    let again = client.create("created-before", asked()).await;
    assert_eq!(without_command(again), without_command(first));
    let reused = client.refused("created-before", json!({ "situation": "slow" })).await;
    assert_eq!(reused, (Code::AlreadyExists, "REQUEST_ID_REUSED".into()));
    let next = client.create("created-after", asked()).await;
    assert_ne!(id_of(&next), person);
    drop(client);
    started.end().await.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_requests_make_five_hundred_citizens() {
    let (started, client) = started().await;
    let client = &client;
    let made = futures::stream::iter(0..500).map(|at| async move {
        let body = if at % 2 == 0 { json!({ "unit_code": "18073" }) } else { json!({ "situation": "two_spellings" }) };
        client.create(&format!("created-many-{at}"), body).await
    });
    let made: Vec<Value> = made.buffer_unordered(8).collect().await;
    let ids: BTreeSet<&str> = made.iter().map(id_of).collect();
    assert_eq!(ids.len(), 500);
    let keys = made.iter().flat_map(|answer| answer["person"]["records"].as_array().expect("records"));
    let keys: Vec<_> = keys.map(|one| (one["recordType"].to_string(), one["naturalKey"].to_string())).collect();
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len());
    started.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_opened_for_whoever_is_there_and_once() {
    let (started, client) = started().await;
    let open =
        async |body: Value| client.call("demo-operator", "simulation.v1.SimulationService/OpenAccount", body).await;
    let asked = json!({ "account": "ACCOUNT_CHOICE_NONE", "papers": ["business.enterprise.v1"] });
    let owner = client.create("owner-without", asked).await;
    let id = id_of(&owner).to_owned();
    assert!(owner["person"].get("account").is_none(), "{owner}");
    let first = open(json!({ "personal_id": id })).await.expect("opened");
    assert_eq!(first["account"]["level"], "ACCOUNT_LEVEL_TWO");
    assert_eq!(open(json!({ "personal_id": id })).await.expect("the same"), first);
    let other = open(json!({ "personal_id": id, "level": "ACCOUNT_LEVEL_ONE" })).await.expect_err("another level");
    assert_eq!(reason(&other), (Code::AlreadyExists, "ALREADY_EXISTS".into()));
    let records = owner["person"]["records"].as_array().expect("records");
    let company = records.iter().find(|one| one["recordType"] == "business.enterprise.v1").expect("a company");
    let code = company["naturalKey"].clone();
    let opened = open(json!({ "organisation_code": code })).await.expect("opened");
    assert_eq!(open(json!({ "organisation_code": code })).await.expect("the same"), opened);
    let seen = client
        .ask(
            &format!("demo-citizen-{id}"),
            "identity.v1.OrganisationService/GetOrganisationAccount",
            json!({ "organisation_code": code }),
        )
        .await;
    assert_eq!(seen["account"]["openedAt"], opened["openedAt"]);

    let child = json!({ "birth_date": "2018-01-02", "account": "ACCOUNT_CHOICE_NONE" });
    let child = id_of(&client.create("child-without", child).await).to_owned();
    let expected = [
        (json!({}), Code::InvalidArgument, "INVALID_REQUEST"),
        (json!({ "personal_id": "42" }), Code::InvalidArgument, "INVALID_REQUEST"),
        (json!({ "personal_id": "042199999999" }), Code::NotFound, "NOT_FOUND"),
        (
            json!({ "personal_id": "042065990010", "level": "ACCOUNT_LEVEL_TWO" }),
            Code::FailedPrecondition,
            "PERSON_DECEASED",
        ),
        (json!({ "organisation_code": "0100233488" }), Code::NotFound, "NOT_FOUND"),
        (json!({ "organisation_code": code, "level": "ACCOUNT_LEVEL_ONE" }), Code::InvalidArgument, "INVALID_REQUEST"),
        (json!({ "personal_id": child }), Code::InvalidArgument, "INVALID_REQUEST"),
        (json!({ "personal_id": child, "guardian_id": child }), Code::InvalidArgument, "INVALID_REQUEST"),
        (json!({ "personal_id": child, "guardian_id": "042065990010" }), Code::InvalidArgument, "INVALID_REQUEST"),
    ];
    for (body, code, reason_expected) in expected {
        let refused = open(body.clone()).await.expect_err("refused");
        assert_eq!(reason(&refused), (code, reason_expected.into()), "{body}: {refused}");
    }
    let opened = open(json!({ "personal_id": child, "guardian_id": id })).await.expect("through a guardian");
    assert_eq!(
        (&opened["account"]["level"], &opened["account"]["guardianPersonalId"]),
        (&json!("ACCOUNT_LEVEL_ONE"), &json!(id))
    );
    started.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_has_citizens_and_faults_of_its_own() {
    let (started, client) = started().await;
    let session = client.session().await;
    let asked = |situation: &str| json!({ "request_id": "created-in-both", "situation": situation, "birth_date": "1990-05-06" });
    let create = "simulation.v1.SimulationService/CreatePerson";
    let theirs = session.call("demo-operator", create, asked("unavailable")).await.expect("created in the session");
    let ours = client.ask("demo-operator", create, asked("happy")).await;
    // Each world has numbers of its own, and so the same ones.
    assert_eq!(id_of(&theirs), id_of(&ours));
    let body = json!({
        "personal_id": id_of(&ours), "record_types": ["resident.person.v1", "land.certificate.v1"],
        "purpose": "one_stop.verify_documents",
    });
    let fetch = "exchange.v1.ExchangeService/FetchRecords";
    let refused = session.call("demo-one-stop", fetch, body.clone()).await.expect_err("the session's fault");
    assert_eq!(reason(&refused), (Code::Unavailable, "REGISTRY_UNAVAILABLE".into()));
    let fetched = client.ask("demo-one-stop", fetch, body).await;
    let records = fetched["records"].as_array().expect("records");
    assert!(records.len() == 2 && records.iter().all(|one| one["verdict"] == "VALID"), "{fetched}");
    started.end().await;
}

/// False signatures outlive every fault, so that outside sessions only the personas whom everybody knows have them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_situation_in_which_a_registry_signs_falsely_is_for_sessions() {
    let (started, client) = started().await;
    let session = client.session().await;
    let rules = async || {
        let listed = client.ask("demo-operator", "simulation.v1.FaultService/ListFaults", json!({ "page_size": 500 }));
        listed.await["faults"].as_array().map_or(0, Vec::len)
    };
    let before = rules().await;
    for (situation, persona) in
        [("other_issuer", "042090990102"), ("compromised_key", "042090990103"), ("issued_in_future", "042090990105")]
    {
        for named in [situation, persona] {
            let refused = client.refused(&format!("false-{named}"), json!({ "situation": named })).await;
            assert_eq!(refused, (Code::FailedPrecondition, "FAULT_NEEDS_SESSION".into()), "{named}");
        }
        // Nothing was begun under the request's id, so that it is free for another citizen.
        let other = client.create(&format!("false-{situation}"), json!({ "situation": "happy" })).await;
        assert!(other["person"].get("fault").is_none(), "{other}");
        let asked = json!({ "request_id": format!("false-{situation}"), "situation": situation });
        let made = session.call("demo-operator", "simulation.v1.SimulationService/CreatePerson", asked).await;
        let made = made.unwrap_or_else(|status| panic!("{situation}: {status}"));
        assert_eq!(made["person"]["fault"], situation);
        let body = json!({
            "personal_id": id_of(&made), "record_types": ["resident.person.v1"], "purpose": "one_stop.verify_documents",
        });
        let fetched = session.call("demo-one-stop", "exchange.v1.ExchangeService/FetchRecords", body).await;
        assert_eq!(fetched.expect_err("it is refused").code(), Code::DataLoss, "{situation}");
    }
    assert_eq!(rules().await, before, "no rule was added to the province");
    let tampered = client.create("false-but-unsigned", json!({ "situation": "payload_changed" })).await;
    assert_eq!(tampered["person"]["fault"], "payload_changed", "what nobody signs may be anywhere");
    started.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_calls_at_once_have_one_answer_on_a_disk_too() {
    // Conditions see what is not durable yet, and reads do not: in memory there is no such moment.
    let on_disk = |config| Config { storage: Storage::Temporary, ..config };
    let started = gateway().with(on_disk).start().await;
    let client = Client::new(&started.channel);
    for round in 0..5 {
        let id = format!("at-once-{round}-0000");
        let wanted = json!({ "situation": "no_points" });
        let answers = join_all((0..30).map(|_| client.try_create(&id, wanted.clone()))).await;
        let answers: Vec<Value> = answers.into_iter().map(|answer| answer.expect("created")).collect();
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{id}");
        assert!(answers[0]["person"]["links"].as_array().is_some_and(|links| !links.is_empty()), "{}", answers[0]);
    }
    // Of the citizens who claim one spouse, one is married, and nothing is stored of the others.
    let spouse = client.create("the-spouse-0000", json!({ "sex": "SEX_FEMALE", "birth_date": "1990-03-04" })).await;
    let spouse = id_of(&spouse).to_owned();
    let wanted = json!({ "spouse_id": spouse, "birth_date": "1988-05-06" });
    let ids: Vec<String> = (0..6).map(|at| format!("suitor-{at}-0000")).collect();
    let answers = join_all(ids.iter().map(|id| client.try_create(id, wanted.clone()))).await;
    let (married, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!((married.len(), refused.len()), (1, 5));
    assert!(refused.iter().all(|answer| answer.as_ref().is_err_and(|status| status.code() == Code::InvalidArgument)));
    client.create("born-on-leap-day", json!({ "birth_date": "2000-02-29" })).await;
}
