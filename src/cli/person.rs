//! `lienthong person`: citizens of a test's own, in the world of a running server.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use tonic::{Code, Status};

use super::language::say;
use super::output::{Failure, OutputFormat, print_json, print_text, runtime};
use super::server::ServerArgs;
use crate::base::Timestamp;
use crate::wire::proto::identity::v1::AccountLevel;
use crate::wire::proto::simulation::v1 as proto;
use crate::wire::proto::simulation::v1::open_account_request::Party;
use crate::wire::proto::simulation::v1::simulation_service_client::SimulationServiceClient;
use crate::wire::proto::r#type::v1::Sex;

const CREATE_EXAMPLES: &str = "\
Examples:
  lienthong person create                                       somebody of full age, with a document of nearly each registry
  lienthong person create --name 'Nguyễn Thị Hoà' --sex female --birth-date 1994-02-11 --unit-code 18073
  lienthong person create --situation lapsed_card               somebody in a persona's situation: lienthong persona list
  lienthong person create --paper driver_licence.licence.v1 --licence-class C --licence-points 3
  lienthong person create --vehicle car=38A-555.55 --vehicle motorcycle
  lienthong person create --birth-date 2018-05-01 --mother 042196990023 --account level-two      a child, its mother the guardian
  lienthong person create --request-id build-4711 --output json | jq -r .person.personal_id      the same citizen whenever it is repeated";

const ACCOUNT_EXAMPLES: &str = "\
Examples:
  lienthong person open-account --personal-id 042089990021
  lienthong person open-account --personal-id 042324990011 --guardian 042196990023
  lienthong person open-account --organisation-code 3099002009 --output json";

/// How long a call may take: the longest deadline that a server honours.
const DEADLINE: Duration = Duration::from_secs(60);

/// Citizens of a test's own: create one, open an account.
#[derive(Debug, Subcommand)]
pub enum Person {
    /// Create a citizen, complete and legal, with papers of your choice or in a persona's situation.
    #[command(after_help = CREATE_EXAMPLES)]
    Create(Box<Create>),
    /// Open the account of a person or an organisation that exists already.
    #[command(after_help = ACCOUNT_EXAMPLES)]
    OpenAccount(OpenAccount),
}

/// The citizen to create.
#[derive(Debug, Args)]
pub struct Create {
    /// The full name, family name first; drawn unless it is given.
    #[arg(long, env = "LIENTHONG_PERSON_NAME", value_name = "NAME")]
    name: Option<String>,
    /// The birth date.
    #[arg(long, env = "LIENTHONG_PERSON_BIRTH_DATE", value_name = "YYYY-MM-DD")]
    birth_date: Option<String>,
    /// The sex.
    #[arg(long, value_enum, env = "LIENTHONG_PERSON_SEX")]
    sex: Option<GivenSex>,
    /// The commune or ward of the home: five digits, as of today.
    #[arg(long, env = "LIENTHONG_PERSON_UNIT_CODE", value_name = "CODE")]
    unit_code: Option<String>,
    /// Joins the household of this person.
    #[arg(long, env = "LIENTHONG_PERSON_HOUSEHOLD_OF", value_name = "PERSONAL_ID")]
    household_of: Option<String>,
    /// The mother: an existing person.
    #[arg(long, env = "LIENTHONG_PERSON_MOTHER", value_name = "PERSONAL_ID")]
    mother: Option<String>,
    /// The father.
    #[arg(long, env = "LIENTHONG_PERSON_FATHER", value_name = "PERSONAL_ID")]
    father: Option<String>,
    /// The spouse.
    #[arg(long, env = "LIENTHONG_PERSON_SPOUSE", value_name = "PERSONAL_ID")]
    spouse: Option<String>,
    /// A persona's situation, by its key or the persona's ID: `lienthong persona list`.
    #[arg(long, env = "LIENTHONG_PERSON_SITUATION", value_name = "KEY")]
    situation: Option<String>,
    /// A paper, as a record type; repeatable. The usual ones at that age unless any is given.
    #[arg(long = "paper", env = "LIENTHONG_PERSON_PAPERS", value_delimiter = ',', value_name = "RECORD_TYPE")]
    papers: Vec<String>,
    /// A class of the licence, as issued today; repeatable. A1 and B unless any is given.
    #[arg(
        long = "licence-class",
        env = "LIENTHONG_PERSON_LICENCE_CLASSES",
        value_delimiter = ',',
        value_name = "CLASS"
    )]
    licence_classes: Vec<String>,
    /// Points that are left on the licence, 0 to 12.
    #[arg(long, env = "LIENTHONG_PERSON_LICENCE_POINTS", value_name = "POINTS")]
    licence_points: Option<u32>,
    /// A vehicle, `motorcycle` or `car`, with a plate of your choice: `car=38A-123.45`; repeatable.
    #[arg(long = "vehicle", env = "LIENTHONG_PERSON_VEHICLES", value_delimiter = ',', value_name = "KIND[=PLATE]")]
    vehicles: Vec<String>,
    /// The account: level 2 unless it is given, and level 1 through a parent for children under 14.
    #[arg(long, value_enum, env = "LIENTHONG_PERSON_ACCOUNT")]
    account: Option<GivenAccount>,
    /// Names the creation, so that a repeated command gets the same citizen: 8 to 64 characters of A-Z a-z 0-9 . _ -; a new name unless it is given.
    #[arg(long, env = "LIENTHONG_PERSON_REQUEST_ID", value_name = "ID")]
    request_id: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

