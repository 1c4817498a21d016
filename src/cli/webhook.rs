//! `lienthong webhook`: where a running server sends accepted changes, and what became of them.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use prost::Message;
use serde_json::{Value, json};
use tonic::transport::Channel;
use tonic::{Request, Status};

use super::message::json_by_proto_names;
use super::output::{Failure, OutputFormat, print_json, print_text, runtime};
use super::server::ServerArgs;
use crate::base::Timestamp;
use crate::wire::proto::province::v1 as proto;
use crate::wire::proto::province::v1::webhook_service_client::WebhookServiceClient;
use crate::wire::record;

const EXAMPLES: &str = "\
Examples:
  lienthong serve --webhook-target hooks.example.vn --webhook-target 127.0.0.1:9000
                                                    which targets there may be: the operator says so
  lienthong webhook create https://hooks.example.vn/land --registry land --credential demo-land-office
  lienthong webhook create http://127.0.0.1:9000/ --section land --from 0 --output json | jq -r .secret
  lienthong webhook test $WEBHOOK                   does the receiver accept a signed event?
  lienthong webhook list                            state, lag, and what fails and why
  lienthong webhook rotate $WEBHOOK --overlap 2h    a new secret; the old one signs too for two hours
  lienthong webhook pause $WEBHOOK
  lienthong webhook resume $WEBHOOK                 also after the receiver was gone
  lienthong webhook dead-letters $WEBHOOK           what was given up after ten attempts
  lienthong webhook redeliver $WEBHOOK              send all of it once more
  lienthong webhook delete $WEBHOOK";

/// How long a call may take: a test waits for its target.
const DEADLINE: Duration = Duration::from_secs(30);
/// Items in one page.
const PAGE: u32 = 500;
const WEBHOOK: &str = "lienthong.province.v1.Webhook";
const LETTER: &str = "lienthong.province.v1.DeadLetter";

/// Webhooks of a server: accepted changes, sent to an agency's endpoint.
#[derive(Debug, Subcommand)]
pub enum Webhook {
    /// Create a webhook, and print its secret, which no other command shows.
    #[command(after_help = EXAMPLES)]
    Create(Box<Create>),
    /// List the caller's webhooks.
    #[command(after_help = EXAMPLES)]
    List(ServerArgs),
    /// Send nothing until it is resumed.
    #[command(after_help = EXAMPLES)]
    Pause(One),
    /// Go on after a pause, or after the server disabled it.
    #[command(after_help = EXAMPLES)]
    Resume(One),
    /// Print a new secret; the one before signs too for a while.
    #[command(after_help = EXAMPLES)]
    Rotate(Rotate),
    /// Delete a webhook and its dead letters.
    #[command(after_help = EXAMPLES)]
    Delete(One),
    /// List the events that were given up.
    #[command(after_help = EXAMPLES)]
    DeadLetters(One),
    /// Send events that were given up once more.
    #[command(after_help = EXAMPLES)]
    Redeliver(Redeliver),
    /// Send a test event now; the exit code is 1 if the target does not accept it.
    #[command(after_help = EXAMPLES)]
    Test(One),
}

/// Where changes are to go, and which.
#[derive(Debug, Args)]
pub struct Create {
    /// The URL that receives the events: https, and on the list of the server's operator.
    #[arg(value_name = "URL")]
    target: String,
    /// Only changes of this registry; its owner needs to say so.
    #[arg(
        long,
        env = "LIENTHONG_WEBHOOK_REGISTRY",
        default_value = "",
        value_name = "NAME",
        hide_default_value = true
    )]
    registry: String,
    /// Only these record types, separated by commas.
    #[arg(long, env = "LIENTHONG_WEBHOOK_RECORD_TYPE", value_delimiter = ',', value_name = "TYPE")]
    record_type: Vec<String>,
    /// Only record types in this section of a view.
    #[arg(long, env = "LIENTHONG_WEBHOOK_SECTION", value_name = "SECTION")]
    section: Option<Section>,
    /// Only records about this person.
    #[arg(long, env = "LIENTHONG_WEBHOOK_PERSON", default_value = "", value_name = "ID", hide_default_value = true)]
    person: String,
    /// Only records with an address in this commune: a code of 5 digits.
    #[arg(long, env = "LIENTHONG_WEBHOOK_UNIT", default_value = "", value_name = "CODE", hide_default_value = true)]
    unit: String,
    /// The first index of the record ledger to send; what comes from now on unless it is given.
    #[arg(long, env = "LIENTHONG_WEBHOOK_FROM", value_name = "INDEX")]
    from: Option<u64>,
    #[command(flatten)]
    request: RequestArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// A section of a view.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Section {
    Person,
    Household,
    Documents,
    Land,
    Vehicles,
    Insurance,
    Business,
    Judicial,
    CivilStatus,
}

/// The name of a request.
#[derive(Debug, Args)]
pub struct RequestArgs {
    /// Names the request, so that a repeated command does nothing twice: 8 to 64 characters of A-Z a-z 0-9 . _ -; a new name unless it is given.
    #[arg(long, env = "LIENTHONG_WEBHOOK_REQUEST_ID", value_name = "ID")]
    request_id: Option<String>,
}

