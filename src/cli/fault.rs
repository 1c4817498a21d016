//! `lienthong fault`: what goes wrong in a running server's world, when and for whom.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand, value_parser};
use prost_reflect::DynamicMessage;
use serde_json::{Value, json};
use tonic::transport::Channel;

use super::message;
use super::output::{Failure, OutputFormat, print_json, print_text, runtime};
use super::server::ServerArgs;
use crate::api::grpc::fault::action_message;
use crate::base::Timestamp;
use crate::base::time::duration;
use crate::registry::schema_file;
use crate::simulation::faults::{FORMS, action};
use crate::wire::proto::simulation::v1 as proto;
use crate::wire::proto::simulation::v1::fault_service_client::FaultServiceClient;
use crate::wire::{record, typed};

const EXAMPLES: &str = "\
Examples:
  lienthong fault add status=UNAVAILABLE --method FetchRecords --nth 2
  lienthong fault add delay=100ms..2s --method ExchangeService/* --agency one-stop --probability 0.1
  lienthong fault add read=unavailable --registry land --ttl 5m
  lienthong fault add read=stale-version --person 042090990001 --session $SESSION
  lienthong fault add full-disk --ttl 30s
  lienthong fault add --file faults.yaml                a list `faults`, with the fields of lienthong.simulation.v1.Fault
  lienthong fault list --output json
  lienthong fault heal";

/// The message of a rule.
const FAULT: &str = "lienthong.simulation.v1.Fault";
/// How long a call may take.
const DEADLINE: Duration = Duration::from_secs(30);
/// Rules in one page.
const PAGE: u32 = 100;
/// The largest file of rules.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The fault rules of a server's world: add, list and end them.
#[derive(Debug, Subcommand)]
pub enum Fault {
    /// Add a rule, or those of a file.
    #[command(after_help = EXAMPLES, after_long_help = long_help())]
    Add(Box<Add>),
    /// List the rules, with how often each matched and acted.
    #[command(after_help = EXAMPLES)]
    List(ServerArgs),
    /// End one rule.
    #[command(after_help = EXAMPLES)]
    Remove(Remove),
    /// End all added rules.
    #[command(after_help = EXAMPLES)]
    Heal(Heal),
}

/// The examples, behind all forms of an action.
fn long_help() -> String {
    let width = FORMS.iter().map(|(form, _)| form.len()).max().unwrap_or_default();
    let forms: Vec<String> = FORMS.iter().map(|(form, what)| format!("  {form:width$}  {what}")).collect();
    format!("Actions:\n{}\n\n{EXAMPLES}", forms.join("\n"))
}

/// A rule.
#[derive(Debug, Args)]
pub struct Add {
    /// What happens: `delay=200ms`, `status=UNAVAILABLE`, `read=stale-version`, `full-disk`, …; --help lists all.
    #[arg(value_name = "ACTION", required_unless_present = "file", conflicts_with = "file")]
    action: Option<String>,
    /// A file of rules, YAML or JSON, instead.
    #[arg(long, env = "LIENTHONG_FAULT_FILE", value_name = "FILE")]
    file: Option<PathBuf>,
    /// The name of the rule; one is chosen unless it is given.
    #[arg(long, env = "LIENTHONG_FAULT_ID", default_value = "", value_name = "NAME", hide_default_value = true)]
    id: String,
    /// Calls of this method, named by any unique suffix, or of a service: `ExchangeService/*`. May be given several times.
    #[arg(long, env = "LIENTHONG_FAULT_METHOD", value_name = "METHOD", value_delimiter = ',')]
    method: Vec<String>,
    /// Calls of this agency; `citizen` for all citizens.
    #[arg(long, env = "LIENTHONG_FAULT_AGENCY", default_value = "", value_name = "AGENCY", hide_default_value = true)]
    agency: String,
    /// Reads from this registry, its feed or its clock.
    #[arg(long, env = "LIENTHONG_FAULT_REGISTRY", default_value = "", value_name = "NAME", hide_default_value = true)]
    registry: String,
    /// Calls that name this record type, or reads of it.
    #[arg(
        long,
        env = "LIENTHONG_FAULT_RECORD_TYPE",
        default_value = "",
        value_name = "TYPE",
        hide_default_value = true
    )]
    record_type: String,
    /// Calls that have this personal ID, or reads of this person's records.
    #[arg(long, env = "LIENTHONG_FAULT_PERSON", default_value = "", value_name = "ID", hide_default_value = true)]
    person: String,
    /// The log: `records`, `evidence`, or a registry's name.
    #[arg(long, env = "LIENTHONG_FAULT_LOG", default_value = "", value_name = "NAME", hide_default_value = true)]
    log: String,
    /// This occasion only, counted from 1.
    #[arg(long, env = "LIENTHONG_FAULT_NTH", value_parser = value_parser!(u64).range(1..), value_name = "NUMBER")]
    nth: Option<u64>,
    /// Every n-th occasion.
    #[arg(long, env = "LIENTHONG_FAULT_EVERY", value_parser = value_parser!(u64).range(1..), value_name = "NUMBER")]
    every: Option<u64>,
    /// The share of occasions, from 0 to 1, by a seeded die.
    #[arg(long, env = "LIENTHONG_FAULT_PROBABILITY", value_name = "SHARE")]
    probability: Option<f64>,
    /// From this time of the world on, RFC 3339.
    #[arg(long, env = "LIENTHONG_FAULT_FROM", value_parser = super::verify::instant, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Before this time of the world, RFC 3339.
    #[arg(long, env = "LIENTHONG_FAULT_UNTIL", value_parser = super::verify::instant, value_name = "TIME")]
    until: Option<Timestamp>,
    /// The maximum number of turns at one time.
    #[arg(long, env = "LIENTHONG_FAULT_MAX_ACTIVE", value_parser = value_parser!(u32).range(1..), value_name = "NUMBER")]
    max_active: Option<u32>,
    /// The maximum number of turns in all.
    #[arg(long, env = "LIENTHONG_FAULT_MAX_COUNT", value_parser = value_parser!(u64).range(1..), value_name = "NUMBER")]
    max_count: Option<u64>,
    /// The rule ends by itself after this time: `30s`, `5m`.
    #[arg(long, env = "LIENTHONG_FAULT_TTL", value_parser = span, value_name = "TIME")]
    ttl: Option<Duration>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Which rule.
#[derive(Debug, Args)]
pub struct Remove {
    /// Its name.
    #[arg(value_name = "NAME")]
    id: String,
    #[command(flatten)]
    server: ServerArgs,
}

/// Which rules.
#[derive(Debug, Args)]
pub struct Heal {
    /// Also end the faults of personas, who then behave like anybody else.
    #[arg(long, env = "LIENTHONG_FAULT_HEAL_PERSONAS")]
    personas: bool,
    #[command(flatten)]
    server: ServerArgs,
}

fn span(text: &str) -> Result<Duration, String> {
    duration(text).ok_or_else(|| format!("{text:?} is not a duration like 500ms, 30s or 5m"))
}

type Client = FaultServiceClient<Channel>;

impl Fault {
    /// Runs the subcommand.
    pub fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        runtime()?.block_on(async {
            match self {
                Self::Add(add) => {
                    let faults = add.faults()?;
                    let mut client = Client::new(add.server.connect().await?);
                    let message = proto::AddFaultsRequest { faults };
                    let call = async |request| client.add_faults(request).await;
                    show(add.server.ask(message, DEADLINE, call).await?.faults, output)
                }
                Self::List(server) => show(list(&server).await?, output),
                Self::Remove(Remove { id, server }) => {
                    let mut client = Client::new(server.connect().await?);
                    let message = proto::RemoveFaultRequest { fault_id: id.clone() };
                    server.ask(message, DEADLINE, async |request| client.remove_fault(request).await).await?;
                    ended(1, output)
                }
                Self::Heal(Heal { personas, server }) => {
                    let mut client = Client::new(server.connect().await?);
                    let message = proto::HealRequest { personas };
                    let call = async |request| client.heal(request).await;
                    ended(server.ask(message, DEADLINE, call).await?.healed, output)
                }
            }
        })
    }
}

fn ended(count: u32, output: OutputFormat) -> Result<ExitCode, Failure> {
    match output {
        OutputFormat::Json => print_json(&json!({ "ended": count }))?,
        OutputFormat::Text => print_text(&format!("{count} ended"))?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(server: &ServerArgs) -> Result<Vec<proto::Fault>, Failure> {
    let mut client = Client::new(server.connect().await?);
    let (mut faults, mut page_token) = (Vec::new(), String::new());
    loop {
        let message = proto::ListFaultsRequest { page_size: PAGE, page_token };
        let page = server.ask(message, DEADLINE, async |request| client.list_faults(request).await).await?;
        faults.extend(page.faults);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(faults);
        }
    }
}

impl Add {
    /// The rules to add.
    fn faults(&self) -> Result<Vec<proto::Fault>, Failure> {
        if let Some(file) = &self.file {
            return read_file(file);
        }
        let action =
            action(self.action.as_deref().unwrap_or_default()).map_err(|wrong| Failure::with_code(wrong, 2))?;
        let duration =
            |of: Duration| prost_types::Duration { seconds: of.as_secs() as i64, nanos: of.subsec_nanos() as i32 };
        let fault = proto::Fault {
            fault_id: self.id.clone(),
            r#match: Some(proto::FaultMatch {
                methods: self.method.clone(),
                agency: self.agency.clone(),
                registry: self.registry.clone(),
                record_type: self.record_type.clone(),
                personal_id: self.person.clone(),
                log: self.log.clone(),
            }),
            turn: Some(proto::FaultTurn {
                nth: self.nth.unwrap_or_default(),
                every: self.every.unwrap_or_default(),
                probability: self.probability,
                from: self.from.and_then(record::timestamp),
                until: self.until.and_then(record::timestamp),
                max_active: self.max_active.unwrap_or_default(),
                max_count: self.max_count.unwrap_or_default(),
                ttl: self.ttl.map(duration),
            }),
            action: Some(action_message(&action)),
            counts: None,
            of_citizen: false,
        };
        Ok(vec![fault])
    }
}

/// The rules of a file: `faults`, each with the fields of the message.
pub(super) fn read_file(file: &Path) -> Result<Vec<proto::Fault>, Failure> {
    let named = |what: &dyn std::fmt::Display| Failure::with_code(format!("{}: {what}", file.display()), 2);
    let bytes = std::fs::metadata(file).map_err(|error| named(&error))?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(named(&format!("has {bytes} bytes; at most {FILE_BYTES_MAX} are read")));
    }
    let text = std::fs::read_to_string(file).map_err(|error| named(&error))?;
    let json = schema_file::message_json(&text).map_err(|flaws| named(&flaws))?;
    let request = typed::pool().get_message_by_name("lienthong.simulation.v1.AddFaultsRequest");
    let request = request.ok_or_else(|| Failure::new("the message of rules is not described"))?;
    let message = DynamicMessage::deserialize(request, json).map_err(|error| named(&error))?;
    let message: proto::AddFaultsRequest = message.transcode_to().map_err(|error| named(&error))?;
    match message.faults.is_empty() {
        true => Err(named(&"has no list `faults` with a rule in it")),
        false => Ok(message.faults),
    }
}

/// The fields of a rule that are an action.
fn actions() -> Vec<String> {
    let fault = typed::pool().get_message_by_name(FAULT);
    let action = fault.and_then(|fault| fault.oneofs().find(|of| of.name() == "action"));
    action.iter().flat_map(|action| action.fields()).map(|field| field.name().to_owned()).collect()
}

fn show(faults: Vec<proto::Fault>, output: OutputFormat) -> Result<ExitCode, Failure> {
    let written = faults.iter().map(|fault| message::json_by_proto_names(FAULT, fault));
    let written: Vec<Value> = written.collect::<Result<_, _>>()?;
    match output {
        OutputFormat::Json => print_json(&json!({ "faults": written }))?,
        OutputFormat::Text if faults.is_empty() => print_text("there are no rules")?,
        OutputFormat::Text => {
            for (fault, written) in faults.iter().zip(&written) {
                let counts = fault.counts.unwrap_or_default();
                let text = |name: &str| match &written[name] {
                    Value::Null => String::new(),
                    of => format!(" {name} {of}"),
                };
                let rule: String = actions().iter().map(String::as_str).chain(["match", "turn"]).map(text).collect();
                let (id, acts) = (&fault.fault_id, counts.active);
                print_text(&format!(
                    "{id}:{rule}; matched {}, acted {}, acts now {acts}",
                    counts.matched, counts.hits
                ))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