/// A sex.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum GivenSex {
    /// Nữ.
    Female,
    /// Nam.
    Male,
}

/// Which account.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum GivenAccount {
    /// None.
    None,
    /// Level 1.
    LevelOne,
    /// Level 2.
    LevelTwo,
}

/// The owner of the account.
#[derive(Debug, Args)]
#[group(id = "whose")]
pub struct OpenAccount {
    /// A person.
    #[arg(
        long,
        env = "LIENTHONG_PERSON_PERSONAL_ID",
        value_name = "PERSONAL_ID",
        conflicts_with = "organisation_code"
    )]
    personal_id: Option<String>,
    /// An organisation.
    #[arg(long, env = "LIENTHONG_PERSON_ORGANISATION_CODE", value_name = "CODE")]
    organisation_code: Option<String>,
    /// A person's level, 1 or 2: the usual one at that age unless it is given.
    #[arg(long, env = "LIENTHONG_PERSON_LEVEL", value_parser = clap::value_parser!(u8).range(1..=2), value_name = "LEVEL")]
    level: Option<u8>,
    /// The guardian of a child: a parent in the register unless it is given.
    #[arg(long, env = "LIENTHONG_PERSON_GUARDIAN", value_name = "PERSONAL_ID")]
    guardian: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

impl Person {
    /// Runs the subcommand.
    pub fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        runtime()?.block_on(async {
            match self {
                Self::Create(create) => create.run(output).await,
                Self::OpenAccount(open) => open.run(output).await,
            }
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Create {
    async fn run(self, output: OutputFormat) -> Result<(), Failure> {
        let server = self.server;
        let request_id = self.request_id.unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
        let vehicle = |text: String| match text.split_once('=') {
            Some((kind, plate)) => proto::VehicleChoice { kind: kind.to_owned(), plate: plate.to_owned() },
            None => proto::VehicleChoice { kind: text, plate: String::new() },
        };
        let has_choice = !self.licence_classes.is_empty() || self.licence_points.is_some();
        let licence = proto::LicenceChoice { classes: self.licence_classes, points: self.licence_points };
        let message = proto::CreatePersonRequest {
            request_id: request_id.clone(),
            full_name: self.name.unwrap_or_default(),
            birth_date: self.birth_date.unwrap_or_default(),
            sex: self.sex.map_or(Sex::Unspecified, |sex| match sex {
                GivenSex::Female => Sex::Female,
                GivenSex::Male => Sex::Male,
            }) as i32,
            unit_code: self.unit_code.unwrap_or_default(),
            household_of: self.household_of.unwrap_or_default(),
            mother_id: self.mother.unwrap_or_default(),
            father_id: self.father.unwrap_or_default(),
            spouse_id: self.spouse.unwrap_or_default(),
            situation: self.situation.unwrap_or_default(),
            papers: self.papers,
            licence: has_choice.then_some(licence),
            vehicles: self.vehicles.into_iter().map(vehicle).collect(),
            account: self.account.map_or(proto::AccountChoice::Unspecified, |account| match account {
                GivenAccount::None => proto::AccountChoice::None,
                GivenAccount::LevelOne => proto::AccountChoice::LevelOne,
                GivenAccount::LevelTwo => proto::AccountChoice::LevelTwo,
            }) as i32,
        };
        let mut client = SimulationServiceClient::new(server.connect().await?);
        let mut is_refused = false;
        let call = async |request| {
            let answer = client.create_person(request).await;
            // After these, it may have begun.
            let may_go_on = |status: &Status| {
                use Code::{Aborted, Cancelled, DeadlineExceeded, Internal, Unavailable, Unknown};
                matches!(status.code(), Aborted | Cancelled | DeadlineExceeded | Internal | Unavailable | Unknown)
            };
            is_refused = answer.as_ref().is_err_and(|status| !may_go_on(status));
            answer
        };
        let answer = server.ask(message, DEADLINE, call).await;
        // A creation that was begun goes on in the server: only its name tells a repetition from another citizen.
        let again = |failure: Failure| match is_refused {
            true => failure,
            false => Failure::new(format!(
                "{}; to repeat exactly this creation: --request-id {request_id}",
                failure.message()
            )),
        };
        print_created(&request_id, answer.map_err(again)?, output)
    }
}

fn print_created(request_id: &str, answer: proto::CreatePersonResponse, output: OutputFormat) -> Result<(), Failure> {
    let proto::CreatePersonResponse { person, others, lagging } = answer;
    let person = person.unwrap_or_default();
    match output {
        OutputFormat::Text => {
            let mut text = person_text(&person);
            text.push_str(&format!("\nrequest    {request_id}"));
            for other in &others {
                text.push_str("\n\nand with them\n");
                text.push_str(&person_text(other));
            }
            for part in &lagging {
                text.push_str(&format!("\nlagging    {part} does not show the changes yet"));
            }
            print_text(&text)
        }
        OutputFormat::Json => {
            let others: Vec<_> = others.iter().map(person_json).collect();
            print_json(&serde_json::json!({
                "request_id": request_id, "person": person_json(&person), "others": others, "lagging": lagging,
            }))
        }
    }
}

fn sex_of(person: &proto::CreatedPerson) -> &'static str {
    if person.sex() == Sex::Female { "female" } else { "male" }
}

fn level_of(account: &proto::CreatedAccount) -> Option<u8> {
    match account.level() {
        AccountLevel::Unspecified => None,
        AccountLevel::One => Some(1),
        AccountLevel::Two => Some(2),
    }
}

fn account_text(account: Option<&proto::CreatedAccount>) -> String {
    let Some(account) = account else { return "none".to_owned() };
    let mut text = level_of(account).map_or_else(|| "open".to_owned(), |level| format!("level {level}"));
    if !account.guardian_personal_id.is_empty() {
        text.push_str(&format!(", through {}", account.guardian_personal_id));
    }
    text
}

fn person_text(person: &proto::CreatedPerson) -> String {
    let (id, name, born) = (&person.personal_id, &person.full_name, &person.birth_date);
    let mut text = format!("person     {id}  {name}, {}, {born}", sex_of(person));
    text.push_str(&format!("\naccount    {}", account_text(person.account.as_ref())));
    if let Some(account) = &person.account {
        text.push_str(&format!("\nsign in    {}", account.credential));
    }
    if !person.situation.is_empty() {
        text.push_str(&format!("\nsituation  {}\nexpect     {}", person.situation, say(&person.expectation)));
        text.push_str(&format!("\ntry        {}", person.command));
    }
    for record in &person.records {
        let (of, key, version) = (&record.record_type, &record.natural_key, record.version);
        text.push_str(&format!("\nrecord     {of}  {key}  v{version}"));
    }
    for link in &person.links {
        text.push_str(&format!("\nlinked     {}  {}", link.record_type, link.document_number));
    }
    if person.refuses_consents {
        text.push_str("\nconsents   all refused");
    }
    if !person.fault.is_empty() {
        text.push_str(&format!("\nfault      {}, every {}", person.fault, person.fault_every));
    }
    text
}

fn account_json(account: &proto::CreatedAccount) -> serde_json::Value {
    let guardian = Some(&account.guardian_personal_id).filter(|id| !id.is_empty());
    let credential = Some(&account.credential).filter(|text| !text.is_empty());
    serde_json::json!({ "level": level_of(account), "guardian_personal_id": guardian, "credential": credential })
}

fn person_json(person: &proto::CreatedPerson) -> serde_json::Value {
    let record = |record: &proto::CreatedRecord| {
        serde_json::json!({
            "registry": record.registry, "record_type": record.record_type, "natural_key": record.natural_key,
            "version": record.version,
        })
    };
    let link = |link: &proto::CreatedLink| {
        serde_json::json!({
            "link_id": link.link_id, "record_type": link.record_type, "document_number": link.document_number,
        })
    };
    let fault =
        (!person.fault.is_empty()).then(|| serde_json::json!({ "action": person.fault, "every": person.fault_every }));
    let given = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    serde_json::json!({
        "personal_id": person.personal_id, "full_name": person.full_name, "birth_date": person.birth_date,
        "sex": sex_of(person), "situation": given(&person.situation), "expectation": given(&person.expectation),
        "command": given(&person.command), "account": person.account.as_ref().map(account_json),
        "records": person.records.iter().map(record).collect::<Vec<_>>(),
        "links": person.links.iter().map(link).collect::<Vec<_>>(),
        "refuses_consents": person.refuses_consents, "fault": fault,
    })
}

impl OpenAccount {
    async fn run(self, output: OutputFormat) -> Result<(), Failure> {
        let party = match (self.personal_id, self.organisation_code) {
            (Some(id), _) => Party::PersonalId(id),
            (None, Some(code)) => Party::OrganisationCode(code),
            (None, None) => {
                return Err(Failure::with_code("whose account? give --personal-id or --organisation-code", 2));
            }
        };
        let level = match self.level {
            None => AccountLevel::Unspecified,
            Some(1) => AccountLevel::One,
            Some(_) => AccountLevel::Two,
        };
        let guardian_id = self.guardian.unwrap_or_default();
        let message = proto::OpenAccountRequest { party: Some(party), level: level.into(), guardian_id };
        let mut client = SimulationServiceClient::new(self.server.connect().await?);
        let ask = self.server.ask(message, DEADLINE, async |request| client.open_account(request).await);
        let proto::OpenAccountResponse { personal_id, organisation_code, account, opened_at } = ask.await?;
        let account = account.unwrap_or_default();
        let at = opened_at.unwrap_or_default();
        let at =
            Timestamp(at.seconds.saturating_mul(1_000).saturating_add(i64::from(at.nanos / 1_000_000))).to_string();
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        match output {
            OutputFormat::Text => {
                let whose = if personal_id.is_empty() { organisation_code } else { personal_id };
                let mut text = format!("account    {whose}, {}\nopened     {at}", account_text(Some(&account)));
                if !account.credential.is_empty() {
                    text.push_str(&format!("\nsign in    {}", account.credential));
                }
                print_text(&text)
            }
            OutputFormat::Json => print_json(&serde_json::json!({
                "personal_id": given(personal_id), "organisation_code": given(organisation_code),
                "account": account_json(&account), "opened_at": at,
            })),
        }
    }
}