/// Which webhook.
#[derive(Debug, Args)]
pub struct One {
    /// The webhook's id.
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    server: ServerArgs,
}

/// Whose secret.
#[derive(Debug, Args)]
pub struct Rotate {
    /// The webhook's id.
    #[arg(value_name = "ID")]
    id: String,
    /// How long the secret before signs too: `2h`, `1d`; at most 7 days, and `0s` for not at all.
    #[arg(long, env = "LIENTHONG_WEBHOOK_OVERLAP", value_parser = overlap, default_value = "24h", value_name = "TIME")]
    overlap: Duration,
    #[command(flatten)]
    request: RequestArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Which events.
#[derive(Debug, Args)]
pub struct Redeliver {
    /// The webhook's id.
    #[arg(value_name = "ID")]
    id: String,
    /// The events' indices in the record ledger; all that were given up unless some are given.
    #[arg(value_name = "INDEX")]
    indices: Vec<u64>,
    #[command(flatten)]
    server: ServerArgs,
}

type Client = WebhookServiceClient<Channel>;

impl Webhook {
    /// Runs the subcommand.
    pub fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        runtime()?.block_on(async {
            match self {
                Self::Create(create) => create.run(output).await?,
                Self::List(server) => {
                    let call = async |client: &mut Client, request| client.list_webhooks(request).await;
                    list(&ask(&server, proto::ListWebhooksRequest {}, call).await?.webhooks, output)?;
                }
                Self::Pause(One { id, server }) => turn(&server, id, proto::WebhookState::Paused, output).await?,
                Self::Resume(One { id, server }) => turn(&server, id, proto::WebhookState::Active, output).await?,
                Self::Rotate(rotate) => rotate.run(output).await?,
                Self::Delete(One { id, server }) => {
                    let call = async |client: &mut Client, request| client.delete_webhook(request).await;
                    ask(&server, proto::DeleteWebhookRequest { webhook_id: id }, call).await?;
                }
                Self::DeadLetters(One { id, server }) => letters(&server, &id, output).await?,
                Self::Redeliver(Redeliver { id, indices, server }) => {
                    let message = proto::RedeliverDeadLettersRequest { webhook_id: id, ledger_indices: indices };
                    let call = async |client: &mut Client, request| client.redeliver_dead_letters(request).await;
                    let count = ask(&server, message, call).await?.queued;
                    match output {
                        OutputFormat::Json => print_json(&json!({ "queued": count }))?,
                        OutputFormat::Text => print_text(&format!("{count} queued"))?,
                    }
                }
                Self::Test(One { id, server }) => return test(&server, id, output).await,
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

async fn ask<Q, A>(
    server: &ServerArgs,
    message: Q,
    call: impl AsyncFnOnce(&mut Client, Request<Q>) -> Result<tonic::Response<A>, Status>,
) -> Result<A, Failure> {
    let mut client = Client::new(server.connect().await?);
    server.ask(message, DEADLINE, async |request| call(&mut client, request).await).await
}

impl RequestArgs {
    fn id(self) -> String {
        self.request_id.unwrap_or_else(|| uuid::Uuid::now_v7().to_string())
    }
}

impl Create {
    async fn run(self, output: OutputFormat) -> Result<(), Failure> {
        let Self { target, registry, record_type, section, person, unit, from, request, server } = self;
        let message = proto::CreateWebhookRequest {
            request_id: request.id(),
            target,
            registry,
            record_types: record_type,
            section: section.map_or(0, |section| section as i32 + 1), // sections are in the order of the enum, without UNSPECIFIED
            personal_id: person,
            unit_code: unit,
            unit_valid_from: String::new(),
            from_ledger_index: from,
        };
        let call = async |client: &mut Client, request| client.create_webhook(request).await;
        let proto::CreateWebhookResponse { webhook, secret } = ask(&server, message, call).await?;
        show_with_secret(&webhook.unwrap_or_default(), &secret, output)
    }
}

fn overlap(text: &str) -> Result<Duration, String> {
    if ["0", "0s"].contains(&text) { Ok(Duration::ZERO) } else { super::load::duration(text) }
}

impl Rotate {
    async fn run(self, output: OutputFormat) -> Result<(), Failure> {
        let Self { id, overlap, request, server } = self;
        let overlap = prost_types::Duration::try_from(overlap);
        let message = proto::RotateWebhookSecretRequest {
            webhook_id: id,
            request_id: request.id(),
            overlap: Some(overlap.map_err(|_| Failure::with_code("that is longer than 7 days", 2))?),
        };
        let call = async |client: &mut Client, request| client.rotate_webhook_secret(request).await;
        let proto::RotateWebhookSecretResponse { webhook, secret } = ask(&server, message, call).await?;
        show_with_secret(&webhook.unwrap_or_default(), &secret, output)
    }
}

async fn turn(
    server: &ServerArgs,
    id: String,
    state: proto::WebhookState,
    output: OutputFormat,
) -> Result<(), Failure> {
    let message = proto::UpdateWebhookRequest { webhook_id: id, target: String::new(), state: state.into() };
    let call = async |client: &mut Client, request| client.update_webhook(request).await;
    let webhook = ask(server, message, call).await?.webhook.unwrap_or_default();
    match output {
        OutputFormat::Json => print_json(&json_of(WEBHOOK, &webhook)?),
        OutputFormat::Text => print_text(&lines(&webhook)),
    }
}

async fn letters(server: &ServerArgs, id: &str, output: OutputFormat) -> Result<(), Failure> {
    let (mut letters, mut page_token) = (Vec::new(), String::new());
    loop {
        let message = proto::ListDeadLettersRequest { webhook_id: id.to_owned(), page_size: PAGE, page_token };
        let call = async |client: &mut Client, request| client.list_dead_letters(request).await;
        let page = ask(server, message, call).await?;
        letters.extend(page.dead_letters);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    match output {
        OutputFormat::Json => {
            let letters: Vec<Value> = letters.iter().map(|letter| json_of(LETTER, letter)).collect::<Result<_, _>>()?;
            print_json(&json!({ "dead_letters": letters }))
        }
        OutputFormat::Text if letters.is_empty() => print_text("there are no dead letters"),
        OutputFormat::Text => letters.iter().try_for_each(|letter| {
            let proto::DeadLetter { ledger_index, attempts, failure, given_up_at, is_queued, .. } = letter;
            let at = time(*given_up_at);
            print_text(&match is_queued {
                true => format!("{ledger_index}: {failure} after {attempts} attempts, {at}; queued"),
                false => format!("{ledger_index}: {failure} after {attempts} attempts, {at}"),
            })
        }),
    }
}

async fn test(server: &ServerArgs, id: String, output: OutputFormat) -> Result<ExitCode, Failure> {
    let call = async |client: &mut Client, request| client.send_test_event(request).await;
    let proto::SendTestEventResponse { event_id, is_accepted, failure } =
        ask(server, proto::SendTestEventRequest { webhook_id: id }, call).await?;
    match output {
        OutputFormat::Json => {
            print_json(&json!({ "event_id": event_id, "is_accepted": is_accepted, "failure": failure }))?;
        }
        OutputFormat::Text if is_accepted => print_text("the target accepted the test event")?,
        OutputFormat::Text => print_text(&format!("the target did not accept the test event: {failure}"))?,
    }
    Ok(if is_accepted { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn list(webhooks: &[proto::Webhook], output: OutputFormat) -> Result<(), Failure> {
    match output {
        OutputFormat::Json => {
            let all: Vec<Value> = webhooks.iter().map(|webhook| json_of(WEBHOOK, webhook)).collect::<Result<_, _>>()?;
            print_json(&json!({ "webhooks": all }))
        }
        OutputFormat::Text if webhooks.is_empty() => print_text("there are no webhooks"),
        OutputFormat::Text => webhooks.iter().try_for_each(|webhook| print_text(&lines(webhook))),
    }
}

fn show_with_secret(webhook: &proto::Webhook, secret: &str, output: OutputFormat) -> Result<(), Failure> {
    match output {
        OutputFormat::Json => print_json(&json!({ "webhook": json_of(WEBHOOK, webhook)?, "secret": secret })),
        OutputFormat::Text => {
            print_text(&lines(webhook))?;
            print_text(&format!("its secret, which is not shown again: {secret}"))
        }
    }
}

fn json_of(name: &str, message: &impl Message) -> Result<Value, Failure> {
    json_by_proto_names(name, message)
}

fn time(at: Option<prost_types::Timestamp>) -> String {
    let at: Option<Timestamp> = at.and_then(|at| record::instant("time", &at).ok());
    at.map(|at| at.to_string()).unwrap_or_default()
}

/// A line, and another one for an event that fails.
fn lines(webhook: &proto::Webhook) -> String {
    let state = match webhook.state() {
        proto::WebhookState::Active => "active".to_owned(),
        proto::WebhookState::Paused => "paused".to_owned(),
        proto::WebhookState::Disabled => format!("disabled:{}", webhook.disabled_reason),
        proto::WebhookState::Unspecified => String::new(),
    };
    let (id, target, delivered, lag) = (&webhook.webhook_id, &webhook.target, webhook.delivered, webhook.lag_entries);
    let line = format!("{id}  {state}  {target}: {delivered} delivered, {lag} ledger entries behind");
    let Some(failing) = &webhook.failing else { return line };
    let proto::FailingEvent { ledger_index, attempts, failure, next_attempt_at, .. } = failing;
    let failing = match next_attempt_at {
        Some(at) => {
            let at = time(Some(*at));
            format!("the event {ledger_index} was sent {attempts} times: {failure}; next at {at}")
        }
        None => format!("the event {ledger_index} was sent {attempts} times: {failure}"),
    };
    format!("{line}\n  {failing}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotation_without_overlap_can_be_asked_for() {
        // Plain digits are seconds, as in every duration.
        for (text, seconds) in [("0s", 0), ("0", 0), ("2", 2), ("2h", 7_200)] {
            assert_eq!(overlap(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "s", "-1s", "0x"] {
            assert!(overlap(text).is_err(), "{text}");
        }
    }
}
